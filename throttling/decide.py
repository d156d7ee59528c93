"""Decide whether, and when, a debtor may be contacted: pure, exact to the second, and fast.

`decide(ruleset, facts)` answers one case. `prepare(…)` makes one debtor ready, and `prepared.decide(proposal)` then
answers as many proposals as there are. T is found over the edges of all rules together: each rule names the first
instant that it allows, time moves on to it, and this repeats until no rule moves it; so T is the least instant that
all rules allow.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.decision import Decision, PackUsed, SpokenRule, Verdict
from domain.facts import AccountFacts, Collector, DebtorFacts, Facts, PastContact, PointFacts, Proposal
from throttling import places, wording, zonetime
from throttling.bounds import Bound, with_lifts
from throttling.compose import CompiledRule, Ruleset
from throttling.counts import cap_bound, cool_down_bound
from throttling.dossier import Asked, Dossier, shape_of
from throttling.gates import content_bound, gate_bound
from throttling.hours import CHUNK, HORIZON, Table, end_of_opening, next_open
from throttling.intervals import NONE
from throttling.language import Cap, Content, CoolDown, Gate, Hours
from throttling.opening import hours_bound, is_personal
from throttling.packs import WISHES
from throttling.selectors import Shape
from throttling.whereabouts import keep
from throttling.zonetime import DAWN, FOREVER, floor_second

SPAN = 300 * zonetime.DAY
"""For how long after the instant for which it was worked out a plan serves."""
SEARCHED = HORIZON * CHUNK
"""For how long hours that shut each other out are searched for an instant at which they all are open."""
HEARD = 2 * CHUNK
"""For how long such hours are listened to, to name every rule that takes part."""


def decide(ruleset: Ruleset, facts: Facts) -> Decision:
    """The decision on one case. Pure: no clock, no input or output."""
    prepared = prepare(
        ruleset,
        facts.debtor,
        facts.contact_points,
        facts.accounts,
        facts.history,
        facts.collector,
        as_of=facts.proposal.at,
        is_chosen=facts.packs is None,
    )
    return prepared.decide(facts.proposal)


def prepare(
    ruleset: Ruleset,
    debtor: DebtorFacts,
    contact_points: Sequence[PointFacts],
    accounts: Sequence[AccountFacts],
    history: Sequence[PastContact],
    collector: Collector,
    *,
    as_of: datetime | None = None,
    is_chosen: bool = True,
) -> "Prepared":
    """One debtor made ready to be asked about. The facts are as of `as_of`, from which days past due grow.

    `is_chosen` says that the packs were chosen from the facts, so that a country without a pack is held; false where
    somebody named them.
    """
    return Prepared(Dossier(ruleset, debtor, contact_points, accounts, history, collector, as_of, is_chosen=is_chosen))


class Prepared:
    """One debtor under one ruleset: answers proposals. Holds nothing but what it was given and what it worked out."""

    __slots__ = ("_dossier", "_plans")

    def __init__(self, dossier: Dossier) -> None:
        self._dossier = dossier
        self._plans: dict[tuple[object, ...], Plan] = {}

    def decide(self, proposal: Proposal) -> Decision:
        """The decision on a proposal: its verdict, the exact instant, and every rule that spoke."""
        when = proposal.at
        at = floor_second(when)
        _, _, verdict, rules, packs, until, closes = self._plan(proposal, at).segment(at)
        local = tuple([(name, when.astimezone(zone)) for name, zone in self._dossier.whereabouts.local])
        return Decision(verdict, rules, packs, local, until, closes)

    def _plan(self, proposal: Proposal, at: int) -> "Plan":
        key = (
            proposal.channel,
            proposal.contact_point,
            proposal.accounts,
            proposal.person,
            proposal.purpose,
            proposal.by,
            proposal.in_reply,
            proposal.automated,
            proposal.has_opt_out_notice,
            proposal.discloses_debt,
            proposal.limited_content,
            proposal.collector_account,
            None if proposal.expected_delivery is None else proposal.expected_delivery - proposal.at,
        )
        plan = self._plans.get(key)
        if plan is None or not plan.made_at <= at < plan.made_at + SPAN:
            plan = self._plans[key] = Plan(self._dossier, proposal, at)
        return plan


class Segment(NamedTuple):
    """A stretch of time, half-open, in which the answer is the same in everything but the local times."""

    start: int
    end: int
    verdict: Verdict
    rules: tuple[SpokenRule, ...]
    packs: tuple[PackUsed, ...]
    until: datetime | None
    closes: datetime | None


class SharedHours(NamedTuple):
    """Hours that debtors share: each rule's, all of them as one table, and the rules that are `left` to be asked."""

    bounds: tuple[Bound, ...]
    table: Table | None
    left: tuple[tuple[CompiledRule, Hours], ...]


def shared_hours(dossier: Dossier, shape: Shape, delay: int) -> SharedHours:
    """The hours for a shape of contact, parted; without a delay and terms of the debtor the same for all there."""
    shared: list[CompiledRule] = []
    left: list[tuple[CompiledRule, Hours]] = []
    for compiled in dossier.ruleset.for_shape(shape).hours:
        rule = compiled.rule
        if not isinstance(rule, Hours):
            continue
        is_own = is_personal(rule, dossier)
        is_shifted = delay and rule.judged_at != "sending"
        if is_own or is_shifted or not dossier.zones(compiled)[0] or _may_be_lifted(compiled, shape):
            if is_own or not compiled.is_always_open:
                left.append((compiled, rule))
        elif not compiled.is_always_open:
            shared.append(compiled)
    parts = tuple([(each.index, dossier.zones(each)[0]) for each in shared])
    bounds = tuple(
        [Bound(each, table=dossier.ruleset.table(each, zones)) for each, (_, zones) in zip(shared, parts, strict=True)]
    )
    return SharedHours(bounds, dossier.ruleset.merged(parts) if parts else None, tuple(left))


def _may_be_lifted(compiled: CompiledRule, shape: Shape) -> bool:
    if compiled.overrides and compiled.overriding(shape):
        return True
    return any(lift.when.reply is None or shape.in_reply for lift in compiled.rule.lifts)


class Plan:
    """Everything that the rules say about one sort of contact of one debtor, from one instant on.

    Caps and rests that only say "not before" are one number; the hours of all rules are one table that debtors share;
    what is left is asked one by one. Answers are worked out by stretches of time; texts are written only for rules
    that speak.
    """

    __slots__ = (
        "_after",
        "_asked",
        "_bounds",
        "_close",
        "_dossier",
        "_hours",
        "_others",
        "_segments",
        "_starts",
        "_table",
        "made_at",
    )

    def __init__(self, dossier: Dossier, proposal: Proposal, at: int) -> None:
        self.made_at = at
        self._dossier = dossier
        delay = 0
        if proposal.expected_delivery is not None:
            delay = max(0, floor_second(proposal.expected_delivery) - at)
        self._asked = Asked(dossier, proposal, at, dossier.events, shape_of(dossier, proposal))
        self._after = DAWN
        self._close = DAWN
        self._bounds: list[Bound] = []
        self._others: list[Bound] = []
        self._hours: tuple[Bound, ...] = ()
        self._starts: list[int] = []
        self._segments: list[Segment] = []
        self._table: Table | None = None
        self._hold_the_unknown()
        self._add_hours(delay)
        self._add_others()
        self._asked.counting.clear()  # nobody asks for it again, and there is one for each debtor

    def _hold_the_unknown(self) -> None:
        dossier = self._dossier
        note = ""
        if not dossier.whereabouts.candidates:
            note = "Nobody knows where the debtor is: no place and no time zone."
        elif dossier.is_chosen:
            found = countries(dossier, self._asked.point)
            missing = sorted(found - dossier.ruleset.countries)
            if missing:
                note = f"No pack covers {', '.join(missing)}."
            elif not found:
                note = "Nobody knows under which law the debtor lives: no country."
        if note:
            self._others.append(Bound(speaker(dossier.ruleset), spans=NONE, note=note))

    def _add_hours(self, delay: int) -> None:
        """The hours: those that all debtors share who are there, and those that are this debtor's alone."""
        dossier, asked = self._dossier, self._asked
        known: dict[Shape, SharedHours] = {} if delay or dossier.has_terms else dossier.whereabouts.hours
        hours = known.get(asked.shape) or keep(known, asked.shape, shared_hours(dossier, asked.shape, delay))
        self._hours, self._table = hours.bounds, hours.table
        for compiled, rule in hours.left:
            shifts = delay if rule.judged_at != "sending" else 0
            self._others.append(with_lifts(hours_bound(compiled, rule, dossier, asked, shifts), dossier, asked))

    def _add_others(self) -> None:
        dossier, asked = self._dossier, self._asked
        rules = dossier.ruleset.for_shape(asked.shape)
        debtor = dossier.debtor
        listed = [*rules.caps, *rules.cool_downs, *rules.gates, *rules.contents]
        if debtor.stops:
            listed += rules.stops
        if debtor.banned_channels or debtor.banned_points or debtor.inconvenient_places:
            listed += rules.bars
        for compiled in listed:
            bound = self._bound(compiled)
            if bound is None or (bound.is_open and bound.close_until == DAWN):
                continue
            bound = with_lifts(bound, dossier, asked)
            self._bounds.append(bound)
            self._close = max(self._close, bound.close_until)
            is_simple = bound.after is not None and not bound.lifts and compiled.ends == FOREVER
            if is_simple and compiled.starts <= self.made_at:
                self._after = max(self._after, bound.after or DAWN)
            else:
                self._others.append(bound)

    def _bound(self, compiled: CompiledRule) -> Bound | None:
        rule, dossier, asked = compiled.rule, self._dossier, self._asked
        if isinstance(rule, Cap):
            return cap_bound(compiled, rule, dossier, asked)
        if isinstance(rule, CoolDown):
            return cool_down_bound(compiled, rule, dossier, asked)
        if isinstance(rule, Gate):
            return gate_bound(compiled, rule, dossier, asked)
        if isinstance(rule, Content):
            return content_bound(compiled, rule, asked)
        return None

    def next(self, at: int) -> int:
        """The first instant not before `at` that every rule allows; FOREVER where there is none."""
        at = max(at, self._after)
        limit = at + SEARCHED
        while at < FOREVER:
            found = at if self._table is None else next_open(self._table, at)
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
        rules = [bound.compiled for bound in (*self._hours, *self._others)]
        return min((edge for rule in rules for edge in (rule.starts, rule.ends) if edge > at), default=FOREVER)

    def end(self, at: int) -> int:
        """When the stretch that every rule allows, and that holds `at`, ends."""
        found = FOREVER if self._table is None else end_of_opening(self._table, at)
        for bound in self._others:
            found = min(found, bound.end(at))
        return found

    def segment(self, at: int) -> Segment:
        """The answer at an instant, and for how long it stays the same."""
        index = bisect_right(self._starts, at) - 1
        if index >= 0 and at < self._segments[index].end:
            return self._segments[index]
        found = self._work_out(at)
        self._starts.insert(index + 1, at)
        self._segments.insert(index + 1, found)
        return found

    def _work_out(self, at: int) -> Segment:
        found = self.next(at)
        ruleset = self._dossier.ruleset
        edge = ruleset.next_edge(at)
        if found == at:
            closes = self.end(at)
            if at >= self._close and not self._others:
                rules: tuple[SpokenRule, ...] = ()
            else:
                bounds = self._every_bound()  # hours too: an exception from them may begin or end while they are open
                rules = self._close_or_lifted(at)
                edge = min(edge, _next_change(at, bounds, [at] * len(bounds)))
            closing = None if closes >= FOREVER else self._dossier.whereabouts.instant(closes)
            packs = self._packs(at, rules)
            return Segment(at, min(closes, edge), Verdict.ALLOWED, rules, packs, None, closing)
        bounds = self._every_bound()
        firsts = [bound.next(at) for bound in bounds]
        rules = self._spoken(at, found, bounds, firsts)
        packs = self._packs(at, rules)
        edge = min(edge, found, _next_change(at, bounds, firsts))
        if found >= FOREVER:
            return Segment(at, edge, Verdict.REFUSED, rules, packs, None, None)
        until = self._dossier.whereabouts.instant(found)
        return Segment(at, edge, Verdict.DEFERRED, rules, packs, until, None)

    def _packs(self, at: int, rules: tuple[SpokenRule, ...]) -> tuple[PackUsed, ...]:
        """The versions applied. Where packs were named, the debtor's wishes are among them only where they spoke."""
        with_wishes = self._dossier.is_chosen or any(rule.pack == WISHES for rule in rules)
        return self._dossier.ruleset.packs_used(at, with_wishes=with_wishes)

    def _every_bound(self) -> list[Bound]:
        """Each rule's bound, those of the shared table among them."""
        held = [bound for bound in self._others if bound not in self._bounds]
        return [*self._hours, *held, *self._bounds]

    def _close_or_lifted(self, at: int) -> tuple[SpokenRule, ...]:
        if at >= self._close and not self._others:
            return ()
        found = []
        for bound in (*self._bounds, *(each for each in self._others if each not in self._bounds)):
            lift = bound.is_lifted(at)
            if lift is not None or (at < bound.close_until and bound.compiled.starts <= at < bound.compiled.ends):
                found.append((bound, lift))
        return tuple(wording.allowing(bound, lift, at) for bound, lift in found)

    def _spoken(self, at: int, until: int, bounds: list[Bound], firsts: list[int]) -> tuple[SpokenRule, ...]:
        """Every rule that did not allow `at` or moved T, which is `until`, and the exceptions that lifted one."""
        moved: dict[int, int] = {}
        time, last = at, at + HEARD
        movers = [(index, found) for index, found in enumerate(firsts) if found > at]
        while movers:
            for index, found in movers:
                moved.setdefault(index, found)
                if bounds[index].table is None:
                    last = found + HEARD
            time = max([found for _, found in movers])
            if time >= until or time >= last:
                break
            movers = [
                (index, found)
                for index, bound in enumerate(bounds)
                if not bound.is_over(time) and (found := bound.next(time)) > time
            ]
        said = [wording.stopping(bounds[index], moved[index], at, self._dossier) for index in sorted(moved)]
        lifted = [(bound, lift) for bound in bounds if (lift := bound.is_lifted(at)) is not None]
        return (*said, *(wording.allowing(bound, lift, at) for bound, lift in lifted))


def _next_change(at: int, bounds: Iterable[Bound], firsts: Iterable[int]) -> int:
    """The first instant after `at` at which one of the rules may say something else."""
    changes = [bound.next_change(at, found) for bound, found in zip(bounds, firsts, strict=True)]
    return min(changes, default=FOREVER)


def countries(dossier: Dossier, point: str | None) -> frozenset[str]:
    """The countries whose law may hold: of places and of the number, or else of the time zones."""
    found = {place.country for place in dossier.debtor.places}
    facts = dossier.points.get(point or "")
    if facts is not None and facts.country is not None and facts.used_by_debtor is not False:
        found.add(facts.country)
    if not found:
        found = {code for each in dossier.whereabouts.candidates if (code := places.country_of(each.zone)) is not None}
    return frozenset(found)


def speaker(ruleset: Ruleset) -> CompiledRule:
    """The rule in whose name the engine holds what no pack speaks of: the debtor's wishes, or the first there is."""
    return next((each for each in ruleset.rules if each.pack.id == WISHES), ruleset.rules[0])
