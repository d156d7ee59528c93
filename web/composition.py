"""Puts the web process's means together: what it opens itself, and what workers give it. The one place that does."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from uuid import UUID

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from campaigns.prices import read_prices
from channels.protocol import Adapter
from config import zones
from config.clock import Clock, open_clock
from config.embedded.state import ROOT
from config.settings import Settings
from domain.event import ProviderEvent
from domain.message import Content
from storage import migrate
from storage.crypto import KeyRing
from storage.session import Database
from storage.vault import Vault
from throttling.packs import Library, load_packs
from web.access import web_token
from web.board import RuleWords
from web.depths import Depths
from web.services import Services
from workers import incoming
from workers.links import link_key
from workers.providers import callback_secret

PRICES = ROOT / "config" / "prices.yaml"
KEYS_KEPT = 2000
POOL = 10


@dataclass(frozen=True, slots=True)
class Work:
    """What workers give: the adapters that are set up, how events are stored, what an attempt says, the queues."""

    adapters: Mapping[str, Adapter]
    receive: Callable[[UUID, list[ProviderEvent]], None]
    content_of: Callable[[UUID, UUID], Content | None]
    queues: tuple[str, ...]


Compose = Callable[[Settings, Database, KeyRing, Clock], Work]


def from_workers(settings: Settings, db: Database, ring: KeyRing, clock: Clock) -> Work:
    """What workers give for these settings."""
    return Work(
        incoming.adapters(settings, ring, clock),
        incoming.receiver(db, ring, clock),
        incoming.contents(db, ring),
        incoming.QUEUES,
    )


@contextmanager
def open_services(settings: Settings, compose: Compose = from_workers) -> Iterator[Services]:
    """Everything that the application needs, for as long as the block lasts. `settings` hold all addresses.

    Raises BadSettings and Unavailable. It does not ask whether the database is migrated: `/ready` says so.
    """
    zones.use_newest()
    clock = open_clock(settings)
    ring = KeyRing.open(settings.keys_path, create=True)
    url = str(settings.database_url)
    with (
        closing(Database(url, pool_size=POOL)) as db,
        closing(redis.Redis.from_url(str(settings.redis_url), socket_timeout=5, retry=Retry(NoBackoff(), 1))) as client,
    ):
        work = compose(settings, db, ring, clock)
        yield Services(
            db=db,
            clock=clock,
            adapters=work.adapters,
            receive=work.receive,
            content_of=work.content_of,
            vault=Vault(ring, KEYS_KEPT),
            depths=Depths(client, work.queues),
            token=web_token(settings),
            link_key=link_key(callback_secret(settings, ring)),
            public_url=settings.public_url,
            head=migrate.head(),
            revision=lambda: migrate.current(url),
            currency=read_prices(PRICES.read_text(encoding="utf-8"), str(PRICES)).currency,
            is_simulated=settings.clock == "accelerated",
            rules=rule_words(load_packs()),
        )


def rule_words(library: Library) -> dict[tuple[str, str], RuleWords]:
    """What each rule says in English and where it comes from, by pack and rule; of several versions the newest."""
    return {
        (pack.id, rule.id): RuleWords(rule.cite, rule.meaning["en"]) for pack in library.packs for rule in pack.rules
    }
