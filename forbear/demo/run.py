"""Runs the demo: a world of its own on embedded servers, the real processes, the accelerated clock, and the audit."""

import datetime as dt
import fcntl
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import redis

from audit.replay import replay
from campaigns.cadence_file import read_cadence
from campaigns.prices import read_prices
from channels.sandbox_events import RedisSandboxEvents
from config.clock import Conductor, clock_path
from config.embedded import servers
from config.embedded.processes import choose_port
from config.embedded.state import ROOT
from config.settings import Settings
from domain.errors import BadInput, Unavailable
from forbear.commands.release import prepare_ledger
from forbear.creditor_profile import read_profile
from forbear.demo.books import close_day
from forbear.demo.conductor import World, conduct
from forbear.demo.crew import Running, processes
from forbear.demo.summary import Summary, read
from portfolio.importer import Wish, import_portfolio
from portfolio.mapping_file import find_mapping
from portfolio.sample import write_sample
from portfolio.summary import Summary as Imported
from storage import migrate
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing
from storage.idleness import Pending, pending
from storage.ledger_facts import entries_of_all
from storage.session import Database
from web.access import web_token
from workers import campaigns
from workers.broker import QUEUES, waiting
from workers.workshop import PRICES

CREDITOR = "harbour-bank"
PROFILE = ROOT / "config" / "creditors" / f"{CREDITOR}.yaml"
CADENCE = ROOT / "config" / "cadences" / "card-early.yaml"
START = dt.datetime(2026, 3, 1, 16, 0, tzinfo=dt.UTC)
"""Monday, 2 March 2026, at midnight in Shanghai: holidays of that spring are known."""
COUNTRIES = ("CN", "HK", "TW")
TICK_MS = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be shown: a sample of `accounts`, or a `portfolio` file by its `mapping`; for `days`, in `seconds`.

    `port`, or a free one where that is taken, is the live page's where the run `is_watched`.
    """

    accounts: int = 500
    portfolio: Path | None = None
    mapping: str = "default"
    cadence: Path = CADENCE
    days: int = 28
    seconds: float = 100.0
    seed: int = 1
    port: int = 8080
    is_watched: bool = True


Say = Callable[[str], None]
Progress = Callable[[dt.datetime, float], None]
"""Told the simulated instant and the share of the days that has passed."""


def run(
    wished: Settings, plan: Plan, say: Say, progress: Progress, at_end: Callable[[Summary], None] | None = None
) -> Summary:
    """Run it all. Raises BadInput for a wrong file, Unavailable where something does not come up or gets stuck.

    `at_end` gets the summary while servers and pages are still up; without it they stop while the ledger is replayed.
    """
    began = time.monotonic()
    with _own_world(wished) as settings:
        migrate.upgrade(str(settings.database_owner_url))
        ring = KeyRing.open(settings.keys_path, create=True)
        port = choose_port(plan.port) if plan.is_watched else None
        with (
            closing(Conductor.begin(clock_path(settings), START, rate=1.0, limit=START)) as clock,
            closing(Database(str(settings.database_url), pool_size=4)) as db,
        ):
            prepare_ledger(db, START)
            with processes(settings, plan.seed, port) as running:  # they come up while the portfolio comes in
                creditor_id, imported = _set_up(db, ring, plan, say)
                if port is not None:
                    say(f"Watch it at http://127.0.0.1:{port}/?token={web_token(settings)}")
                _conduct(settings, db, clock, creditor_id, plan, running, progress)
                if at_end is None:
                    running.stop()
                say("Replaying the ledger…")
                summary = _summed(db, creditor_id, imported, plan, time.monotonic() - began)
                if at_end is not None:
                    at_end(summary)
                return summary


@contextmanager
def _own_world(wished: Settings) -> Iterator[Settings]:
    """Settings of a state folder that the demo has for itself, made anew each time. Raises Unavailable if one runs."""
    state = wished.state_dir.absolute() / "demo"
    state.parent.mkdir(parents=True, exist_ok=True)
    with (state.parent / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable("a demo runs already.", where=str(state), remedy="Wait for it, or end it.") from None
        if state.exists():
            servers.stop(state)
            shutil.rmtree(state)
        settings = Settings(
            state_dir=state,
            clock="accelerated",
            scheduler_tick_ms=TICK_MS,
            sandbox_latency_ms=5,
            worker_processes=1,
            log_level="warning",
        )
        with servers.hold(state, durable=False) as addresses:  # made anew each time: nothing need outlive the machine
            yield settings.model_copy(
                update={
                    "database_url": addresses.database_url,
                    "database_owner_url": addresses.owner_url,
                    "redis_url": addresses.redis_url,
                }
            )


def _set_up(db: Database, ring: KeyRing, plan: Plan, say: Say) -> tuple[UUID, Imported]:
    """The creditor, its portfolio, and the campaign on it."""
    creditor_id = ensure_creditor(db, CREDITOR, read_profile(PROFILE), START, secrets.token_bytes(10))
    day = START.astimezone(ZoneInfo("Asia/Shanghai")).date()
    imported = import_portfolio(db, ring, creditor_id, _wish(plan, day, ring.path.parent), START)
    say(f"{imported.added:,} accounts came in.")
    source = plan.cadence.read_text(encoding="utf-8-sig")
    cadence = read_cadence(source, str(plan.cadence))
    launched = campaigns.launch(db, creditor_id, cadence, START, secrets.token_bytes(10))
    say(f"{launched.name} runs; {launched.enrolled:,} accounts are on it.")
    if not launched.enrolled:
        raise BadInput("no account fits the cadence's audience.", where=str(plan.cadence))
    return creditor_id, imported


def _wish(plan: Plan, day: dt.date, folder: Path) -> Wish:
    """The import: of the file that was named, with balances as of the demo's first day, or of a sample."""
    mapping = find_mapping(plan.mapping)
    if plan.portfolio is not None:
        return Wish(plan.portfolio, mapping, mapping.name, as_of=day)
    path = folder / "sample.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        write_sample(out, plan.accounts, plan.seed, day, COUNTRIES)
    return Wish(path, mapping, "sample")


def _conduct(
    settings: Settings,
    db: Database,
    clock: Conductor,
    creditor_id: UUID,
    plan: Plan,
    running: Running,
    progress: Progress,
) -> None:
    end = START + dt.timedelta(days=plan.days)
    sandbox = RedisSandboxEvents(str(settings.redis_url))
    with closing(redis.Redis.from_url(str(settings.redis_url))) as client:
        world = World(
            pending=lambda now: _pending(db, creditor_id, now),
            next_event=sandbox.next_due,
            queued=lambda: sum(waiting(client, QUEUES).values()),
            at_midnight=lambda today: _night(db, creditor_id, today),
            check=running.check,
            progress=lambda now: progress(now, (now - START) / (end - START)),
        )
        if not conduct(clock, world, end, ZoneInfo("Asia/Shanghai"), plan.seconds, time.monotonic):
            raise Unavailable(
                "the demo got stuck: something stays undone.",
                remedy=f"Its processes said:\n{running.last_words() or 'nothing.'}",
            )


def _pending(db: Database, creditor_id: UUID, now: dt.datetime) -> Pending:
    with db.tenant(creditor_id) as connection:
        return pending(connection, creditor_id, now)


def _night(db: Database, creditor_id: UUID, today: dt.date) -> None:
    close_day(db, creditor_id, today)


def _summed(db: Database, creditor_id: UUID, imported: Imported, plan: Plan, seconds: float) -> Summary:
    with db.tenant(creditor_id) as connection:
        figures = read(connection)
        report = replay(entries_of_all(connection))
    return Summary(
        figures=figures,
        lines=imported.lines,
        left_out=imported.outside,
        rejected=imported.rejected,
        currency=read_prices(PRICES.read_text(encoding="utf-8"), str(PRICES)).currency,
        checked=report.checked,
        unjudged=sum(report.unjudged.values()),
        violations=len(report.violations),
        days=plan.days,
        seconds=seconds,
    )
