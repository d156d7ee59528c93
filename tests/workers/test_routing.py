"""The router: what an answer says of a provider, days of spend, and that unused leave is given back."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import pytest

from channels.protocol import EXPIRED, UNSUPPORTED
from config.routes import Route
from domain.channel import Channel
from domain.errors import Unavailable
from domain.message import Accepted, Failure, InDoubt, NotAccepted, SendResult
from tests.workers.test_path import answering
from tests.workers.world import World
from throttling.provider_limits import Ended, State
from workers.routing import Ask, Grant, Hold, Router, Settled, _ended, day_of

NOW = dt.datetime(2026, 3, 2, 23, 59, 59, tzinfo=dt.UTC)
DOWN = NotAccepted(Failure.PROVIDER_DOWN, "refused", is_retryable=True)


def router(url: str, *routes: Route, channel: Channel = Channel.SMS) -> Router:
    return Router({channel: routes}, url, lambda: 0.5, True, WeakKeyDictionary())


def on(made: Router, work: Callable[[Router], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        try:
            await work(made)
        finally:
            await made.close()

    asyncio.run(run())


def ask(*tried: str, cost: int = 0) -> Ask:
    return Ask(uuid4(), None, frozenset(tried), cost)


async def admit(made: Router, *asks: Ask, now: dt.datetime = NOW) -> list[Grant | Hold]:
    return await made.admit(Channel.SMS, asks, now)


async def state(made: Router, name: str, now: dt.datetime = NOW) -> State:
    return await made.of_loop().state(name, day_of(now), now_ms=made.now_ms(now))


@pytest.mark.parametrize(
    ("result", "ended"),
    [
        (Accepted("r"), "good"),
        (InDoubt("timeout"), "bad"),
        (DOWN, "bad"),
        (NotAccepted(Failure.BUSY, "429", is_retryable=True), "busy"),
        (NotAccepted(Failure.AUTHENTICATION, "20003", is_retryable=False), "barred"),
        (NotAccepted(Failure.INVALID_POINT, "21211", is_retryable=False), "good"),
        (EXPIRED, "neutral"),
        (NotAccepted(Failure.EXPIRED, "lease_lost", is_retryable=False), "neutral"),
        (UNSUPPORTED, "neutral"),
        (NotAccepted(Failure.UNKNOWN, "999", is_retryable=False), "neutral"),
        (None, "neutral"),
    ],
)
def test_what_an_answer_says_of_the_provider(result: SendResult | None, ended: Ended) -> None:
    assert _ended(result)[0] == ended


def test_a_refund_after_midnight_goes_to_the_day_of_the_grant(redis_url: str) -> None:
    async def work(made: Router) -> None:
        [grant] = await admit(made, ask(cost=70))
        assert isinstance(grant, Grant)
        morning = NOW + dt.timedelta(seconds=2)
        await made.settle([Settled(grant, Accepted("r", 30), 30)], morning)
        assert (await state(made, "sms:one")).spend == 30
        assert (await state(made, "sms:one", morning)).spend == 0

    on(router(redis_url, Route(Channel.SMS, "one", daily_spend=100)), work)


def test_another_provider_is_tried_first_and_the_same_again_when_all_were(redis_url: str) -> None:
    async def work(made: Router) -> None:
        [first, second, again] = await admit(made, ask(), ask("one"), ask("one", "two"))
        assert isinstance(first, Grant)
        assert isinstance(second, Grant)
        assert isinstance(again, Grant)
        assert (first.provider, second.provider, again.provider) == ("one", "two", "one")

    on(router(redis_url, Route(Channel.SMS, "two", 2), Route(Channel.SMS, "one")), work)


def test_a_provider_that_fails_is_left_and_taken_up_again(redis_url: str) -> None:
    async def work(made: Router) -> None:
        async def used(now: dt.datetime) -> str:
            [grant] = await admit(made, ask(), now=now)
            assert isinstance(grant, Grant)
            await made.settle([Settled(grant, results.get(grant.provider, Accepted("r")), 0)], now)
            return grant.provider

        results: dict[str, SendResult] = {"one": DOWN}
        assert [await used(NOW) for _ in range(7)] == ["one"] * 5 + ["two"] * 2
        later = NOW + dt.timedelta(seconds=30)
        assert [await used(later), await used(later)] == ["one", "two"], "one message alone tries it"
        results.clear()
        back = later + dt.timedelta(seconds=30)
        assert [await used(back) for _ in range(3)] == ["one"] * 3

    on(router(redis_url, Route(Channel.SMS, "one"), Route(Channel.SMS, "two", 2)), work)


def test_one_providers_channels_have_limits_of_their_own(redis_url: str) -> None:
    async def work(made: Router) -> None:
        voice = Route(Channel.VOICE, "one", rate=1)
        both = Router({**made.routes, Channel.VOICE: (voice,)}, made.url, made.draw, True, made.limits)
        await admit(both, ask(), now=NOW - dt.timedelta(minutes=1))
        assert isinstance((await both.admit(Channel.VOICE, [ask()], NOW))[0], Grant)
        assert isinstance((await both.admit(Channel.VOICE, [ask()], NOW))[0], Hold)
        assert all(isinstance(one, Grant) for one in await admit(both, ask(), ask()))

    on(router(redis_url, Route(Channel.SMS, "one", rate=100, burst=1000)), work)


def test_settling_without_redis_raises_nothing() -> None:
    async def work(made: Router) -> None:
        await made.settle([Settled(Grant(uuid4(), "one", 0, "sms:one"), Accepted("r"), 0)], NOW)
        with pytest.raises(Unavailable):
            await admit(made, ask())

    on(router("redis://127.0.0.1:1/0", Route(Channel.SMS, "one")), work)


def limit(small: World, **limits: Any) -> None:
    """Give the world's router limits on the sandbox, by the world's clock."""
    routes = {Channel.SMS: (Route(Channel.SMS, "sandbox", **limits),)}
    object.__setattr__(small.shop.router, "routes", routes)
    object.__setattr__(small.shop.router, "is_simulated", True)


def standing(small: World) -> State:
    return small.shop.loop.wait(state(small.shop.router, "sms:sandbox", small.clock.at))


def test_leave_is_given_back_where_the_transaction_fails(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(small, concurrency=10, daily_spend=10**9)
    provider = answering(small)
    ids = small.look()["sms"][:3]

    def fail(*_: object) -> set[UUID]:
        assert standing(small).in_flight == 3
        raise Unavailable("the database went away.")

    monkeypatch.setattr("workers.deliver.sending.mark_sending", fail)
    with pytest.raises(Unavailable):
        small.deliver({"sms": ids})
    assert provider.asked == []
    assert (standing(small).in_flight, standing(small).spend) == (0, 0)


def test_leave_is_given_back_for_what_was_taken_by_another(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(small, concurrency=10, daily_spend=10**9)
    ids = small.look()["sms"][:3]
    monkeypatch.setattr("workers.deliver.sending.mark_sending", lambda *_: set())
    assert small.deliver({"sms": ids}) == 0
    assert (standing(small).in_flight, standing(small).spend) == (0, 0)


def test_a_probe_that_is_not_sent_does_not_hold_up_the_next(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(small)
    ids = small.look()["sms"]
    answering(small, *[NotAccepted(Failure.PROVIDER_DOWN, "down", is_retryable=False)] * 5)
    small.deliver({"sms": ids[:5]})
    assert standing(small).is_open
    small.clock.at += dt.timedelta(seconds=31)
    with monkeypatch.context() as patch:
        patch.setattr("workers.deliver.sending.mark_sending", lambda *_: set())
        small.deliver({"sms": ids[5:6]})
    assert standing(small).is_open
    assert small.deliver({"sms": ids[6:7]}) == 1
    assert not standing(small).is_open


def test_the_only_provider_is_tried_again_after_it_was_away(small: World) -> None:
    provider = answering(small, DOWN)
    ids = small.look()["sms"][:1]
    assert small.deliver({"sms": ids}) == 0
    small.clock.at += dt.timedelta(minutes=2)
    small.deliver({"sms": ids})
    assert provider.asked == ids * 2
