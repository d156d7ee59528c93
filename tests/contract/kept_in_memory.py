"""The sandbox's future within one process: what adapters are tried with where no Redis is needed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from channels.sandbox_events import DueEvent, SandboxEvent, decode, encode


class KeptInMemory:
    """What `RedisSandboxEvents` keeps, kept here."""

    def __init__(self) -> None:
        self._kept: dict[bytes, datetime] = {}
        self._heard: set[UUID | None] = set()

    async def add(self, creditor_id: UUID, events: Iterable[SandboxEvent]) -> None:
        """Keep the events."""
        found = list(events)
        self._kept.update({encode(creditor_id, event): event.at for event in found})
        self._heard.update(event.attempt_id for event in found)

    async def has_heard(self, attempt_id: UUID) -> bool:
        """Whether the sandbox has the message."""
        return attempt_id in self._heard

    def take_due(self, now: datetime, limit: int) -> list[DueEvent]:
        """What is due, oldest first."""
        due = sorted((at, token) for token, at in self._kept.items() if at <= now)
        return [decode(token) for _, token in due[:limit]]

    def done(self, taken: Sequence[DueEvent]) -> None:
        """Forget what was handed on."""
        for one in taken:
            self._kept.pop(one.token, None)
