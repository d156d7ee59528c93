"""When a counted event stops counting, and when a length of time after an event is over: the law's ways to count days.

All are exact: the answer is the first instant at which it is so, in the strictest of the zones that bear on it.
"""

from collections.abc import Callable, Sequence

from throttling.calendars import Calendar
from throttling.terms import Wait, Window
from throttling.zonetime import DAY, EPOCH_ORDINAL, FOREVER, ZoneClock, to_date, to_day, weekday

Moment = tuple[int, int]
"""When a past contact was, rounded up to a second, and its index in the history."""
Lasting = tuple[int, int]
"""Until when a past contact counts, and its index in the history."""


class Ending:
    """Until when each event counts under one window or wait on one set of clocks, kept so that many debtors share it.

    Where days are counted, the answer changes only at local midnights, so it is worked out once for each stretch
    between them.
    """

    __slots__ = ("_clocks", "_days", "_exact", "_seconds")

    def __init__(self, length: Window | Wait, clocks: Sequence[ZoneClock], calendar: Calendar | None) -> None:
        self._seconds = length.seconds
        self._clocks = clocks
        self._days: dict[int, tuple[tuple[int, int], ...]] = {}
        self._exact: Callable[[int], int]
        if isinstance(length, Window):
            self._exact = lambda event: counts_until(length, event, clocks, calendar)
        else:
            self._exact = lambda event: over_at(length, event, clocks, calendar)

    def of(self, event: int) -> int:
        """The first instant at which an event no longer counts; never earlier for a later event."""
        if self._seconds is not None:
            return event + self._seconds
        day = event // DAY
        found = self._days.get(day)
        if found is None:
            if len(self._days) > 2_000:
                self._days.clear()
            found = self._days[day] = self._of_day(day)
        for start, until in found:
            if event >= start:
                return until
        raise AssertionError("a day's stretches begin where the day does")

    def outlasting(self, moments: Sequence[Moment], at: int) -> list[Lasting]:
        """The contacts, given and returned in order, that still count at an instant."""
        found = []
        for second, index in reversed(moments):
            until = self.of(second)
            if until <= at:  # what came earlier stops counting no later
                break
            found.append((until, index))
        found.reverse()
        return found

    def _of_day(self, day: int) -> tuple[tuple[int, int], ...]:
        """`(start, until)` for the stretches of a day of Greenwich between local midnights, the last one first."""
        begin, end = day * DAY, (day + 1) * DAY
        starts = {begin}
        for clock in self._clocks:
            midnights = (clock.midnight(local) for local in range(clock.day(begin), clock.day(end) + 1))
            starts.update(midnight for midnight in midnights if begin < midnight < end)
        return tuple((start, self._exact(start)) for start in sorted(starts, reverse=True))


def counts_until(window: Window, event: int, clocks: Sequence[ZoneClock], calendar: Calendar | None) -> int:
    """The first instant at which an event lies outside the window. FOREVER where never, or where it is not known."""
    if window.seconds is not None:
        return event + window.seconds
    if window.ever or not clocks:
        return FOREVER
    return max(_day_after_window(window, event, clock, calendar) for clock in clocks)


def over_at(wait: Wait, event: int, clocks: Sequence[ZoneClock], calendar: Calendar | None) -> int:
    """The first instant at which the wait after an event is over, by the last of the clocks."""
    return _ends(wait, event, clocks, calendar, last=True)


def lapses_at(wait: Wait, event: int, clocks: Sequence[ZoneClock], calendar: Calendar | None) -> int:
    """The same by the first of the clocks: for what ends a permission, such as a consent."""
    return _ends(wait, event, clocks, calendar, last=False)


def _ends(wait: Wait, event: int, clocks: Sequence[ZoneClock], calendar: Calendar | None, *, last: bool) -> int:
    if wait.seconds is not None:
        return event + wait.seconds
    if not clocks:
        return FOREVER if last else event
    found = [_wait_in(wait, event, clock, calendar) for clock in clocks]
    return max(found) if last else min(found)


def _wait_in(wait: Wait, event: int, clock: ZoneClock, calendar: Calendar | None) -> int:
    first = clock.day(event) + (wait.first_day == "next")
    if wait.business_days is not None:
        day = _after_business_days(first, wait.business_days, calendar)
        return FOREVER if day is None else clock.midnight(day)
    if wait.days is not None:
        return clock.midnight(first + wait.days)
    if wait.weeks is not None:
        return clock.midnight(first + 7 * wait.weeks)
    return clock.midnight(add_months(first, (wait.months or 0) + 12 * (wait.years or 0)))


def _day_after_window(window: Window, event: int, clock: ZoneClock, calendar: Calendar | None) -> int:
    day = clock.day(event)
    length = window.days or window.every
    if length is not None:
        return clock.midnight(day + length)
    if window.business_days is not None:
        after = _after_business_days(day, window.business_days, calendar)
        return FOREVER if after is None else clock.midnight(after)
    return clock.midnight(period_after(day, window))


def period_after(day: int, window: Window) -> int:
    """The first day of the calendar day, week, month, quarter or year after the one that holds `day`."""
    if window.per == "day":
        return day + 1
    if window.per == "week":
        since_start = (weekday(day) + (window.week_starts == "sunday")) % 7
        return day - since_start + 7
    months = {"month": 1, "quarter": 3, "year": 12}[window.per or "month"]
    value = to_date(day)
    first = value.replace(month=(value.month - 1) // months * months + 1, day=1)
    return add_months(to_day(first), months)


def add_months(day: int, months: int) -> int:
    """The same day of the month so many months later, or the first of the next where that month has no such day.

    So what lasts a year from 29 February ends on 1 March.
    """
    value = to_date(day)
    year, month = divmod(value.year * 12 + value.month - 1 + months, 12)
    try:
        return to_day(value.replace(year=year, month=month + 1))
    except ValueError:
        return to_day(value.replace(year=year + (month + 1) // 12, month=(month + 1) % 12 + 1, day=1))


def is_business_day(day: int, calendar: Calendar) -> bool | None:
    """True on working days; None where the calendar does not say."""
    ordinal = day + EPOCH_ORDINAL
    if not calendar.knows(ordinal):
        return None
    if ordinal in calendar.holidays:
        return False
    return weekday(day) < 5 or ordinal in calendar.makeup_workdays


def _after_business_days(first: int, count: int, calendar: Calendar | None) -> int | None:
    """The day after `count` business days, the first day counting if it is one; None beyond the calendar's end."""
    day = first
    while calendar is not None:
        is_one = is_business_day(day, calendar)
        if is_one is None:
            return None
        count -= is_one
        day += 1
        if count == 0:
            return day
    return None
