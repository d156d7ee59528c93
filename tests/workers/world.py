"""A creditor with a portfolio and a running campaign on real servers, and a clock that stands until it is set."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection

from audit.replay import Report, replay
from campaigns.cadence_file import CadenceFile, read_cadence
from channels.sandbox_plan import SandboxPayment
from config.embedded.state import ROOT
from config.settings import Settings
from forbear.creditor_profile import read_profile
from forbear.demo.books import close_day
from portfolio.importer import Wish, import_portfolio
from portfolio.mapping_file import find_mapping
from portfolio.sample import write_sample
from storage import ledger
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing
from storage.ledger_facts import entries_of_all
from storage.partitions import ensure_partitions
from workers import campaigns
from workers.actors import _payments
from workers.workshop import Workshop, open_workshop

START = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
"""Monday, eleven in the morning in Shanghai."""
CARD_EARLY = ROOT / "config" / "cadences" / "card-early.yaml"
PROFILE = ROOT / "config" / "creditors" / "harbour-bank.yaml"


@dataclass(slots=True)
class SetClock:
    """A clock that shows what it was set to."""

    at: dt.datetime = START

    def now(self) -> dt.datetime:
        return self.at


@dataclass(slots=True)
class World:
    """The creditor with its campaign, and the parts that do the work."""

    shop: Workshop
    clock: SetClock
    creditor_id: UUID
    campaign_id: UUID
    sent: list[UUID] = field(default_factory=list)

    def look(self) -> dict[str, list[UUID]]:
        """Look at everybody who is due; what was reserved."""
        found: dict[str, list[UUID]] = {}
        while True:
            looked = self.shop.dispatcher.look(self.creditor_id, self.clock.at, 200)
            for channel, ids in looked.reserved.items():
                found.setdefault(channel, []).extend(ids)
            if looked.debtors < 200:
                return found

    def deliver(self, reserved: dict[str, list[UUID]]) -> int:
        """Send what was reserved; how many the providers took."""
        return sum(
            self.shop.deliverer.deliver(self.creditor_id, ids, self.shop.loop.wait).sent for ids in reserved.values()
        )

    def hear(self) -> None:
        """Apply what providers and debtors said by now."""
        while due := self.shop.sandbox.take_due(self.clock.at, 500):
            due.sort(key=lambda one: one.creditor_id)
            for creditor_id, found in groupby(due, key=lambda one: one.creditor_id):
                events = list(found)
                paying = [one.event for one in events if isinstance(one.event, SandboxPayment)]
                said = [one.event for one in events if not isinstance(one.event, SandboxPayment)]
                self.shop.asker.keep(creditor_id, said)
                while self.shop.receiver.apply(creditor_id):
                    pass
                if paying:
                    self.shop.receiver.pay(creditor_id, _payments(self.shop, creditor_id, paying))
            self.shop.sandbox.done(due)
        while self.shop.receiver.apply(self.creditor_id):
            pass

    def sweep(self) -> dict[str, list[UUID]]:
        """Find what was left lying."""
        return self.shop.sweeper.sweep(self.creditor_id, ["sms", "voice", "email", "letter"]).queued

    def step(self, later: dt.timedelta) -> None:
        """Let time pass, and do all that is due then; each day brings fresh balances."""
        self.clock.at += later
        close_day(self.shop.db, self.creditor_id, self.clock.at.date())
        self.hear()
        self.deliver(self.look())
        self.hear()
        self.deliver(self.sweep())

    def query(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        with self.shop.db.tenant(self.creditor_id) as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    def states(self) -> dict[str, int]:
        """How many attempts stand in each state."""
        return {str(row[0]): int(str(row[1])) for row in self.query("SELECT state, count(*) FROM attempts GROUP BY 1")}

    def audit(self) -> Report:
        """Chains whole by the engine's own check, and the replay's report."""
        with self.shop.db.tenant(self.creditor_id) as connection:
            faults = [fault for _, _, found in ledger.verify_all(connection) for fault in found]
            assert faults == []
            return replay(entries_of_all(connection))


def cadence(path: Path = CARD_EARLY) -> CadenceFile:
    return read_cadence(path.read_text(encoding="utf-8"), str(path))


@contextmanager
def world(
    settings: Settings,
    folder: Path,
    *,
    accounts: int = 150,
    countries: tuple[str, ...] = ("CN",),
    file: CadenceFile | None = None,
    portfolio: Path | None = None,
    code: str = "harbour-bank",
) -> Iterator[World]:
    """A world of a sample, or of a portfolio file in the format of the mapping `default`."""
    clock = SetClock()
    with open_workshop(settings, clock=clock) as shop:
        ring = KeyRing.open(settings.keys_path, create=True)
        with shop.db.system() as connection:
            ensure_partitions(connection, START.date(), START.date() + dt.timedelta(days=60))
        creditor_id = ensure_creditor(shop.db, code, read_profile(PROFILE), START, sha256(code.encode()).digest()[:10])
        path = portfolio or folder / "sample.csv"
        if portfolio is None:
            with path.open("w", encoding="utf-8", newline="") as out:
                write_sample(out, accounts, 1, START.date(), countries)
        import_portfolio(shop.db, ring, creditor_id, Wish(path, find_mapping("default"), "p"), START, lambda *_: None)
        launched = campaigns.launch(
            shop.db, creditor_id, file or cadence(), START, sha256(f"campaign of {code}".encode()).digest()[:10]
        )
        yield World(shop, clock, creditor_id, launched.campaign_id)


def one_value(connection: Connection, sql: str, **values: object) -> object:
    return connection.exec_driver_sql(sql, values).scalar_one()
