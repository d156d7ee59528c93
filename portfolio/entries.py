"""What the ledger says of an import: for each debtor of whom anything changed, all that a decision would rest on."""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from domain.facts import Collector
from storage.import_portfolio import Changed, Import, Terms
from storage.ledger import Entry, chain, pack_rows

CHUNK = 2_000


def write_entries(store: Import, terms: Terms, collector: Collector) -> int:
    """Add the entries to the chains; how many debtors have changed. The caller holds the lane locks."""
    zone, debtors = ZoneInfo(terms.timezone), 0
    for changed in store.changed(CHUNK):
        heads = {each.debtor_id: (each.ledger_seq, each.ledger_hash) for each in changed}
        entries = [entry for each in changed for entry in _entries(each, terms, collector, zone)]
        rows, heads = chain(heads, terms.creditor_id, entries)
        store.copy_ledger(pack_rows(rows))
        store.move_heads([(debtor_id, seq, head) for debtor_id, (seq, head) in heads.items()])
        debtors += len(changed)
    return debtors


def _entries(changed: Changed, terms: Terms, collector: Collector, zone: ZoneInfo) -> Iterator[Entry]:
    yield Entry(changed.debtor_id, "debtor_imported", terms.at, imported(changed, collector, zone))
    for kind in changed.stops:
        body = {
            "kind": kind,
            "channel": None,
            "contact_point": None,
            "source": terms.source,
            "accounts": [],
            "until": None,
        }
        yield Entry(changed.debtor_id, "suppressed", terms.at, body)


def imported(changed: Changed, collector: Collector, zone: ZoneInfo) -> dict[str, Any]:
    """The body of `debtor_imported`: facts in the shapes of `forbear policy decide`; nothing personal, ids as text."""
    return {
        "debtor": orjson.loads(changed.facts),
        "contact_points": [_point(*each) for each in changed.points],
        "accounts": [_account(zone, *each) for each in changed.accounts],
        "collector": {"first_party": collector.first_party, "name": collector.name},
    }


def _point(
    point_id: str, kind: str, zones: list[str], country: str | None, checked_at: str | None, used: bool | None
) -> dict[str, Any]:
    return {
        "id": point_id,
        "kind": kind,
        "timezones": zones,
        "country": country,
        "reassigned_check_at": checked_at,
        "used_by_debtor": used,
    }


def _account(
    zone: ZoneInfo,
    account_id: str,
    product: str,
    days_past_due: int,
    due_on: str | None,
    group: str | None,
    currency: str,
    total_minor: int,
    as_of: str,
    state: str,
) -> dict[str, Any]:
    due_at = datetime.combine(date.fromisoformat(due_on), time(), zone).isoformat() if due_on else None
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
