"""A debtor who was made ready is answered like one who was not, whenever and in whatever order he is asked about."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from domain.facts import Direction, Notice
from tests.properties.laws import at, cap, case, later, law, lift, made_ready, past, rule

BY_DAY = {"every_day": ["08:00-21:00"]}
ASKED_TO_CALL = past("2026-06-10T05:00:00-04:00", direction=Direction.IN)
"""From then on answers to it may be excepted from the hours."""


def hours(**said: object) -> dict[str, object]:
    return rule("hours", "hours", open=BY_DAY, **said)


@pytest.mark.parametrize(
    "rules",
    [
        [hours(lifts=[lift({"reply": {"times": 9, "within": {"hours": 30}}})])],
        [hours(lifts=[lift({"notice": {"notice": "first_written_notice", "wait": {"hours": 9}}})])],
        [
            hours(lifts=[lift({"reply": {"times": 9, "within": {"days": 2}}})]),
            cap(2, {"hours": 7}, lifts=[lift({"reply": {"times": 9, "within": {"hours": 20}}})]),
        ],
    ],
    ids=["ends", "begins", "beside a cap"],
)
def test_an_exception_is_named_while_an_answer_rests_on_it_and_no_longer(
    tmp_path: Path, rules: list[dict[str, object]]
) -> None:
    """Contact stays permitted from the night into the day and back; only at night it is for the exception."""
    notice = Notice("first_written_notice", at("2026-06-10T01:00:00-04:00"))
    calls = [past(f"2026-06-10T05:{minute}:00-04:00") for minute in ("10", "20")]
    facts = case("2026-06-10T06:00:00-04:00", ASKED_TO_CALL, *calls, in_reply=True, debtor={"notices": (notice,)})
    ruleset = law(tmp_path, *rules).ruleset
    ready = made_ready(ruleset, facts)
    steps = [*range(100)]
    random.Random(0).shuffle(steps)
    answers = set()
    for step in [0, *steps]:  # what is made ready serves from the first instant on
        proposal = later(facts.proposal, timedelta(minutes=30 * step))
        fresh = made_ready(ruleset, facts).decide(proposal)
        assert ready.decide(proposal) == fresh
        answers.add((fresh.verdict, tuple(spoken.rule for spoken in fresh.rules)))
    assert len(answers) > 2, answers  # else this would show nothing
