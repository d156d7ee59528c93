"""Local days and preferred hours in the debtor's place: exact instants from wall clocks, in every zone at once.

All instants are aware and in UTC. Where a debtor may be in several zones, a day has begun when it has begun in all of
them, and a window is open when it is open in all of them.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from campaigns.cadence import Window
from domain.facts import DebtorFacts, PointFacts
from throttling import places

LOOK_AHEAD = timedelta(days=15)
"""How far a preferred window is looked for: longer than any pattern of weekdays."""
KEPT = 5_000
"""How many answers are kept at hand: a batch of debtors is asked about one instant in a few sets of zones."""
_DAY = timedelta(days=1)
_NARROW = timedelta(seconds=1)


def zones_of(facts: DebtorFacts, points: Iterable[PointFacts]) -> tuple[str, ...]:
    """The zones where the debtor lives by all that is known: of the debtor's places, or else of the contact points.

    Preferences go by these; the law also weighs the zones of numbers beside them (`throttling/whereabouts.py`).
    Empty where none is known, or where one of them is no zone: then nobody knows what time it is there.
    """
    known = dict.fromkeys(facts.timezones)
    for place in facts.places:
        if place.timezone:
            known[place.timezone] = None
        elif place.region or not facts.timezones:
            known |= dict.fromkeys(places.zones_of(place.country, place.region))
    if not known:
        known = dict.fromkeys(zone for point in points for zone in point.timezones)
    return tuple(known) if all(map(_is_zone, known)) else ()


def local_today(zones: tuple[str, ...], now: datetime) -> date:
    """The day that has begun in all `zones`; in the whole world where there are none."""
    return _today(zones, now.astimezone(UTC))


@lru_cache(maxsize=KEPT)
def _today(zones: tuple[str, ...], now: datetime) -> date:
    if not zones:
        return (now - timedelta(hours=12)).date()
    return min(now.astimezone(_zone(zone)).date() for zone in zones)


def local_day_of(zones: tuple[str, ...], at: datetime) -> date:
    """The latest day that it was in any of `zones` at `at`: days counted from it are never too few."""
    return max([at.astimezone(_zone(zone)).date() for zone in zones])


@lru_cache(maxsize=KEPT)
def day_instant(day: date, minute: int, zones: tuple[str, ...]) -> datetime:
    """The first instant at which `minute` of `day` has come in every one of `zones`."""
    return max(_instant(day, minute, zone) for zone in zones)


def opening(window: Window, zones: tuple[str, ...], at: datetime) -> tuple[datetime, datetime] | None:
    """The first interval from `at` on, half-open, in which the window is open in all `zones`; None: there is none."""
    moment = at
    while moment <= at + LOOK_AHEAD:
        start, end = _shared_span(window, zones, moment.astimezone(UTC))
        if start <= moment:
            return moment, end
        moment = start
    return None


@lru_cache(maxsize=KEPT)
def _shared_span(window: Window, zones: tuple[str, ...], at: datetime) -> tuple[datetime, datetime]:
    """The last start and the first end of the spans in each zone. `at` is in UTC, where no hour comes twice."""
    spans = [_span(window, zone, at) for zone in zones]
    return max(start for start, _ in spans), min(end for _, end in spans)


def _span(window: Window, zone: str, at: datetime) -> tuple[datetime, datetime]:
    """The window's span in one zone that holds `at`, or the next one."""
    local = at.astimezone(_zone(zone))
    day, minute = local.date(), local.hour * 60 + local.minute
    if minute >= window.end:
        day, minute = day + _DAY, 0
    while day.weekday() not in window.days:
        day, minute = day + _DAY, 0
    start, end = _instant(day, window.start, zone), _instant(day, window.end, zone)
    if end <= at:  # an hour that the clocks repeat: the window has closed the first time round
        return _span(window, zone, _instant(day + _DAY, 0, zone))
    return start, end


@lru_cache(maxsize=20_000)
def _instant(day: date, minute: int, zone: str) -> datetime:
    """The first instant at which the clocks of `zone` show `minute` of `day` or later."""
    if minute >= 24 * 60:
        day, minute = day + _DAY, minute - 24 * 60
    info = _zone(zone)
    wall = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=info)
    found = wall.astimezone(UTC)
    if found.astimezone(info).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    # The clocks skip that minute: the first instant is the jump itself, which lies between the two readings.
    before, after = sorted((found, wall.replace(fold=1).astimezone(UTC)))
    naive = wall.replace(tzinfo=None)
    while after - before > _NARROW:
        middle = before + (after - before) / 2
        before, after = (before, middle) if middle.astimezone(info).replace(tzinfo=None) >= naive else (middle, after)
    return after.replace(microsecond=0)


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=1000)
def _is_zone(name: str) -> bool:
    try:
        _zone(name)
    except (OSError, ValueError, LookupError):
        return False
    return True
