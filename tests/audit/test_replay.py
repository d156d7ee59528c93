"""A lawful ledger replays clean; each thing that may not be, planted into it, is found and named."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from audit.replay import Report, replay
from audit.requirements import version_in_force

CREDITOR, DEBTOR = UUID(int=1), UUID(int=2)
POINT, ACCOUNT = str(UUID(int=3)), str(UUID(int=4))
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
"""A Monday, noon in New York."""
DAY = timedelta(days=1)
PACKS = ("us-reg-f", "us-tcpa", "house-care")


@dataclass(frozen=True, slots=True)
class Row:
    """One entry."""

    seq: int
    at: datetime
    kind: str
    body: dict[str, Any]
    text: str
    previous: bytes
    hash: bytes
    debtor_id: UUID = DEBTOR
    creditor_id: UUID = CREDITOR


Told = tuple[datetime, str, dict[str, Any]]


def linked(told: Iterable[Told]) -> list[Row]:
    """Entries in a whole chain."""
    rows: list[Row] = []
    previous = b""
    for seq, (at, kind, body) in enumerate(told, start=1):
        text = json.dumps(body, sort_keys=True)
        instant = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        hashed = "\n".join((previous.hex(), str(CREDITOR), str(DEBTOR), str(seq), instant, kind, text))
        digest = sha256(hashed.encode()).digest()
        rows.append(Row(seq, at, kind, body, text, previous, digest))
        previous = digest
    return rows


def imported() -> Told:
    body = {
        "debtor": {
            "timezones": ["America/New_York"],
            "places": [{"country": "US", "region": "OH", "timezone": "America/New_York", "verified": True}],
        },
        "contact_points": [{"id": POINT, "kind": "mobile", "timezones": ["America/New_York"], "country": "US"}],
        "accounts": [{"id": ACCOUNT, "product": "credit_card", "days_past_due": 40, "as_of": "2026-03-01"}],
        "collector": {"first_party": False, "name": "Harbour Recovery"},
    }
    return NOON - DAY, "debtor_imported", body


def reserved(
    number: int, at: datetime, packs: tuple[str, ...] = PACKS, step: str | None = None, version: str | None = None
) -> Told:
    body = {
        "attempt": f"attempt-{number}",
        "campaign": "card",
        "step": step or f"step-{number}",
        "rank": 0,
        "channel": "voice",
        "contact_point": POINT,
        "accounts": [ACCOUNT],
        "closes_at": (at + timedelta(hours=1)).isoformat(),
        "packs": [{"id": pack, "version": version or version_in_force(pack, at), "digest": ""} for pack in packs],
        "proposal": {"channel": "call", "purpose": "collect", "by": "Harbour Recovery", "automated": False},
    }
    return at, "reserved", body


def moved(number: int, kind: str, at: datetime, **said: Any) -> Told:
    return at, kind, {"attempt": f"attempt-{number}", **said}


def call(number: int, at: datetime, outcome: str = "no_answer", **reservation: Any) -> list[Told]:
    """A call from its reservation to its end."""
    return [
        reserved(number, at - timedelta(minutes=1), **reservation),
        moved(number, "sending", at),
        moved(number, "closed", at + timedelta(minutes=1), outcome=outcome),
    ]


def lawful() -> list[Told]:
    """Three calls in three days, none of them answered."""
    return [imported(), *call(0, NOON), *call(1, NOON + DAY), *call(2, NOON + 2 * DAY)]


def rules(report: Report) -> set[str]:
    return {violation.rule for violation in report.violations}


def test_lawful_ledger_is_clean() -> None:
    report = replay(linked(lawful()))
    assert (report.violations, dict(report.unjudged)) == ([], {})
    assert (report.debtors, report.entries, report.checked) == (1, 10, 3)


def test_each_violation_names_debtor_attempt_and_instant() -> None:
    night = NOON + 3 * DAY + timedelta(hours=11)
    (found,) = replay(linked([*lawful(), *call(9, night)])).violations
    assert (found.rule, found.debtor_id, found.attempt, found.at) == ("us-reg-f/hours", DEBTOR, "attempt-9", night)


STOP: dict[str, Any] = {"channel": None, "contact_point": None, "accounts": [], "form": "written", "until": None}
LATER = NOON + 3 * DAY
PLANTED = {
    "us-reg-f/seven-in-seven": [
        told for n in range(3, 8) for told in call(n, NOON + 2 * DAY + timedelta(minutes=10 * n))
    ],
    "us-reg-f/after-conversation": [*call(3, LATER, "conversation"), *call(4, LATER + DAY)],
    "debtor-wishes/banned-channel": [
        (LATER, "suppressed", {**STOP, "kind": "opt_out", "channel": "voice"}),
        *call(3, LATER + timedelta(hours=1)),
    ],
    "debtor-wishes/banned-point": [
        (LATER, "suppressed", {**STOP, "kind": "opt_out", "contact_point": POINT}),
        *call(3, LATER + timedelta(hours=1)),
    ],
    "debtor-wishes/cease": [(LATER, "suppressed", {**STOP, "kind": "cease"}), *call(3, LATER + timedelta(hours=1))],
    "house-care/bereavement": [
        (LATER, "suppressed", {**STOP, "kind": "bereavement"}),
        *call(3, LATER + timedelta(hours=1)),
    ],
    "same-step-twice": call(3, LATER, step="step-0"),
    "window": [reserved(3, LATER - timedelta(hours=1)), moved(3, "sending", LATER)],
    "packs": call(3, LATER, packs=("house-care",)),
    "pack-version": call(3, LATER, version="1999-01-01"),
    "not-reserved": [moved(3, "sending", LATER)],
    "taken-back": [
        reserved(3, LATER),
        moved(3, "cancelled", LATER + timedelta(minutes=1)),
        moved(3, "sending", LATER + timedelta(minutes=2)),
    ],
}


@pytest.mark.parametrize("rule", PLANTED)
def test_planted_violation_is_found(rule: str) -> None:
    assert rule in rules(replay(linked([*lawful(), *PLANTED[rule]])))


def test_contacts_made_elsewhere_fill_a_cap() -> None:
    outside = {"channel": "call", "direction": "out", "outcome": "no_answer", "accounts": [ACCOUNT]}
    told = [(NOON + 2 * DAY + timedelta(minutes=n), "outside_contact", outside) for n in range(10, 14)]
    assert rules(replay(linked([*lawful(), *told, *call(3, LATER)]))) == {"us-reg-f/seven-in-seven"}
    assert rules(replay(linked([*lawful(), *told[:3], *call(3, LATER)]))) == set()


def test_retry_on_proof_that_nothing_left_is_no_second_contact() -> None:
    again = moved(3, "reserved", LATER + timedelta(minutes=1), retry=True, code="busy")
    told = [reserved(3, LATER), moved(3, "sending", LATER), again, moved(3, "sending", LATER + timedelta(minutes=5))]
    assert rules(replay(linked([*lawful(), *told]))) == set()


def test_a_doubt_ends_on_proof_that_nothing_left() -> None:
    told = [
        reserved(3, LATER),
        moved(3, "sending", LATER),
        moved(3, "in_doubt", LATER + timedelta(minutes=1)),
        moved(3, "reserved", LATER + timedelta(minutes=2), retry=True, code="held_back"),
        moved(3, "sending", LATER + timedelta(minutes=5)),
    ]
    assert rules(replay(linked([*lawful(), *told]))) == set()


@pytest.mark.parametrize("state", ["accepted", "in_doubt", "delivered"])
def test_retry_of_what_may_have_left_is_found(state: str) -> None:
    told = [
        reserved(3, LATER),
        moved(3, "sending", LATER),
        moved(3, state, LATER + timedelta(minutes=1)),
        moved(3, "reserved", LATER + timedelta(minutes=2), retry=True),
        moved(3, "sending", LATER + timedelta(minutes=5)),
    ]
    assert {"taken-back", "same-step-twice"} <= rules(replay(linked([*lawful(), *told])))


def altered(rows: list[Row]) -> list[Row]:
    return [*rows[:4], replace(rows[4], text=rows[4].text + " "), *rows[5:]]


def deleted(rows: list[Row]) -> list[Row]:
    return [*rows[:4], *rows[5:]]


def inserted(rows: list[Row]) -> list[Row]:
    return [*rows[:4], rows[3], *rows[4:]]


def reordered(rows: list[Row]) -> list[Row]:
    return [*rows[:4], rows[5], rows[4], *rows[6:]]


@pytest.mark.parametrize("tamper", [altered, deleted, inserted, reordered])
def test_broken_chain_is_found(tamper: Any) -> None:
    assert "chain" in rules(replay(tamper(linked(lawful()))))


def test_what_cannot_be_read_is_counted_and_named() -> None:
    retry_of_nothing = moved(8, "reserved", LATER, retry=True)
    assert dict(replay(linked([*lawful(), retry_of_nothing])).unjudged) == {"an entry `reserved` could not be read": 1}
    never_imported = replay(linked(lawful()[1:]))
    assert never_imported.unjudged.total() == never_imported.checked == 3
