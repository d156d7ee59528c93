"""The feed: one look for all who watch, changes alone, an end when the server stops."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from web.feed import Change, Feed


class View:
    """A view that counts how often it is drawn."""

    def __init__(self) -> None:
        self.regions = {"a": "1", "b": "1"}
        self.looks = 0
        self.fails = False

    def __call__(self) -> dict[str, str]:
        self.looks += 1
        if self.fails:
            raise OSError("away")
        return dict(self.regions)


@pytest.fixture
def stopping() -> list[bool]:
    return [False]


@pytest.fixture
def feed(stopping: list[bool]) -> Feed:
    return Feed(lambda: stopping[0], every=0.01)


async def next_of(stream: AsyncIterator[Change]) -> Change:
    async with asyncio.timeout(10):
        return await anext(stream)


async def close(*streams: AsyncIterator[Change]) -> None:
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_watcher_gets_everything_and_then_what_changed(feed: Feed) -> None:
    view = View()
    stream = feed.watch("k", view)
    assert (await next_of(stream)).regions == {"a": "1", "b": "1"}
    view.regions["b"] = "2"
    assert (await next_of(stream)).regions == {"b": "2"}
    await close(stream)


async def test_watchers_share_one_look_and_the_last_one_ends_it(feed: Feed) -> None:
    view, other = View(), View()
    first, second = feed.watch("k", view), feed.watch("k", other)
    await next_of(first)
    await next_of(second)
    assert other.looks == 0
    await close(first, second)
    looks = view.looks
    await asyncio.sleep(0.05)
    assert view.looks <= looks + 1


async def test_a_watcher_that_comes_back_gets_what_it_missed(feed: Feed) -> None:
    view = View()
    stays, leaves = feed.watch("k", view), feed.watch("k", view)
    last = await next_of(leaves)
    await next_of(stays)
    await close(leaves)
    view.regions["a"] = "2"
    await next_of(stays)
    back = feed.watch("k", view, last.id)
    assert (await next_of(back)).regions == {"a": "2"}
    stranger = feed.watch("k", view, "other-7")
    assert set((await next_of(stranger)).regions) == {"a", "b"}
    await close(stays, back, stranger)


async def test_a_view_that_begins_anew_is_ahead_of_all_before(feed: Feed) -> None:
    view = View()
    first = feed.watch("k", view)
    last = await next_of(first)
    view.regions["a"] = "2"
    last = await next_of(first)
    await close(first)
    again = feed.watch("k", view, last.id)
    assert (await next_of(again)).regions == {"a": "2", "b": "1"}
    await close(again)


async def test_a_look_that_fails_makes_the_page_stale_not_dead(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.feed.BEAT", 0.05)
    view = View()
    stream = feed.watch("k", view)
    await next_of(stream)
    view.fails = True
    while not (change := await next_of(stream)).is_stale:
        pass
    assert change.regions == {}
    view.fails = False
    view.regions["a"] = "2"
    while not (change := await next_of(stream)).regions:
        pass
    assert change.regions == {"a": "2"}
    assert not change.is_stale
    await close(stream)


async def test_streams_end_when_the_server_stops(feed: Feed, stopping: list[bool]) -> None:
    stream = feed.watch("k", View())
    await next_of(stream)
    stopping[0] = True
    async with asyncio.timeout(10):
        assert [change async for change in cast(AsyncIterator[Change], stream)] == []
