"""When a condition of the rule language holds: sets of instants, for one contact of one debtor."""

from collections.abc import Callable, Sequence

from domain.facts import Consent, ContactChannel, Direction, Outcome, Person, PointKind, Stop
from throttling import spans_of_time, zonetime
from throttling.compose import CompiledRule
from throttling.dossier import Asked, Dossier
from throttling.hours import CHUNK, all_of, daily
from throttling.intervals import (
    ALL,
    NO,
    NONE,
    YES,
    Intervals,
    Known,
    both,
    either,
    exactly,
    intersect,
    known,
    neither,
    unite,
)
from throttling.premises import Condition, Consented, Happened, Noticed, PointState, Replied, Unreached
from throttling.selectors import match_proposal, medium
from throttling.spans_of_time import Moment
from throttling.terms import DAYS, Bounds, Proposals, Wait
from throttling.zonetime import DAWN, FOREVER, ZoneClock

HORIZON = 400 * zonetime.DAY
"""How far ahead a consent for certain days or hours is worked out."""
UNREACHED = frozenset({Outcome.NO_ANSWER, Outcome.BUSY, Outcome.NOT_IN_SERVICE, Outcome.DROPPED, Outcome.FAILED})
DIALLED = frozenset({PointKind.MOBILE, PointKind.LANDLINE, PointKind.WORK})


def evaluate(condition: Condition, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    """When the condition holds for the contact asked about."""
    found = YES
    for name in condition.model_fields_set:
        said = getattr(condition, name)
        if said is None:
            continue
        found = both(found, _PARTS[name](said, dossier, asked, compiled))
        if found.possible == NONE:
            return NO
    return found


def held_then(condition: Condition, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> bool:
    """Whether it certainly held at the moment of a past contact."""
    spans = evaluate(condition, dossier, asked, compiled).certain
    return any(start <= asked.at < end for start, end in spans)


def _clocks(dossier: Dossier, compiled: CompiledRule) -> tuple[ZoneClock, ...]:
    return dossier.zones(compiled)[1]


def _consent(said: Consented, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    spans: Intervals = NONE
    for consent in dossier.debtor.consents:
        if covers(said, consent, asked.shape.channel):
            live = live_span(said, consent, dossier, asked.moments, compiled)
            spans = unite(spans, _at_its_hours(consent, live, dossier, asked, compiled))
    return exactly(spans)


def covers(said: Consented, consent: Consent, channel: ContactChannel) -> bool:
    """Whether a consent is of the sort that is asked for and names the channel, or none."""
    if said.direct and not consent.direct:
        return False
    if said.in_contact and consent.during is None:
        return False
    if said.hours_stated and consent.hours is None:
        return False
    return said.channels == "any" or not consent.channels or channel in consent.channels


def live_span(
    said: Consented, consent: Consent, dossier: Dossier, moments: Sequence[Moment], compiled: CompiledRule
) -> tuple[int, int]:
    """From when until when a consent is live: until its end, its lapse, or the conversation that uses it up."""
    start = zonetime.ceil_second(consent.at)
    end = FOREVER if consent.until is None else zonetime.floor_second(consent.until)
    if said.lasts is not None:
        end = min(end, spans_of_time.lapses_at(said.lasts, start, _clocks(dossier, compiled), compiled.calendar))
    if said.until_conversation:
        history = dossier.history
        later = (at for at, index in moments if at > start and history[index].outcome is Outcome.CONVERSATION)
        end = min(end, next(later, FOREVER))
    return start, max(start, end)


def _at_its_hours(
    consent: Consent, live: tuple[int, int], dossier: Dossier, asked: Asked, compiled: CompiledRule
) -> Intervals:
    start, end = live
    if consent.hours is None and not consent.days:
        return unite([live])
    clocks = _clocks(dossier, compiled)
    if not clocks:
        return NONE
    days = frozenset(map(DAYS.index, consent.days)) or frozenset(range(7))
    table = all_of([daily(clock, consent.hours or (0, 1440), days) for clock in clocks])
    low, high = max(start, asked.at), min(end, asked.at + HORIZON)
    if low >= high:
        return NONE
    spans = [span for index in range(low // CHUNK, (high - 1) // CHUNK + 1) for span in table.chunk(index)]
    return intersect(unite(spans), ((low, high),))


def _reply(said: Replied, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    if not asked.shape.in_reply:
        return NO
    history, means = dossier.history, medium(asked.shape.channel)
    same = [moment for moment in asked.moments if medium(history[moment[1]].channel) == means]
    began = [moment for moment in same if history[moment[1]].direction is Direction.IN and moment[0] <= asked.at]
    if not began:
        return NO
    last = began[-1]
    answers = sum(history[moment[1]].direction is Direction.OUT and moment > last for moment in same)
    if answers >= said.times:
        return NO
    start, end = last[0], FOREVER
    if said.within is not None:
        end = spans_of_time.lapses_at(said.within, start, _clocks(dossier, compiled), compiled.calendar)
    return exactly(unite([(start, end)]))


def _notice(said: Noticed, dossier: Dossier, _: Asked, compiled: CompiledRule) -> Known:
    clocks = _clocks(dossier, compiled)
    spans: list[tuple[int, int]] = []
    for notice in dossier.debtor.notices:
        if notice.kind == said.notice:
            start, end = zonetime.ceil_second(notice.at), FOREVER
            if said.within is not None:
                end = spans_of_time.lapses_at(said.within, start, clocks, compiled.calendar)
            if said.wait is not None:
                start = spans_of_time.over_at(said.wait, start, clocks, compiled.calendar)
            spans.append((start, end))
    return exactly(unite(spans))


def _days_past_due(said: Bounds, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    clocks = _clocks(dossier, compiled)
    accounts = asked.accounts or tuple(dossier.accounts)
    if not accounts or not clocks:
        return known(None)
    found = YES
    for account in accounts:
        start, end = DAWN, FOREVER
        for clock in clocks:
            due = due_day(dossier, account, asked, clock)
            if due is None:
                return known(None)
            if said.min is not None:
                start = max(start, clock.midnight(due + said.min))
            if said.max is not None:
                end = min(end, clock.midnight(due + said.max + 1))
        found = both(found, exactly(unite([(start, end)])))
    return found


def due_day(dossier: Dossier, account: str, asked: Asked, clock: ZoneClock) -> int | None:
    """The local day on which an account fell due, from its days past due or its date; None where neither is known."""
    facts = dossier.accounts.get(account)
    if facts is None:
        return None
    if facts.days_past_due is not None:
        as_of = asked.at if dossier.as_of is None else dossier.as_of
        return clock.day(as_of) - facts.days_past_due
    return None if facts.due_at is None else clock.day(zonetime.floor_second(facts.due_at))


def _debt_age(said: Wait, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    clocks = _clocks(dossier, compiled)
    accounts = asked.accounts or tuple(dossier.accounts)
    if not accounts or not clocks:
        return known(None)
    ends = []
    for account in accounts:
        for clock in clocks:
            due = due_day(dossier, account, asked, clock)
            if due is None:
                return known(None)
            ends.append(spans_of_time.lapses_at(said, clock.midnight(due), [clock], compiled.calendar))
    return exactly(unite([(DAWN, min(ends))]))


def _stop(said: object, dossier: Dossier, asked: Asked, _: CompiledRule) -> Known:
    spans = [
        (zonetime.floor_second(stop.at), FOREVER if stop.until is None else zonetime.ceil_second(stop.until))
        for stop in dossier.debtor.stops
        if stop.kind is said and concerns(stop, dossier, asked)
    ]
    return exactly(unite(spans))


def concerns(stop: Stop, dossier: Dossier, asked: Asked) -> bool:
    """Whether a stopping fact is about the debts of a contact; where either names none, it is."""
    return not stop.accounts or not asked.accounts or not asked.debts.isdisjoint(dossier.debts(stop.accounts))


def _point(said: PointState, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    point = dossier.points.get(asked.point or "")
    found = YES
    if said.used_by_debtor is not None:
        used = None if point is None else point.used_by_debtor
        found = both(found, known(None if used is None else used is said.used_by_debtor))
    if said.checked_within is not None:
        checked = None if point is None else point.reassigned_check_at
        if checked is None:
            found = both(found, known(None))
        else:
            start = zonetime.ceil_second(checked)
            end = spans_of_time.lapses_at(said.checked_within, start, _clocks(dossier, compiled), compiled.calendar)
            found = both(found, exactly(unite([(start, end)])))
    if said.is_only_one is not None:
        found = both(found, known(_is_only_one(dossier, asked) is said.is_only_one if point is not None else None))
    return found


def _is_only_one(dossier: Dossier, asked: Asked) -> bool:
    kinds = {point.id: point.kind for point in dossier.points.values()}
    own = kinds[asked.point or ""]
    alike = DIALLED if own in DIALLED else {own}
    return sum(kind in alike for kind in kinds.values()) == 1


def _unreached(said: Unreached, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    if dossier.debtor.reachable:
        return NO
    failed: list[int] = []
    for at, index in reversed(asked.moments):
        contact = dossier.history[index]
        if contact.person is not Person.DEBTOR or (said.channels and contact.channel not in said.channels):
            if contact.direction is Direction.IN and contact.person is Person.DEBTOR:
                break
            continue
        if contact.direction is Direction.IN or contact.outcome not in UNREACHED:
            break
        failed.append(at)
    clocks = _clocks(dossier, compiled)
    on_days = min((len({clock.day(at) for at in failed}) for clock in clocks), default=0)
    return known(len(failed) >= said.attempts and on_days >= said.on_days)


def _happened(said: Happened, dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    bit = dossier.ruleset.bit(said.events)
    clocks = _clocks(dossier, compiled)
    spans = []
    for at, index in asked.moments:
        if dossier.masks[index].must & bit:
            end = FOREVER
            if said.within is not None:
                end = spans_of_time.lapses_at(said.within, at, clocks, compiled.calendar)
            spans.append((at, end))
    return exactly(unite(spans))


def _all(said: Sequence[Condition], dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    found = YES
    for each in said:
        found = both(found, evaluate(each, dossier, asked, compiled))
    return found


def _any(said: Sequence[Condition], dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    if not said:
        return YES
    found = NO
    for each in said:
        found = either(found, evaluate(each, dossier, asked, compiled))
        if found.certain == ALL:
            break
    return found


def _agrees(fact: bool | None, said: bool) -> Known:
    return known(None if fact is None else fact is said)


def _proposal(said: Proposals, _: Dossier, asked: Asked, __: CompiledRule) -> Known:
    return known(match_proposal(said, asked.shape))


def _reachable(said: bool, dossier: Dossier, _: Asked, __: CompiledRule) -> Known:
    return _agrees(dossier.debtor.reachable, said)


def _location_known(said: bool, dossier: Dossier, _: Asked, __: CompiledRule) -> Known:
    return _agrees(dossier.debtor.location_known, said)


def _none(said: Sequence[Condition], dossier: Dossier, asked: Asked, compiled: CompiledRule) -> Known:
    return neither(_any(said, dossier, asked, compiled)) if said else YES


_PARTS: dict[str, Callable[..., Known]] = {
    "proposal": _proposal,
    "consent": _consent,
    "reply": _reply,
    "notice": _notice,
    "days_past_due": _days_past_due,
    "debt_age": _debt_age,
    "reachable": _reachable,
    "location_known": _location_known,
    "stop": _stop,
    "point": _point,
    "unreached": _unreached,
    "happened": _happened,
    "all": _all,
    "any": _any,
    "none": _none,
}
