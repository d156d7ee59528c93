"""Puts a worker's means together: servers, keys, packs, templates, adapters, and the parts that do the work."""

import datetime as dt
import os
import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from campaigns.cadence import Cadence
from campaigns.prices import read_prices
from campaigns.rules import rules_of
from campaigns.templates import load_templates
from channels.protocol import Adapter
from channels.registry import build_adapters
from channels.sandbox_events import RedisSandboxEvents, SandboxEvents
from config import zones
from config.clock import Clock, SystemClock, open_clock
from config.embedded.state import ROOT
from config.settings import Settings
from storage.crypto import KeyRing
from storage.session import Database
from storage.vault import Vault
from throttling.compose import compile_rules
from throttling.packs import Library, load_packs
from workers.asking import Asker
from workers.calling import Caller
from workers.clocks import ClockCheck
from workers.composing import Composer
from workers.deliver import Deliverer
from workers.dispatch import Dispatcher
from workers.incoming import KEYS_KEPT, receiver
from workers.links import link_key
from workers.loop import Loop
from workers.providers import callback_secret, channel_settings
from workers.receive import Receiver
from workers.routing import Router, open_router
from workers.sweep import Sweeper

PRICES = ROOT / "config" / "prices.yaml"


@dataclass(frozen=True, slots=True)
class Workshop:
    """All that a worker process works with."""

    settings: Settings
    db: Database
    clock: Clock
    loop: Loop
    dispatcher: Dispatcher
    deliverer: Deliverer
    receiver: Receiver
    sweeper: Sweeper
    asker: Asker
    sandbox: SandboxEvents
    router: Router


@contextmanager
def open_workshop(settings: Settings, *, clock: Clock | None = None, pool_size: int = 12) -> Iterator[Workshop]:
    """Everything that a worker needs, for as long as the block lasts. `settings` hold all addresses.

    `clock` stands for the one that the settings ask for.
    """
    zones.use_newest()
    clock = clock or open_clock(settings)
    lease = dt.timedelta(seconds=settings.lease_seconds)
    ring = KeyRing.open(settings.keys_path, create=True)
    vault = Vault(ring, KEYS_KEPT)
    packs = load_packs()
    with closing(Database(str(settings.database_url), pool_size=pool_size)) as db, closing(Loop()) as loop:
        sandbox = RedisSandboxEvents(str(settings.redis_url))
        adapters = build_adapters(channel_settings(settings, ring), clock.now, sandbox)
        router = open_router(settings)
        cadences: dict[UUID, Cadence] = {}
        try:
            yield Workshop(
                settings,
                db,
                clock,
                loop,
                Dispatcher(db, rules_of(packs), os.urandom, cadences),
                Deliverer(
                    db,
                    vault,
                    clock,
                    composer(settings, ring, packs),
                    Caller(db, clock, adapters, router, lease),
                    site(settings),
                    settings.send_chunk,
                    random.SystemRandom().random,
                    agreement(settings, db, clock),
                    cadences=cadences,
                ),
                Receiver(db, vault, clock, cadences),
                Sweeper(db, clock, cadences),
                Asker(db, vault, ring, adapters, lease, receiver(db, ring, clock)),
                sandbox,
                router,
            )
        finally:
            loop.wait(_close(adapters, router, sandbox))


def agreement(settings: Settings, db: Database, clock: Clock) -> Callable[[], None]:
    """What holds sending where this machine's clock is wrong; a simulated clock is nobody's to compare."""
    if not isinstance(clock, SystemClock):
        return lambda: None
    return ClockCheck(db, clock, dt.timedelta(milliseconds=settings.most_clock_skew_ms)).agree


def composer(settings: Settings, ring: KeyRing, packs: Library) -> Composer:
    """What writes messages, held to the rules of these packs."""
    prices = read_prices(PRICES.read_text(encoding="utf-8"), str(PRICES))
    return Composer(
        load_templates(),
        cache(lambda ids: compile_rules(packs, ids)),
        prices,
        site(settings),
        link_key(callback_secret(settings, ring)),
    )


def site(settings: Settings) -> str:
    """The public address of the web process; on one machine, without one, the address that it listens on."""
    return settings.public_url or f"http://{settings.web_host}:{settings.web_port}"


async def _close(adapters: dict[str, Adapter], *others: Any) -> None:
    for one in (*adapters.values(), *others):
        await one.close()
