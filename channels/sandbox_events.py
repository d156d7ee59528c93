"""What will come back from the sandbox, kept until it is due: a sorted set in Redis, by instant.

`send` adds; a tick of the scheduler takes what is due, hands it to where callbacks go, and only then says `done`. A
tick that dies in between finds the same events again: their keys make the repeat harmless. They hold no contact value.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
import redis
from redis import asyncio as async_redis

from channels.sandbox_plan import SandboxPayment
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, Inbound, Intent
from domain.facts import Outcome
from domain.message import Failure

PROVIDER = "sandbox"
KEY = "forbear:sandbox-events"
HEARD_FOR = 7 * 86_400.0
"""Seconds for which the sandbox remembers what it took."""

SandboxEvent = DeliveryEvent | Inbound | SandboxPayment


@dataclass(frozen=True, slots=True)
class DueEvent:
    """One event whose time has come, for one creditor. `token` is what `done` takes."""

    creditor_id: UUID
    event: SandboxEvent
    token: bytes


class SandboxEvents(Protocol):
    """Where the sandbox keeps what will happen."""

    async def add(self, creditor_id: UUID, events: Iterable[SandboxEvent]) -> None:
        """Keep the events until they are due, each at its own `at`; return once they are kept."""

    async def has_heard(self, attempt_id: UUID) -> bool:
        """Whether events of this attempt were ever added: whether the sandbox has the message."""

    def take_due(self, now: datetime, limit: int) -> list[DueEvent]:
        """What is due at `now`, oldest first. It is given again until `done`."""

    def done(self, taken: Sequence[DueEvent]) -> None:
        """Forget what was handed on."""


class RedisSandboxEvents:
    """The sandbox's future in Redis, shared by all processes.

    Adds that happen at once on an event loop share one round trip. `url` as redis-py takes it.
    """

    def __init__(self, url: str, key: str = KEY) -> None:
        self._url = url
        self._key = key
        self._sync = redis.Redis.from_url(url)
        self._writers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Writer] = WeakKeyDictionary()

    async def add(self, creditor_id: UUID, events: Iterable[SandboxEvent]) -> None:
        """Keep the events; return once Redis has them."""
        found = list(events)
        heard = {event.attempt_id.bytes: event.at.timestamp() for event in found if event.attempt_id}
        kept = {encode(creditor_id, event): event.at.timestamp() for event in found}
        await self._writer().write(kept, heard)

    async def has_heard(self, attempt_id: UUID) -> bool:
        """Whether the sandbox has the message; what it took longer than `HEARD_FOR` ago it may have forgotten."""
        return await self._writer().knows(attempt_id.bytes)

    def _writer(self) -> "_Writer":
        loop = asyncio.get_running_loop()
        writer = self._writers.get(loop)
        if writer is None:
            writer = self._writers[loop] = _Writer(async_redis.Redis.from_url(self._url), self._key)
        return writer

    def take_due(self, now: datetime, limit: int) -> list[DueEvent]:
        """What is due at `now`, oldest first."""
        found: Any = self._sync.zrange(self._key, "-inf", str(now.timestamp()), byscore=True, offset=0, num=limit)
        return [decode(token) for token in found]

    def done(self, taken: Sequence[DueEvent]) -> None:
        """Forget what was handed on."""
        if taken:
            self._sync.zrem(self._key, *(one.token for one in taken))

    def next_due(self) -> datetime | None:
        """When the next event is due; None where none is kept."""
        found: Any = self._sync.zrange(self._key, 0, 0, withscores=True)
        return datetime.fromtimestamp(found[0][1], UTC) if found else None

    async def close(self) -> None:
        """Give back the running loop's connections, and the others'."""
        writer = self._writers.pop(asyncio.get_running_loop(), None)
        if writer is not None:
            await writer.close()
        self._sync.close()


class _Writer:
    """Joins the writes of one event loop: those that come while one is under way share the next."""

    def __init__(self, client: "async_redis.Redis", key: str) -> None:
        self._client = client
        self._key = key
        self._heard = f"{key}:heard"
        self._waiting: dict[bytes, float] = {}
        self._asked: dict[bytes, float] = {}
        self._flush: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def knows(self, attempt: bytes) -> bool:
        return await self._client.zscore(self._heard, attempt) is not None

    async def write(self, members: Mapping[bytes, float], heard: Mapping[bytes, float]) -> None:
        if not members:
            return
        self._waiting.update(members)
        self._asked.update(heard)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._write_all(self._flush))
        await asyncio.shield(self._next)

    async def _write_all(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait([before])
        batch, self._waiting = self._waiting, {}
        asked, self._asked = self._asked, {}
        self._flush, self._next = self._next, None
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(self._key, dict(batch))
            pipeline.zadd(self._heard, dict(asked))
            pipeline.zremrangebyscore(self._heard, "-inf", min(asked.values()) - HEARD_FOR)
            await pipeline.execute()

    async def close(self) -> None:
        await self._client.aclose()


def encode(creditor_id: UUID, event: SandboxEvent) -> bytes:
    """The event as kept: compact JSON with sorted keys, so that the same event is kept once."""
    body: dict[str, Any] = {"c": creditor_id, "k": event.key, "t": event.at, "a": event.attempt_id}
    if isinstance(event, SandboxPayment):
        body |= {"pay": event.fraction}
    elif isinstance(event, Inbound):
        body |= {"ch": event.channel, "text": event.text, "i": event.intent}
    else:
        body |= {
            "ch": event.channel,
            "r": event.provider_ref,
            "s": event.state,
            "o": event.outcome,
            "f": event.failure,
            "code": event.code,
        }
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def decode(token: bytes) -> DueEvent:
    """The event as it was."""
    body = orjson.loads(token)
    creditor_id, key, at, attempt_id = UUID(body["c"]), body["k"], datetime.fromisoformat(body["t"]), UUID(body["a"])
    event: SandboxEvent
    if "pay" in body:
        event = SandboxPayment(key, attempt_id, at, body["pay"])
    elif "text" in body:
        intent = Intent(body["i"]) if body["i"] else None
        event = Inbound(key, PROVIDER, Channel(body["ch"]), at, None, attempt_id, body["text"], intent)
    else:
        event = DeliveryEvent(
            key,
            PROVIDER,
            Channel(body["ch"]),
            at,
            attempt_id,
            body["r"],
            AttemptState(body["s"]) if body["s"] else None,
            Outcome(body["o"]) if body["o"] else None,
            Failure(body["f"]) if body["f"] else None,
            body["code"],
        )
    return DueEvent(creditor_id, event, token)
