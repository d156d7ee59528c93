"""How fast and how much each provider may be sent, and when not at all: kept in Redis for all workers together.

Two scripts do everything in one step each: `admit.lua` lets messages through, `settle.lua` takes the answers. Where
Redis is away or full nothing is let through: sending holds, it never runs free. All keys have one hash tag, so that a
cluster keeps them on one server; none holds an address or a part of one.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson
import redis
from redis import asyncio as async_redis

from domain.errors import BadInput, Unavailable

PREFIX = "forbear:{route}:"
LEASE_MS = 120_000
"""For how long a message holds its place under a provider's concurrency, if its worker dies."""
PROBE_MS = 30_000
"""For how long one message alone tries a circuit that was open."""
HELD_MS = 600_000
"""How long a message waits to ask again where the spend of the day is used up."""
PATIENCE = 5.0
"""Seconds for which messages wait for a provider that is merely full, before the next priority takes them."""
FOLDER = Path(__file__).parent

Ended = Literal["good", "bad", "barred", "busy", "neutral"]
"""What a call's end says of the provider: it works, it does not, it bars us, it has too much to do; or nothing."""


class Limits(NamedTuple):
    """What one route may be sent; None: no limit. Rates a second, patience in seconds; `spend` a day, in millionths."""

    name: str
    priority: int = 1
    weight: float = 1.0
    rate: float | None = None
    burst: float = 1.0
    concurrency: int | None = None
    domain_rate: float | None = None
    spend: int | None = None
    patience: float = PATIENCE


class Request(NamedTuple):
    """One message that asks for a route. `draw` in [0, 1) chooses among equals; `domain` of a mail's recipient."""

    id: str
    cost: int
    draw: float
    tried: frozenset[str] = frozenset()
    domain: str = ""


class Admission(NamedTuple):
    """The route's place among the limits that were given; None: nobody takes it, ask again after `wait` seconds.

    A `wait` of None: none of them ever will, for all were tried. A `probe`: it alone tries a circuit that was open.
    """

    place: int | None
    wait: float | None
    probe: str = ""


class End(NamedTuple):
    """The end of one call, or of a leave that was not used. `pause` in seconds where the provider asked for it;
    `correction` of what it cost, on the `day` whose spend it took; `probe` as it was admitted. `is_counted`: its route
    limits concurrency.
    """

    name: str
    id: str
    ended: Ended
    pause: float = 0.0
    correction: int = 0
    day: str = ""
    probe: str = ""
    is_counted: bool = True


class State(NamedTuple):
    """How a route stands: seconds until its circuit is tried again and its pause ends, the rate that was set in place
    of the route's own, messages in flight (counted where concurrency is limited), spend of the day in millionths.
    """

    is_open: bool
    opened_for: float
    paused_for: float
    health: float
    rate: float | None
    in_flight: int
    spend: int


@dataclass(slots=True)
class _Sum:
    """What the ends of one route come to."""

    slots: list[str] = field(default_factory=list)
    spend: dict[str, int] = field(default_factory=dict)
    probes: list[tuple[str, Ended]] = field(default_factory=list)
    pause: float = 0.0
    good: int = 0
    bad: int = 0
    is_barred: bool = False


class ProviderLimits:
    """The limits of all routes, on one event loop.

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
        order = sorted(range(len(limits)), key=lambda place: limits[place].priority)
        given = {
            "now": now_ms,
            "day": day,
            "held": HELD_MS,
            "lease": LEASE_MS,
            "probe": PROBE_MS,
            "routes": [_given(limits[place]) for place in order],
            **_columns([limits[place] for place in order], requests),
        }
        answers, probes = orjson.loads(await self._run(self._admit, given))
        kinds = {
            one: Admission(order[one - 1], 0.0) if one > 0 else Admission(None, -one / 1000 if one else None)
            for one in set(answers)
        }
        made = [kinds[one] for one in answers]
        for place, token in probes:
            made[place - 1] = made[place - 1]._replace(probe=token)
        return made

    async def settle(self, ends: Sequence[End], *, now_ms: int = 0) -> None:
        """Take the ends of calls. Raises Unavailable."""
        routes = [
            {
                "name": name,
                "slots": one.slots,
                "spend": [*one.spend.items()],
                "probes": one.probes,
                "pause": one.pause * 1000,
                "good": one.good,
                "bad": one.bad,
                "is_barred": one.is_barred,
            }
            for name, one in _sums(ends).items()
        ]
        if routes:
            await self._run(self._settle, {"now": now_ms, "routes": routes})

    async def pause(self, name: str, seconds: float, *, now_ms: int = 0) -> None:
        """Send a route nothing for so long; 0 ends the pause and closes its circuit. Raises Unavailable, BadInput."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise BadInput("a pause lasts some seconds, or 0 to end it.", where="--for", remedy="Such as 10m.")
        try:
            if seconds == 0:
                await self._client.hdel(self._prefix + name, "paused", "opened", "probe", "probe_until")
            else:
                until = await self._now(now_ms) + round(seconds * 1000)
                await self._client.hset(self._prefix + name, "paused", str(until))
        except (redis.RedisError, OSError) as error:
            raise _away(error) from error

    async def set_rate(self, name: str, rate: float | None) -> None:
        """Change a route's rate for all workers at once; None: what the route says. Raises Unavailable, BadInput."""
        if rate is not None and not (math.isfinite(rate) and rate > 0):
            remedy = "To send nothing at all, pause the provider."
            raise BadInput("a rate is a number of messages a second, above 0.", where="rate", remedy=remedy)
        try:
            if rate is None:
                await self._client.hdel(self._prefix + name, "rate")
            else:
                await self._client.hset(self._prefix + name, "rate", str(rate))
        except (redis.RedisError, OSError) as error:
            raise _away(error) from error

    async def state(self, name: str, day: str, *, now_ms: int = 0) -> State:
        """How a route stands. Raises Unavailable."""
        key = self._prefix + name
        try:
            now = await self._now(now_ms)
            kept = await self._client.hmget(key, ["opened", "paused", "health", "rate"])
            flying = await self._client.zcount(f"{key}:slots", f"({now}", "+inf")
            spend = await self._client.get(f"{key}:spend:{day}")
        except (redis.RedisError, OSError) as error:
            raise _away(error) from error
        opened, paused, health, rate = (None if one is None else float(one) for one in kept)
        return State(
            opened is not None,
            max(0.0, ((opened or 0) - now) / 1000),
            max(0.0, ((paused or 0) - now) / 1000),
            1.0 if health is None else health,
            rate,
            int(flying),
            int(spend or 0),
        )

    async def _now(self, now_ms: int) -> int:
        """The time base of the scripts: what stands for the server's clock, else that clock."""
        if now_ms:
            return now_ms
        seconds, micro = await self._client.time()
        return int(seconds) * 1000 + int(micro) // 1000

    async def _run(self, script: Any, given: Mapping[str, Any]) -> bytes:
        try:
            answer: bytes = await script(keys=[self._prefix], args=[orjson.dumps(given)])
            return answer
        except (redis.RedisError, OSError) as error:
            raise _away(error) from error


@lru_cache(maxsize=10_000)
def domain_digest(domain: str) -> str:
    """What stands for a mail domain in keys: some people have one of their own."""
    return hashlib.sha256(domain.lower().encode()).hexdigest()[:16] if domain else ""


def _columns(limits: Sequence[Limits], requests: Sequence[Request]) -> dict[str, Any]:
    """Of the requests what these limits have to know: most routes limit little, and what is not sent costs nothing."""
    rank = {one.name: index for index, one in enumerate(limits, 1)}
    found: dict[str, Any] = {
        "count": len(requests),
        "tried": [
            (place, [rank[name] for name in one.tried if name in rank])
            for place, one in enumerate(requests, 1)
            if one.tried
        ],
    }
    if any(one.concurrency for one in limits):
        found["ids"] = [one.id for one in requests]
    if any(one.spend is not None for one in limits):
        found["costs"] = [one.cost for one in requests]
    if any(one.domain_rate for one in limits):
        found["domains"] = [domain_digest(one.domain) for one in requests]
    if len({one.priority for one in limits}) < len(limits):
        found["draws"] = [one.draw for one in requests]
    return found


def _given(limits: Limits) -> dict[str, Any]:
    found = {key: value for key, value in limits._asdict().items() if value is not None}
    return found | {"patience": limits.patience * 1000}


def _sums(ends: Iterable[End]) -> dict[str, _Sum]:
    sums: dict[str, _Sum] = {}
    for end in ends:
        one = sums.get(end.name) or sums.setdefault(end.name, _Sum())
        if end.is_counted:
            one.slots.append(end.id)
        one.pause = max(one.pause, end.pause)
        one.good += end.ended == "good"
        one.bad += end.ended == "bad"
        one.is_barred |= end.ended == "barred"
        if end.correction:
            one.spend[end.day] = one.spend.get(end.day, 0) + end.correction
        if end.probe:
            one.probes.append((end.probe, end.ended))
    return sums


def _away(error: Exception) -> Unavailable:
    return Unavailable(
        f"the limits of providers cannot be kept ({type(error).__name__}), so nothing is sent.",
        where="FORBEAR_REDIS_URL",
        remedy="See that Redis or Valkey runs, can be reached and has memory.",
    )
