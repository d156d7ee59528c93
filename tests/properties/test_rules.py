"""Rules of every sort that the language can say, not only those of the packs that ship, against the oracle."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

from audit.oracle import Oracle
from audit.rulebook import SECOND, whole
from audit.weekly import instants
from domain.decision import Verdict
from domain.facts import Facts
from tests.properties.cases import facts as cases
from tests.properties.laws import later, law, lift, made_ready, rule
from tests.properties.test_decisions import slow
from throttling.compose import Ruleset
from throttling.decide import decide

pytestmark = pytest.mark.timeout(3600)  # the thorough profile takes minutes
KEYS = ("person", "debt", "account", "point", "channel", "collector", "creditor")
SPANS = (["00:00-24:00"], ["08:00-21:00"], ["09:00-12:00", "13:30-18:00"], ["00:00-02:30", "22:00-24:00"], [])
SHANGHAI = {"zone": "Asia/Shanghai", "calendar": "cn"}

clocks = st.sampled_from(
    [
        {"by": "candidates"},
        {"by": "statutory"},
        {"by": "legal", "zone": "Asia/Shanghai"},
        {"by": "presumed", "presume": ["number"], "unless": ["declared", "believed"]},
    ]
)
numbers = st.integers(1, 4)
windows = st.one_of(
    st.builds(lambda n: {"hours": n}, st.integers(1, 200)),
    st.builds(lambda unit, n: {unit: n}, st.sampled_from(["days", "every", "business_days"]), st.integers(1, 9)),
    st.builds(lambda per: {"per": per}, st.sampled_from(["day", "week", "month", "quarter", "year"])),
    st.just({"per": "week", "week_starts": "sunday"}),
    st.just({"ever": True}),
)
waits = st.one_of(
    st.builds(lambda n: {"hours": n}, st.integers(1, 200)),
    st.builds(lambda n: {"minutes": n}, st.integers(1, 3000)),
    st.builds(
        lambda unit, n, first: {unit: n, "first_day": first},
        st.sampled_from(["days", "business_days", "weeks", "months", "years"]),
        st.integers(1, 4),
        st.sampled_from(["event", "next"]),
    ),
)
selectors = st.fixed_dictionaries(
    {},
    optional={
        "channels": st.sampled_from(["any", "voice", "text", "electronic", ["call", "letter"]]),
        "direction": st.sampled_from(["out", "out", "in"]),
        "outcomes": st.sampled_from(["conversation", ["no_answer", "busy"], ["delivered", "sent", "voicemail"]]),
        "purposes": st.sampled_from(["collect", ["collect", "requested"]]),
        "persons": st.sampled_from(["liable", "third", "debtor"]),
        "points": st.sampled_from(["personal", "workplace"]),
        "in_reply": st.booleans(),
        "placed_by": st.sampled_from(["anyone", "collector"]),
    },
)
consents = st.fixed_dictionaries(
    {},
    optional={
        "direct": st.booleans(),
        "in_contact": st.booleans(),
        "lasts": waits,
        "until_conversation": st.booleans(),
        "channels": st.sampled_from(["same", "any"]),
        "hours_stated": st.booleans(),
    },
)
plain_conditions = st.one_of(
    st.builds(lambda said: {"consent": said}, consents),
    st.just({"reply": {"times": 1}}),
    st.builds(lambda n, w: {"reply": {"times": n, "within": w}}, st.integers(1, 2), waits),
    st.builds(lambda w: {"notice": {"notice": "first_written_notice", "wait": w}}, waits),
    st.builds(lambda n: {"days_past_due": {"min": n}}, st.integers(1, 60)),
    st.builds(lambda n: {"days_past_due": {"max": n}}, st.integers(60, 400)),
    st.builds(lambda w: {"debt_age": w}, waits),
    st.builds(lambda flag: {"reachable": flag}, st.booleans()),
    st.just({"stop": "vulnerable"}),
    st.builds(lambda w: {"point": {"checked_within": w, "used_by_debtor": True}}, waits),
    st.builds(lambda n, d: {"unreached": {"attempts": n, "on_days": d}}, st.integers(1, 3), st.integers(1, 2)),
    st.builds(lambda e, w: {"happened": {"events": e, "within": w}}, selectors, waits),
    st.builds(lambda flag: {"proposal": {"automated": flag}}, st.booleans()),
    st.just({"proposal": {"purposes": ["statutory_notice", "confirm_opt_out"]}}),
)
conditions = st.one_of(
    plain_conditions,
    st.builds(
        lambda name, found: {name: found},
        st.sampled_from(["any", "all", "none"]),
        st.lists(plain_conditions, min_size=1, max_size=2),
    ),
)
lifts = st.lists(
    st.builds(
        lambda when, uses: lift(when, **uses),
        conditions,
        st.one_of(st.just({}), st.builds(lambda n, w: {"uses": n, "within": w}, st.integers(1, 2), windows)),
    ),
    max_size=1,
)
excludes = st.lists(
    st.one_of(
        st.builds(lambda e: {"cite": "s. 3", "events": e}, selectors),
        st.builds(lambda when: {"cite": "s. 3", "when": when}, conditions),
    ),
    max_size=1,
)
keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True)
stops = st.fixed_dictionaries(
    {"kind": st.sampled_from(["dispute", "cease", "complaint", "hospitalised"])},
    optional={
        "form": st.sampled_from(["oral", "written"]),
        "lasts": waits,
        "until_answered": st.booleans(),
        "per": st.sampled_from(["debt", "debtor"]),
    },
)
spans = st.sampled_from(SPANS)
tables = st.one_of(
    st.builds(lambda a: {"every_day": a}, spans),
    st.builds(lambda a, b, c: {"weekdays": a, "saturday": b, "sunday": c}, spans, spans, spans),
    st.builds(lambda a, b, c: {"every_day": a, "holidays": b, "makeup_workdays": c}, spans, spans, spans),
)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """One rule of any kind."""
    kind = draw(st.sampled_from(["hours", "cap", "cap", "cool_down", "gate"]))
    said: dict[str, Any] = {"lifts": draw(lifts)}
    if draw(st.integers(0, 3)) == 0:
        said["applies"] = {"channels": draw(st.sampled_from(["voice", "text", "remote"]))}
    if kind == "hours":
        said |= {"open": draw(tables), "judged_at": draw(st.sampled_from(["sending", "arrival", "both"]))}
        said["widened_by"] = draw(st.sampled_from([[], [], ["agreement"], ["request"], ["consent"]]))
        said["narrowed_by"] = draw(st.sampled_from([[], [], ["agreement", "request"], ["inconvenient"]]))
    elif kind == "cap":
        said |= {"counts": draw(selectors), "by": draw(keys), "at_most": draw(numbers), "within": draw(windows)}
        said |= {"excludes": draw(excludes), "agreement": draw(st.booleans())}
        if draw(st.integers(0, 4)) == 0:
            said["after_first"] = draw(selectors)
    elif kind == "cool_down":
        said |= {"after": draw(selectors), "by": draw(keys), "rests": draw(waits), "excludes": draw(excludes)}
    elif draw(st.booleans()):
        said["stop"] = draw(stops)
    else:
        said |= {"requires": draw(conditions), "unknown": draw(st.sampled_from(["holds", "passes"]))}
    return rule(kind, clock=draw(clocks), **said)


def named(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "id": f"rule-{index}"} for index, each in enumerate(found)]


rule_sets = st.lists(rules(), min_size=1, max_size=3).map(named)


def compiled(found: list[dict[str, Any]]) -> tuple[Ruleset, tuple[dict[str, Any], ...]]:
    with TemporaryDirectory(prefix="forbear-rules-") as folder:
        made = law(Path(folder), *found, **SHANGHAI)
    return made.ruleset, made.documents


def opens_at(ruleset: Ruleset, facts: Facts) -> datetime:
    decision = decide(ruleset, replace(facts, packs=ruleset.ids))
    return facts.proposal.at if decision.is_allowed else decision.until or datetime.max.replace(tzinfo=UTC)


@slow
@given(cases(), rule_sets)
def test_whatever_the_language_says_the_oracle_agrees(facts: Facts, found: list[dict[str, Any]]) -> None:
    ruleset, documents = compiled(found)
    decision = decide(ruleset, replace(facts, packs=ruleset.ids))
    oracle = Oracle((), facts, documents)
    start = whole(facts.proposal.at, False)
    refusing = oracle.refusing(start)
    note(f"engine {decision}, oracle {refusing}")
    assert decision.is_allowed is (not refusing)
    if decision.is_allowed:
        return
    until = decision.until
    assert (until is None) is (decision.verdict is Verdict.REFUSED)
    if until is not None:
        assert oracle.permits(until), oracle.refusing(until)
        assert not oracle.permits(until.astimezone(UTC) - SECOND)
    end = until or start + timedelta(days=60)
    step = timedelta(hours=1) if end - start < timedelta(days=2) else (end - start) / 50
    for at in instants(facts, start, end, step):
        assert not oracle.permits(at), f"the oracle permits {at}"


@slow
@given(cases(), rule_sets, rules())
def test_one_more_rule_never_permits_more(facts: Facts, found: list[dict[str, Any]], extra: dict[str, Any]) -> None:
    fewer, _ = compiled(found)
    more, _ = compiled(named([*found, extra]))
    known = facts.debtor.timezones or facts.debtor.places
    assume(known or fewer.legal_zones == more.legal_zones)  # a law with a zone of its own tells where the clock is
    assert opens_at(more, facts) >= opens_at(fewer, facts)


@slow
@given(cases(), rule_sets, st.lists(st.integers(0, 200), min_size=2, max_size=8))
def test_who_was_made_ready_is_answered_as_who_was_not(
    facts: Facts, found: list[dict[str, Any]], waits: list[int]
) -> None:
    """At each of several half hours, with every rule that spoke, whatever was asked before."""
    ruleset, _ = compiled(found)
    ready = made_ready(ruleset, facts)
    for wait in waits:
        proposal = later(facts.proposal, timedelta(minutes=30 * wait))
        assert ready.decide(proposal) == made_ready(ruleset, facts).decide(proposal)
