"""What one rule says over time about one contact of one debtor: when it allows it, and what it counted.

A bound answers two questions exactly: the first instant not before `at` that the rule allows, and when the stretch that
holds `at` ends. Everything else (verdict, T, the texts) follows from these.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from domain.facts import Consent, PointKind, Stop
from throttling import spans_of_time, zonetime
from throttling.compose import CompiledRule, dated, opening
from throttling.conditions import concerns, covers, evaluate, held_then, live_span
from throttling.dossier import Asked, Dossier, Event, past_as_asked
from throttling.hours import (
    Table,
    all_of,
    any_of,
    daily,
    end_of_opening,
    from_intervals,
    next_open,
    not_in,
    shifted,
)
from throttling.intervals import ALL, NONE, Intervals, complement, end_of, holds, intersect, next_in, unite
from throttling.language import Cap, Content, CoolDown, Exclusion, Gate, Hours, Lift
from throttling.selectors import VOICE, certainly_counts
from throttling.terms import DAYS
from throttling.zonetime import DAWN, FOREVER

HOME = frozenset({PointKind.LANDLINE, PointKind.ADDRESS})
WORK = frozenset({PointKind.WORK, PointKind.WORK_EMAIL})


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
        note: str = "",
    ) -> None:
        self.compiled = compiled
        self.table = table
        self.after = after
        self.spans = spans if after is None else ((after, FOREVER),)
        self.lifts: tuple[tuple[Lift | str, Intervals], ...] = ()
        self.lifted: Intervals = NONE
        self.counted: tuple[tuple[int, int], ...] = ()  # (until when it counts, index), in order
        self.limit = 0
        self.close_until = DAWN
        self.note = note

    @property
    def is_open(self) -> bool:
        """True where the rule allows everything at all times."""
        return self.table is None and self.spans == ALL

    def next(self, at: int) -> int:
        """The first instant not before `at` that the rule allows; FOREVER where there is none."""
        compiled = self.compiled
        if not compiled.starts <= at < compiled.ends:
            return at
        found = next_in(self.spans, at) if self.table is None else next_open(self.table, at)
        if found > at:
            found = min(found, compiled.ends)
            if self.lifted:
                found = min(found, next_in(self.lifted, at))
        return found

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

    def next_change(self, at: int) -> int:
        """The first instant after `at` at which this rule may say something else than at `at`."""
        found = self.next(at)
        change = found if found > at else self.end(at)
        edges = [edge for edge in (self.close_until, self.compiled.starts, self.compiled.ends) if edge > at]
        if self.lifts:
            edges += [edge for _, spans in self.lifts for span in spans for edge in span if edge > at]
            edges.append(end_of(self.spans, at) if self.table is None else end_of_opening(self.table, at))
            edges.append(next_in(self.spans, at) if self.table is None else next_open(self.table, at))
        edges += [until for until, _ in self.counted if until > at][:1]
        return min([change, *(edge for edge in edges if edge > at)])

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
    used = [event for event in asked.events if _is_use(event, lift, dossier, asked)]
    if len(used) < uses:
        return ALL
    if lift.within is None:
        return NONE
    clocks = dossier.zones(compiled)[1]
    ends = sorted(spans_of_time.counts_until(lift.within, event.at, clocks, compiled.calendar) for event in used)
    return unite([(ends[len(used) - uses], FOREVER)])


def _is_use(event: Event, lift: Lift, dossier: Dossier, asked: Asked) -> bool:
    contact = event.contact
    if contact.direction != "out":
        return False
    if lift.counts is not None:
        return bool(event.may & dossier.ruleset.bit(lift.counts))
    return contact.purpose is asked.shape.purpose and contact.channel is asked.shape.channel


def cap_bound(compiled: CompiledRule, rule: Cap, dossier: Dossier, asked: Asked) -> Bound | None:
    """A cap: nothing before enough of what was counted has left the window. None where it is far from binding."""
    events = _counted(rule, compiled, dossier, asked)
    limit = _limit(rule, compiled, dossier)
    if len(events) < limit - 1 and limit > 0:
        return None
    clocks = dossier.zones(compiled)[1]
    best: Bound | None = None
    for keyed in _by_debt(rule, events, dossier, asked):
        ends = sorted(
            (spans_of_time.counts_until(rule.within, event.at, clocks, compiled.calendar), event.index)
            for event in keyed
        )
        after = DAWN if len(ends) < limit else FOREVER if limit == 0 else ends[len(ends) - limit][0]
        close = ends[len(ends) - limit + 1][0] if 1 < limit <= len(ends) + 1 else DAWN
        if best is None or (after, close) > (best.after or DAWN, best.close_until):
            best = Bound(compiled, after=after)
            best.counted, best.limit, best.close_until = tuple(ends), limit, close
    if best is None and limit == 0:
        best = Bound(compiled, after=FOREVER)
    if best is None or (best.after == DAWN and best.close_until == DAWN):
        return None
    for exclusion in rule.excludes:
        _exclude_proposal(best, exclusion, dossier, asked)
    return best


def _limit(rule: Cap, compiled: CompiledRule, dossier: Dossier) -> int:
    names = {rule.id, f"{compiled.pack.id}/{rule.id}", f"{compiled.pack.id}:{rule.id}"}
    agreed = [number for name, number in dossier.debtor.agreed_caps if name in names]
    if not agreed:
        return rule.at_most
    return min(agreed) if rule.agreement else min(rule.at_most, *agreed)


def _counted(rule: Cap, compiled: CompiledRule, dossier: Dossier, asked: Asked) -> list[Event]:
    bit = dossier.ruleset.bit(rule.counts)
    events = [event for event in dossier.events if event.may & bit]
    if rule.after_first is not None:
        first_bit = dossier.ruleset.bit(rule.after_first)
        firsts = [event for event in dossier.events if event.may & first_bit]
        if not firsts:
            return []
        first = firsts[0]
        events = [event for event in events if (event.at, event.index) > (first.at, first.index)]
    events = [event for event in events if _on_keys(event, rule, dossier, asked)]
    if events and rule.excludes:
        events = [event for event in events if not _is_excluded(event, rule.excludes, compiled, dossier)]
    return events


def _on_keys(event: Event, rule: Cap | CoolDown, dossier: Dossier, asked: Asked) -> bool:
    """Whether a past contact counts on the keys of the contact asked about; what it leaves out counts on every key."""
    contact = event.contact
    keys = rule.by
    if "person" in keys and contact.person is not asked.shape.person:
        return False
    if "point" in keys and None is not contact.contact_point != asked.point is not None:
        return False
    if "channel" in keys and contact.channel is not asked.shape.channel:
        return False
    selector = rule.counts if isinstance(rule, Cap) else rule.after
    if "collector" in keys or selector.placed_by == "collector":
        by = contact.by
        if by is not None and asked.by is not None and by != asked.by:
            return False
    if not contact.accounts or not asked.accounts:
        return True
    if "debt" in keys:
        return not asked.debts.isdisjoint(dossier.debts(contact.accounts))
    if "account" in keys:
        return not set(asked.accounts).isdisjoint(contact.accounts)
    return True


def _by_debt(rule: Cap, events: list[Event], dossier: Dossier, asked: Asked) -> Iterable[list[Event]]:
    """The events once for each debt or account of the proposal, where the cap is kept for each."""
    per_debt = "debt" in rule.by
    if not (per_debt or "account" in rule.by) or len(asked.debts if per_debt else asked.accounts) < 2:
        return (events,) if events else ()
    keys = sorted(asked.debts) if per_debt else sorted(asked.accounts)
    found = []
    for key in keys:
        own = [
            event
            for event in events
            if not event.contact.accounts
            or key in (dossier.debts(event.contact.accounts) if per_debt else event.contact.accounts)
        ]
        if own:
            found.append(own)
    return found


def _is_excluded(event: Event, excludes: Sequence[Exclusion], compiled: CompiledRule, dossier: Dossier) -> bool:
    for exclusion in excludes:
        if exclusion.events is not None:
            if event.must & dossier.ruleset.bit(exclusion.events):
                return True
        elif exclusion.when is not None and exclusion.when.consent is not None and not dossier.debtor.consents:
            continue
        elif exclusion.when is not None and held_then(exclusion.when, dossier, past_as_asked(dossier, event), compiled):
            return True
    return False


def _exclude_proposal(bound: Bound, exclusion: Exclusion, dossier: Dossier, asked: Asked) -> None:
    if exclusion.events is not None:
        spans = ALL if certainly_counts(exclusion.events, asked.shape) else NONE
    else:
        spans = NONE if exclusion.when is None else evaluate(exclusion.when, dossier, asked, bound.compiled).certain
    if spans:
        bound.lifts = (*bound.lifts, (exclusion.cite, spans))
        bound.lifted = unite([span for _, each in bound.lifts for span in each])


def cool_down_bound(compiled: CompiledRule, rule: CoolDown, dossier: Dossier, asked: Asked) -> Bound | None:
    """A rest after an event. None where no event calls for one."""
    bit = dossier.ruleset.bit(rule.after)
    events = [e for e in dossier.events if e.may & bit and _on_keys(e, rule, dossier, asked)]
    if events and rule.excludes:
        events = [event for event in events if not _is_excluded(event, rule.excludes, compiled, dossier)]
    if not events:
        return None
    clocks = dossier.zones(compiled)[1]
    ends = sorted(
        (spans_of_time.over_at(rule.rests, event.at, clocks, compiled.calendar), event.index) for event in events
    )
    bound = Bound(compiled, after=ends[-1][0])
    bound.counted = tuple(ends)
    for exclusion in rule.excludes:
        if exclusion.when is not None:
            _exclude_proposal(bound, exclusion, dossier, asked)
    return bound


def gate_bound(compiled: CompiledRule, rule: Gate, dossier: Dossier, asked: Asked) -> Bound | None:
    """A gate. None where it stands open."""
    if rule.stop is not None:
        if not dossier.debtor.stops:
            return None
        spans, note = _stopped(rule, compiled, dossier, asked)
        return Bound(compiled, spans=complement(spans), note=note) if spans else None
    if rule.bars is not None:
        note = _barred(rule.bars, dossier, asked)
        return Bound(compiled, spans=NONE, note=note) if note else None
    if rule.forbid or rule.requires is None:
        return Bound(compiled, spans=NONE)
    known = evaluate(rule.requires, dossier, asked, compiled)
    allowed = known.possible if rule.unknown == "passes" else known.certain
    note = "Something that it asks for is not known." if known.possible != known.certain else ""
    return None if allowed == ALL else Bound(compiled, spans=allowed, note=note)


def _stopped(rule: Gate, compiled: CompiledRule, dossier: Dossier, asked: Asked) -> tuple[Intervals, str]:
    spans: list[tuple[int, int]] = []
    note = ""
    for stop in dossier.debtor.stops:
        gate = rule.stop
        if gate is None or stop.kind is not gate.kind or (gate.form is not None and stop.form != gate.form):
            continue
        if gate.per == "debt" and not concerns(stop, dossier, asked):
            continue
        spans.append((zonetime.floor_second(stop.at), _stops_until(stop, rule, compiled, dossier)))
        note = f"On file since {stop.at.date().isoformat()}: {stop.kind.value} ({stop.form})."
    return unite(spans), note


def _stops_until(stop: Stop, rule: Gate, compiled: CompiledRule, dossier: Dossier) -> int:
    ends = [FOREVER]
    if stop.until is not None:
        ends.append(zonetime.ceil_second(stop.until))
    if rule.stop is not None and rule.stop.until_answered and stop.answered_at is not None:
        ends.append(zonetime.ceil_second(stop.answered_at))
    if rule.stop is not None and rule.stop.lasts is not None:
        clocks = dossier.zones(compiled)[1]
        ends.append(spans_of_time.over_at(rule.stop.lasts, zonetime.ceil_second(stop.at), clocks, compiled.calendar))
    return min(ends)


def _barred(what: str, dossier: Dossier, asked: Asked) -> str:
    """Why the debtor's own ban holds here; empty where it does not."""
    debtor, shape = dossier.debtor, asked.shape
    if what == "channel":
        banned = set(debtor.banned_channels)
        if "call" in banned:
            banned |= VOICE  # whoever asks not to be called is not to be called by a machine either
        return f"The debtor asked not to be contacted by {shape.channel.value}." if shape.channel in banned else ""
    if what == "point":
        if not debtor.banned_points or (asked.point is not None and asked.point not in debtor.banned_points):
            return ""
        return "The debtor asked not to be contacted there." if asked.point else "It is not said at which number."
    for place, kinds in (("home", HOME), ("work", WORK)):
        if place in debtor.inconvenient_places and (shape.point in kinds or _may_reach(place, asked)):
            return f"The debtor called {place} inconvenient."
    return ""


def _may_reach(place: str, asked: Asked) -> bool:
    """Whether a contact whose point is unknown may reach a place; mobiles, texts and mailboxes go with the person."""
    if asked.shape.point is not None:
        return asked.shape.channel == "visit" and asked.shape.point is PointKind.ADDRESS and place == "home"
    return asked.shape.channel in VOICE or asked.shape.channel in ("visit", "letter") or place == "work"


def content_bound(compiled: CompiledRule, rule: Content, asked: Asked) -> Bound | None:
    """A content duty that the proposal itself says is not met. What is not said yet is checked on the message."""
    shape = asked.shape
    if rule.duty == "opt_out" and shape.has_opt_out_notice is False:
        return Bound(compiled, spans=NONE, note="The message has no opt-out notice.")
    if rule.duty == "limited" and shape.limited_content is False:
        return Bound(compiled, spans=NONE, note="The message is not limited to what may be said there.")
    return None


def hours_bound(compiled: CompiledRule, rule: Hours, dossier: Dossier, asked: Asked, delay: int) -> Bound:
    """The hours of a rule, as this debtor's terms widen or narrow them and as `delay` seconds on the way shift them."""
    zones, _ = dossier.zones(compiled)
    if not zones:
        return Bound(compiled, spans=NONE, note="Nobody knows where the debtor is: no place and no time zone.")
    table = opening(compiled, zones) if is_personal(rule, dossier) else None
    if table is None and not delay:
        return Bound(compiled, table=dossier.ruleset.table(compiled, zones))
    table = table or dossier.ruleset.table(compiled, zones)
    notes: list[str] = []
    if is_personal(rule, dossier):
        table = _widened(table, rule, compiled, dossier, notes)
        table = dated(compiled, _narrowed(table, rule, compiled, dossier, asked, notes))
    if delay and rule.judged_at != "sending":
        late = shifted(table, delay)
        table = late if rule.judged_at == "arrival" else all_of([table, late])
    return Bound(compiled, table=table, note=" ".join(notes))


def is_personal(rule: Hours, dossier: Dossier) -> bool:
    """Whether the debtor has terms that this rule heeds."""
    debtor = dossier.debtor
    return (
        (debtor.agreed_hours is not None and ("agreement" in rule.widened_by or "agreement" in rule.narrowed_by))
        or (debtor.requested_hours is not None and ("request" in rule.widened_by or "request" in rule.narrowed_by))
        or (bool(debtor.inconvenient) and "inconvenient" in rule.narrowed_by)
        or ("consent" in rule.widened_by and any(consent.hours is not None for consent in debtor.consents))
    )


def _everywhere(compiled: CompiledRule, dossier: Dossier, make: Callable[[zonetime.ZoneClock], Table]) -> Table:
    return all_of([make(clock) for clock in dossier.zones(compiled)[1]])


def _widened(table: Table, rule: Hours, compiled: CompiledRule, dossier: Dossier, notes: list[str]) -> Table:
    debtor = dossier.debtor
    for name, hours in (("agreement", debtor.agreed_hours), ("request", debtor.requested_hours)):
        if hours is not None and name in rule.widened_by:
            table = any_of([table, _everywhere(compiled, dossier, partial(daily, span=hours))])
            notes.append(f"Widened by the debtor's {name}.")
    return table


def _narrowed(
    table: Table, rule: Hours, compiled: CompiledRule, dossier: Dossier, asked: Asked, notes: list[str]
) -> Table:
    debtor = dossier.debtor
    base = table
    parts = [table]
    for name, hours in (("agreement", debtor.agreed_hours), ("request", debtor.requested_hours)):
        if hours is not None and name in rule.narrowed_by:
            parts.append(_everywhere(compiled, dossier, partial(daily, span=hours)))
            notes.append(f"The debtor's {name}: {_clock(hours)}.")
    if "inconvenient" in rule.narrowed_by:
        for each in debtor.inconvenient:
            days = frozenset(map(DAYS.index, each.days)) or frozenset(range(7))
            spoken = partial(daily, span=(each.start, each.end), days=days)
            parts.append(_everywhere(compiled, dossier, partial(_shut, spoken)))
            notes.append(f"Inconvenient to the debtor: {' '.join(each.days)} {_clock((each.start, each.end))}.")
    narrowed = all_of(parts) if len(parts) > 1 else base
    if "consent" not in rule.widened_by:
        return narrowed
    granted = [each for each in debtor.consents if _grants(each, rule, dossier, asked, base)]
    if not granted:
        return narrowed
    notes.append("Widened by the debtor's consent.")
    return any_of([narrowed, *(_consented(each, rule, compiled, dossier, asked) for each in granted)])


def _grants(consent: Consent, rule: Hours, dossier: Dossier, asked: Asked, base: Table) -> bool:
    """Whether a consent widens the hours: of the right sort, and given in a contact that was itself proper."""
    if consent.hours is None or not covers(rule.consent, consent, asked.shape.channel):
        return False
    if not rule.consent.in_contact:
        return True
    given = zonetime.ceil_second(consent.at)
    return next_open(base, given) == given or dossier.inbound_before(given) is not None


def _consented(consent: Consent, rule: Hours, compiled: CompiledRule, dossier: Dossier, asked: Asked) -> Table:
    hours = consent.hours or (0, 1440)
    days = frozenset(map(DAYS.index, consent.days)) or frozenset(range(7))
    live = live_span(rule.consent, consent, dossier, asked.events, compiled)
    return all_of(
        [_everywhere(compiled, dossier, partial(daily, span=hours, days=days)), from_intervals(unite([live]))]
    )


def _shut(make: Callable[[zonetime.ZoneClock], Table], clock: zonetime.ZoneClock) -> Table:
    return not_in(make(clock))


def _clock(span: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in span)
