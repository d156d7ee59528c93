"""Stores what callbacks bring, many requests a transaction: a request is answered when its own events are committed.

Requests that arrive while one transaction runs share the next: a lone one waits for nobody, and a flood makes few,
large transactions. (To wait some milliseconds for company was measured, and only costs time.) Where a shared
transaction fails, each request is tried alone, so that one that cannot be stored takes no other with it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.errors import Unavailable
from domain.event import ProviderEvent

MOST = 400
"""Requests that one transaction takes at most."""
FULL = 5_000
"""Requests that may wait; those beyond are told to come back, which providers do."""

Receive = Callable[[UUID, list[ProviderEvent]], None]


@dataclass(slots=True)
class _Waiting:
    """One request's events, and where its answer goes."""

    creditor_id: UUID
    events: Sequence[ProviderEvent]
    done: asyncio.Future[None]


class Intake:
    """The way in of one web process; used on its event loop alone."""

    def __init__(self, receive: Receive, full: int = FULL) -> None:
        self._receive = receive
        self._full = full
        self._waiting: list[_Waiting] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, creditor_id: UUID, events: Sequence[ProviderEvent]) -> None:
        """Return when the events are committed. Raises Unavailable where too many wait, or what storing raised."""
        if len(self._waiting) >= self._full:
            raise Unavailable("too many callbacks wait to be stored.", where="webhooks", remedy="Send it again later.")
        loop = asyncio.get_running_loop()
        one = _Waiting(creditor_id, events, loop.create_future())
        self._waiting.append(one)
        if self._storing is None:
            self._storing = loop.create_task(self._store_all())
        await one.done

    async def _store_all(self) -> None:
        """Store until nobody waits; one task at a time, so that batches never wait for each other's rows."""
        try:
            await asyncio.sleep(0)  # those that came in the same breath
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._store_batch(batch)
        finally:
            self._storing = None

    async def _store_batch(self, batch: Sequence[_Waiting]) -> None:
        by_creditor: dict[UUID, list[_Waiting]] = {}
        for one in batch:
            by_creditor.setdefault(one.creditor_id, []).append(one)
        for creditor_id, together in by_creditor.items():
            if await self._try(creditor_id, together) is None:
                continue
            for one in together:
                await self._try(creditor_id, [one], is_last=True)

    async def _try(self, creditor_id: UUID, together: Sequence[_Waiting], *, is_last: bool = False) -> Exception | None:
        """Store these in one transaction and answer them; what went wrong, where they are to be tried again."""
        events = [event for one in together for event in one.events]
        try:
            await asyncio.to_thread(self._receive, creditor_id, events)
        except Exception as error:  # handed to whoever waits for it
            if is_last or len(together) == 1:
                _answer(together, error)
                return None
            return error
        _answer(together, None)
        return None


def _answer(together: Sequence[_Waiting], error: Exception | None) -> None:
    for one in together:
        if one.done.done():
            continue
        if error is None:
            one.done.set_result(None)
        else:
            one.done.set_exception(error)
