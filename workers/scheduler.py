"""The scheduler: several may run, one leads, by an advisory lock of the database. Its ticks put messages on a queue.

A tick decides nothing and writes nothing: workers do the work, and a tick that is lost is made up for by the next.
"""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from apscheduler.schedulers.background import BackgroundScheduler
from dramatiq.brokers.redis import RedisBroker
from redis.exceptions import RedisError

from channels.sandbox_events import RedisSandboxEvents
from config.clock import Clock, open_clock
from config.logging import get_logger
from config.settings import Settings
from domain.errors import Unavailable
from storage import lanes, ticking
from storage.partitions import ensure_partitions
from storage.session import Database, connect, connection_parameters
from workers.broker import DISPATCH, LOOK, open_broker, send, waiting

LOCK = "forbear scheduler"
FULL = 200
"""Messages on the dispatch queue beyond which ticks add none."""
MOST_LOOKS = 8
"""Messages that one tick sends for one creditor's debtors, at most; each looks at batches for some seconds."""
MONTHS_AHEAD = dt.timedelta(days=70)
log = get_logger(__name__)


class Leadership:
    """Whether this process leads. The lock lives as long as its connection: who dies or is cut off leads no more."""

    def __init__(self, url: str) -> None:
        self._parameters = connection_parameters(url)
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()

    def is_held(self) -> bool:
        """True for the one that leads; tries to, where nobody does. False where the database is away."""
        with self._lock:
            return self._ask()

    def _ask(self) -> bool:
        try:
            if self._connection is None:
                self._connection = connect(self._parameters)
                self._connection.autocommit = True
            row = self._connection.execute(
                """SELECT EXISTS (
                           SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted)
                       OR pg_try_advisory_lock(hashtextextended(%s, 0))""",
                (LOCK,),
            ).fetchone()
            return bool(row and row[0])
        except psycopg.Error:
            self.close()
            return False

    def close(self) -> None:
        """Lead no more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Sends ticks while it leads."""

    db: Database
    broker: RedisBroker
    clock: Clock
    leadership: Leadership
    sandbox: RedisSandboxEvents
    claim: int
    led: list[bool] = field(default_factory=lambda: [False])

    def tick(self) -> None:
        """Look for debtors who are due and for what was received."""
        for creditor_id in self._creditors():
            now = self.clock.now()
            with self.db.tenant(creditor_id) as connection:
                due = lanes.due(connection, creditor_id, now, self.claim * MOST_LOOKS)
                is_received = ticking.has_open(connection, creditor_id)
            for _ in range(min(MOST_LOOKS, -(-due // self.claim))):
                send(self.broker, "look", str(creditor_id), queue=LOOK)
            if is_received:
                send(self.broker, "apply", str(creditor_id))
        self._sandbox()

    def each(self, actor: str) -> None:
        """Send one message for each creditor."""
        for creditor_id in self._creditors():
            send(self.broker, actor, str(creditor_id))

    def partitions(self) -> None:
        """See that the ledger has its months."""
        if self._leads():
            today = self.clock.now().date()
            with self.db.system() as connection:
                ensure_partitions(connection, today, today + MONTHS_AHEAD)

    def _creditors(self) -> list[UUID]:
        """All creditors, where this process leads and neither queue of ticks is full; otherwise none."""
        if not self._leads() or max(waiting(self.broker.client, [LOOK, DISPATCH]).values()) >= FULL:
            return []
        return sorted(self.db.creditors().values())

    def _leads(self) -> bool:
        leads = self.leadership.is_held()
        if leads != self.led[0]:
            log.info("scheduler_leads" if leads else "scheduler_stands_by")
            self.led[0] = leads
        return leads

    def _sandbox(self) -> None:
        due = self.sandbox.next_due()
        if due is not None and due <= self.clock.now():
            send(self.broker, "sandbox")


@contextmanager
def open_scheduler(settings: Settings) -> Iterator[Scheduler]:
    """A scheduler on the settings' servers, for as long as the block lasts."""
    url = str(settings.database_url)
    broker = open_broker(str(settings.redis_url))
    with closing(Database(url, pool_size=6)) as db, closing(Leadership(url)) as leadership:
        sandbox = RedisSandboxEvents(str(settings.redis_url))
        yield Scheduler(db, broker, open_clock(settings), leadership, sandbox, settings.claim_debtors)
        broker.close()


def jobs(scheduler: Scheduler) -> Iterator[tuple[str, int, Callable[[], None]]]:
    """The jobs: a name, every how many ticks, and what is done."""
    yield "tick", 1, scheduler.tick
    yield "fold", 2, lambda: scheduler.each("fold")
    yield "sweep", 5, lambda: scheduler.each("sweep")
    yield "settle", 10, lambda: scheduler.each("settle")
    yield "enrol", 30, lambda: scheduler.each("enrol")
    yield "partitions", 600, scheduler.partitions


def started(scheduler: Scheduler, tick: dt.timedelta) -> BackgroundScheduler:
    """The jobs, running in threads of their own; none is run twice at the same time."""
    made = BackgroundScheduler(timezone=dt.UTC)
    for name, ticks, job in jobs(scheduler):
        made.add_job(
            _survives(name, job),
            "interval",
            seconds=max(0.01, tick.total_seconds() * ticks),
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=dt.datetime.now(dt.UTC),
        )
    made.start()
    return made


def _survives(name: str, job: Callable[[], None]) -> Callable[[], None]:
    """A job that a server which is away does not end: the next tick makes up for it."""

    def run() -> None:
        try:
            job()
        except (Unavailable, RedisError) as error:
            log.warning("tick_missed", task=name, reason=type(error).__name__)
        except Exception:
            log.exception("tick_failed", task=name)

    return run
