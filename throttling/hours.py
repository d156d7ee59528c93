"""Permitted hours as tables of intervals, worked out four weeks at a time and kept.

A table says for each chunk of 28 days which instants are open. Tables combine: all of them, any of them, shifted by the
time that a message takes to arrive. The engine asks a table for the next open instant and for the end of an opening.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from throttling.calendars import Calendar
from throttling.intervals import Intervals, complement, intersect, unite
from throttling.language import Open
from throttling.zonetime import DAY, EPOCH_ORDINAL, FOREVER, ZoneClock, weekday

CHUNK = 28 * DAY
HORIZON = 16
"""Chunks that are searched: more than a year. Hours that do not come in a year never come."""

Spans = tuple[tuple[int, int], ...]


class Table:
    """The open instants of each chunk, worked out by a function once each.

    The last stretches that were asked about, an open one and a shut one, are kept at hand: a batch of debtors is asked
    about one instant.
    """

    __slots__ = ("_chunks", "_make", "open_now", "shut_now")

    def __init__(self, make: Callable[[int], Intervals]) -> None:
        self._make = make
        self._chunks: dict[int, Intervals] = {}
        self.open_now = self.shut_now = (0, 0)

    def chunk(self, index: int) -> Intervals:
        """The open intervals between `index * CHUNK` and the next, clipped to it."""
        known = self._chunks.get(index)
        if known is None:
            if len(self._chunks) > 64:
                self._chunks.clear()
            known = self._chunks[index] = self._make(index)
        return known


def next_open(table: Table, at: int) -> int:
    """The first open instant not before `at`; FOREVER where there is none within the horizon."""
    start, end = table.open_now
    if start <= at < end:
        return at
    start, end = table.shut_now
    if start <= at < end:
        return end
    index = at // CHUNK
    for each in range(index, index + HORIZON):
        spans = table.chunk(each)
        place = bisect_right(spans, (at, FOREVER)) - 1
        if place >= 0 and at < spans[place][1]:
            table.open_now = spans[place]
            return at
        if place + 1 < len(spans):
            found = spans[place + 1][0]
            table.shut_now = at, found
            return found
    return FOREVER


def end_of_opening(table: Table, at: int) -> int:
    """Where the opening that holds `at` ends; FOREVER where it does not within the horizon; `at` where it is shut."""
    index = at // CHUNK
    for each in range(index, index + HORIZON):
        spans = table.chunk(each)
        place = bisect_right(spans, (at, FOREVER)) - 1
        if place < 0 or at >= spans[place][1]:
            return at
        at = spans[place][1]
        if at < (each + 1) * CHUNK:
            return at
    return FOREVER


def bounds(index: int) -> tuple[int, int]:
    """The instants between which a chunk lies."""
    return index * CHUNK, (index + 1) * CHUNK


def from_intervals(spans: Intervals) -> Table:
    """A table of fixed intervals."""
    return Table(lambda index: intersect((bounds(index),), spans))


def all_of(tables: Sequence[Table]) -> Table:
    """Open where every table is; always open where there is none."""
    if len(tables) == 1:
        return tables[0]

    def make(index: int) -> Intervals:
        found: Intervals = (bounds(index),)
        for table in tables:
            found = intersect(found, table.chunk(index))
        return found

    return Table(make)


def any_of(tables: Sequence[Table]) -> Table:
    """Open where one of the tables is."""
    if len(tables) == 1:
        return tables[0]
    return Table(lambda index: unite([span for table in tables for span in table.chunk(index)]))


def not_in(table: Table) -> Table:
    """Open where the table is shut."""
    return Table(lambda index: intersect((bounds(index),), complement(table.chunk(index))))


def shifted(table: Table, delay: int) -> Table:
    """Open for what leaves now where the table is open `delay` seconds later, when it arrives."""

    def make(index: int) -> Intervals:
        start, end = bounds(index)
        low, high = (start + delay) // CHUNK, (end + delay - 1) // CHUNK
        later = unite([span for each in range(low, high + 1) for span in table.chunk(each)])
        return intersect((bounds(index),), tuple((a - delay, b - delay) for a, b in later))

    return Table(make)


def weekly(opening: Open, clock: ZoneClock, calendar: Calendar | None) -> Table:
    """The hours of a rule on one clock. Where they need a calendar that does not know the day, that day is shut."""
    week = opening.week()
    kept: Spans | None = opening.holidays
    extra: Spans | None = opening.makeup_workdays
    needs = opening.needs_calendar

    def spans_on(day: int) -> Spans:
        if needs:
            ordinal = day + EPOCH_ORDINAL
            if calendar is None or not calendar.knows(ordinal):
                return ()
            if kept is not None and ordinal in calendar.holidays:
                return kept
            if extra is not None and ordinal in calendar.makeup_workdays:
                return extra
        return week[weekday(day)]

    return by_day(clock, spans_on)


def daily(clock: ZoneClock, span: tuple[int, int], days: frozenset[int] = frozenset(range(7))) -> Table:
    """The same minutes of the local day on the named days (0 is Monday). A span over midnight is allowed."""
    start, end = span
    if start < end:
        return by_day(clock, lambda day: ((start, end),) if weekday(day) in days else ())

    def spans_on(day: int) -> Spans:
        evening = ((start, 1440),) if weekday(day) in days else ()
        morning = ((0, end),) if end and weekday(day - 1) in days else ()
        return morning + evening

    return by_day(clock, spans_on)


def by_day(clock: ZoneClock, spans_on: Callable[[int], Spans]) -> Table:
    """A table from the spans, in minutes, of each local day. Exact where the clock changes inside a span."""

    def make(index: int) -> Intervals:
        found: list[tuple[int, int]] = []
        for start, end, offset in clock.segments(*bounds(index)):
            for day in range((start + offset) // DAY, (end - 1 + offset) // DAY + 1):
                dawn = day * DAY - offset
                for open_at, shut_at in spans_on(day):
                    found.append((max(start, dawn + open_at * 60), min(end, dawn + shut_at * 60)))
        return unite(found)

    return Table(make)
