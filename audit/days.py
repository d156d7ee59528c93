"""Local days, holidays and business days, worked out one at a time."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from audit.rulebook import DAY_NAMES, documents, time_zone


@lru_cache(maxsize=10_000)
def local_day(at: datetime, zone: str) -> date:
    """The local date; one that comes back because clocks are set back over midnight ends when it ends the last time."""
    day = at.astimezone(time_zone(zone)).date()
    for minutes in range(15, 181, 15):
        later = (at + timedelta(minutes=minutes)).astimezone(time_zone(zone)).date()
        day = min(day, later)
    return day


def add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, day.day)
    except ValueError:
        year, month = divmod(day.year * 12 + day.month + months, 12)
        return date(year, month + 1, 1)


@cache
def calendar(name: str) -> dict[str, Any]:
    return next(each for each in documents("calendars") if each["id"] == name)


@cache
def holidays(name: str, year: int) -> frozenset[date]:
    return frozenset(day for each in calendar(name).get("holidays", []) for day in holiday_in(each, year))


def holiday_in(entry: dict[str, Any], year: int) -> Iterator[date]:
    if not entry.get("years_from", 1) <= year <= entry.get("years_until", 9999):
        return
    day: date | None = None
    if "date" in entry:
        day = entry["date"] if entry["date"].year == year else None
    elif "easter" in entry:
        day = easter(year) + timedelta(entry["easter"])
    elif "day" in entry:
        try:
            day = date(year, entry["month"], entry["day"])
        except ValueError:
            day = None
    else:
        days = [date(year, 1, 1) + timedelta(n) for n in range(366)]
        days = [d for d in days if (d.year, d.month) == (year, entry["month"])]
        days = [d for d in days if DAY_NAMES[d.weekday()] == entry["weekday"]]
        if "before" in entry:
            day = [d for d in days if d.day < entry["before"]][-1]
        else:
            nth = entry["nth"]
            if nth <= len(days):
                day = days[nth if nth < 0 else nth - 1]
    if day is None:
        return
    yield day
    if day.weekday() >= 5 and entry.get("observed"):
        back = entry["observed"] == "nearest_weekday" and day.weekday() == 5
        yield day - timedelta(1) if back else day + timedelta(7 - day.weekday())


def knows(name: str, day: date) -> bool:
    return bool(calendar(name)["known_from"] <= day <= calendar(name)["known_until"])


def is_holiday(name: str, day: date) -> bool:
    return any(day in holidays(name, year) for year in (day.year, day.year + 1))


def is_business_day(name: str, day: date) -> bool:
    if is_holiday(name, day):
        return False
    return day.weekday() < 5 or day in calendar(name).get("makeup_workdays", [])


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Knuth, The Art of Computer Programming 1.3.2, exercise 14)."""
    golden = year % 19 + 1
    century = year // 100 + 1
    dropped_leap_years = 3 * century // 4 - 12
    moon_correction = (8 * century + 5) // 25 - 5
    sunday = 5 * year // 4 - dropped_leap_years - 10
    epact = (11 * golden + 20 + moon_correction - dropped_leap_years) % 30
    epact += epact == 24 or (epact == 25 and golden > 11)
    full_moon = 44 - epact
    full_moon += 30 if full_moon < 21 else 0
    return date(year, 3, 1) + timedelta(full_moon + 7 - (sunday + full_moon) % 7 - 1)
