"""What one rule says over time about one contact of one debtor: when it allows it, and what it counted.

A bound answers two questions exactly: the first instant not before `at` that the rule allows, and when the stretch that
holds `at` ends. Everything else (verdict, T, the texts) follows from these. How each kind of rule becomes a bound is in
`counts` (caps, cool-downs), `gates` (gates, content) and `opening` (hours).
"""

from bisect import bisect_right
from collections.abc import Sequence

from throttling import spans_of_time
from throttling.compose import CompiledRule
from throttling.conditions import evaluate
from throttling.dossier import Asked, Dossier
from throttling.hours import Table, end_of_opening, next_open
from throttling.intervals import ALL, NONE, Intervals, end_of, holds, intersect, next_in, unite
from throttling.language import Lift
from throttling.spans_of_time import Lasting
from throttling.zonetime import DAWN, FOREVER


class Bound:
    """One rule's say: a table of hours, or intervals; the exceptions that lift it; and what a cap counted.

    `after` is set where the rule allows nothing before that instant and everything from it on.
    """

    __slots__ = ("after", "close_until", "compiled", "counted", "lifted", "lifts", "limit", "note", "spans", "table")

    def __init__(
        self,
        compiled: CompiledRule,
        *,
        table: Table | None = None,
        spans: Intervals = ALL,
        after: int | None = None,
        counted: Sequence[Lasting] = (),
        limit: int = 0,
        close_until: int = DAWN,
        note: str = "",
    ) -> None:
        self.compiled = compiled
        self.table = table
        self.after = after
        self.spans = spans if after is None else ((after, FOREVER),)
        self.lifts: tuple[tuple[Lift | str, Intervals], ...] = ()
        self.lifted: Intervals = NONE
        self.counted = counted
        self.limit = limit
        self.close_until = close_until
        self.note = note

    def next(self, at: int) -> int:
        """The first instant not before `at` that the rule allows; FOREVER where there is none."""
        compiled = self.compiled
        if not compiled.starts <= at < compiled.ends:
            return at
        if self.after is not None:
            found = self.after
        else:
            found = next_in(self.spans, at) if self.table is None else next_open(self.table, at)
        if found <= at:
            return at
        if found > compiled.ends:
            found = compiled.ends
        return min(found, next_in(self.lifted, at)) if self.lifted else found

    def end(self, at: int) -> int:
        """When the stretch that holds `at`, which the rule allows, ends."""
        compiled = self.compiled
        while at < FOREVER:
            if at < compiled.starts:
                later = compiled.starts
            elif at >= compiled.ends:
                return FOREVER
            else:
                later = end_of(self.spans, at) if self.table is None else end_of_opening(self.table, at)
                if later < FOREVER:
                    later = max(later, end_of(self.lifted, at))
            if later <= at:
                return at
            at = later
        return at

    def next_change(self, at: int, found: int) -> int:
        """The first instant after `at` at which this rule may say something else than at `at`.

        `found` is the first instant not before `at` that it allows.
        """
        compiled = self.compiled
        if found > at:
            change = found
        elif self.after is not None or (change := self.end(at)) <= at:
            change = FOREVER
        if at < compiled.starts < change:
            change = compiled.starts
        if at < compiled.ends < change:
            change = compiled.ends
        counted = self.counted
        if counted:
            if at < self.close_until < change:
                change = self.close_until
            place = bisect_right(counted, (at, FOREVER))
            if place < len(counted) and counted[place][0] < change:
                change = counted[place][0]
        if self.lifts:
            edges = [edge for _, spans in self.lifts for span in spans for edge in span]
            edges.append(end_of(self.spans, at) if self.table is None else end_of_opening(self.table, at))
            edges.append(next_in(self.spans, at) if self.table is None else next_open(self.table, at))
            change = min([change, *[edge for edge in edges if edge > at]])
        return change

    def is_lifted(self, at: int) -> Lift | str | None:
        """The exception that the rule's permission rests on at an instant, or None."""
        if not self.lifts or not self.compiled.starts <= at < self.compiled.ends:
            return None
        own = next_in(self.spans, at) if self.table is None else next_open(self.table, at)
        if own <= at:
            return None
        return next((lift for lift, spans in self.lifts if holds(spans, at)), None)


def with_lifts(bound: Bound, dossier: Dossier, asked: Asked) -> Bound:
    """The bound with the exceptions and overrides that hold for this contact."""
    compiled = bound.compiled
    if not compiled.rule.lifts and not compiled.overrides:
        return bound
    lifts: list[tuple[Lift | str, Intervals]] = []
    for lift in compiled.rule.lifts:
        spans = evaluate(lift.when, dossier, asked, compiled).certain
        if spans and lift.uses is not None:
            spans = intersect(spans, _uses_left(lift, dossier, asked, compiled))
        if spans:
            lifts.append((lift, spans))
    for override in compiled.overriding(asked.shape):
        lifts.append((f"{override[0].id}: {override[2]}", ((override[3], override[4]),)))
    if lifts:
        bound.lifts = (*bound.lifts, *lifts)
        bound.lifted = unite([span for _, spans in bound.lifts for span in spans])
    return bound


def _uses_left(lift: Lift, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Intervals:
    uses = lift.uses or 0
    used = [at for at, index in asked.moments if _is_use(index, lift, dossier, asked)]
    if len(used) < uses:
        return ALL
    if lift.within is None:
        return NONE
    clocks = dossier.zones(compiled)[1]
    ends = sorted(spans_of_time.counts_until(lift.within, at, clocks, compiled.calendar) for at in used)
    return unite([(ends[len(used) - uses], FOREVER)])


def _is_use(index: int, lift: Lift, dossier: Dossier, asked: Asked) -> bool:
    contact = dossier.history[index]
    if contact.direction != "out":
        return False
    if lift.counts is not None:
        return bool(dossier.masks[index].may & dossier.ruleset.bit(lift.counts))
    return contact.purpose is asked.shape.purpose and contact.channel is asked.shape.channel
