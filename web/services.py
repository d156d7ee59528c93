"""What the web process works with, handed to `create_app` whole: nothing in `web/` opens a connection of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from channels.protocol import Adapter
from config.clock import Clock
from domain.event import ProviderEvent
from domain.message import Content
from storage.session import Database
from storage.vault import Vault
from web.board import RuleWords
from web.depths import Depths

ContentOf = Callable[[UUID, UUID], Content | None]
"""What an attempt of a creditor says, for a provider that asks how a call goes on; None where it is not kept."""

Receive = Callable[[UUID, list[ProviderEvent]], None]
"""Stores what came for one creditor, idempotently, and returns when it is committed."""


@dataclass(frozen=True, slots=True)
class Services:
    """The web process's means. `token` opens the pages; `link_key` signs links in messages.

    `public_url` is the address at which providers see us: what they sign is that address, whatever a proxy makes of it.
    `revision` reads the database's migration, and `head` is the newest: `/ready` compares them. `is_stopping` tells
    live pages to end.
    """

    db: Database
    clock: Clock
    adapters: Mapping[str, Adapter]
    receive: Receive
    content_of: ContentOf
    vault: Vault
    depths: Depths
    token: str
    link_key: bytes
    public_url: str
    head: str
    revision: Callable[[], str | None]
    currency: str = "USD"
    is_simulated: bool = False
    rules: Mapping[tuple[str, str], RuleWords] = field(default_factory=dict)
    is_stopping: Callable[[], bool] = lambda: False
