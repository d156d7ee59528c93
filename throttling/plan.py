"""Everything that the rules say about one sort of contact of one debtor: worked out by stretches of time.

T is found over the edges of all rules together: each rule names the first instant that it allows, time moves on to it,
and this repeats until no rule moves it; so T is the least instant that all rules allow.
"""

from bisect import bisect_right
from datetime import datetime
from typing import NamedTuple

from domain.decision import PackUsed, SpokenRule, Verdict
from domain.facts import Proposal
from throttling import places, wording
from throttling.bounds import Bound, with_lifts
from throttling.compose import CompiledRule, Ruleset
from throttling.counts import Tallies, cap_bound, cool_down_bound
from throttling.dossier import Asked, Dossier, shape_of
from throttling.gates import content_bound, gate_bound
from throttling.hours import CHUNK, HORIZON
from throttling.intervals import NONE
from throttling.language import Cap, Content, CoolDown, Gate
from throttling.opening import hours_bound
from throttling.packs import WISHES
from throttling.selectors import Shape
from throttling.shared_hours import SharedHours, shared_hours
from throttling.whereabouts import keep
from throttling.zonetime import DAWN, FOREVER, floor_second

SEARCHED = HORIZON * CHUNK
"""For how long hours that shut each other out are searched for an instant at which they all are open."""
HEARD = 2 * CHUNK
"""For how long such hours are listened to, to name every rule that takes part."""


class Segment(NamedTuple):
    """A stretch of time, half-open, in which the answer is the same in everything but the local times."""

    start: int
    end: int
    verdict: Verdict
    rules: tuple[SpokenRule, ...]
    packs: tuple[PackUsed, ...]
    until: datetime | None
    closes: datetime | None


class Plan:
    """Everything that the rules say about one sort of contact of one debtor, from one instant on.

    The hours of most rules are one table that debtors share; what speaks of this debtor alone is `_own`. Caps and rests
    that only say "not before" are one number; the others are asked one by one. Texts are written only for rules that
    speak.
    """

    __slots__ = (
        "_after",
        "_asked",
        "_close",
        "_dossier",
        "_hours",
        "_others",
        "_own",
        "_segments",
        "_starts",
        "made_at",
    )

    def __init__(self, dossier: Dossier, proposal: Proposal, at: int) -> None:
        self.made_at = at
        self._dossier = dossier
        delay = 0
        if proposal.expected_delivery is not None:
            delay = max(0, floor_second(proposal.expected_delivery) - at)
        self._asked = Asked(dossier, proposal, at, dossier.moments, shape_of(dossier, proposal))
        self._after = DAWN
        self._close = DAWN
        self._own: list[Bound] = []
        self._others: list[Bound] = []
        self._starts: list[int] = []
        self._segments: list[Segment] = []
        self._hold_the_unknown()
        self._hours = self._add_hours(delay)
        self._add_others()

    def _hold_the_unknown(self) -> None:
        dossier = self._dossier
        note = ""
        if not dossier.whereabouts.candidates:
            note = "Nobody knows where the debtor is: no place and no time zone."
        elif dossier.is_chosen:
            found = countries(dossier, self._asked.point)
            if not found:
                note = "Nobody knows under which law the debtor lives: no country."
            elif not found <= dossier.ruleset.countries:
                note = f"No pack covers {', '.join(sorted(found - dossier.ruleset.countries))}."
        if note:
            self._add(Bound(speaker(dossier.ruleset), spans=NONE, note=note))

    def _add_hours(self, delay: int) -> SharedHours:
        """The hours that all debtors share who are there; those that are this debtor's alone are added."""
        dossier, asked = self._dossier, self._asked
        known: dict[Shape, SharedHours] = {} if delay or dossier.has_terms else dossier.whereabouts.hours
        hours = known.get(asked.shape) or keep(known, asked.shape, shared_hours(dossier, asked.shape, delay))
        for compiled, rule in hours.left:
            shifts = delay if rule.judged_at != "sending" else 0
            self._add(with_lifts(hours_bound(compiled, rule, dossier, asked, shifts), dossier, asked))
        return hours

    def _add_others(self) -> None:
        dossier, asked = self._dossier, self._asked
        rules, debtor = dossier.ruleset.for_shape(asked.shape), dossier.debtor
        listed = [*rules.caps, *rules.cool_downs, *rules.gates, *rules.contents]
        if debtor.stops:
            listed += rules.stops
        if debtor.banned_channels or debtor.banned_points or debtor.inconvenient_places:
            listed += rules.bars
        tallies = Tallies(dossier, asked, rules.wanted)
        for compiled in listed:
            bound = self._bound(compiled, tallies)
            if bound is not None:
                self._add(with_lifts(bound, dossier, asked))

    def _bound(self, compiled: CompiledRule, tallies: Tallies) -> Bound | None:
        rule, dossier, asked = compiled.rule, self._dossier, self._asked
        if isinstance(rule, Cap):
            return cap_bound(compiled, rule, dossier, asked, tallies)
        if isinstance(rule, CoolDown):
            return cool_down_bound(compiled, rule, dossier, asked, tallies)
        if isinstance(rule, Gate):
            return gate_bound(compiled, rule, dossier, asked)
        if isinstance(rule, Content):
            return content_bound(compiled, rule, asked)
        return None

    def _add(self, bound: Bound) -> None:
        """Take in what a rule says of this debtor."""
        compiled, after = bound.compiled, bound.after
        self._own.append(bound)
        if bound.close_until > self._close:
            self._close = bound.close_until
        if after is None or bound.lifts or compiled.starts > self.made_at or compiled.ends < FOREVER:
            self._others.append(bound)
        elif after > self._after:
            self._after = after

    def segment(self, at: int) -> Segment:
        """The answer at an instant, and for how long it stays the same."""
        index = bisect_right(self._starts, at) - 1
        if index >= 0 and at < self._segments[index].end:
            return self._segments[index]
        found = self._work_out(at)
        self._starts.insert(index + 1, at)
        self._segments.insert(index + 1, found)
        return found

    def _next(self, at: int) -> int:
        """The first instant not before `at` that every rule allows; FOREVER where there is none."""
        at = max(at, self._after)
        limit = at + SEARCHED
        while at < FOREVER:
            found = self._hours.next(at)
            if not self._others and found < FOREVER:
                return found
            for bound in self._others:
                if found >= FOREVER:
                    break
                later = bound.next(found)
                if later > found and bound.table is None:
                    limit = later + SEARCHED
                found = later
            if found == at:
                return at
            at = found
            if at >= limit:  # hours that do not meet in more than a year do not meet before a law changes
                at = self._next_law(min(at, limit))
                limit = at + SEARCHED
        return FOREVER

    def _next_law(self, at: int) -> int:
        """The next instant at which one of the rules that speak here comes into force or ends."""
        rules = [*self._hours.laws(), *[bound.compiled for bound in self._others]]
        return min((edge for rule in rules for edge in (rule.starts, rule.ends) if edge > at), default=FOREVER)

    def _work_out(self, at: int) -> Segment:
        found = self._next(at)
        if found == at:
            return self._allowed(at)
        rules, change = self._spoken(at, found)
        packs = self._packs(at, rules)
        end = min(change, found, self._dossier.ruleset.next_edge(at))
        if found >= FOREVER:
            return Segment(at, end, Verdict.REFUSED, rules, packs, None, None)
        return Segment(at, end, Verdict.DEFERRED, rules, packs, self._dossier.whereabouts.instant(found), None)

    def _packs(self, at: int, rules: tuple[SpokenRule, ...]) -> tuple[PackUsed, ...]:
        """The versions applied. Where packs were named, the debtor's wishes are among them only where they spoke."""
        with_wishes = self._dossier.is_chosen or any(rule.pack == WISHES for rule in rules)
        return self._dossier.ruleset.packs_used(at, with_wishes=with_wishes)

    def _allowed(self, at: int) -> Segment:
        closes = self._hours.end(at)
        for bound in self._others:
            closes = min(closes, bound.end(at))
        end = min(closes, self._dossier.ruleset.next_edge(at))
        rules: tuple[SpokenRule, ...] = ()
        if at < self._close or self._others:
            rules = self._close_or_lifted(at)
            end = min([end, *[bound.next_change(at, at) for bound in self._own]])
        until = None if closes >= FOREVER else self._dossier.whereabouts.instant(closes)
        return Segment(at, end, Verdict.ALLOWED, rules, self._packs(at, rules), None, until)

    def _close_or_lifted(self, at: int) -> tuple[SpokenRule, ...]:
        found = []
        for bound in self._own:
            lift = bound.is_lifted(at)
            if lift is not None or (at < bound.close_until and bound.compiled.starts <= at < bound.compiled.ends):
                found.append(wording.allowing(bound, lift, at))
        return tuple(found)

    def _spoken(self, at: int, until: int) -> tuple[tuple[SpokenRule, ...], int]:
        """Every rule that did not allow `at` or moved T, which is `until`, and the exceptions that lifted one.

        With the first instant after `at` at which one of them may say something else.
        """
        hours, own, whereabouts = self._hours.at(at), self._own, self._dossier.whereabouts
        shut, moved = dict(hours.shut), dict[Bound, int]()
        change, time, last = hours.end, max(at, hours.latest), at + HEARD
        for bound in own:
            first = bound.next(at)
            change = min(change, bound.next_change(at, first))
            if first > at:
                moved[bound] = first
                time = max(time, first)
                if bound.table is None:
                    last = max(last, first + HEARD)
        self._hear(time, until, last, shut, moved)
        words = [shut[place] for place in sorted(shut)]
        words += [wording.stopping(bound, moved[bound], at, whereabouts) for bound in own if bound in moved]
        for bound in own:
            if bound.lifts and (lift := bound.is_lifted(at)) is not None:
                words.append(wording.allowing(bound, lift, at))
        return tuple(words), change

    def _hear(self, time: int, until: int, last: int, shut: dict[int, SpokenRule], moved: dict[Bound, int]) -> None:
        """Add the rules that move T further than `time`, to which those moved it that did not allow the instant asked.

        Caps and rests are not among them: they only say "not before", and said it.
        """
        while time < until and time < last:
            hours = self._hours.at(time)
            latest = max(time, hours.latest)
            for place, spoken in hours.shut:
                shut.setdefault(place, spoken)
            for bound in self._others:
                first = bound.next(time)
                if first > time:
                    moved.setdefault(bound, first)
                    latest = max(latest, first)
                    if bound.table is None:
                        last = max(last, first + HEARD)
            if latest == time:
                return
            time = latest


def countries(dossier: Dossier, point: str | None) -> set[str]:
    """The countries whose law may hold: of places and of the number, or else of the time zones."""
    found = {place.country for place in dossier.debtor.places}
    facts = dossier.points.get(point or "")
    if facts is not None and facts.country is not None and facts.used_by_debtor is not False:
        found.add(facts.country)
    if not found:
        found = {code for each in dossier.whereabouts.candidates if (code := places.country_of(each.zone)) is not None}
    return found


def speaker(ruleset: Ruleset) -> CompiledRule:
    """The rule in whose name the engine holds what no pack speaks of: the debtor's wishes, or the first there is."""
    return next((each for each in ruleset.rules if each.pack.id == WISHES), ruleset.rules[0])
