"""Whole seconds since 1970 and the local days of a zone: exact over changes of the clock, leap days and date lines.

The engine reckons in integers. An instant is rounded so that rounding never permits more. Days are counted from
1 January 1970 (day 0, a Thursday); a local day that comes back, where clocks are set back over midnight, ends when it
ends for the last time.
"""

import functools
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

from throttling import places

DAY = 86_400
BLOCK = 400 * DAY
FOREVER = 1 << 40
"""Later than any instant that a datetime can hold."""
DAWN = -FOREVER
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = EPOCH.toordinal()


def floor_second(at: datetime) -> int:
    """The last whole second not after `at`."""
    return floor(at.timestamp())


def ceil_second(at: datetime) -> int:
    """The first whole second not before `at`."""
    return ceil(at.timestamp())


def to_datetime(second: int, zone: str) -> datetime:
    """The instant, written in the zone's offset."""
    return (EPOCH + timedelta(seconds=second)).astimezone(places.zone(zone))


def to_date(day: int) -> date:
    """The calendar date of a day number."""
    return date.fromordinal(day + EPOCH_ORDINAL)


def to_day(value: date) -> int:
    """The day number of a calendar date."""
    return value.toordinal() - EPOCH_ORDINAL


def weekday(day: int) -> int:
    """0 for Monday to 6 for Sunday."""
    return (day + 3) % 7


class ZoneClock:
    """One zone's offsets, as sorted segments worked out block by block and kept."""

    __slots__ = ("_blocks", "_info", "_midnights", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._info: ZoneInfo = places.zone(name)
        self._blocks: dict[int, tuple[list[int], list[int]]] = {}
        self._midnights: dict[int, int] = {}

    def offset(self, second: int) -> int:
        """Seconds east of Greenwich at an instant."""
        starts, offsets = self._block(second // BLOCK)
        return offsets[bisect_right(starts, second) - 1]

    def day(self, second: int) -> int:
        """The local day that an instant belongs to."""
        day = (second + self.offset(second)) // DAY
        return day - 1 if second < self.midnight(day) else day

    def midnight(self, day: int) -> int:
        """The instant from which on it is this local day or a later one, for good."""
        known = self._midnights.get(day)
        if known is not None:
            return known
        wall = day * DAY
        found = max(
            min(end, wall - offset)
            for start, end, offset in self.segments(wall - 2 * DAY, wall + 2 * DAY)
            if wall - offset > start  # else none of the stretch lies before that midnight
        )
        self._midnights[day] = found
        return found

    def segments(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """`(start, end, offset)` for each stretch of constant offset between two instants, clipped to them."""
        found: list[tuple[int, int, int]] = []
        for block in range(start // BLOCK, (end - 1) // BLOCK + 1):
            starts, offsets = self._block(block)
            for index, begin in enumerate(starts):
                last = starts[index + 1] if index + 1 < len(starts) else (block + 1) * BLOCK
                low, high = max(begin, start), min(last, end)
                if low >= high:
                    continue
                if found and found[-1][2] == offsets[index]:
                    found[-1] = (found[-1][0], high, offsets[index])
                else:
                    found.append((low, high, offsets[index]))
        return found

    def _block(self, block: int) -> tuple[list[int], list[int]]:
        known = self._blocks.get(block)
        if known is None:
            known = self._blocks[block] = self._work_out(block)
        return known

    def _work_out(self, block: int) -> tuple[list[int], list[int]]:
        begin = block * BLOCK
        starts, offsets = [begin], [self._raw(begin)]
        for second in range(begin + DAY, begin + BLOCK + 1, DAY):
            if self._raw(second) != offsets[-1]:
                change = self._change(second - DAY, second)
                if change < begin + BLOCK:
                    starts.append(change)
                    offsets.append(self._raw(change))
        return starts, offsets

    def _change(self, before: int, after: int) -> int:
        old = self._raw(before)
        while after - before > 1:
            middle = (before + after) // 2
            if self._raw(middle) == old:
                before = middle
            else:
                after = middle
        return after

    def _raw(self, second: int) -> int:
        offset = (EPOCH + timedelta(seconds=second)).astimezone(self._info).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0


@functools.cache
def clock(name: str) -> ZoneClock:
    """The clock of a zone, one for each process. Raises BadInput for an unknown zone."""
    return ZoneClock(name)
