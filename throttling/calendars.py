"""Public holidays and make-up workdays, read from `config/calendars/`.

A calendar says from when until when it is known. Beyond that nothing is assumed: a rule that needs it holds.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from throttling.language import RuleId, Source
from throttling.premises import Text
from throttling.terms import DAYS, Term, exactly_one
from throttling.yaml_source import build, know, read_documents

Month = Annotated[int, Field(ge=1, le=12)]
Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


class Holiday(Term):
    """One holiday, every year or on one date.

    A `date`; a `month` and `day`; `easter` plus days; or the `nth` weekday of a month (-1 the last), or the last such
    weekday `before` a day of it. `observed` adds the working day on which it is kept when it falls on a weekend.
    """

    name: Text
    date: dt.date | None = None
    day: Annotated[int, Field(ge=1, le=31)] | None = None
    easter: int | None = None
    weekday: Day | None = None
    month: Month | None = None
    nth: Literal[1, 2, 3, 4, 5, -1] | None = None
    before: Annotated[int, Field(ge=2, le=31)] | None = None
    observed: Literal["nearest_weekday", "next_weekday"] | None = None
    years_from: int = 1
    years_until: int = 9999

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in ("date", "day", "easter", "weekday") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("say exactly one of date, day, easter, weekday")
        if given[0] in ("day", "weekday") and self.month is None:
            raise ValueError("say the month")
        if self.weekday is not None:
            exactly_one(self, ("nth", "before"))
        return self

    def on(self, year: int) -> dt.date | None:
        """The day in a year, or None where it has none."""
        if not self.years_from <= year <= self.years_until:
            return None
        if self.date is not None:
            return self.date if self.date.year == year else None
        if self.easter is not None:
            return easter_sunday(year) + timedelta(self.easter)
        month = self.month or 1
        if self.day is not None:
            return _real_date(year, month, self.day)
        weekday = DAYS.index(self.weekday or "Mon")
        if self.before is not None:
            last = dt.date(year, month, self.before) - timedelta(1)
            return last - timedelta((last.weekday() - weekday) % 7)
        return _nth_weekday(year, month, weekday, self.nth or 1)


class CalendarFile(Term):
    """A calendar as it is written."""

    id: RuleId
    title: Text
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    region: str | None = None
    known_from: dt.date
    known_until: dt.date
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    holidays: tuple[Holiday, ...] = ()
    makeup_workdays: tuple[dt.date, ...] = ()

    @model_validator(mode="after")
    def _known_for_a_while(self) -> Self:
        if self.known_until < self.known_from:
            raise ValueError("known_until is before known_from")
        outside = [day for day in self.makeup_workdays if not self.known_from <= day <= self.known_until]
        if outside:
            raise ValueError(f"make-up workday {outside[0]} lies outside the time for which the calendar is known")
        return self


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar as the engine uses it: days as ordinals (`date.toordinal`); `known` is both ends included."""

    id: str
    title: str
    known_from: int
    known_until: int
    holidays: dict[int, str]
    makeup_workdays: frozenset[int]

    def knows(self, ordinal: int) -> bool:
        """True where the calendar says what sort of day this is."""
        return self.known_from <= ordinal <= self.known_until


know(CalendarFile, Holiday)


def load_calendars(folder: Path) -> dict[str, Calendar]:
    """All calendars of a folder by id. Raises BadInput with file, line and column."""
    found = (build(CalendarFile, read_documents(path)[0]) for path in sorted(folder.glob("*.yaml")))
    return {each.id: compile_calendar(each) for each in found}


def compile_calendar(file: CalendarFile) -> Calendar:
    """Work out the days of every year for which the calendar is known."""
    holidays: dict[int, str] = {}
    makeup = frozenset(day.toordinal() for day in file.makeup_workdays)
    for year in range(file.known_from.year, file.known_until.year + 2):
        for holiday in file.holidays:
            for day in _kept(holiday, year):
                if file.known_from <= day <= file.known_until:
                    holidays.setdefault(day.toordinal(), holiday.name)
    known = file.known_from.toordinal(), file.known_until.toordinal()
    return Calendar(file.id, file.title, *known, {day: holidays[day] for day in sorted(holidays)}, makeup)


def _kept(holiday: Holiday, year: int) -> Iterator[dt.date]:
    day = holiday.on(year)
    if day is None:
        return
    yield day
    if holiday.observed and day.weekday() >= 5:
        back = holiday.observed == "nearest_weekday" and day.weekday() == 5
        yield day - timedelta(1) if back else day + timedelta(7 - day.weekday())


def _real_date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> dt.date | None:
    if nth < 0:
        end = dt.date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
        return end - timedelta((end.weekday() - weekday) % 7)
    first = dt.date(year, month, 1)
    day = first + timedelta((weekday - first.weekday()) % 7 + 7 * (nth - 1))
    return day if day.month == month else None


def easter_sunday(year: int) -> dt.date:
    """Western Easter by the anonymous Gregorian computus (Meeus, Astronomical Algorithms, ch. 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return dt.date(year, month, day + 1)
