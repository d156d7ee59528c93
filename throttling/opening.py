"""Hours as they are for one debtor: the rule's own, as the debtor's terms widen or narrow them."""

from collections.abc import Callable
from functools import partial

from domain.facts import Consent
from throttling import zonetime
from throttling.bounds import Bound
from throttling.compose import CompiledRule, dated, opening
from throttling.conditions import covers, live_span
from throttling.dossier import Asked, Dossier
from throttling.hours import Table, all_of, any_of, daily, from_intervals, next_open, not_in, shifted
from throttling.intervals import NONE, unite
from throttling.language import Hours
from throttling.terms import DAYS


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
    return next_open(base, given) == given or dossier.was_last_inbound(given)


def _consented(consent: Consent, rule: Hours, compiled: CompiledRule, dossier: Dossier, asked: Asked) -> Table:
    hours = consent.hours or (0, 1440)
    days = frozenset(map(DAYS.index, consent.days)) or frozenset(range(7))
    live = live_span(rule.consent, consent, dossier, asked.moments, compiled)
    return all_of(
        [_everywhere(compiled, dossier, partial(daily, span=hours, days=days)), from_intervals(unite([live]))]
    )


def _shut(make: Callable[[zonetime.ZoneClock], Table], clock: zonetime.ZoneClock) -> Table:
    return not_in(make(clock))


def _clock(span: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in span)
