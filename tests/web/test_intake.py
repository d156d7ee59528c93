"""Callbacks are stored together, answered after the commit, and never lost to one another."""

import asyncio
import datetime as dt
import threading
from uuid import UUID

import pytest

from domain.attempt import AttemptState
from domain.channel import Channel
from domain.errors import BadInput, Unavailable
from domain.event import DeliveryEvent, ProviderEvent
from web.intake import Intake

ONE, OTHER = UUID(int=1), UUID(int=2)


def event(key: str) -> DeliveryEvent:
    at = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    return DeliveryEvent(key, "sandbox", Channel.SMS, at, None, "ref", AttemptState.DELIVERED)


class Store:
    """Keeps what is stored, a list a transaction; refuses the keys it is told to."""

    def __init__(self, *bad: str) -> None:
        self.transactions: list[tuple[UUID, list[str]]] = []
        self.bad = set(bad)
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, creditor_id: UUID, events: list[ProviderEvent]) -> None:
        assert self.may_go_on.wait(10)
        keys = [one.key for one in events]
        if self.bad & set(keys):
            raise BadInput("this cannot be stored.")
        self.transactions.append((creditor_id, keys))


async def test_requests_that_come_together_share_a_transaction() -> None:
    store = Store()
    intake = Intake(store)
    await asyncio.gather(*(intake.store(ONE, [event(str(number))]) for number in range(20)))
    assert store.transactions == [(ONE, [str(number) for number in range(20)])]


async def test_creditors_are_kept_apart() -> None:
    store = Store()
    intake = Intake(store)
    await asyncio.gather(
        intake.store(ONE, [event("a")]), intake.store(OTHER, [event("b")]), intake.store(ONE, [event("c")])
    )
    assert store.transactions == [(ONE, ["a", "c"]), (OTHER, ["b"])]


async def test_what_comes_during_a_transaction_waits_for_the_next() -> None:
    store = Store()
    intake = Intake(store)
    store.may_go_on.clear()
    first = asyncio.create_task(intake.store(ONE, [event("a")]))
    await asyncio.sleep(0.05)
    later = [asyncio.create_task(intake.store(ONE, [event(key)])) for key in "bc"]
    await asyncio.sleep(0)
    assert not first.done()
    store.may_go_on.set()
    await asyncio.gather(first, *later)
    assert [keys for _, keys in store.transactions] == [["a"], ["b", "c"]]


async def test_one_that_cannot_be_stored_takes_no_other_with_it() -> None:
    store = Store("bad")
    intake = Intake(store)
    found = await asyncio.gather(
        *(intake.store(ONE, [event(key)]) for key in ("a", "bad", "c")), return_exceptions=True
    )
    assert [type(one) for one in found] == [type(None), BadInput, type(None)]
    assert [keys for _, keys in store.transactions] == [["a"], ["c"]]


async def test_a_flood_is_turned_away_before_it_fills_the_memory() -> None:
    store = Store()
    store.may_go_on.clear()
    intake = Intake(store, full=3)
    first = [asyncio.create_task(intake.store(ONE, [event(key)])) for key in "abc"]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await intake.store(ONE, [event("d")])
    store.may_go_on.set()
    await asyncio.gather(*first)
    assert sum(len(keys) for _, keys in store.transactions) == 3


async def test_a_caller_that_left_leaves_its_events_stored() -> None:
    store = Store()
    intake = Intake(store)
    left = asyncio.create_task(intake.store(ONE, [event("a")]))
    await asyncio.sleep(0)
    left.cancel()
    await intake.store(ONE, [event("b")])
    assert store.transactions == [(ONE, ["a", "b"])]
