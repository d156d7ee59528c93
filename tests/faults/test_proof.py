"""The judge of the fault suite finds what it looks for: each promise broken once, and found."""

import datetime as dt
from dataclasses import replace
from uuid import UUID

from tests.faults.proof import Told, _late, _lost, _twice
from tests.faults.provider import Creation

AT = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
CLOSES = AT + dt.timedelta(hours=8)
ONE, OTHER = UUID(int=1), UUID(int=2)
ACCEPTED = Creation(ONE, "Messages", "+447700900001", AT, True, "well", "SM1", 8 * 3600)


def told(state: str) -> Told:
    body = {"campaign": "c", "step": "reminder", "accounts": ["a"], "channel": "sms", "closes_at": CLOSES.isoformat()}
    return Told(body, state, UUID(int=3))


def test_a_lawful_contact_is_found_lawful() -> None:
    known = {ONE: told("delivered")}
    assert [*_twice([ACCEPTED], known), *_lost([ACCEPTED], known), *_late([ACCEPTED], known)] == []


def test_an_attempt_that_was_accepted_twice() -> None:
    assert any(
        line.startswith("twice: the provider") for line in _twice([ACCEPTED, ACCEPTED], {ONE: told("delivered")})
    )


def test_a_step_that_was_made_twice() -> None:
    known = {ONE: told("delivered"), OTHER: told("accepted")}
    assert any("step" in line for line in _twice([ACCEPTED, replace(ACCEPTED, attempt_id=OTHER)], known))


def test_what_the_ledger_does_not_know_of() -> None:
    assert [*_lost([ACCEPTED], {})]
    assert [*_lost([ACCEPTED], {ONE: told("reserved")})]
    assert [*_lost([ACCEPTED], {ONE: told("rejected")})]


def test_what_the_ledger_made_up() -> None:
    assert [*_lost([], {ONE: told("delivered")})]
    assert [*_lost([], {ONE: told("in_doubt")})] == []


def test_what_left_or_may_arrive_outside_its_window() -> None:
    assert [*_late([replace(ACCEPTED, at=CLOSES)], {ONE: told("delivered")})]
    assert [*_late([replace(ACCEPTED, valid_for=10 * 3600)], {ONE: told("delivered")})]
