"""One debtor with a thousand accounts that want the same few contacts, and 64 dispatchers at once.

Every dispatcher has a thread and a connection, and looks at whoever is due; what they reserve is sent by as many
threads, while the clock goes on by hours. Afterwards the ledger is replayed by the audit's own rules. A deadlock, a
lock that is not got in time or any other error of the database ends the benchmark.

    python -m bench.contention [ACCOUNTS [DISPATCHERS [HOURS]]]
"""

import csv
import datetime as dt
import itertools
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from audit.replay import Report, replay
from bench._figures import figure, say
from bench._worker import quieten
from bench._world import CADENCE, OF_CARDS, OF_DEBTORS, START, World, world
from domain.channel import Channel
from portfolio.sample import HEADER, rows
from storage.ledger_facts import entries_of_all
from storage.session import Database
from workers.dispatch import Dispatcher
from workers.workshop import Workshop, open_workshop

OTHERS = 300
"""Debtors with one account each, so that the dispatchers have something to pass on to."""
CLAIM = 20


@dataclass(slots=True)
class Hands:
    """A clock that is set by hand."""

    at: dt.datetime = START

    def now(self) -> dt.datetime:
        """What it was set to."""
        return self.at


def main(accounts: int = 1_000, dispatchers: int = 64, hours: int = 24) -> dict[str, object]:
    """Measure, and say how."""
    with world() as one:
        path = one.folder / "contention.csv"
        write_contenders(path, accounts, OTHERS)
        cadence = CADENCE.format(channel=Channel.SMS.value, template="card-reminder").replace(", merge: true", "")
        creditor_id = one.creditor_of(path, cadence)
        looks, sent = contend(one, creditor_id, dispatchers, hours)
        with one.db.tenant(creditor_id) as connection:
            report: Report = replay(entries_of_all(connection))
    say(f"{looks} looks, {sent} contacts, {len(report.violations)} violations")
    return {
        "figures": [
            figure("contending dispatchers: violations", len(report.violations), "violations"),
            figure("contending dispatchers: contacts judged", report.checked, "contacts"),
        ],
        "accounts_of_one_debtor": accounts,
        "dispatchers": dispatchers,
        "looks": looks,
        "sent": sent,
        "unjudged": sum(report.unjudged.values()),
    }


def contend(one: World, creditor_id: UUID, dispatchers: int, hours: int) -> tuple[int, int]:
    """Let dispatchers and deliverers loose on one creditor, hour after hour: how many looks and contacts it made."""
    clock = Hands()
    looks = sent = 0
    one.make_due(creditor_id, START)
    url = one.servers.database_url
    with (
        open_workshop(one.settings, clock=clock, pool_size=4) as shop,
        closing(Database(url, pool_size=dispatchers)) as db,
        ThreadPoolExecutor(dispatchers) as threads,
    ):
        quieten(shop)  # by chance it is too busy, and with a clock that stands still it would stay so
        dispatcher = Dispatcher(db, shop.dispatcher.rules, cadences=shop.dispatcher.cadences)
        for hour in range(hours):
            clock.at = START + dt.timedelta(hours=hour)
            done = [*threads.map(lambda _: look(dispatcher, creditor_id, clock.at), range(dispatchers))]
            looks += sum(count for count, _ in done)
            ids = [id_ for _, found in done for id_ in found]
            sent += sum(threads.map(lambda some: deliver(shop, db, creditor_id, some), _batches(ids, 10)))
    return looks, sent


def look(dispatcher: Dispatcher, creditor_id: UUID, now: dt.datetime) -> tuple[int, list[UUID]]:
    """Look until nobody is due whom no other looks at: how many debtors, and what was reserved."""
    looks, reserved = 0, []
    while (looked := dispatcher.look(creditor_id, now, CLAIM)).debtors:
        looks += looked.debtors
        reserved += [*itertools.chain(*looked.reserved.values())]
    return looks, reserved


def deliver(shop: Workshop, db: Database, creditor_id: UUID, ids: Sequence[UUID]) -> int:
    """Send attempts on a connection of the dispatchers' pool; how many a provider took."""
    return replace(shop.deliverer, db=db).deliver(creditor_id, ids, shop.loop.wait).sent


def _batches(ids: Sequence[UUID], size: int) -> list[Sequence[UUID]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def write_contenders(path: Path, accounts: int, others: int) -> None:
    """A portfolio in which the first debtor has nearly all accounts."""
    usable = (dict(zip(HEADER, row, strict=True)) for row in rows(20 * others, 1, START.date(), ("CN",)))
    people = [cells for cells in usable if cells["kind"] == "person" and cells["mobile"] and cells["email"]]
    first, *rest = {cells["debtor"]: cells for cells in people}.values()
    many = [first | {"account": f"M{number:05d}"} for number in range(accounts)]
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(cells | OF_DEBTORS | OF_CARDS for cells in (*many, *rest[:others]))


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
