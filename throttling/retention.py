"""How long records stay: the strictest of all packs that apply."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from throttling.compose import Ruleset
from throttling.language import Retention
from throttling.spans_of_time import add_months
from throttling.zonetime import to_date, to_day


@dataclass(frozen=True, slots=True)
class Kept:
    """One rule's demand: the first day on which the record need not be kept any more."""

    pack: str
    rule: str
    cite: str
    until: date


def kept_until(rule: Retention, since: date) -> date:
    """The first day on which a record need not be kept; from 29 February it runs to 1 March."""
    keep = rule.keep
    day = to_day(since)
    if keep.months or keep.years:
        return to_date(add_months(day, (keep.months or 0) + 12 * (keep.years or 0)))
    days = (keep.days or 0) + 7 * (keep.weeks or 0) + (keep.hours or 0) // 24 + (keep.business_days or 0) * 2
    return to_date(day + days)


def keep(ruleset: Ruleset, what: str, since: dict[str, date]) -> tuple[Kept, ...]:
    """Every rule on records of one sort, the longest first. `since` maps `contact`, `last_activity`… to its day.

    An event that has not come yet, such as the settlement, is left out of `since`: its rules are then left out too.
    """
    found = [
        Kept(each.pack.id, each.rule.id, each.rule.cite, kept_until(each.rule, since[each.rule.since]))
        for each in ruleset.rules
        if isinstance(each.rule, Retention) and each.rule.what == what and each.rule.since in since
    ]
    return tuple(sorted(found, key=lambda kept: kept.until, reverse=True))


def longest(kept: Iterable[Kept]) -> date | None:
    """The last of all days, or None where no rule speaks."""
    return max((each.until for each in kept), default=None)
