"""A world to measure the path in: embedded servers with durable commits, a clock of a working day, creditors by need.

Each round is a creditor of its own, imported and enrolled before the clock starts, so that all of its debtors are due
at once. The clock is the accelerated one at rate 1: it shows eleven in the morning whenever the benchmark runs.
"""

import csv
import datetime as dt
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from bench._children import Crew, children
from campaigns.cadence_file import read_cadence
from config.clock import Conductor, clock_path
from config.embedded.servers import Servers, hold
from config.embedded.state import ROOT
from config.logging import configure
from config.settings import PREFIX, Settings
from domain.channel import Channel
from forbear.creditor_profile import read_profile
from portfolio.importer import Wish, import_portfolio
from portfolio.mapping_file import find_mapping
from portfolio.sample import HEADER, rows
from storage import migrate
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing
from storage.idleness import pending
from storage.partitions import ensure_partitions
from storage.session import Database
from workers import campaigns
from workers.scheduler import Scheduler, open_scheduler

START = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
"""Monday, eleven in the morning in Shanghai; holidays of that spring are known."""
PROFILE = ROOT / "config" / "creditors" / "harbour-bank.yaml"
TEMPLATES = {Channel.SMS: "card-reminder", Channel.EMAIL: "card-statement"}
LIMIT_S = 120.0

CADENCE = """\
name: bench
title: What is measured
verification: [birth_date]
balances_no_older_than: 3
audience:
  products: [credit_card]
  days_past_due: {{from: 1, to: 60}}
exits: [promised, disputed, opted_out, plan_active, attorney, bankruptcy, days_past_due_above: 90]
window: {{hours: 09:30-19:30, days: Mon-Sat}}
stages: [early]
steps:
  - {{id: first, stage: early, when: {{day_in_arrears: 3}}, channel: {channel}, template: {template}, merge: true}}
  - {{id: next, stage: early, when: {{days_after_last_contact: 5}}, channel: sms, template: card-second-reminder}}
"""

OF_DEBTORS = {"represented_by_lawyer": "", "bankrupt": "", "deceased": "", "flags": "", "tags": ""}
OF_CARDS = {"product": "credit_card", "days_past_due": "5", "due_on": "2026-02-25"}


@dataclass(frozen=True, slots=True)
class World:
    """Servers with a database, and what a scheduler process has."""

    settings: Settings
    servers: Servers
    db: Database
    ring: KeyRing
    scheduler: Scheduler
    clock: Conductor
    folder: Path

    @contextmanager
    def workers(self, processes: int, *words: str, **settings: object) -> Iterator[Crew]:
        """Worker processes, ready, with these settings besides."""
        given = {
            "STATE_DIR": self.settings.state_dir,
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "CLOCK": "accelerated",
            "LOG_LEVEL": "warning",
            "SANDBOX_LATENCY_MS": 0,
        } | settings
        environment = {f"{PREFIX}{name}": value for name, value in given.items()}
        with children("bench._worker", [words] * processes, environment) as crew:
            yield crew

    def creditor(self, debtors: int, channel: Channel = Channel.SMS) -> UUID:
        """A creditor with debtors who can all be contacted, enrolled and not yet due."""
        path = self.folder / f"{debtors}.csv"
        if not path.exists():
            write_debtors(path, debtors)
        return self.creditor_of(path, CADENCE.format(channel=channel.value, template=TEMPLATES[channel]))

    def creditor_of(self, portfolio: Path, cadence: str) -> UUID:
        """A creditor with a portfolio on a cadence; nobody is due yet."""
        now = self.clock.now()
        creditor_id = ensure_creditor(
            self.db, f"bench-{secrets.token_hex(4)}", read_profile(PROFILE), now, secrets.token_bytes(10)
        )
        wish = Wish(portfolio, find_mapping("default"), "bench")
        import_portfolio(self.db, self.ring, creditor_id, wish, now, lambda *_: None)
        campaigns.launch(self.db, creditor_id, read_cadence(cadence, "bench.yaml"), now, secrets.token_bytes(10))
        self.make_due(creditor_id, None)
        return creditor_id

    def make_due(self, creditor_id: UUID, at: dt.datetime | None) -> None:
        """Have all of a creditor's debtors be due at an instant; None: at no time."""
        with self.db.tenant(creditor_id) as connection:
            connection.exec_driver_sql("UPDATE lanes SET due_at = %(at)s", {"at": at})

    def rate(self, creditor_id: UUID) -> float:
        """Contacts a second from the moment at which all debtors are due until the last is recorded as accepted."""
        self.make_due(creditor_id, self.clock.now())
        begin = time.perf_counter()
        self.until_idle(creditor_id)
        seconds = time.perf_counter() - begin
        return self.accepted(creditor_id) / seconds

    def until_idle(self, creditor_id: UUID) -> None:
        """Tick as the scheduler does, every second, until nothing is left to do."""
        begin = time.monotonic()
        ticked = begin - 1
        while time.monotonic() < begin + LIMIT_S:
            if time.monotonic() >= ticked + 1:
                ticked = time.monotonic()
                self.scheduler.tick()
            with self.db.tenant(creditor_id) as connection:
                if pending(connection, creditor_id, self.clock.now()).is_idle:
                    return
            time.sleep(0.05)
        raise SystemExit(f"bench: work was left after {LIMIT_S} s")

    def accepted(self, creditor_id: UUID) -> int:
        """How many attempts were accepted. Ends the benchmark where any went another way."""
        with self.db.tenant(creditor_id) as connection:
            counts = connection.exec_driver_sql(  # by debtor: a look at all attempts would be measured along
                """SELECT state, count(*) FROM attempts
                   WHERE debtor_id = ANY(ARRAY(SELECT debtor_id FROM lanes)) GROUP BY state"""
            )
            found = {str(state): int(n) for state, n in counts}
        if set(found) != {"accepted"}:
            raise SystemExit(f"bench: not all attempts were accepted: {found}")
        return found["accepted"]


@contextmanager
def world() -> Iterator[World]:
    """A world for as long as the block lasts; nothing of it stays."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    configure("warning")  # standard output is the result's alone
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forbear-bench-")))
        folder.chmod(0o711)  # as root, PostgreSQL runs as somebody else
        state = folder / "state"
        servers = stack.enter_context(hold(state))
        migrate.upgrade(servers.owner_url)
        settings = Settings(
            state_dir=state, database_url=servers.database_url, redis_url=servers.redis_url, clock="accelerated"
        )
        clock = stack.enter_context(
            closing(Conductor.begin(clock_path(settings), START, rate=1.0, limit=START + dt.timedelta(hours=6)))
        )
        db = stack.enter_context(closing(Database(servers.database_url, pool_size=4)))
        with db.system() as connection:
            ensure_partitions(connection, START.date(), START.date() + dt.timedelta(days=60))
        scheduler = stack.enter_context(open_scheduler(settings))
        yield World(settings, servers, db, KeyRing.open(settings.keys_path, create=True), scheduler, clock, folder)


def write_debtors(path: Path, debtors: int) -> None:
    """A portfolio of private debtors in China, each with a card or more, a mobile number and an address for email."""
    seen: set[str] = set()
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows(10 * debtors, 1, START.date(), ("CN",)):
            cells = dict(zip(HEADER, row, strict=True))
            if cells["kind"] == "person" and cells["mobile"] and cells["email"]:
                seen.add(cells["debtor"])
                if len(seen) > debtors:
                    return
                writer.writerow((cells | OF_DEBTORS | OF_CARDS)[name] for name in HEADER)
