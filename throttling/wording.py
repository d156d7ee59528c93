"""What a decision says in words: each rule that spoke, with the facts it used and what would change it. Never a name,
a number or an address.
"""

from bisect import bisect_right

from domain.decision import Effect, SpokenRule
from throttling.bounds import Bound
from throttling.language import Cap, CoolDown, Gate, Hours, Lift
from throttling.whereabouts import Whereabouts, keep
from throttling.zonetime import EPOCH_ORDINAL, FOREVER, clock, to_date

BASIS = {
    "stated": "stated",
    "address": "by address",
    "number": "by number",
    "declared": "as the debtor said",
    "believed": "as believed",
    "law": "by law",
}


def stopping(bound: Bound, until: int, at: int, whereabouts: Whereabouts) -> SpokenRule:
    """A rule that defers, or refuses where time alone does not release it."""
    indexes = counted(bound, at)
    if until >= FOREVER and isinstance(bound.compiled.rule, Hours):
        return _stopping(bound, until, indexes, at, whereabouts)  # for how long a calendar is known depends on the day
    key = bound.compiled.index, until, indexes, bound.limit, bound.note
    said = whereabouts.said
    return said.get(key) or keep(said, key, _stopping(bound, until, indexes, at, whereabouts))


def _stopping(bound: Bound, until: int, indexes: tuple[int, ...], at: int, whereabouts: Whereabouts) -> SpokenRule:
    compiled = bound.compiled
    refuses = until >= FOREVER
    return SpokenRule(
        pack=compiled.pack.id,
        version=compiled.pack.version,
        rule=compiled.rule.id,
        cite=compiled.rule.cite,
        effect=Effect.REFUSES if refuses else Effect.DEFERS,
        why=_why(bound, len(indexes), at, whereabouts, refuses=refuses),
        until=None if refuses else whereabouts.instant(until),
        counted=indexes,
        presumption=compiled.strength == "presumption",
    )


def allowing(bound: Bound, lift: Lift | str | None, at: int) -> SpokenRule:
    """A rule that was close, or that an exception lifted."""
    compiled = bound.compiled
    indexes = counted(bound, at)
    if lift is None:
        why = f"{_meaning(bound)} {len(indexes)} of {bound.limit} used: this is the last one."
    elif isinstance(lift, str):
        why = f"{_meaning(bound)} Lifted by {lift}."
    else:
        why = f"{_meaning(bound)} Lifted: {lift.meaning['en']} ({lift.id}, {lift.cite})"
    return SpokenRule(
        pack=compiled.pack.id,
        version=compiled.pack.version,
        rule=compiled.rule.id,
        cite=compiled.rule.cite,
        effect=Effect.ALLOWS,
        why=why,
        counted=indexes,
        presumption=compiled.strength == "presumption",
    )


def counted(bound: Bound, at: int) -> tuple[int, ...]:
    """Indexes into the history of what counts at an instant."""
    if not bound.counted:
        return ()
    still = bound.counted[bisect_right(bound.counted, (at, FOREVER)) :]
    return tuple(sorted([index for _, index in still]))


def _why(bound: Bound, number: int, at: int, whereabouts: Whereabouts, *, refuses: bool) -> str:
    """The sentences of a rule that stops, of which `number` contacts count: written once for all whom they fit."""
    if refuses and isinstance(bound.compiled.rule, Hours):
        return _written(bound, number, at, whereabouts, refuses=True)
    key = bound.compiled.index, number, bound.limit, refuses, bound.note
    known = whereabouts.sentences
    return known.get(key) or keep(known, key, _written(bound, number, at, whereabouts, refuses=refuses))


def _written(bound: Bound, number: int, at: int, whereabouts: Whereabouts, *, refuses: bool) -> str:
    rule = bound.compiled.rule
    parts = [_meaning(bound)]
    if bound.note:
        parts.append(bound.note)
    if isinstance(rule, Hours):
        parts.append(_on_clocks(bound, whereabouts))
        parts.append(_never(bound, at) if refuses else "It opens again by itself.")
    elif isinstance(rule, Cap):
        parts.append(f"{number} counted, {bound.limit} permitted.")
        parts.append(_on_clocks(bound, whereabouts) if not rule.within.hours and not rule.within.ever else "")
    elif isinstance(rule, CoolDown):
        parts.append(f"{number} such contact is recent. {_on_clocks(bound, whereabouts)}")
    parts.append(_remedy(bound, refuses=refuses))
    return " ".join(part for part in parts if part)


def _meaning(bound: Bound) -> str:
    strength = {"presumption": "Presumed by law: ", "guideline": "Guideline: ", "house": "House rule: "}
    return strength.get(bound.compiled.strength, "") + bound.compiled.rule.meaning["en"]


def _on_clocks(bound: Bound, whereabouts: Whereabouts) -> str:
    zones, _ = whereabouts.zones(bound.compiled.index, bound.compiled.clock)
    basis = {each.zone: BASIS.get(each.basis, each.basis) for each in reversed(whereabouts.candidates)}
    named = [f"{zone} ({basis.get(zone, 'by law')})" for zone in zones]
    return f"On the clock of {', '.join(named)}." if named else ""


def _never(bound: Bound, at: int) -> str:
    calendar = bound.compiled.calendar
    rule = bound.compiled.rule
    if isinstance(rule, Hours) and rule.open.needs_calendar and calendar is not None:
        today = clock(bound.compiled.pack.zone).day(at) + EPOCH_ORDINAL
        last = to_date(calendar.known_until - EPOCH_ORDINAL).isoformat()
        if today + 400 > calendar.known_until:
            return f"Its calendar, {calendar.id}, is known only until {last}: renew it."
    return "There is no hour within a year that all of these clocks permit."


def _remedy(bound: Bound, *, refuses: bool) -> str:
    rule = bound.compiled.rule
    lifts = [lift.meaning["en"] for lift in rule.lifts]
    exception = f"Exception: {' '.join(lifts)}" if lifts else ""
    if not refuses:
        return exception
    if isinstance(rule, Gate) and rule.stop is not None:
        what = "the answer to it" if rule.stop.until_answered else "its withdrawal, on file,"
        return f"Only {what} changes that. {exception}".strip()
    if isinstance(rule, Gate) and rule.bars is not None:
        return f"Only the debtor can lift it. {exception}".strip()
    if isinstance(rule, Gate) and rule.requires is not None:
        return f"It opens when what it asks for is on file. {exception}".strip()
    return exception
