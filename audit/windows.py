"""How long a rule looks back, and how long a rest lasts, in local days."""

from datetime import date, datetime, timedelta
from typing import Any

from audit.days import add_months, is_business_day, knows, local_day

# Lengths of time ---------------------------------------------------------------------------------------------------


def days_later(wait: dict[str, Any], first: date, name: str | None) -> date | None:
    if "business_days" in wait:
        left, day = wait["business_days"], first
        while left:
            if name is None or not knows(name, day):
                return None
            left -= is_business_day(name, day)
            day += timedelta(1)
        return day
    if "months" in wait or "years" in wait:
        return add_months(first, wait.get("months", 0) + 12 * wait.get("years", 0))
    return first + timedelta(wait.get("days", 0) + 7 * wait.get("weeks", 0))


def by_clock(wait: dict[str, Any]) -> timedelta:
    """The length of a wait that runs by the clock; none where it runs over days."""
    return timedelta(hours=wait.get("hours", 0), minutes=wait.get("minutes", 0))


def is_over(wait: dict[str, Any], event: datetime, at: datetime, zone: str, name: str | None) -> bool:
    if by_clock(wait):
        return at >= event + by_clock(wait)
    first = local_day(event, zone) + timedelta(wait.get("first_day", "event") == "next")
    last = days_later(wait, first, name)
    return last is not None and local_day(at, zone) >= last


def still_counts(window: dict[str, Any], event: datetime, at: datetime, zone: str | None, name: str | None) -> bool:
    if "hours" in window:
        return at < event + timedelta(hours=window["hours"])
    if window.get("ever") or zone is None:
        return True
    then, now = local_day(event, zone), local_day(at, zone)
    if "per" not in window:
        wait = {"days": window.get("days", window.get("every"))} if "business_days" not in window else window
        last = days_later(wait, then, name)
        return last is None or now < last
    return now < period_end(then, window)


def period_end(day: date, window: dict[str, Any]) -> date:
    end = day + timedelta(1)
    while not starts_period(end, window):
        end += timedelta(1)
    return end


def starts_period(day: date, window: dict[str, Any]) -> bool:
    per = window["per"]
    if per == "week":
        return day.weekday() == (6 if window.get("week_starts") == "sunday" else 0)
    months = {"month": range(1, 13), "quarter": (1, 4, 7, 10), "year": (1,)}
    return per == "day" or (day.day == 1 and day.month in months[per])
