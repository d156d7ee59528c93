"""Moves the demo's clock: through empty hours in a leap, and no further than what is due can be done.

The clock stops at a limit. When nothing is left to do at it, the limit moves on, to the next thing that is due and a
stretch beyond, so that what is due close together is done together.
"""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass

from config.clock import Conductor
from storage.idleness import Pending

RATE = 5_000_000.0
"""Simulated seconds in a real one, at most: a day takes no time where nobody watches and nothing holds it."""
SHORTEST = dt.timedelta(minutes=5)
LONGEST = dt.timedelta(hours=2)
RETRY = dt.timedelta(minutes=1)
"""How far the clock runs while a provider has no room for all: a leap would carry what waits past its hours."""
LOOK = 0.02
"""Seconds between looks at what is left to do."""
STUCK = 60.0
"""Real seconds without an end of the work at an instant, after which the demo gives up."""


@dataclass(frozen=True, slots=True)
class World:
    """What the conductor sees and does. `next_event` is when the sandbox says something next; `check` raises to end."""

    pending: Callable[[dt.datetime], Pending]
    next_event: Callable[[], dt.datetime | None]
    queued: Callable[[], int]
    at_midnight: Callable[[dt.date], None]
    check: Callable[[], None]
    progress: Callable[[dt.datetime], None]


def conduct(
    clock: Conductor, world: World, end: dt.datetime, zone: dt.tzinfo, seconds: float, monotonic: Callable[[], float]
) -> bool:
    """Run the clock to `end` in about so many real seconds, longer where the work takes longer; False: it got stuck."""
    began, start = monotonic(), clock.now()
    day = start.astimezone(zone).date()
    while (now := clock.now()) < end:
        if not _settle(clock, world, monotonic):
            return False
        now = clock.now()
        today = now.astimezone(zone).date()
        if today > day:
            day = today
            world.at_midnight(today)
        left = max(0.0, seconds - (monotonic() - began))
        pending = world.pending(now)
        is_crowded = pending.next_retry is not None and pending.next_retry < now + LONGEST
        stretch = RETRY if is_crowded else _stretch(end - now, left)
        target = min(end, _next(world, pending, now, end, zone) + stretch)
        clock.change(limit=target, rate=_rate(target - now, end - now, left))
        while clock.now() < target:
            world.check()
            world.progress(clock.now())
            time.sleep(LOOK / 2)
    return _settle(clock, world, monotonic)


def _next(world: World, pending: Pending, now: dt.datetime, end: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """The next instant at which something is to be done, the creditor's midnight among them."""
    local = now.astimezone(zone)
    midnight = (local + dt.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    found = [end, midnight.astimezone(dt.UTC)]
    due, event = pending.next_due, world.next_event()
    found += [instant for instant in (due, event) if instant is not None]
    return max(now, min(found))


def _stretch(left: dt.timedelta, seconds: float) -> dt.timedelta:
    """How far beyond the next thing the clock may run at once: further the less real time is left."""
    steps = max(20.0, seconds / 0.15)
    return min(LONGEST, max(SHORTEST, left / steps / 2))


def _rate(step: dt.timedelta, left: dt.timedelta, seconds: float) -> float:
    """How fast the clock runs through a step: evenly, where there is time to watch it."""
    share = seconds * (step / left) if left else 0.0
    return RATE if share < LOOK else max(60.0, min(RATE, step.total_seconds() / (share * 0.6)))


def _settle(clock: Conductor, world: World, monotonic: Callable[[], float]) -> bool:
    """Wait until everything that is due now is done; False where that takes too long."""
    since = monotonic()
    while monotonic() - since < STUCK:
        world.check()
        now = clock.now()
        event = world.next_event()
        is_quiet = world.queued() == 0 and (event is None or event > now)
        if is_quiet and world.pending(now).is_idle:
            return True
        world.progress(now)
        time.sleep(LOOK)
    return False
