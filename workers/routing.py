"""Which provider takes a message, and when: the routes of the settings under the limits that all workers share."""

import asyncio
import datetime as dt
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from redis import asyncio as async_redis

from config.logging import get_logger
from config.routes import Route, Routes, routes_of
from config.settings import Settings
from domain.channel import Channel
from domain.message import Accepted, Failure, InDoubt, NotAccepted, SendResult
from throttling.provider_limits import End, Ended, Limits, ProviderLimits, Request

PAUSE_OF = {Failure.BUSY: 1.0, Failure.SENDER_LIMITED: 300.0, Failure.AUTHENTICATION: 0.0}
"""Seconds for which a provider is left alone where it names none itself."""
ALL_TRIED = 60.0
log = get_logger(__name__)


class Ask(NamedTuple):
    """One message that looks for a provider. `tried` are those that did not take it; `cost` is estimated."""

    attempt_id: UUID
    domain: str | None
    tried: frozenset[str]
    cost: int


class Grant(NamedTuple):
    """A provider takes the message now."""

    attempt_id: UUID
    provider: str
    cost: int


class Hold(NamedTuple):
    """Nobody takes it now; ask again after `seconds`."""

    seconds: float


class Settled(NamedTuple):
    """What came of a grant; `cost` is what the provider really takes."""

    grant: Grant
    result: SendResult
    cost: int


class Routing(Protocol):
    """What deliver needs of a router."""

    async def admit(self, channel: Channel, asks: Sequence[Ask], now: dt.datetime) -> list[Grant | Hold]:
        """A provider for each message, or how long to wait. Raises Unavailable: then nothing may be sent."""

    async def settle(self, done: Sequence[Settled], now: dt.datetime) -> None:
        """Give back what grants held. Raises nothing: what is not given back ends with its lease."""


@dataclass(frozen=True, slots=True)
class Router:
    """The routes of all channels. Each event loop has its own connection."""

    routes: Routes
    url: str
    draw: Callable[[], float]
    is_simulated: bool
    limits: "WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[async_redis.Redis, ProviderLimits]]"

    async def admit(self, channel: Channel, asks: Sequence[Ask], now: dt.datetime) -> list[Grant | Hold]:
        """A provider for each message, or how long to wait. Raises Unavailable: then nothing may be sent."""
        routes = self.routes[channel]
        requests = [
            Request(str(ask.attempt_id), ask.cost, self.draw(), tuple(ask.tried), ask.domain or "") for ask in asks
        ]
        admissions = await self._limits().admit(
            [_limits_of(route) for route in routes], requests, _day(now), now_ms=self._now_ms(now)
        )
        answers: list[Grant | Hold] = []
        for ask, admission in zip(asks, admissions, strict=True):
            if admission.place is not None:
                answers.append(Grant(ask.attempt_id, routes[admission.place].provider, ask.cost))
            else:
                answers.append(Hold(ALL_TRIED if admission.wait is None else max(0.05, admission.wait)))
        return answers

    async def settle(self, done: Sequence[Settled], now: dt.datetime) -> None:
        """Give back what grants held. Raises nothing: what is not given back ends with its lease."""
        ends = [
            End(one.grant.provider, str(one.grant.attempt_id), *_ended(one.result), one.cost - one.grant.cost)
            for one in done
        ]
        for one in done:
            if isinstance(one.result, NotAccepted) and one.result.failure is Failure.AUTHENTICATION:
                log.error("provider_refuses_our_credentials", provider=one.grant.provider, code=one.result.code)
        try:
            await self._limits().settle(ends, _day(now), now_ms=self._now_ms(now))
        except Exception as error:
            log.warning("settling_missed", reason=type(error).__name__, count=len(ends))

    def of_loop(self) -> ProviderLimits:
        """The limits, for commands that look at them or change them."""
        return self._limits()

    async def close(self) -> None:
        """Give back the running loop's connection."""
        found = self.limits.pop(asyncio.get_running_loop(), None)
        if found is not None:
            await found[0].aclose()

    def _now_ms(self, now: dt.datetime) -> int:
        """The simulated clock, where one runs: provider's seconds are then its seconds; 0: Redis has its own clock."""
        return int(now.timestamp() * 1000) if self.is_simulated else 0

    def _limits(self) -> ProviderLimits:
        loop = asyncio.get_running_loop()
        found = self.limits.get(loop)
        if found is None:
            client = async_redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5)
            found = self.limits[loop] = client, ProviderLimits(client)
        return found[1]


def open_router(settings: Settings) -> Router:
    """The router of the settings. Raises BadSettings for wrong routes; connects when it is first used."""
    return Router(
        routes_of(settings),
        str(settings.redis_url),
        random.SystemRandom().random,
        settings.clock == "accelerated",
        WeakKeyDictionary(),
    )


def _limits_of(route: Route) -> Limits:
    return Limits(
        route.provider,
        route.priority,
        route.weight,
        route.rate,
        route.burst,
        route.concurrency,
        route.domain_rate,
        route.daily_spend,
    )


def _ended(result: SendResult) -> tuple[Ended, float]:
    """What an answer says of the provider, and for how many seconds to leave it alone."""
    match result:
        case Accepted():
            return "good", 0.0
        case InDoubt():
            return "bad", 0.0
        case NotAccepted(failure=Failure.AUTHENTICATION):
            return "barred", 0.0
        case NotAccepted(failure=Failure.PROVIDER_DOWN):
            return "bad", result.retry_after or 0.0
        case NotAccepted(failure=Failure.BUSY | Failure.SENDER_LIMITED):
            return "busy", result.retry_after or PAUSE_OF[result.failure]
    return "good", 0.0


def _day(now: dt.datetime) -> str:
    return now.astimezone(dt.UTC).date().isoformat()
