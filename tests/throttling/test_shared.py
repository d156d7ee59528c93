"""What debtors share is theirs alike: whoever was asked about before, and when, nobody is answered otherwise."""

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bench.throttling import NIGHT, NOW, case, in_shanghai
from domain.facts import Consent, ContactChannel, Facts, Outcome
from tests.properties.laws import at, cap, law, past
from tests.properties.laws import case as proposed
from throttling.compose import compile_rules, select
from throttling.decide import decide, prepare
from throttling.packs import Library, load_packs

LIBRARY = load_packs()


def variants(number: int) -> list[Facts]:
    """Debtors in the same place: without terms, and with consents that do and do not name hours."""
    facts = case(number, 3 + number % 28)
    consent = Consent(NOW - timedelta(days=3), channels=(ContactChannel.CALL,), direct=True)
    return [
        facts,
        replace(facts, debtor=replace(facts.debtor, consents=(consent,))),
        replace(facts, debtor=replace(facts.debtor, consents=(replace(consent, hours=(360, 1380)),))),
        in_shanghai(facts),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_a_debtor_is_answered_alike_whoever_was_asked_about_before(seed: int) -> None:
    draw = random.Random(seed)
    for number in range(6):
        for facts in variants(seed * 10 + number):
            ids = select(facts, LIBRARY)
            day = NIGHT + timedelta(days=draw.randrange(-400, 40), seconds=draw.randrange(86_400))
            asked = replace(facts, proposal=facts.proposal._replace(at=day))
            alone = compile_rules(Library(LIBRARY.filed, LIBRARY.calendars), ids)  # remembers nothing yet
            assert decide(compile_rules(LIBRARY, ids), asked) == decide(alone, asked)


def test_a_debtor_who_is_ready_is_answered_as_a_fresh_one_over_weeks() -> None:
    for facts in variants(7):
        rules = compile_rules(LIBRARY, select(facts, LIBRARY))
        parts = (facts.debtor, facts.contact_points, facts.accounts, facts.history, facts.collector)
        ready = prepare(rules, *parts, as_of=NOW)
        for hour in range(0, 24 * 45, 5):
            proposal = facts.proposal._replace(at=NIGHT + timedelta(hours=hour, seconds=hour))
            assert ready.decide(proposal) == prepare(rules, *parts, as_of=NOW).decide(proposal)


def test_two_caps_that_count_alike_name_the_same_contacts_each_by_its_own_limit(tmp_path: Path) -> None:
    leaves_out = [{"cite": "s. 3", "events": {"outcomes": ["busy"]}}]
    rules = law(
        tmp_path,
        cap(2, {"days": 7}, "person", "debt", name="two", excludes=leaves_out),
        cap(3, {"days": 7}, "person", "debt", name="three", excludes=leaves_out),
        cap(3, {"days": 7}, "person", "debt", name="all"),
    )
    days = [past(f"2026-06-0{day}T10:00:00-04:00") for day in (1, 2, 3)]
    busy = past("2026-06-02T11:00:00-04:00", outcome=Outcome.BUSY)
    decision = rules.answer(proposed("2026-06-04T10:00:00-04:00", *days, busy))
    said = {spoken.rule: (spoken.counted, spoken.until) for spoken in decision.rules}
    assert said == {
        "two": ((0, 1, 2), at("2026-06-09T00:00:00-04:00")),
        "three": ((0, 1, 2), at("2026-06-08T00:00:00-04:00")),
        "all": ((0, 1, 2, 3), at("2026-06-09T00:00:00-04:00")),
    }
