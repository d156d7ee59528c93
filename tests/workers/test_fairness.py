"""A slow provider starves no other channel, dispatch waits for workers, and creditors take turns."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from config.settings import Settings
from domain.channel import Channel
from domain.message import Accepted, Message, SendResult
from tests.workers.test_path import Answering, answering
from tests.workers.world import World, world
from workers import actors
from workers.broker import open_broker, send_attempts, waiting
from workers.consuming import consuming, threads_of


class Stuck(Answering):
    """Takes emails only when it is let, and everything else at once."""

    def __init__(self, inner: Answering) -> None:
        super().__init__(inner.inner, [])
        self.let: asyncio.Event | None = None
        self.waiting = 0

    async def send(self, message: Message) -> SendResult:
        if message.channel is Channel.EMAIL:
            self.let = self.let or asyncio.Event()
            self.waiting += 1
            await self.let.wait()
        self.asked.append(message.attempt_id)
        return Accepted(message.attempt_id.hex)


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def test_a_slow_provider_starves_no_other_channel(small: World, own_settings: Settings) -> None:
    provider = Stuck(answering(small))
    small.shop.deliverer.caller.adapters["sandbox"] = provider  # type: ignore[index, assignment]
    reserved = small.look()
    sms, rest = reserved["sms"][:20], reserved["sms"][20:]
    with small.shop.db.tenant(small.creditor_id) as connection:
        connection.exec_driver_sql(
            """UPDATE attempts a SET channel = 'email', template = 'card-statement', point_id = p.point_id
               FROM contact_points p
               WHERE a.attempt_id = ANY(%(ids)s) AND p.debtor_id = a.debtor_id AND p.kind = 'email'""",
            {"ids": rest},
        )
    broker = open_broker(str(own_settings.redis_url))
    send_attempts(broker, small.creditor_id, {"email": rest}, 2)
    with consuming(own_settings, small.shop):
        until(lambda: provider.waiting >= 2)
        send_attempts(broker, small.creditor_id, {"sms": sms}, 5)
        until(lambda: len(provider.asked) >= len(sms))
        [[held]] = small.query("SELECT count(*) FROM attempts WHERE state = 'sending' AND channel = 'email'")
        assert int(str(held)) <= 2 * threads_of(own_settings)["email"], "no more is fetched than threads can hold"
        assert provider.let is not None
        until(lambda: _let(small, provider) and waiting(broker.client)["email"] == 0)
        until(lambda: small.states().get("sending", 0) == 0)
    broker.close()
    assert len(provider.asked) == len(set(provider.asked))


def _let(small: World, provider: Stuck) -> bool:
    async def let() -> None:
        if provider.let is not None:
            provider.let.set()

    small.shop.loop.wait(let())
    return True


def test_dispatch_waits_while_too_much_is_reserved(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actors, "OUTSTANDING", 10)
    broker = open_broker(str(small.shop.settings.redis_url))
    object.__setattr__(small.shop, "settings", small.shop.settings.model_copy(update={"claim_debtors": 10}))
    for _ in range(5):
        actors._look(broker, small.shop, str(small.creditor_id))
    reserved = small.states()["reserved"]
    assert 10 <= reserved < 20, "at most one batch beyond the bound"
    broker.close()


def test_creditors_take_turns(own_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        world(own_settings, tmp_path / "a", accounts=200, code="first") as first,
        world(own_settings, tmp_path / "b", accounts=20, code="second") as second,
    ):
        order: list[UUID] = []
        for _ in range(2):
            for one in (first, second):
                looked = one.shop.dispatcher.look(one.creditor_id, one.clock.at, 10)
                order += [one.creditor_id] * looked.debtors
        assert order[:10].count(first.creditor_id) == 10
        assert second.creditor_id in order[10:20]
