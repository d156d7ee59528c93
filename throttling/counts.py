"""Caps and cool-downs: which past contacts count, and from when on a rule no longer holds because of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from domain.facts import PastContact
from throttling.bounds import Bound
from throttling.compose import CompiledRule
from throttling.conditions import evaluate, held_then
from throttling.dossier import Asked, Dossier, Event, past_as_asked
from throttling.intervals import ALL, NONE, unite
from throttling.language import Cap, CoolDown, Exclusion
from throttling.selectors import certainly_counts
from throttling.zonetime import DAWN, FOREVER


def cap_bound(compiled: CompiledRule, rule: Cap, dossier: Dossier, asked: Asked) -> Bound | None:
    """A cap: nothing before enough of what was counted has left the window. None where it is far from binding."""
    limit = _limit(rule, compiled, dossier)
    counting = _counting(rule, compiled, dossier, asked)
    if len(counting) < limit - 1:
        return None
    found: tuple[int, int, Sequence[tuple[int, int]]] = (DAWN if limit else FOREVER), DAWN, ()
    for ends in _by_debt(rule, counting, dossier, asked):
        over = len(ends) - limit
        after = DAWN if over < 0 else ends[over][0] if limit else FOREVER
        close = ends[over + 1][0] if limit > 1 and over >= -1 else DAWN
        if (after, close) > found[:2] or not found[2]:
            found = after, close, ends
    after, close, counted = found
    if after == DAWN and close == DAWN:
        return None
    bound = Bound(compiled, after=after)
    bound.counted, bound.limit, bound.close_until = tuple(counted), limit, close
    for exclusion in rule.excludes:
        _exclude_proposal(bound, exclusion, dossier, asked)
    return bound


def _limit(rule: Cap, compiled: CompiledRule, dossier: Dossier) -> int:
    if not dossier.debtor.agreed_caps:
        return rule.at_most
    names = {rule.id, f"{compiled.pack.id}/{rule.id}", f"{compiled.pack.id}:{rule.id}"}
    agreed = [number for name, number in dossier.debtor.agreed_caps if name in names]
    if not agreed:
        return rule.at_most
    return min(agreed) if rule.agreement else min(rule.at_most, *agreed)


def _counting(rule: Cap, compiled: CompiledRule, dossier: Dossier, asked: Asked) -> list[tuple[int, Event]]:
    """The events that still count at the instant asked about, each with until when, the latest event first.

    Where two regulators count the same, it is counted once.
    """
    found = asked.counting.get(compiled.counts_like)
    if found is None:
        found = asked.counting[compiled.counts_like] = [*_still_counting(rule, compiled, dossier, asked)]
    return found


def _still_counting(rule: Cap, compiled: CompiledRule, dossier: Dossier, asked: Asked) -> Iterator[tuple[int, Event]]:
    bit = dossier.ruleset.bit(rule.counts)
    if not dossier.may & bit:
        return
    first = None if rule.after_first is None else _first(dossier, dossier.ruleset.bit(rule.after_first))
    if rule.after_first is not None and first is None:
        return
    ends_of, is_on_keys = dossier.ending(compiled).of, _on_keys(rule, dossier, asked)
    at, excludes = asked.at, rule.excludes
    for event in reversed(dossier.events):
        if event is first:
            break
        if not event.may & bit:
            continue
        until = ends_of(event.at)
        if until <= at:  # what came earlier stops counting no later
            break
        if is_on_keys(event.contact) and not (excludes and _is_excluded(event, excludes, compiled, dossier)):
            yield until, event


def _first(dossier: Dossier, bit: int) -> Event | None:
    return next((event for event in dossier.events if event.may & bit), None)


def _on_keys(rule: Cap | CoolDown, dossier: Dossier, asked: Asked) -> Callable[[PastContact], bool]:
    """Whether a past contact counts on the keys of the contact asked about; what it leaves out counts on every key."""
    keys = rule.by
    selector = rule.counts if isinstance(rule, Cap) else rule.after
    person = asked.shape.person if "person" in keys else None
    point = asked.point if "point" in keys else None
    channel = asked.shape.channel if "channel" in keys else None
    by = asked.by if "collector" in keys or selector.placed_by == "collector" else None
    per_debt = "debt" in keys
    wanted = asked.debts if per_debt else frozenset(asked.accounts) if "account" in keys else frozenset()

    def counts(contact: PastContact) -> bool:
        if person is not None and contact.person is not person:
            return False
        if point is not None and contact.contact_point is not None and contact.contact_point != point:
            return False
        if channel is not None and contact.channel is not channel:
            return False
        if by is not None and contact.by is not None and contact.by != by:
            return False
        accounts = contact.accounts
        if not wanted or not accounts:
            return True
        return not wanted.isdisjoint(dossier.debts(accounts) if per_debt else accounts)

    return counts


def _by_debt(
    rule: Cap, counting: list[tuple[int, Event]], dossier: Dossier, asked: Asked
) -> Iterable[list[tuple[int, int]]]:
    """Until when each event counts, and its index: once for each debt or account, where the cap is kept for each."""
    per_debt = "debt" in rule.by
    keys = asked.debts if per_debt else asked.accounts if "account" in rule.by else ()
    in_order = counting[::-1]  # what came later counts no shorter
    if len(keys) < 2:
        return ([(until, event.index) for until, event in in_order],) if counting else ()
    found: dict[str, list[tuple[int, int]]] = {key: [] for key in sorted(keys)}
    for until, event in in_order:
        accounts = event.contact.accounts
        about = dossier.debts(accounts) if per_debt else accounts
        for key, own in found.items():
            if not accounts or key in about:
                own.append((until, event.index))
    return [own for own in found.values() if own]


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
    if not dossier.may & bit:
        return None
    is_on_keys = _on_keys(rule, dossier, asked)
    events = [event for event in dossier.events if event.may & bit and is_on_keys(event.contact)]
    if events and rule.excludes:
        events = [event for event in events if not _is_excluded(event, rule.excludes, compiled, dossier)]
    if not events:
        return None
    ends_of = dossier.ending(compiled).of
    ends = sorted((ends_of(event.at), event.index) for event in events)
    bound = Bound(compiled, after=ends[-1][0])
    bound.counted = tuple(ends)
    for exclusion in rule.excludes:
        if exclusion.when is not None:
            _exclude_proposal(bound, exclusion, dossier, asked)
    return bound
