"""A world of its own for one run: durable servers, a portfolio, a campaign, real processes, and a hostile provider."""

import datetime as dt
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
import redis

from campaigns.cadence_file import read_cadence
from config.clock import Conductor, Course, clock_path
from config.embedded.processes import choose_port, wait_until
from config.embedded.state import ROOT, make_folder
from config.settings import Settings, running
from domain.errors import Unavailable
from forbear.commands.release import prepare_ledger
from forbear.creditor_profile import read_profile
from portfolio.importer import Wish, import_portfolio
from portfolio.mapping_file import find_mapping
from portfolio.sample import HEADER, rows, write_sample
from storage import migrate
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing
from storage.session import Database
from tests.contract.twilio_stub import ACCOUNT, TOKEN
from tests.faults.crew import Crew, environment
from tests.faults.provider import Creation, HostileProvider, Stop
from tests.faults.relay import SECRET, HostileRelay
from tests.faults.returned import BOUNCES
from workers import campaigns

START = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
"""Monday, eleven in the morning in Shanghai: eight hours of the window are left."""
PROFILE = ROOT / "config" / "creditors" / "harbour-bank.yaml"
CADENCE = """\
name: faults
title: A reminder, a call, a second reminder
verification: [birth_date, id_last4]
balances_no_older_than: 30
audience:
  products: [credit_card, consumer_instalment, car_loan, home_loan]
  days_past_due: {from: 1, to: 400}
  kinds: [person]
  languages: [zh-Hans, zh-Hant, en]
window: {hours: 09:30-19:30, days: Mon-Sat}
pacing: {per_hour: PER_HOUR}
stages: [early]
steps:
"""
MESSAGES = """\
  - {id: reminder, stage: early, when: {day_in_arrears: 1}, channel: sms, template: card-reminder, merge: true}
  - id: call
    stage: early
    when: {days_after_last_contact: 3}
    channel: voice
    fallback: [sms]
    window: {hours: 10:00-18:30, days: Mon-Fri}
    template: card-call
  - {id: second, stage: early, when: {days_after_last_contact: 3}, channel: sms, template: card-reminder, merge: true}
"""
MAILS = """\
  - {id: statement, stage: early, when: {day_in_arrears: 1}, channel: email, template: card-statement, merge: true}
  - {id: again, stage: early, when: {days_after_last_contact: 3}, channel: email, template: card-statement, merge: true}
"""
"""The steps of a cadence of messages and calls, which the provider carries, and of one of mails, for the relay."""
RATE = 30.0
"""Simulated seconds in a real one while faults are injected: pauses after failures are short then."""
HURRY = 240.0
"""The same while everything is settled: half an hour must pass until a provider's silence is proof."""
DRAIN_SECONDS = 180.0
SETTLE_SECONDS = 30.0
"""How long doubts are given to be settled: two hours of the simulated clock."""


class Steppable(Conductor):
    """The clock of all processes, which can also jump, in either direction."""

    def step(self, by: dt.timedelta) -> None:
        """Show a time that is so much later, or earlier, from now on."""
        with self._locked(2):
            old, real = self._course(), self._monotonic_ns()
            simulated = old.at(real) + by // dt.timedelta(microseconds=1)
            new = Course(old.generation + 1, real, simulated, old.rate, old.limit)
            size = len(new.pack())
            self._map[size * (old.generation % 2) : size * (old.generation % 2 + 1)] = new.pack()


@dataclass(slots=True)
class Ground:
    """What a run works with. `injected` counts the faults that were injected here; the provider counts its own."""

    settings: Settings
    folder: Path
    random: Random
    clock: Steppable
    db: Database
    creditor_id: UUID
    enrolled: int
    numbers: dict[str, str]
    provider: HostileProvider
    crew: Crew
    site: str
    is_stepped: bool = False
    injected: Counter[str] = field(default_factory=Counter)
    poisoned: int = 0
    relay: HostileRelay | None = None

    @property
    def outside(self) -> tuple[HostileProvider | HostileRelay, ...]:
        """All who carry contacts."""
        return (self.provider, self.relay) if self.relay else (self.provider,)

    @property
    def created(self) -> list[Creation]:
        """What all of them were asked for."""
        return [one for each in self.outside for one in each.created]

    @property
    def stops(self) -> list[Stop]:
        """The STOPs that the system acknowledged."""
        return [one for each in self.outside for one in each.stops]

    def query(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        """What the creditor's tables hold."""
        with self.db.tenant(self.creditor_id) as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    def owner(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection as the role that owns the tables."""
        return psycopg.connect(str(self.settings.database_owner_url), autocommit=True)

    def queue(self) -> redis.Redis:
        """A connection to the queue."""
        return redis.Redis.from_url(str(self.settings.redis_url))

    def stop_somebody(self) -> None:
        """Have a debtor reply STOP, if possible one whose message is about to leave."""
        leaving = self.left_debtors()
        chosen = [one for one in leaving if one in self.numbers] or sorted(self.numbers)
        sender = self.numbers.pop(self.random.choice(chosen))
        if (
            self.relay.stop_from(sender)
            if self.relay
            else self.provider.stop_from(sender, f"{self.site}/webhooks/twilio/{self.creditor_id}/inbound")
        ):
            self.injected["STOP while contacts are under way"] += 1

    def left_debtors(self) -> list[str]:
        """The references of debtors for whom a message is reserved; nobody while the database is away."""
        try:
            found = self.query(
                """SELECT d.reference FROM attempts a JOIN debtors d USING (debtor_id)
                   WHERE a.state = 'reserved' AND a.channel IN ('sms', 'email') ORDER BY 1"""
            )
        except Unavailable:
            return []
        return [str(row[0]) for row in found]

    def wait_for_requests(self, more: int, seconds: float) -> bool:
        """Whether those who carry contacts are asked so many times more within the time."""
        wanted = len(self.created) + more
        return wait_until(lambda: len(self.created) >= wanted, seconds)

    def drain(self) -> None:
        """End all faults, start again what is dead, and wait until nothing is left to do.

        Nothing stays in doubt but what the provider itself cannot tell apart, which is then for people to decide.
        """
        for one in self.outside:
            one.is_kind = True
        self.crew.revive()
        self.crew.wait_ready()
        self.clock.change(rate=HURRY)
        assert wait_until(self.is_at_rest, DRAIN_SECONDS), f"it does not come to rest: {self.left()}"
        wait_until(lambda: self.left() == {}, 0 if self.relay else SETTLE_SECONDS)  # nobody can be asked about a mail
        self.clock.change(limit=self.clock.now())
        for one in self.outside:
            one.release()
        assert wait_until(self.is_at_rest, DRAIN_SECONDS), f"it does not come to rest: {self.left()}"

    def is_at_rest(self) -> bool:
        """Whether nothing is left to do now but, perhaps, to decide doubts."""
        return all(one.is_quiet for one in self.outside) and self.left().keys() <= {"in_doubt"}

    def left(self) -> dict[str, int]:
        """What is still to be done now, by kind; empty where nothing is."""
        now = self.clock.now()
        try:
            found = self.query(
                """SELECT state, count(*) FROM attempts WHERE state IN ('reserved', 'sending', 'in_doubt') GROUP BY 1
                   UNION ALL SELECT 'event', count(*) FROM delivery_events e WHERE applied_at IS NULL
                   UNION ALL SELECT 'inbound', count(*) FROM inbound WHERE applied_at IS NULL
                   UNION ALL SELECT 'due', count(*) FROM lanes WHERE due_at <= %(now)s""",
                now=now,
            )
        except Unavailable:
            return {"unavailable": 1}
        return {str(name): int(str(n)) for name, n in found if n}

    def next_day(self, days: int) -> None:
        """Go on days later at the same hour of the morning, with faults again."""
        at = self.clock.now().replace(hour=START.hour, minute=0) + dt.timedelta(days=days)
        self.clock.change(limit=at + dt.timedelta(days=30), rate=RATE)
        self.clock.step(at - self.clock.now())
        for one in self.outside:
            one.is_kind = False


@contextmanager
def ground(
    seed: int,
    accounts: int = 250,
    *,
    per_hour: int = 1000,
    latency: float = 0.3,
    address: str = "127.0.0.1",
    servers: Mapping[str, object] | None = None,
    disk: Callable[[Path], AbstractContextManager[None]] = lambda _: nullcontext(),
    is_mail: bool = False,
) -> Iterator[Ground]:
    """A world whose processes are not started yet; it is gone afterwards, its processes and servers with it.

    `per_hour` contacts are let go in an hour of the simulated clock, so that the work lasts while faults are injected.
    The web process and the provider listen on `address`. `servers` are settings that name servers; none: embedded ones,
    whose data lie on the `disk` that is put at their folder. With `is_mail` contacts are mails, carried by a relay.
    """
    folder = Path(tempfile.mkdtemp(prefix="forbear-faults-"))
    folder.chmod(0o755)
    logs = folder / "logs"
    logs.mkdir()
    make_folder(folder / "state", 0o755)
    wished = Settings(
        state_dir=folder / "state",
        clock="accelerated",
        rehearsal=True,
        sms_provider="twilio",
        voice_provider="twilio",
        scheduler_tick_ms=200,
        **(servers or {}),  # type: ignore[arg-type]
    )
    is_well = False
    try:
        with disk(folder / "state"), running(wished) as settings:
            migrate.upgrade(str(settings.database_owner_url))
            limit = START + dt.timedelta(days=30)
            with (
                closing(Steppable.begin(clock_path(settings), START, rate=RATE, limit=limit)) as clock,
                closing(Database(str(settings.database_url), pool_size=3)) as db,
                HostileProvider(seed, clock.now, latency, address).running() as provider,
                HostileRelay(seed, clock.now, latency, address).running() if is_mail else nullcontext() as relay,
            ):
                assert isinstance(clock, Steppable)
                prepare_ledger(db, START)
                creditor_id, enrolled, numbers = _populate(
                    settings, db, folder, accounts, seed, CADENCE.replace("PER_HOUR", str(per_hour)), is_mail
                )
                port = choose_port(0)
                crew = Crew(logs, environment(_variables(settings, provider.url, address, port, relay)))
                made = Ground(
                    settings, folder, Random(seed), clock, db, creditor_id, enrolled, numbers, provider, crew,
                    f"http://{address}:{port}", relay=relay,
                )  # fmt: skip
                if relay:
                    relay.returns = f"{made.site}/webhooks/smtp/{creditor_id}/inbound"
                try:
                    yield made
                finally:
                    crew.end()
        is_well = True
    finally:
        if is_well:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"What the processes said is kept in {logs}.")


def _populate(
    settings: Settings, db: Database, folder: Path, accounts: int, seed: int, cadence: str, is_mail: bool
) -> tuple[UUID, int, dict[str, str]]:
    """The creditor with its portfolio and campaign: its id, how many are enrolled, and whence each debtor says STOP."""
    day = START.date()
    creditor_id = ensure_creditor(db, "harbour-bank", read_profile(PROFILE), START, bytes(10))
    path = folder / "sample.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        write_sample(out, accounts, seed, day, ("CN",))
    ring = KeyRing.open(settings.keys_path, create=True)
    import_portfolio(db, ring, creditor_id, Wish(path, find_mapping("default"), "sample"), START, lambda *_: None)
    file = read_cadence(cadence + (MAILS if is_mail else MESSAGES), "faults.yaml")
    launched = campaigns.launch(db, creditor_id, file, START, b"0123456789")
    debtor, point = HEADER.index("debtor"), HEADER.index("email" if is_mail else "mobile")
    numbers = {row[debtor]: row[point] for row in rows(accounts, seed, day, ("CN",)) if row[point]}
    return creditor_id, launched.enrolled, numbers


def _variables(
    settings: Settings, provider_url: str, address: str, port: int, relay: HostileRelay | None
) -> dict[str, object]:
    """What the processes are told: small batches and a short lease, so that much is under way when they die."""
    mail = {} if relay is None else _mail_variables(relay)
    return mail | {
        "STATE_DIR": settings.state_dir,
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "CLOCK": "accelerated",
        "REHEARSAL": "true",
        "SMS_PROVIDER": "twilio",
        "VOICE_PROVIDER": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_SMS_FROM": "+447700900123",
        "TWILIO_VOICE_FROM": "+447700900123",
        "TWILIO_BASE_URL": provider_url,
        "WEB_HOST": address,
        "WEB_PORT": port,
        "PUBLIC_URL": f"http://{address}:{port}",
        "SCHEDULER_TICK_MS": settings.scheduler_tick_ms,
        "CLAIM_DEBTORS": 15,
        "BATCH_ATTEMPTS": 10,
        "SEND_CHUNK": 5,
        "LEASE_SECONDS": 4,
        "WORKER_PROCESSES": 1,
        "WORKER_THREADS": 4,
        "SHUTDOWN_SECONDS": 5,
    }


def _mail_variables(relay: HostileRelay) -> dict[str, object]:
    """What the processes are told of the relay, which is to report success too."""
    return {
        "EMAIL_PROVIDER": "smtp",
        "SMTP_HOST": relay.address,
        "SMTP_PORT": relay.port,
        "SMTP_TLS": "off",
        "EMAIL_FROM": "Harbour Bank <care@lender.example>",
        "EMAIL_BOUNCES": BOUNCES,
        "WEBHOOK_SECRET": SECRET.decode(),
    }
