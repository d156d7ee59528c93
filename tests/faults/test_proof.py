"""The judge of the fault suite finds what it looks for: each promise broken once, and found."""

import datetime as dt
from dataclasses import replace
from uuid import UUID

from tests.faults.proof import Told, _late, _lost, _twice, _unlisted, _unsettled
from tests.faults.provider import Creation

AT = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
CLOSES = AT + dt.timedelta(hours=8)
ONE, OTHER = UUID(int=1), UUID(int=2)
ACCEPTED = Creation(ONE, "Messages", "+447700900001", AT, True, "well", "SM1", 8 * 3600)
MAILED = Creation(ONE, "Mail", "client.1@example.com", AT, True, "garbage reply, accepted", "4Z1", 8 * 3600)


def told(state: str, channel: str = "sms") -> Told:
    body = {"campaign": "c", "step": "reminder", "accounts": ["a"], "channel": channel, "closes_at": CLOSES.isoformat()}
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


def test_a_lawful_mail_is_found_lawful() -> None:
    known = {ONE: told("in_doubt", "email")}
    assert [*_twice([MAILED], known), *_lost([MAILED], known), *_late([MAILED], known)] == []
    assert [*_unsettled(set(), known), *_unlisted({ONE}, known)] == []


def test_each_promise_broken_by_mail() -> None:
    again = replace(MAILED, attempt_id=OTHER)
    known = {ONE: told("in_doubt", "email"), OTHER: told("delivered", "email")}
    assert any("accepted attempt" in line for line in _twice([MAILED, MAILED], known))
    assert any("step" in line for line in _twice([MAILED, again], known))
    assert [*_lost([MAILED], {ONE: told("rejected", "email")})]
    assert [*_lost([], {ONE: told("delivered", "email")})]
    assert [*_late([replace(MAILED, at=CLOSES)], known)]
    assert [*_late([replace(MAILED, valid_for=10 * 3600)], known)]


def test_a_doubt_that_a_report_had_settled() -> None:
    assert [*_unsettled({ONE}, {ONE: told("in_doubt", "email")})]
    assert [*_unsettled({ONE}, {ONE: told("undelivered", "email")})] == []


def test_a_doubt_that_nobody_sees() -> None:
    assert [*_unlisted(set(), {ONE: told("in_doubt", "email")})]
