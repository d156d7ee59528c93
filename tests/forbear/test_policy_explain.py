"""A week of one debtor, from the ledger's entries to the terminal."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.errors import BadInput
from forbear import policy_explain
from storage.ledger_facts import LedgerRow
from throttling.packs import load_packs

NOON = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
"""A Monday, noon in Chicago."""
ACCOUNT = str(UUID(int=4))


def entry(kind: str, at: datetime, body: dict[str, Any]) -> LedgerRow:
    return LedgerRow(UUID(int=2), 1, at, UUID(int=1), kind, body, json.dumps(body), b"", b"")


def imported() -> LedgerRow:
    place = {"country": "US", "region": "IL", "timezone": "America/Chicago", "verified": True}
    point = {"id": "mobile", "kind": "mobile", "timezones": ["America/Chicago"], "country": "US"}
    body: dict[str, Any] = {
        "debtor": {"timezones": ["America/Chicago"], "places": [place]},
        "contact_points": [point],
        "accounts": [{"id": ACCOUNT, "product": "credit_card", "days_past_due": 40, "as_of": "2026-03-01"}],
        "collector": {"first_party": False, "name": "Harbour Recovery"},
    }
    return entry("debtor_imported", NOON - timedelta(days=1), body)


def told(*entries: LedgerRow) -> str:
    facts = policy_explain.facts_of([imported(), *entries], NOON)
    found = policy_explain.calendar(facts, load_packs(), NOON.date(), NOON)
    return "\n".join(policy_explain.lines(found, policy_explain.zone_of(facts)))


CEASE: dict[str, Any] = {
    "kind": "cease",
    "channel": None,
    "contact_point": None,
    "accounts": [],
    "form": "written",
    "until": None,
}


def test_week_has_seven_local_days_and_the_open_hours_of_calls() -> None:
    week = told()
    assert week.startswith("Local time in America/Chicago.")
    assert [week.count(day) for day in ("Mon 02 Mar", "Sun 08 Mar", "Mon 09 Mar")] == [1, 1, 0]
    assert "  call    12:00–21:00" in week
    assert "  call    08:00–21:00" in week
    assert "us-reg-f/hours, 12 CFR 1006.6(b)(1)(i)" in week


def test_stop_closes_the_whole_week_and_is_named() -> None:
    week = told(entry("suppressed", NOON - timedelta(hours=1), CEASE))
    assert "08:00–21:00" not in week
    assert "us-reg-f/cease" in week


def test_what_came_later_is_not_known_yet() -> None:
    assert told(entry("suppressed", NOON + timedelta(hours=1), CEASE)) == told()


def test_debtor_that_was_never_imported_is_an_error() -> None:
    with pytest.raises(BadInput):
        policy_explain.facts_of([], NOON)
