"""Over any interleaving of admissions, ends, deaths and passing time no limit is ever exceeded, on a real server."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import asyncio as async_redis

from throttling.provider_limits import LEASE_MS, End, Ended, Limits, ProviderLimits, Request

START = 1_772_420_400_000
DAYS = ("2026-03-02", "2026-03-03")
MILLIONTH = 1e-6


@dataclass(frozen=True)
class Ask:
    count: int
    cost: int
    draw: float
    domain: str
    day: int


@dataclass(frozen=True)
class Settle:
    count: int
    ended: Ended
    share: float


@dataclass(frozen=True)
class Die:
    count: int


@dataclass(frozen=True)
class Pass:
    ms: int


Step = Ask | Settle | Die | Pass

STEPS = st.lists(
    st.one_of(
        st.builds(
            Ask,
            st.integers(1, 12),
            st.integers(0, 30),
            st.floats(0, 0.999),
            st.sampled_from(["", "a", "b"]),
            st.integers(0, 1),
        ),
        st.builds(
            Settle,
            st.integers(1, 8),
            st.sampled_from(["good", "bad", "neutral", "busy", "barred"]),
            st.sampled_from([0.0, 0.5, 1.0]),
        ),
        st.builds(Die, st.integers(1, 3)),
        st.builds(Pass, st.integers(0, 5_000) | st.integers(0, 2 * LEASE_MS)),
    ),
    min_size=5,
    max_size=40,
)
ROUTES = st.lists(
    st.builds(
        Limits,
        name=st.just(""),
        priority=st.integers(1, 2),
        weight=st.floats(0.1, 5),
        rate=st.none() | st.floats(0.1, 50),
        burst=st.floats(1, 10),
        concurrency=st.none() | st.integers(1, 10),
        domain_rate=st.none() | st.floats(0.1, 5),
        spend=st.none() | st.integers(0, 100),
        patience=st.sampled_from([0.0, 5.0]),
    ),
    min_size=1,
    max_size=3,
).map(lambda found: [one._replace(name=f"sms:r{place}") for place, one in enumerate(found)])


@dataclass
class Model:
    """What one route was granted, by a plain count."""

    limits: Limits
    taken: list[int] = field(default_factory=list)
    domains: dict[str, list[int]] = field(default_factory=dict)
    flying: dict[str, int] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)

    def check(self, now: int) -> None:
        one = self.limits
        if one.rate:
            assert_rate(self.taken, one.rate, one.burst)
        if one.domain_rate:
            for taken in self.domains.values():
                assert_rate(taken, one.domain_rate, 1)
        if one.concurrency:
            assert sum(until > now for until in self.flying.values()) <= one.concurrency
        if one.spend is not None:
            assert all(spent <= one.spend for spent in self.spent.values())


def assert_rate(taken: list[int], rate: float, burst: float) -> None:
    """In every stretch of time no more than the burst and what the rate gives."""
    for first, start in enumerate(taken):
        for count, at in enumerate(taken[first:], 1):
            assert count <= burst + (at - start) / 1000 * rate + MILLIONTH


@given(ROUTES, STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_interleaving_exceeds_a_limit(redis_url: str, routes: list[Limits], steps: list[Step]) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    asyncio.run(_run(redis_url, routes, steps))


async def _run(url: str, routes: list[Limits], steps: list[Step]) -> None:
    now, number = START, 0
    models = [Model(one) for one in routes]
    held: deque[tuple[int, str, int, str, str]] = deque()
    clients = [async_redis.Redis.from_url(url) for _ in range(2)]
    limits = [ProviderLimits(client) for client in clients]
    try:
        for turn, step in enumerate(steps):
            mine = limits[turn % 2]
            match step:
                case Pass(ms):
                    now += ms
                case Die(count):
                    for _ in range(min(count, len(held))):
                        held.popleft()
                case Settle(count, ended, share):
                    ends = []
                    for _ in range(min(count, len(held))):
                        place, name, cost, day, probe = held.popleft()
                        correction = round(cost * share) - cost
                        ends.append(End(routes[place].name, name, ended, 0.0, correction, day, probe))
                        models[place].flying.pop(name, None)
                        models[place].spent[day] += correction
                    await mine.settle(ends, now_ms=now)
                case Ask(count, cost, draw, domain, day_number):
                    day = DAYS[day_number]
                    asks = [Request(f"a{number + n}", cost, draw, domain=domain) for n in range(count)]
                    number += count
                    for ask, found in zip(asks, await mine.admit(routes, asks, day, now_ms=now), strict=True):
                        if found.place is None:
                            assert found.wait is not None
                            assert found.wait > 0
                            continue
                        model = models[found.place]
                        model.taken.append(now)
                        if domain:
                            model.domains.setdefault(domain, []).append(now)
                        model.flying[ask.id] = now + LEASE_MS
                        model.spent[day] = model.spent.get(day, 0) + cost
                        held.append((found.place, ask.id, cost, day, found.probe))
            for model in models:
                model.check(now)
            for place, model in enumerate(models):
                for day, spent in model.spent.items():
                    if routes[place].spend is not None:
                        assert (await mine.state(routes[place].name, day, now_ms=now)).spend == spent
    finally:
        for client in clients:
            await client.aclose()


@pytest.mark.parametrize("burst", [1, 3])
def test_whoever_comes_back_when_told_gets_through_at_the_rate(redis_url: str, burst: float) -> None:
    """Nobody starves, and the rate is used: a queue of 60 at 20 a second is through in 3 s of the limits' time."""

    async def run() -> int:
        client = async_redis.Redis.from_url(redis_url)
        limits, now = ProviderLimits(client), START
        waiting = [(now, f"a{n}") for n in range(60)]
        try:
            while waiting:
                now = min(at for at, _ in waiting)
                due = [name for at, name in waiting if at <= now]
                rest = [(at, name) for at, name in waiting if at > now]
                asks = [Request(name, 0, 0.0) for name in due]
                found = await limits.admit([Limits("sms:one", rate=20, burst=burst)], asks, DAYS[0], now_ms=now)
                again = [
                    (now + round((one.wait or 0) * 1000), name)
                    for name, one in zip(due, found, strict=True)
                    if one.place is None
                ]
                waiting = rest + again
        finally:
            await client.aclose()
        return now - START

    assert 2_500 <= asyncio.run(run()) <= 3_100
