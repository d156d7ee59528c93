"""What is wrong with a pack, and what is missing: its examples run, its gaps named."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from throttling.examples import run
from throttling.language import Cap, Gate, Hours, Pack, Retention
from throttling.packs import Filed, Library
from throttling.zonetime import EPOCH_ORDINAL, to_date

SOON = 90
"""Days before its end at which a calendar is named."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: an error, or a gap that a person should look at."""

    where: str
    what: str
    is_error: bool


def check(filed: Filed, library: Library, today: date) -> Iterator[Finding]:
    """Failing examples first, then rules without an example, unverified text, calendars that end, and gaps."""
    failures, shown = run(filed, library)
    for failure in failures:
        yield Finding(failure.where, failure.what, is_error=True)
    pack, where = filed.pack, filed.source.path
    for rule in pack.rules:
        if rule.id not in shown:
            yield Finding(where, f"no example shows rule {rule.id} at work", is_error=False)
    unverified = [rule.id for rule in pack.rules if rule.certainty == "unverified"]
    if unverified:
        yield Finding(where, f"text not verified: {', '.join(unverified)}", is_error=False)
    yield from _calendar(pack, library, where, today)
    if pack.country is not None:
        for gap in _gaps(pack):
            yield Finding(where, f"no rule on {gap}", is_error=False)


def _calendar(pack: Pack, library: Library, where: str, today: date) -> Iterator[Finding]:
    if pack.calendar is None:
        return
    last = to_date(library.calendars[pack.calendar].known_until - EPOCH_ORDINAL)
    left = (last - today).days
    if left < 0:
        what = f"calendar {pack.calendar} ended on {last}: rules that need it hold"
        yield Finding(where, what, is_error=pack.effective_until is None or pack.effective_until > today)
    elif left <= SOON:
        yield Finding(where, f"calendar {pack.calendar} ends on {last}, in {left} days: renew it", is_error=False)


def _gaps(pack: Pack) -> Iterator[str]:
    if not any(isinstance(rule, Hours) for rule in pack.rules):
        yield "hours"
    if not any(isinstance(rule, Cap) for rule in pack.rules):
        yield "how often"
    if not any(isinstance(rule, Gate) and rule.applies.persons for rule in pack.rules):
        yield "third persons"
    if not any(isinstance(rule, Retention) for rule in pack.rules):
        yield "how long records stay"
