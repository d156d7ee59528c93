"""Hours of the week in a place."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from audit.rulebook import DAY_NAMES, SECOND, time_zone, whole
from domain.facts import Facts


def in_weekly(days: Iterable[str], hours: tuple[int, int], at: datetime, zone: str) -> bool:
    """Whether an instant lies in a weekly span of local minutes; one over midnight belongs to the day it starts on."""
    local = at.astimezone(time_zone(zone))
    start, end = hours[0] * 60, hours[1] * 60
    second = local.hour * 3600 + local.minute * 60 + local.second
    today, yesterday = DAY_NAMES[local.weekday()], DAY_NAMES[local.weekday() - 1]
    wanted = set(days) or set(DAY_NAMES)
    if start < end:
        return today in wanted and start <= second < end
    return (today in wanted and second >= start) or (yesterday in wanted and second < end)


def minutes(text: str) -> int:
    hour, minute = text.strip().split(":")
    return int(hour) * 60 + int(minute)


# Scanning ----------------------------------------------------------------------------------------------------------


def instants(facts: Facts, start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """Every step of a grid, and every instant that the facts name and some hours after it, in no order."""
    at = whole(start, False).replace(minute=0, second=0) + timedelta(hours=1)
    while at < end:
        yield at
        at += step
    named = [past.at for past in facts.history] + [stop.at for stop in facts.debtor.stops]
    named += [stop.until for stop in facts.debtor.stops if stop.until]
    named += [stop.answered_at for stop in facts.debtor.stops if stop.answered_at]
    named += [consent.at for consent in facts.debtor.consents]
    named += [consent.until for consent in facts.debtor.consents if consent.until]
    for each in named:
        for hours in (0, 24, 48, 168, 720):
            at = whole(each, True) + timedelta(hours=hours)
            for moment in (at - SECOND, at):
                if start < moment < end:
                    yield moment
