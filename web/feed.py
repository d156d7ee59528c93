"""One feed for all live pages of a process: a task per view reads it once a second, whoever watches shares it.

Each watcher gets what changed: one event at most a second, with the regions of the page whose HTML differs. A watcher
that is slow misses events, never memory: it is told the newest state of every region that it missed. The task ends
with its last watcher.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field

from config import logging as logs

EVERY = 1.0
"""Seconds between two looks, at least."""
SHARE = 0.1
"""The share of the time that looking may take: where a look takes long, looks become rarer."""
BEAT = 10.0
"""Seconds after which a watcher hears that nothing changed, so that it knows a silent feed from a dead one."""

Regions = Mapping[str, str]
Look = Callable[[], Regions]
"""Draws all regions of one view; runs in a thread."""

log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What a watcher is told: the regions that differ from what it has, none where nothing changed.

    `is_stale`: the last look failed, so that what is shown may be old.
    """

    id: str
    regions: Regions
    is_stale: bool = False


@dataclass(slots=True)
class _View:
    """One view with its newest regions, the number at which each changed last, and its watchers."""

    look: Look
    regions: dict[str, str] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    number: int = 0
    watchers: int = 0
    is_stale: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Feed:
    """The feeds of one process. `is_stopping` ends all streams soon, so that the server can stop."""

    def __init__(self, is_stopping: Callable[[], bool], every: float = EVERY) -> None:
        self._is_stopping = is_stopping
        self._every = every
        self._views: dict[object, _View] = {}
        self._numbers = itertools.count(1)  # one row for all views: a view that begins anew is ahead of all before
        self._run = f"{time.time_ns():x}"

    async def watch(self, key: object, look: Look, last_id: str | None = None) -> AsyncGenerator[Change]:
        """The changes of the view `key` from now on, first whatever differs from the event `last_id`."""
        view = self._views.setdefault(key, _View(look))
        view.watchers += 1
        if view.task is None:
            view.task = asyncio.create_task(self._keep_looking(view))
        seen = self._number_of(last_id)
        try:
            while not self._is_stopping():
                news: Regions = {}
                if await self._await_change(view, seen):
                    news = {name: view.regions[name] for name, at in view.changed.items() if at > seen}
                    seen = view.number
                if not self._is_stopping():
                    yield Change(f"{self._run}-{seen}", news, view.is_stale)
        finally:
            view.watchers -= 1
            if not view.watchers and self._views.get(key) is view:
                del self._views[key]
                view.task.cancel()

    def _number_of(self, last_id: str | None) -> int:
        """Which number an event of this process had; 0, so that everything is sent, for those of others."""
        run, _, number = (last_id or "").partition("-")
        return int(number) if run == self._run and number.isdecimal() else 0

    async def _await_change(self, view: _View, seen: int) -> bool:
        """True as soon as the view has changed; False after a beat without, or when the server stops."""
        end = time.monotonic() + BEAT
        while view.number <= seen and time.monotonic() < end and not self._is_stopping():
            moved = view.moved
            try:
                await asyncio.wait_for(moved.wait(), self._every)
            except TimeoutError:
                continue
        return view.number > seen and not self._is_stopping()

    async def _keep_looking(self, view: _View) -> None:
        while True:
            began = time.monotonic()
            try:
                regions = await asyncio.to_thread(view.look)
                view.is_stale = False
                self._take(view, regions)
            except Exception:  # whatever it is, the watchers are told, and the next look may do better
                log.warning("live_view_failed", exc_info=True)
                view.is_stale = True
            took = time.monotonic() - began
            await asyncio.sleep(max(self._every - took, took * (1 / SHARE - 1)))

    def _take(self, view: _View, regions: Regions) -> None:
        changed = [name for name, html in regions.items() if view.regions.get(name) != html]
        if not changed:
            return
        view.number = next(self._numbers)
        view.regions.update(regions)
        view.changed.update(dict.fromkeys(changed, view.number))
        moved, view.moved = view.moved, asyncio.Event()
        moved.set()
