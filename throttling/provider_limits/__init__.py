"""How fast and how much each provider may be sent, and when not at all: kept in Redis for all workers together.

Two scripts do everything in one step each, by the server's own clock: `admit.lua` lets messages through, `settle.lua`
takes the answers. Where Redis is away or full nothing is let through: sending holds, it never runs free.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson
import redis
from redis import asyncio as async_redis

from domain.errors import Unavailable

PREFIX = "forbear:route:"
LEASE_MS = 120_000
"""For how long a message holds its place under a provider's concurrency, if its worker dies."""
HELD_MS = 600_000
"""How long a message waits to ask again where the spend of the day is used up."""
FOLDER = Path(__file__).parent

Ended = Literal["good", "bad", "barred", "busy"]
"""How a call ended for the provider: it works, it does not, it bars us, it has too much to do."""


class Limits(NamedTuple):
    """What one provider may be sent on a channel; None: no limit. Rates a second; `spend` a day, in millionths."""

    name: str
    priority: int = 1
    weight: float = 1.0
    rate: float | None = None
    burst: float = 1.0
    concurrency: int | None = None
    domain_rate: float | None = None
    spend: int | None = None


class Request(NamedTuple):
    """One message that asks for a provider. `draw` in [0, 1) chooses among equals; `domain` of a mail's recipient."""

    id: str
    cost: int
    draw: float
    tried: tuple[str, ...] = ()
    domain: str = ""


class Admission(NamedTuple):
    """The provider's place among the limits that were given; None: nobody takes it, ask again after `wait` seconds.

    A `wait` of None: none of them ever will, for all were tried.
    """

    place: int | None
    wait: float | None


class End(NamedTuple):
    """The end of one call. `pause` in seconds where the provider asked for it; `correction` of what it cost."""

    name: str
    id: str
    ended: Ended
    pause: float = 0.0
    correction: int = 0


class ProviderLimits:
    """The limits of all providers, on one event loop.

    `now_ms`, in milliseconds since 1970, stands for the server's clock where a simulated one runs, and in tests.
    """

    def __init__(self, client: "async_redis.Redis", prefix: str = PREFIX) -> None:
        self._client = client
        self._prefix = prefix
        self._admit = client.register_script((FOLDER / "admit.lua").read_text(encoding="utf-8"))
        self._settle = client.register_script((FOLDER / "settle.lua").read_text(encoding="utf-8"))

    async def admit(
        self, limits: Sequence[Limits], requests: Sequence[Request], day: str, *, now_ms: int = 0
    ) -> list[Admission]:
        """Let messages through, as many as may pass now. `day` names the day of the spend. Raises Unavailable."""
        given = {
            "now": now_ms,
            "day": day,
            "day_left": HELD_MS,
            "lease": LEASE_MS,
            "routes": [{key: value for key, value in one._asdict().items() if value is not None} for one in limits],
            "asks": [one._asdict() for one in requests],
        }
        answers = await self._run(self._admit, given)
        return [
            Admission(place - 1 if place else None, None if wait < 0 else wait / 1000)
            for place, wait in orjson.loads(answers)
        ]

    async def settle(self, ends: Sequence[End], day: str, *, now_ms: int = 0) -> None:
        """Take the ends of calls. Raises Unavailable."""
        done = [
            {
                "name": one.name,
                "id": one.id,
                "outcome": one.ended,
                "pause": one.pause * 1000,
                "correction": one.correction,
            }
            for one in ends
        ]
        await self._run(self._settle, {"now": now_ms, "day": day, "done": done})

    async def pause(self, name: str, seconds: float) -> None:
        """Send a provider nothing for so long; 0 ends the pause and closes its circuit."""
        key = f"{self._prefix}{name}:circuit"
        try:
            if seconds <= 0:
                await self._client.hdel(key, "paused", "opened")
            else:
                seconds_now, micro = await self._client.time()
                until = seconds_now * 1000 + micro // 1000 + int(seconds * 1000)
                await self._client.hset(key, "paused", str(until))
        except redis.RedisError as error:
            raise _away(error) from error

    async def set_rate(self, name: str, rate: float | None) -> None:
        """Change a provider's rate for all workers at once; None goes back to what its route says."""
        key = f"{self._prefix}{name}:circuit"
        try:
            if rate is None:
                await self._client.hdel(key, "rate")
            else:
                await self._client.hset(key, "rate", str(rate))
        except redis.RedisError as error:
            raise _away(error) from error

    async def state(self, name: str, day: str) -> Mapping[str, float]:
        """Seconds until the circuit is tried again and the pause ends, messages in flight, health, spend of the day."""
        key = f"{self._prefix}{name}"
        try:
            seconds, micro = await self._client.time()
            now = seconds * 1000 + micro / 1000
            opened, paused, health, rate = await self._client.hmget(
                f"{key}:circuit", ["opened", "paused", "health", "rate"]
            )
            flying = await self._client.zcount(f"{key}:slots", now, "+inf")
            spend = await self._client.get(f"{key}:spend:{day}")
        except redis.RedisError as error:
            raise _away(error) from error
        return {
            "is_open": float(opened is not None),
            "opened_for": max(0.0, (float(opened or 0) - now) / 1000),
            "paused_for": max(0.0, (float(paused or 0) - now) / 1000),
            "health": float(health or 1),
            "rate": float(rate or 0),
            "in_flight": float(flying),
            "spend": float(spend or 0),
        }

    async def _run(self, script: Any, given: Mapping[str, Any]) -> bytes:
        try:
            answer: bytes = await script(keys=[self._prefix], args=[orjson.dumps(given)])
            return answer
        except (redis.RedisError, OSError) as error:
            raise _away(error) from error


def _away(error: Exception) -> Unavailable:
    return Unavailable(
        f"the limits of providers cannot be kept ({type(error).__name__}), so nothing is sent.",
        where="FORBEAR_REDIS_URL",
        remedy="See that Redis or Valkey runs, can be reached and has memory.",
    )
