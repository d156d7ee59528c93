"""Hours that debtors share who are in the same places and have no terms of their own: who is shut, and until when."""

from bisect import bisect_right, insort
from typing import NamedTuple

from domain.decision import SpokenRule
from throttling import wording
from throttling.bounds import Bound
from throttling.compose import CompiledRule
from throttling.dossier import Dossier
from throttling.hours import CHUNK, Table, end_of_opening, next_open
from throttling.language import Hours
from throttling.opening import is_personal
from throttling.selectors import Shape
from throttling.whereabouts import Whereabouts
from throttling.zonetime import FOREVER

MOST = 2_000
"""How many spells are kept; what is worked out anew is the same."""


class Spell(NamedTuple):
    """A stretch of time, half-open, in which the hours say the same.

    `latest` is when the last rule that is shut opens. `shut` holds those rules, each by its place, with its words.
    """

    start: int
    end: int
    latest: int
    shut: tuple[tuple[int, SpokenRule], ...]


class SharedHours:
    """The hours of several rules in the same places, each a bound, and all of them as one table.

    `left` are the rules that are to be asked for each debtor. Never changes but for what it remembers; shared by all
    threads.
    """

    __slots__ = ("_bounds", "_spells", "_table", "_whereabouts", "left")

    def __init__(
        self,
        whereabouts: Whereabouts,
        bounds: tuple[Bound, ...],
        table: Table | None,
        left: tuple[tuple[CompiledRule, Hours], ...],
    ) -> None:
        self._whereabouts = whereabouts
        self._bounds = bounds
        self._table = table
        self.left = left
        self._spells: list[Spell] = []

    def next(self, at: int) -> int:
        """The first instant not before `at` at which all are open; FOREVER where there is none within the horizon."""
        return at if self._table is None else next_open(self._table, at)

    def end(self, at: int) -> int:
        """When the opening of all ends that holds `at`."""
        return FOREVER if self._table is None else end_of_opening(self._table, at)

    def laws(self) -> list[CompiledRule]:
        """The rules."""
        return [bound.compiled for bound in self._bounds]

    def at(self, at: int) -> Spell:
        """What the hours say at an instant."""
        known = self._spells
        place = bisect_right(known, (at, FOREVER)) - 1
        found = known[place] if place >= 0 else None  # or one before it, where a thread has put in another: as good
        if found is not None and at < found.end:
            return found
        if len(known) >= MOST:
            known = self._spells = []  # not cleared: another thread may be looking into it
        found = self._work_out(at)
        insort(known, found)
        return found

    def _work_out(self, at: int) -> Spell:
        end, latest = (at // CHUNK + 1) * CHUNK, at  # how far a table looks ahead depends on the chunk
        shut = []
        for place, bound in enumerate(self._bounds):
            until = bound.next(at)
            end = min(end, bound.next_change(at, until))
            if until > at:
                latest = max(latest, until)
                shut.append((place, wording.stopping(bound, until, at, self._whereabouts)))
        if latest >= FOREVER:
            end = at + 1  # for how long a calendar is known depends on the day
        return Spell(at, end, latest, tuple(shut))


def shared_hours(dossier: Dossier, shape: Shape, delay: int) -> SharedHours:
    """The hours for a shape of contact, parted; without a delay and terms of the debtor the same for all there."""
    ruleset = dossier.ruleset
    shared: list[CompiledRule] = []
    left: list[tuple[CompiledRule, Hours]] = []
    for compiled in ruleset.for_shape(shape).hours:
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
    bounds = [Bound(each, table=ruleset.table(each, zones)) for each, (_, zones) in zip(shared, parts, strict=True)]
    table = ruleset.merged(parts) if parts else None
    return SharedHours(dossier.whereabouts, tuple(bounds), table, tuple(left))


def _may_be_lifted(compiled: CompiledRule, shape: Shape) -> bool:
    if compiled.overrides and compiled.overriding(shape):
        return True
    return any(lift.when.reply is None or shape.in_reply for lift in compiled.rule.lifts)
