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

PAUSE_OF = {Failure.BUSY: 1.0, Failure.SENDER_LIMITED: 300.0}
"""Seconds for which a provider is left alone where it names none itself."""
LONG = 60.0
"""Seconds until the next look where no route ever says yes."""
log = get_logger(__name__)


class Ask(NamedTuple):
    """One message that looks for a provider. `tried` are those that did not take it; `cost` is estimated."""

    attempt_id: UUID
    domain: str | None
    tried: frozenset[str]
    cost: int


class Grant(NamedTuple):
    """A provider takes the message now, on the spend of `day`. A `probe`: it alone tries a circuit that was open."""

    attempt_id: UUID
    provider: str
    cost: int
    route: str = ""
    day: str = ""
    probe: str = ""


class Hold(NamedTuple):
    """Nobody takes it now; ask again after `seconds`."""

    seconds: float


class Settled(NamedTuple):
    """What came of a grant; None: it was not used. `cost` is what the provider really takes."""

    grant: Grant
    result: SendResult | None
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
        all_of_them = frozenset(route.provider for route in routes)
        draw = self.draw if len(routes) > 1 else _alone
        requests = [
            Request(
                ask.attempt_id.hex,
                ask.cost,
                draw(),
                _tried(channel, ask.tried, all_of_them) if ask.tried else ask.tried,
                ask.domain or "",
            )
            for ask in asks
        ]
        day = day_of(now)
        admissions = await self._limits().admit(
            [_limits_of(route) for route in routes], requests, day, now_ms=self.now_ms(now)
        )
        answers: list[Grant | Hold] = []
        for ask, admission in zip(asks, admissions, strict=True):
            if admission.place is None:
                answers.append(Hold(LONG if admission.wait is None else max(0.05, admission.wait)))
            else:
                route = routes[admission.place]
                answers.append(Grant(ask.attempt_id, route.provider, ask.cost, route.name, day, admission.probe))
        return answers

    async def settle(self, done: Sequence[Settled], now: dt.datetime) -> None:
        """Give back what grants held. Raises nothing: what is not given back ends with its lease."""
        counted = {route.name for routes in self.routes.values() for route in routes if route.concurrency}
        ends = [_end(one, is_counted=one.grant.route in counted) for one in done]
        for one in done:
            if isinstance(one.result, NotAccepted) and one.result.failure is Failure.AUTHENTICATION:
                log.error("provider_refuses_our_credentials", provider=one.grant.provider, code=one.result.code)
        try:
            await self._limits().settle(ends, now_ms=self.now_ms(now))
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

    def now_ms(self, now: dt.datetime) -> int:
        """The simulated clock, where one runs: providers' seconds are then its seconds; 0: Redis has its own clock."""
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


def day_of(now: dt.datetime) -> str:
    """The day whose spend a message counts to: UTC's."""
    return now.astimezone(dt.UTC).date().isoformat()


def _alone() -> float:
    """The draw of a route that has no equals; a real one asks the system for entropy each time."""
    return 0.0


def _tried(channel: Channel, tried: frozenset[str], all_of_them: frozenset[str]) -> frozenset[str]:
    """The routes to pass over; none where all of them were tried: then the attempt's next try begins anew."""
    return frozenset(f"{channel}:{one}" for one in tried) if all_of_them - tried else frozenset()


def _limits_of(route: Route) -> Limits:
    return Limits(
        route.name,
        route.priority,
        route.weight,
        route.rate,
        route.burst,
        route.concurrency,
        route.domain_rate,
        route.daily_spend,
        route.patience,
    )


def _end(one: Settled, *, is_counted: bool) -> End:
    grant = one.grant
    ended, pause = _ended(one.result)
    correction = one.cost - grant.cost
    return End(
        grant.route, grant.attempt_id.hex, ended, pause, correction, grant.day, grant.probe, is_counted=is_counted
    )


def _ended(result: SendResult | None) -> tuple[Ended, float]:
    """What an answer says of the provider, and for how many seconds to leave it alone.

    Nothing where the call was never made, or where nobody knows what the answer means.
    """
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
        case None | NotAccepted(failure=Failure.EXPIRED | Failure.BAD_REQUEST | Failure.UNKNOWN):
            return "neutral", 0.0
    return "good", 0.0
