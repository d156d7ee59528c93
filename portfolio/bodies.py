"""Bodies of the ledger's entries about an import, in the shapes of `forbear policy decide`; nothing personal."""

from collections.abc import Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from domain.facts import Collector

IMPORTED, SUPPRESSED = "debtor_imported", "suppressed"
Body = dict[str, Any]


def imported_body(debtor: object, points: Sequence[Body], accounts: Sequence[Body], collector: Collector) -> Body:
    """All that a decision about a debtor would rest on."""
    return {
        "debtor": debtor,
        "contact_points": points,
        "accounts": accounts,
        "collector": {"first_party": collector.first_party, "name": collector.name},
    }


def point_body(
    point_id: str,
    kind: str,
    zones: Sequence[str],
    country: str | None,
    checked_at: datetime | None = None,
    is_used: bool | None = None,
) -> Body:
    """A contact point without its value."""
    return {
        "id": point_id,
        "kind": kind,
        "timezones": zones,
        "country": country,
        "reassigned_check_at": checked_at,
        "used_by_debtor": is_used,
    }


def account_body(
    account_id: str,
    product: str,
    days_past_due: int,
    due_at: str | None,
    group: str | None,
    currency: str,
    total_minor: int,
    as_of: date,
    state: str,
) -> Body:
    """An account with what is owed on it, as of the end of `as_of`."""
    return {
        "id": account_id,
        "product": product,
        "days_past_due": days_past_due,
        "due_at": due_at,
        "group": group,
        "currency": currency,
        "total_minor": total_minor,
        "as_of": as_of,
        "state": state,
    }


def suppressed_body(kind: str, source: str) -> Body:
    """A stop that the file tells of: it stops all contact, for all accounts."""
    return {"kind": kind, "channel": None, "contact_point": None, "source": source, "accounts": [], "until": None}


@lru_cache(maxsize=4096)
def due_instant(due_on: date | None, zone: ZoneInfo) -> str | None:
    """A due date as an instant: where its day begins in the creditor's place."""
    return datetime.combine(due_on, time(), zone).isoformat() if due_on else None
