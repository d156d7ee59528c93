"""The ledger's entries for debtors who were merged with care: for each of whom anything changed, how he stands now."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import orjson

from domain.facts import Collector
from portfolio.bodies import IMPORTED, SUPPRESSED, account_body, due_instant, imported_body, point_body, suppressed_body
from storage import copy_binary as binary
from storage.import_portfolio import Changed, Import, Terms
from storage.ledger import Entry, chain

CHUNK = 2_000


def write_entries(store: Import, terms: Terms, collector: Collector) -> int:
    """Add the entries to the chains; how many debtors have changed. The caller holds the lane locks."""
    zone, debtors = ZoneInfo(terms.timezone), 0
    for changed in store.changed(CHUNK):
        entries = [entry for each in changed for entry in _entries(each, terms, collector, zone)]
        before = {each.debtor_id: (each.ledger_seq, each.ledger_hash) for each in changed}
        rows, heads = chain(before, terms.creditor_id, entries)
        store.write_ledger(b"".join(map(binary.row, rows)))
        store.move_heads([(debtor_id, *head) for debtor_id, head in heads.items()])
        debtors += len(changed)
    return debtors


def _entries(changed: Changed, terms: Terms, collector: Collector, zone: ZoneInfo) -> Iterator[Entry]:
    accounts = []
    for account_id, product, days, due_on, *rest in changed.accounts:
        accounts.append(account_body(account_id, product, days, due_instant(due_on, zone), *rest))
    points = [point_body(*each) for each in changed.points]
    body = imported_body(orjson.loads(changed.facts), points, accounts, collector)
    yield Entry(changed.debtor_id, IMPORTED, terms.at, body)
    for kind in changed.stops:
        yield Entry(changed.debtor_id, SUPPRESSED, terms.at, suppressed_body(kind, terms.source))
