"""Hours and days where clocks, calendars and laws change: T is exact, and the oracle agrees on both sides of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from audit.oracle import Oracle
from domain.decision import Verdict
from domain.facts import ContactChannel, DebtorFacts, Facts, PastContact, Proposal
from throttling.compose import compile_rules
from throttling.decide import decide
from throttling.packs import load_packs

LIBRARY = load_packs()
SECOND = timedelta(seconds=1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def facts(at: str, *zones: str, channel: ContactChannel = ContactChannel.CALL, **debtor: object) -> Facts:
    return Facts(
        Proposal(instant(at), channel, accounts=("A",)),
        debtor=DebtorFacts(timezones=zones, **debtor),  # type: ignore[arg-type]
    )


def opens(case: Facts, *packs: str) -> datetime | None:
    """T by the engine, which the oracle must confirm to the second."""
    decision = decide(compile_rules(LIBRARY, packs), replace(case, packs=packs))
    if decision.verdict is Verdict.ALLOWED:
        return case.proposal.at
    if decision.until is not None:
        oracle = Oracle(packs, case)
        assert oracle.permits(decision.until)
        assert not oracle.permits(decision.until.astimezone(UTC) - SECOND)
    return decision.until


@pytest.mark.parametrize(
    ("at", "zone", "until"),
    [
        ("2026-03-08T01:30:00-05:00", "America/New_York", "2026-03-08T08:00:00-04:00"),
        ("2026-11-01T01:30:00-04:00", "America/New_York", "2026-11-01T08:00:00-05:00"),
        ("2026-06-10T06:00:00+05:45", "Asia/Kathmandu", "2026-06-10T08:00:00+05:45"),
        ("2026-04-05T01:45:00+11:00", "Australia/Lord_Howe", "2026-04-05T08:00:00+10:30"),
        ("2026-10-04T01:45:00+10:30", "Australia/Lord_Howe", "2026-10-04T08:00:00+11:00"),
        ("2026-04-05T02:00:00+13:45", "Pacific/Chatham", "2026-04-05T08:00:00+12:45"),
        ("2026-06-10T06:00:00+14:00", "Pacific/Kiritimati", "2026-06-10T08:00:00+14:00"),
        ("2026-06-10T06:00:00+13:00", "Pacific/Apia", "2026-06-10T08:00:00+13:00"),
        ("2028-02-29T21:00:00-05:00", "America/New_York", "2028-03-01T08:00:00-05:00"),
        ("2026-12-31T23:30:00-05:00", "America/New_York", "2027-01-01T08:00:00-05:00"),
    ],
)
def test_hours_open_at_the_local_second(at: str, zone: str, until: str) -> None:
    assert opens(facts(at, zone), "us-reg-f") == instant(until)


def test_a_debtor_who_may_be_in_two_places_is_called_when_both_are_awake() -> None:
    case = facts("2026-06-10T08:00:00-04:00", "America/New_York", "America/Los_Angeles")
    assert opens(case, "us-reg-f") == instant("2026-06-10T08:00:00-07:00")


def test_a_debtor_who_moved_keeps_the_calls_of_the_old_place() -> None:
    """Seven calls on one day rest for seven days by the clock of where the debtor is now."""
    history = tuple(
        PastContact(instant("2026-06-01T23:30:00-04:00") + timedelta(minutes=index), ContactChannel.CALL)
        for index in range(7)
    )
    case = replace(facts("2026-06-05T12:00:00-07:00", "America/Los_Angeles"), history=history)
    assert opens(case, "us-reg-f") == instant("2026-06-08T08:00:00-07:00")
    case = replace(facts("2026-06-05T12:00:00-04:00", "America/New_York"), history=history)
    assert opens(case, "us-reg-f") == instant("2026-06-08T08:00:00-04:00")


def test_hours_that_shut_each_other_out_are_refused_and_do_not_keep_anyone_waiting() -> None:
    case = facts("2026-06-10T12:00:00-04:00", "America/New_York", requested_hours=(120, 240))
    decision = decide(compile_rules(LIBRARY, ["us-reg-f"]), replace(case, packs=("us-reg-f",)))
    assert decision.verdict is Verdict.REFUSED
    assert {line.pack for line in decision.rules} == {"us-reg-f", "debtor-wishes"}
    oracle = Oracle(["us-reg-f"], case)
    assert not any(oracle.permits(case.proposal.at + timedelta(hours=hour)) for hour in range(48))


def test_offsets_in_which_instants_are_written_do_not_matter() -> None:
    case = facts("2026-06-10T06:00:00-04:00", "America/New_York")
    elsewhere = replace(case, proposal=case.proposal._replace(at=case.proposal.at.astimezone(UTC)))
    assert opens(case, "us-reg-f") == opens(elsewhere, "us-reg-f")
