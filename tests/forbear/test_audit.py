"""What `forbear audit` prints."""

from datetime import UTC, datetime
from uuid import UUID

from audit.replay import Report, Violation
from forbear.commands.audit import SHOWN, lines

FOUND = Violation("us-reg-f/hours", UUID(int=2), "attempt-1", datetime(2026, 3, 2, tzinfo=UTC), "Not then.")


def test_says_who_when_and_by_which_rule() -> None:
    first, last = lines(Report(debtors=1, entries=3, checked=1, violations=[FOUND]))
    assert all(part in first for part in ("2026-03-02T00:00:00", str(UUID(int=2)), "attempt-1", "us-reg-f/hours"))
    assert last.endswith("violations: 1; not judged: 0.")


def test_many_violations_are_counted_and_not_judged_is_named() -> None:
    report = Report(violations=[FOUND] * (SHOWN + 7))
    report.unjudged["an entry could not be read"] += 2
    told = lines(report)
    assert len(told) == SHOWN + 3
    assert "7 more" in told[SHOWN]
    assert told[SHOWN + 1] == "not judged, 2 times: an entry could not be read"
