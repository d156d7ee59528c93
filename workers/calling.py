"""Call: the providers, a chunk of messages at a time, on the process's event loop.

Each call waits for its turn here, not in the adapter, and is looked at once more when its turn comes: a worker that
slept through its lease, a window that closed, a stop that came meanwhile keep it from leaving.
"""

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from channels.protocol import EXPIRED, Adapter
from config.clock import Clock
from config.logging import get_logger
from domain.channel import Channel
from domain.errors import Unavailable
from domain.message import Accepted, Message, NotAccepted, SendResult
from storage import sending
from storage.sending import Outgoing
from storage.session import Database
from workers.composing import Composed
from workers.points import reach
from workers.routing import Grant, Routing, Settled

ROOM = 0.75
"""After so much of its lease a worker calls no provider any more: others may take it for dead soon."""
LOOK_SECONDS = 0.3
"""How often it is looked, while calls wait for their turn, whether they may still be made."""
log = get_logger(__name__)


class Call(NamedTuple):
    """One call to a provider: what is sent, by whose leave, and since when its lease runs, as `monotonic` counts."""

    attempt: Outgoing
    composed: Composed
    grant: Grant
    message: Message
    taken_at: float


class Answer(NamedTuple):
    """What came of a call, and how long it took in seconds; `result` None: it was held back, and nobody was called."""

    call: Call
    result: SendResult | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls for any creditor. `monotonic` measures calls and leases in seconds."""

    db: Database
    clock: Clock
    adapters: Mapping[str, Adapter]
    routing: Routing
    lease: dt.timedelta
    monotonic: Callable[[], float] = time.monotonic
    rooms: dict[tuple[str, Channel], asyncio.Semaphore] = field(default_factory=dict)

    async def call_all(self, creditor_id: UUID, calls: Sequence[Call]) -> list[Answer]:
        """Call the providers, as many at once as each takes, and give their leave back."""
        held: set[UUID] = set()
        watch = asyncio.create_task(self._watch(creditor_id, [call.attempt.attempt_id for call in calls], held))
        try:
            answers = await asyncio.gather(*(self._call(call, held) for call in calls))
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        await self.routing.settle(
            [Settled(one.call.grant, one.result, cost_of(one)) for one in answers], self.clock.now()
        )
        return answers

    async def _call(self, call: Call, held: Collection[UUID]) -> Answer:
        """One call, when its turn comes and if it may still be made: where it is not, nothing left for certain."""
        adapter = self.adapters[call.grant.provider]
        async with self._room(adapter, call.message.channel):
            started = self.monotonic()
            is_late = started - call.taken_at > ROOM * self.lease.total_seconds()
            if is_late or call.attempt.attempt_id in held:
                return Answer(call, None, 0.0)
            if self.clock.now() >= call.attempt.closes_at:
                return Answer(call, EXPIRED, 0.0)
            reach("calling")
            result = await adapter.send(call.message)
            reach("answered")
            return Answer(call, result, self.monotonic() - started)

    def _room(self, adapter: Adapter, channel: Channel) -> asyncio.Semaphore:
        """Of each channel its own, so that slow calls hold up no SMS of the same provider."""
        room = self.rooms.get((adapter.name, channel))
        if room is None:
            room = self.rooms[adapter.name, channel] = asyncio.Semaphore(adapter.at_once)
        return room

    async def _watch(self, creditor_id: UUID, attempt_ids: Sequence[UUID], held: set[UUID]) -> None:
        """Hold back those that must not leave any more; all of them where nobody can tell."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                held |= await asyncio.to_thread(self._held_back, creditor_id, attempt_ids)
            except Unavailable:
                log.warning("calls_held_back", creditor=creditor_id, reason="Unavailable")
                held.update(attempt_ids)
            except Exception:  # raised to those who wait for the calls, it would take their answers away
                log.exception("calls_held_back", creditor=creditor_id)
                held.update(attempt_ids)

    def _held_back(self, creditor_id: UUID, attempt_ids: Sequence[UUID]) -> set[UUID]:
        with self.db.tenant(creditor_id) as connection:
            return sending.held_back(connection, attempt_ids)


def cost_of(answer: Answer) -> int:
    """What a call costs, in millionths: what the provider said, else the estimate; nothing where it was not taken."""
    if answer.result is None or isinstance(answer.result, NotAccepted):
        return 0
    said = answer.result.cost if isinstance(answer.result, Accepted) else None
    return answer.call.composed.cost if said is None else said
