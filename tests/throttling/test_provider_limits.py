"""Providers' limits on a real server: rates, shares, patience, circuits, refunds, a full or flushed server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
from redis import asyncio as async_redis

from domain.errors import BadInput, Unavailable
from throttling.provider_limits import LEASE_MS, PROBE_MS, Admission, End, Ended, Limits, ProviderLimits, Request

NOW = 1_772_420_400_000
DAY, NEXT = "2026-03-02", "2026-03-03"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[ProviderLimits]:
    client = async_redis.Redis.from_url(url)
    try:
        yield ProviderLimits(client)
    finally:
        await client.aclose()


def on(url: str, work: Callable[[ProviderLimits], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with opened(url) as limits:
            await work(limits)

    asyncio.run(run())


def asks(count: int, first: int = 0, cost: int = 0, **also: Any) -> list[Request]:
    return [Request(f"a{first + one}", cost, one / count, **also) for one in range(count)]


async def fail(limits: ProviderLimits, name: str, count: int, ended: Ended = "bad", now: int = NOW) -> None:
    await limits.settle([End(name, f"f{one}", ended) for one in range(count)], now_ms=now)


def test_a_burst_passes_and_then_the_rate(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        route = [Limits("sms:one", rate=10, burst=5)]
        await limits.admit(route, asks(1), DAY, now_ms=NOW - 60_000)
        found = await limits.admit(route, asks(8), DAY, now_ms=NOW)
        assert [one.place for one in found] == [0] * 5 + [None] * 3
        assert [one.wait for one in found[5:]] == [0.1, 0.2, 0.3], "they come back at the pace at which they can pass"
        assert (await limits.admit(route, asks(1, 9), DAY, now_ms=NOW + 99))[0].place is None
        assert (await limits.admit(route, asks(1, 9), DAY, now_ms=NOW + 100))[0].place == 0

    on(redis_url, work)


@pytest.mark.parametrize("rate", [3, 7, 0.3, 900])
@pytest.mark.parametrize("burst", [1, 5, 1.5])
def test_a_rate_that_no_float_holds_exactly_stops_nothing(redis_url: str, rate: float, burst: float) -> None:
    async def work(limits: ProviderLimits) -> None:
        for later in (0, 1, 333, 1001):
            route = [Limits(f"sms:{later}", rate=rate, burst=burst)]
            assert (await limits.admit(route, asks(1), DAY, now_ms=NOW + later))[0].place == 0

    on(redis_url, work)


def test_messages_wait_for_a_full_primary_and_do_not_spill(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        routes = [Limits("sms:dear", priority=2), Limits("sms:cheap", rate=1)]
        found = await limits.admit(routes, asks(3), DAY, now_ms=NOW)
        assert [one.place for one in found] == [1, None, None]
        assert [one.wait for one in found[1:]] == [1.0, 2.0]
        await limits.pause("sms:cheap", 4, now_ms=NOW)
        assert (await limits.admit(routes, asks(1), DAY, now_ms=NOW))[0] == Admission(None, 4.0)

    on(redis_url, work)


def test_messages_spill_where_the_primary_is_shut_paused_long_or_spent(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        routes = [Limits("sms:cheap", spend=10), Limits("sms:dear", priority=2)]

        async def place(cost: int = 0) -> int | None:
            return (await limits.admit(routes, asks(1, cost=cost), DAY, now_ms=NOW))[0].place

        assert await place() == 0
        assert await place(cost=11) == 1
        await limits.pause("sms:cheap", 600, now_ms=NOW)
        assert await place() == 1
        await limits.pause("sms:cheap", 0, now_ms=NOW)
        assert await place() == 0
        await fail(limits, "sms:cheap", 5)
        assert await place() == 1
        slow = [Limits("sms:slow", rate=0.1), Limits("sms:dear", priority=2)]
        assert [one.place for one in await limits.admit(slow, asks(2), DAY, now_ms=NOW)] == [0, 1]
        eager = [Limits("sms:eager", rate=1, patience=0), Limits("sms:dear", priority=2)]
        assert [one.place for one in await limits.admit(eager, asks(2), DAY, now_ms=NOW)] == [0, 1]

    on(redis_url, work)


def test_equals_share_by_weight_and_drift_back_after_failures(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        routes = [Limits("sms:one", weight=3), Limits("sms:two", weight=1)]

        async def share() -> float:
            found = await limits.admit(routes, asks(400), DAY, now_ms=NOW)
            return sum(one.place == 0 for one in found) / 400

        assert await share() == pytest.approx(0.75, abs=0.01)
        await fail(limits, "sms:one", 2)
        shares = [await share()]
        assert shares[0] == pytest.approx(0.75 / 1.75, abs=0.01)
        for _ in range(4):
            await limits.settle([End("sms:one", "x", "good")] * 10, now_ms=NOW)
            shares.append(await share())
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(0.75, abs=0.01)

    on(redis_url, work)


def test_what_was_tried_is_passed_over(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        routes = [Limits("sms:two", priority=2), Limits("sms:one")]
        [found] = await limits.admit(routes, asks(1, tried=frozenset({"sms:one"})), DAY, now_ms=NOW)
        assert found.place == 0
        [found] = await limits.admit(routes, asks(1, tried=frozenset({"sms:one", "sms:two"})), DAY, now_ms=NOW)
        assert found == Admission(None, None)

    on(redis_url, work)


def test_a_domain_has_a_rate_of_its_own_and_no_key_names_it(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        route = [Limits("email:relay", domain_rate=1)]
        mails = [
            Request(f"m{one}", 0, 0.0, domain=name) for one, name in enumerate(["a.example", "A.example", "b.example"])
        ]
        assert [one.place for one in await limits.admit(route, mails, DAY, now_ms=NOW)] == [0, None, 0]
        assert [one.place for one in await limits.admit(route, mails[:1], DAY, now_ms=NOW + 1000)] == [0]

    on(redis_url, work)
    with redis.Redis.from_url(redis_url) as client:
        keys = [key.decode() for key in client.keys("*")]
    assert keys
    assert all(key.startswith("forbear:{route}:") and "example" not in key for key in keys)


def test_a_circuit_opens_tries_one_and_closes(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        route = [Limits("sms:one")]
        await fail(limits, "sms:one", 4)
        assert not (await limits.state("sms:one", DAY, now_ms=NOW)).is_open
        await fail(limits, "sms:one", 1)
        assert (await limits.state("sms:one", DAY, now_ms=NOW)).opened_for == 30
        assert {one.wait for one in await limits.admit(route, asks(2), DAY, now_ms=NOW)} == {30.0}
        later = NOW + 30_000
        found = await limits.admit(route, asks(3), DAY, now_ms=later)
        assert found[1:] == [Admission(None, 1.0)] * 2
        assert (found[0].place, bool(found[0].probe)) == (0, True)
        await limits.settle([End("sms:one", "a0", "bad", probe=found[0].probe)], now_ms=later)
        assert (await limits.state("sms:one", DAY, now_ms=later)).opened_for == 30
        later += 30_000
        [again] = await limits.admit(route, asks(1), DAY, now_ms=later)
        await limits.settle([End("sms:one", "a0", "good", probe=found[0].probe)], now_ms=later)
        assert (await limits.state("sms:one", DAY, now_ms=later)).is_open, "an earlier probe is not this one"
        await limits.settle([End("sms:one", "a0", "good", probe=again.probe)], now_ms=later)
        assert not (await limits.state("sms:one", DAY, now_ms=later)).is_open
        assert [one.place for one in await limits.admit(route, asks(3), DAY, now_ms=later)] == [0, 0, 0]

    on(redis_url, work)


def test_a_late_success_does_not_close_a_circuit(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        await fail(limits, "sms:one", 5)
        later = NOW + 31_000
        await limits.settle([End("sms:one", "sent-before", "good")], now_ms=later)
        assert (await limits.state("sms:one", DAY, now_ms=later)).is_open
        [probe] = await limits.admit([Limits("sms:one")], asks(1), DAY, now_ms=later)
        assert probe.probe

    on(redis_url, work)


@pytest.mark.parametrize("ended", ["neutral", "busy"])
def test_a_probe_that_says_nothing_lets_the_next_one_try(redis_url: str, ended: Ended) -> None:
    async def work(limits: ProviderLimits) -> None:
        await fail(limits, "sms:one", 5)
        later = NOW + 30_000
        [probe] = await limits.admit([Limits("sms:one")], asks(1), DAY, now_ms=later)
        await limits.settle([End("sms:one", "a0", ended, probe=probe.probe)], now_ms=later)
        assert (await limits.state("sms:one", DAY, now_ms=later)).is_open
        assert (await limits.admit([Limits("sms:one")], asks(1), DAY, now_ms=later))[0].probe

    on(redis_url, work)


def test_a_probe_whose_worker_died_is_followed_by_another_in_the_same_time(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        await fail(limits, "sms:one", 5)
        later = NOW + 30_000
        assert (await limits.admit([Limits("sms:one")], asks(1), DAY, now_ms=later))[0].probe
        assert (await limits.admit([Limits("sms:one")], asks(1), DAY, now_ms=later + PROBE_MS - 1))[0].place is None
        assert (await limits.admit([Limits("sms:one")], asks(1), DAY, now_ms=later + PROBE_MS))[0].probe

    on(redis_url, work)


def test_failures_far_apart_open_nothing_and_a_bar_opens_at_once(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        for minute in range(10):
            await fail(limits, "sms:one", 1, now=NOW + minute * 60_000)
        assert not (await limits.state("sms:one", DAY, now_ms=NOW)).is_open
        await fail(limits, "sms:two", 10, "good")
        await fail(limits, "sms:two", 9)
        assert not (await limits.state("sms:two", DAY, now_ms=NOW)).is_open, "most calls go well"
        await fail(limits, "sms:one", 1, "barred")
        assert (await limits.state("sms:one", DAY, now_ms=NOW)).opened_for == 60

    on(redis_url, work)


def test_neutral_ends_are_no_good_ones(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        await fail(limits, "sms:one", 100, "neutral")
        await fail(limits, "sms:one", 5)
        assert (await limits.state("sms:one", DAY, now_ms=NOW)).is_open

    on(redis_url, work)


def test_pause_state_and_admit_live_in_one_time(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        route = [Limits("sms:one", concurrency=1)]
        await limits.pause("sms:one", 60, now_ms=NOW)
        assert (await limits.state("sms:one", DAY, now_ms=NOW + 1000)).paused_for == 59
        assert (await limits.admit(route, asks(1), DAY, now_ms=NOW + 59_000))[0].wait == 1.0
        assert (await limits.admit(route, asks(1), DAY, now_ms=NOW + 60_000))[0].place == 0
        assert (await limits.state("sms:one", DAY, now_ms=NOW + 60_000)).in_flight == 1
        ended = NOW + 60_000 + LEASE_MS
        assert (await limits.state("sms:one", DAY, now_ms=ended)).in_flight == 0
        assert (await limits.admit(route, asks(1, 1), DAY, now_ms=ended))[0].place == 0
        await limits.pause("sms:real", 60)
        assert 59 < (await limits.state("sms:real", DAY)).paused_for <= 60
        assert 59 < ((await limits.admit([Limits("sms:real")], asks(1), DAY))[0].wait or 0) <= 60

    on(redis_url, work)


def test_a_correction_lands_on_the_day_of_the_grant(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        route = [Limits("sms:one", spend=100)]
        await limits.admit(route, asks(1, cost=80), DAY, now_ms=NOW)
        await limits.admit(route, asks(1, 1, cost=30), NEXT, now_ms=NOW)
        await limits.settle([End("sms:one", "a0", "good", 0.0, -50, DAY)], now_ms=NOW)
        assert (await limits.state("sms:one", DAY, now_ms=NOW)).spend == 30
        assert (await limits.state("sms:one", NEXT, now_ms=NOW)).spend == 30
        await limits.settle([End("sms:one", "gone", "good", 0.0, -500, "2026-03-01")], now_ms=NOW)
        assert (await limits.state("sms:one", "2026-03-01", now_ms=NOW)).spend == 0, "a forgotten day gives no credit"

    on(redis_url, work)


def test_a_rate_can_be_set_and_a_wrong_one_is_named(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        await limits.set_rate("sms:one", 2)
        found = await limits.admit([Limits("sms:one")], asks(2), DAY, now_ms=NOW)
        assert [one.place for one in found] == [0, None]
        assert (await limits.state("sms:one", DAY, now_ms=NOW)).rate == 2
        await limits.set_rate("sms:one", None)
        assert [one.place for one in await limits.admit([Limits("sms:one")], asks(2), DAY, now_ms=NOW)] == [0, 0]
        for wrong in (0, -1, float("nan"), float("inf")):
            with pytest.raises(BadInput, match="above 0"):
                await limits.set_rate("sms:one", wrong)
        for wrong in (-1, float("nan"), float("inf")):
            with pytest.raises(BadInput):
                await limits.pause("sms:one", wrong)

    on(redis_url, work)


def test_scripts_that_were_forgotten_are_loaded_again(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        route = [Limits("sms:one", concurrency=1)]
        for one in range(3):
            with redis.Redis.from_url(redis_url) as client:
                client.script_flush()
            assert (await limits.admit(route, asks(1, one), DAY, now_ms=NOW))[0].place == 0
            with redis.Redis.from_url(redis_url) as client:
                client.script_flush()
            await limits.settle([End("sms:one", f"a{one}", "good")], now_ms=NOW)

    on(redis_url, work)


def test_a_flushed_server_gives_no_second_burst(redis_url: str) -> None:
    async def work(limits: ProviderLimits) -> None:
        route = [Limits("sms:one", rate=1, burst=50)]
        await limits.admit(route, asks(1), DAY, now_ms=NOW - 100_000)
        assert sum(one.place == 0 for one in await limits.admit(route, asks(80), DAY, now_ms=NOW)) == 50
        with redis.Redis.from_url(redis_url) as client:
            client.flushdb()
        assert sum(one.place == 0 for one in await limits.admit(route, asks(80), DAY, now_ms=NOW)) == 1

    on(redis_url, work)


@pytest.fixture
def own_server() -> Any:
    """A server that may be filled: the shared one serves other tests at the same time."""
    import socket
    import subprocess
    import tempfile
    import time
    from pathlib import Path

    from config.embedded.valkey import _program

    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        process = subprocess.Popen(
            [
                str(_program(Path(folder), None)),
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                folder,
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            with redis.Redis(port=port) as client:
                for _ in range(200):
                    try:
                        client.ping()
                        break
                    except redis.ConnectionError:
                        time.sleep(0.02)
                yield client, f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.parametrize(
    "route",
    [
        Limits("sms:free"),
        Limits("sms:full", rate=100, burst=10, concurrency=10, spend=1000, domain_rate=5),
    ],
)
def test_a_server_without_memory_lets_nothing_through_and_takes_back_what_is_held(
    own_server: Any, route: Limits
) -> None:
    client, url = own_server

    async def work(limits: ProviderLimits) -> None:
        one = [Request("a0", 5, 0.0, domain="a.example")]
        assert (await limits.admit([route], one, DAY, now_ms=NOW))[0].place == 0
        client.zadd("forbear:{route}:sms:full:slots", {"expired": NOW - 1})
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await limits.admit([route], one, DAY, now_ms=NOW + 1000)
        before = client.zscore("forbear:{route}:sms:full:slots", "expired")
        assert before == NOW - 1, "a refused admission changes nothing"
        await limits.settle([End(route.name, "a0", "neutral", 0.0, -5, DAY)], now_ms=NOW + 1000)
        state = await limits.state(route.name, DAY, now_ms=NOW + 1000)
        assert (state.in_flight, state.spend) == (0, 0)
        client.config_set("maxmemory", 0)
        assert (await limits.admit([route], one, DAY, now_ms=NOW + 2000))[0].place == 0

    on(url, work)


def test_a_server_that_is_away_lets_nothing_through() -> None:
    async def work(limits: ProviderLimits) -> None:
        with pytest.raises(Unavailable):
            await limits.admit([Limits("sms:one")], asks(1), DAY)
        with pytest.raises(Unavailable):
            await limits.pause("sms:one", 1)

    on("redis://127.0.0.1:1/0", work)


def test_many_clients_at_once_never_exceed_what_they_share(redis_url: str) -> None:
    """32 clients that hold some hundred messages each, by the server's own clock."""
    rate, burst, concurrency, spend = 20_000.0, 20.0, 25, 300
    route = [Limits("sms:one", rate=rate, burst=burst, concurrency=concurrency, spend=spend)]
    flying: set[str] = set()
    most = granted = 0

    async def client(number: int) -> None:
        nonlocal most, granted
        async with opened(redis_url) as limits:
            for turn in range(12):
                found = await limits.admit(route, [Request(f"{number}-{turn}-{n}", 1, 0.0) for n in range(6)], DAY)
                mine = [f"{number}-{turn}-{n}" for n, one in enumerate(found) if one.place == 0]
                flying.update(mine)
                granted += len(mine)
                most = max(most, len(flying))
                await asyncio.sleep(0)
                flying.difference_update(mine)
                await limits.settle([End("sms:one", one, "good") for one in mine])

    async def run() -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        await asyncio.gather(*(client(number) for number in range(32)))
        return loop.time() - started

    took = asyncio.run(run())
    assert 1 < most <= concurrency
    assert granted <= min(spend, burst + rate * took + 1)
    with redis.Redis.from_url(redis_url) as again:
        assert again.zcard("forbear:{route}:sms:one:slots") == 0
        assert int(again.get(f"forbear:{{route}}:sms:one:spend:{DAY}") or 0) == granted
