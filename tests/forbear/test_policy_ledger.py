"""Two versions of a pack over one ledger: contacts that another version holds back, and held ones that it lets go."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.decision import Verdict
from forbear.policy_ledger import Compared, compared, lines
from storage.ledger_facts import LedgerRow
from throttling.packs import Filed, load_packs

NOON = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
"""A Monday, noon in Chicago."""
ACCOUNT, POINT = str(UUID(int=4)), "mobile"
LIBRARY = load_packs()
LOOSE = LIBRARY.versions(["us-reg-f"])[0]


def strict() -> Filed:
    """The pack with a cap of one call in seven days in the place of seven."""
    rules = [
        rule.model_copy(update={"at_most": 1}) if rule.id == "seven-in-seven" else rule for rule in LOOSE.pack.rules
    ]
    return replace(LOOSE, pack=LOOSE.pack.model_copy(update={"rules": type(LOOSE.pack.rules)(rules)}))


def entry(kind: str, at: datetime, body: dict[str, Any]) -> LedgerRow:
    return LedgerRow(UUID(int=2), 1, at, UUID(int=1), kind, body, json.dumps(body), b"", b"")


def imported() -> LedgerRow:
    place = {"country": "US", "region": "IL", "timezone": "America/Chicago", "verified": True}
    point = {"id": POINT, "kind": "mobile", "timezones": ["America/Chicago"], "country": "US"}
    body = {
        "debtor": {"timezones": ["America/Chicago"], "places": [place]},
        "contact_points": [point],
        "accounts": [{"id": ACCOUNT, "product": "credit_card", "days_past_due": 40, "as_of": "2026-03-01"}],
        "collector": {"first_party": False, "name": "Harbour Recovery"},
    }
    return entry("debtor_imported", NOON - timedelta(days=1), body)


def call(attempt: str, at: datetime) -> list[LedgerRow]:
    said = {
        "attempt": attempt,
        "campaign": "card",
        "step": attempt,
        "channel": "voice",
        "contact_point": POINT,
        "accounts": [ACCOUNT],
        "closes_at": (at + timedelta(hours=1)).isoformat(),
        "packs": [{"id": "us-reg-f"}],
        "proposal": {"channel": "call", "purpose": "collect", "by": "Harbour Recovery", "automated": True},
    }
    ended = entry("closed", at, {"attempt": attempt, "outcome": "no_answer"})
    return [entry("reserved", at, said), entry("sending", at, {"attempt": attempt}), ended]


def held(at: datetime) -> LedgerRow:
    return entry("deferred", at, {"channel": "voice", "accounts": [ACCOUNT]})


def diff(old: Filed, new: Filed, since: datetime = NOON) -> Compared:
    day = timedelta(days=1)
    entries = [imported(), *call("first", NOON), *call("second", NOON + day), held(NOON + 2 * day)]
    return compared(entries, since, LIBRARY, old, new)


def test_same_version_changes_nothing() -> None:
    assert diff(LOOSE, LOOSE) == Compared(3, [], 0)


def test_contacts_that_the_stricter_version_defers_are_named() -> None:
    changed = [(case.attempt, one.old.verdict, one.new.verdict) for case, one in diff(LOOSE, strict()).changed]
    assert ("second", Verdict.ALLOWED, Verdict.DEFERRED) in changed
    assert "first" not in [attempt for attempt, _, _ in changed]


def test_held_contact_that_the_looser_version_allows_is_named() -> None:
    case, one = diff(strict(), LOOSE, NOON + timedelta(days=2)).changed[0]
    assert (case.attempt, one.new.verdict) == (None, Verdict.ALLOWED)


def test_contact_whose_facts_are_unknown_is_counted() -> None:
    assert compared([held(NOON)], NOON, LIBRARY, LOOSE, LOOSE).unknown == 1


def test_lines_name_attempt_debtor_instant_channel_and_both_answers() -> None:
    told = lines(diff(LOOSE, strict()), {UUID(int=2): "HB-1"})
    (second,) = [line for line in told if line.startswith("second")]
    assert "debtor HB-1  2026-03-03T18:00:00+00:00  voice  allowed becomes deferred until" in second
    assert "us-reg-f/seven-in-seven" in second
    assert told[-1].endswith("of 3 contacts of the ledger are answered differently")
