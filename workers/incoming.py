"""What the web process is given: adapters to verify callbacks by, a receiver to store them, and what attempts say."""

import secrets
from collections.abc import Callable
from uuid import UUID

from channels.protocol import Adapter
from channels.registry import build_adapters
from config.clock import Clock
from config.settings import Settings
from domain.channel import Channel
from domain.event import ProviderEvent
from domain.identity import new_id
from domain.message import Content
from storage.crypto import KeyRing, unseal
from storage.received import store
from storage.session import Database
from storage.vault import Vault
from workers.contents import CONTEXT, unpack
from workers.points import reach
from workers.providers import channel_settings

KEYS_KEPT = 10_000
QUEUES = ("look", "dispatch", *(channel.value for channel in Channel))


def adapters(settings: Settings, ring: KeyRing, clock: Clock) -> dict[str, Adapter]:
    """The adapters that are set up. The sandbox needs none of its events here: it makes no callbacks."""
    return build_adapters(channel_settings(settings, ring), clock.now)


def receiver(db: Database, ring: KeyRing, clock: Clock) -> Callable[[UUID, list[ProviderEvent]], None]:
    """Stores what came for one creditor, each event once, and returns when it is committed. Workers apply it."""
    vault = Vault(ring, KEYS_KEPT)

    def receive(creditor_id: UUID, events: list[ProviderEvent]) -> None:
        now = clock.now()
        with db.tenant(creditor_id) as connection:
            store(connection, vault, ring, creditor_id, events, now, lambda: new_id(now, secrets.token_bytes(10)))
            reach("receiving")
        reach("received")

    return receive


def contents(db: Database, ring: KeyRing) -> Callable[[UUID, UUID], Content | None]:
    """Reads what an attempt of a creditor says; None where nothing is kept of it, or the debtor was erased."""
    vault = Vault(ring, KEYS_KEPT)

    def content_of(creditor_id: UUID, attempt_id: UUID) -> Content | None:
        with db.tenant(creditor_id) as connection:
            row = connection.exec_driver_sql(
                "SELECT debtor_id, content_cipher FROM attempts WHERE attempt_id = %(id)s", {"id": attempt_id}
            ).one_or_none()
            if row is None or row.content_cipher is None:
                return None
            key = vault.keys(connection, [row.debtor_id]).get(row.debtor_id)
        return unpack(unseal(key, CONTEXT, attempt_id, row.content_cipher)) if key else None

    return content_of
