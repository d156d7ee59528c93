"""Where a debtor may be, as a set of time zones with what each rests on, and on whose clock a rule then runs.

Evidence adds up: a contact must be permitted in every zone that remains. Only knowledge takes one away: the zone of a
number does not count where the facts say that the location is known (12 CFR 1006, comment 6(b)(1)(i)-2).
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from domain.decision import SpokenRule
from domain.facts import DebtorFacts, Place, PointFacts
from throttling import places, zonetime
from throttling.language import Clock
from throttling.selectors import Shape
from throttling.spans_of_time import Ending
from throttling.zonetime import ZoneClock

Zones = tuple[tuple[str, ...], tuple[ZoneClock, ...]]
"""The zones on which a rule runs for somebody, by name and as clocks."""
Numbers = tuple[tuple[str | None, tuple[str, ...]], ...]
"""Of each number that may be the debtor's, its country and zones."""
K = TypeVar("K")
V = TypeVar("V")
MOST = 10_000
"""How many words, sentences and instants are kept for one place; what is made anew is the same."""


class Candidate(NamedTuple):
    """One zone where the debtor may be: what it rests on (`stated`, a place's basis, `number`, `law`) and its place."""

    zone: str
    basis: str
    country: str | None = None
    region: str | None = None


class Whereabouts:
    """Where a debtor may be, and what a ruleset makes of it: shared by all debtors of whom the same is known.

    Memories of what is the same for all of them: `said`, what rules said for the same reasons; `sentences`, the words
    for it, which fit more debtors than the instants and contacts that go with them; `endings`, until when past contacts
    count, by the index of the rule; `hours`, by shape of contact, for those who have no terms of their own.
    """

    __slots__ = (
        "_home",
        "_instants",
        "_rules",
        "candidates",
        "endings",
        "hours",
        "local",
        "names",
        "said",
        "sentences",
    )

    def __init__(self, found: tuple[Candidate, ...]) -> None:
        self.candidates = found
        self.names = _names(found)
        self._home = found[0].zone if found else "Etc/UTC"
        self.local: tuple[tuple[str, ZoneInfo], ...] = tuple((name, places.zone(name)) for name in self.names)
        self._rules: dict[int, Zones] = {}
        self._instants: dict[int, datetime] = {}
        self.said: dict[tuple[object, ...], SpokenRule] = {}
        self.sentences: dict[tuple[object, ...], str] = {}
        self.endings: dict[int, Ending] = {}
        self.hours: dict[Shape, Any] = {}

    def zones(self, index: int, clock: Clock | None) -> Zones:
        """The zones on whose clocks the rule of that index runs; none where they are not known."""
        found = self._rules.get(index)
        if found is None:
            names = self.names if clock is None else zones_for(clock, self.candidates)
            found = self._rules[index] = names, tuple(map(zonetime.clock, names))
        return found

    def instant(self, second: int) -> datetime:
        """The instant, written in the offset of the first zone where the debtor may be."""
        found = self._instants.get(second)
        return found or keep(self._instants, second, zonetime.to_datetime(second, self._home))


def keep(memory: dict[K, V], key: K, made: V) -> V:
    """Keep what was made, in a memory that does not grow for ever."""
    if len(memory) >= MOST:
        memory.clear()
    memory[key] = made
    return made


def candidates(debtor: DebtorFacts, points: Sequence[PointFacts], legal: tuple[str, ...] = ()) -> tuple[Candidate, ...]:
    """Every zone where the debtor may be; the zones of the law that applies where nothing else is known."""
    numbers = tuple([(p.country, p.timezones) for p in points if p.timezones and p.used_by_debtor is not False])
    return _candidates(debtor.timezones, debtor.places, bool(debtor.location_known), numbers, legal)


@lru_cache(maxsize=MOST)
def _candidates(
    timezones: tuple[str, ...], where: tuple[Place, ...], is_known: bool, numbers: Numbers, legal: tuple[str, ...]
) -> tuple[Candidate, ...]:
    found = [Candidate(zone, "stated") for zone in timezones]
    for place in where:
        if not (is_known and place.basis == "number"):
            found += _from_place(place, somewhere_known=bool(timezones))
    if not (is_known and found):
        found += [Candidate(zone, "number", country) for country, zones in numbers for zone in zones]
    if not found:
        found = [Candidate(zone, "law") for zone in legal]
    return tuple(dict.fromkeys(found))


def _from_place(place: Place, *, somewhere_known: bool) -> list[Candidate]:
    if place.timezone is not None:
        return [Candidate(place.timezone, place.basis, place.country, place.region)]
    if place.region is None and somewhere_known:
        return []
    zones = places.zones_of(place.country, place.region)
    return [Candidate(zone, place.basis, place.country, place.region) for zone in zones]


def zones_for(clock: Clock, found: Sequence[Candidate]) -> tuple[str, ...]:
    """The zones that a rule's clock runs on, without repetition; empty where they are not known, and the rule holds."""
    if clock.zone is not None:
        return (clock.zone,)
    if clock.by == "presumed":
        better = [each for each in found if each.basis in clock.unless or each.basis == "stated"]
        presumed = [each for each in found if each.basis in clock.presume]
        return _names(better or presumed or found)
    if clock.by == "statutory":
        lawful = [
            zone
            for each in found
            for zone in (
                places.statutory_zones(each.country, each.region, each.zone)
                if each.country is not None and each.basis != "number"
                else (each.zone,)
            )
        ]
        return tuple(dict.fromkeys(lawful))
    return _names(found)


def _names(found: Sequence[Candidate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.zone for each in found))
