"""Caps and cool-downs: which past contacts count, and from when on a rule no longer holds because of them."""

from collections.abc import Collection, Mapping, Sequence

from throttling.bounds import Bound
from throttling.compose import CompiledRule
from throttling.conditions import evaluate, held_then
from throttling.counter import Counter
from throttling.dossier import Asked, Dossier, past_as_asked
from throttling.intervals import ALL, NONE, unite
from throttling.language import Cap, CoolDown, Exclusion
from throttling.premises import Condition
from throttling.selectors import certainly_counts
from throttling.spans_of_time import Ending, Lasting
from throttling.zonetime import DAWN, FOREVER


class Tallies:
    """What caps and rests count for one contact that is asked about; what several count alike is counted once."""

    __slots__ = ("_asked", "_counting", "_dossier", "_parts", "_recent", "_wanted")

    def __init__(self, dossier: Dossier, asked: Asked, wanted: Mapping[int, int]) -> None:
        self._dossier = dossier
        self._asked = asked
        self._wanted = wanted
        self._recent: dict[Ending, list[Lasting]] = {}
        self._counting: dict[int, list[Lasting]] = {}
        self._parts: dict[int, Sequence[list[Lasting]]] = {}

    def recent(self, compiled: CompiledRule) -> list[Lasting]:
        """The past contacts that still are in the window at the instant asked about."""
        ending = self._dossier.ending(compiled)
        found = self._recent.get(ending)
        if found is None:
            found = self._recent[ending] = ending.outlasting(self._dossier.moments, self._asked.at)
        return found

    def counting(self, compiled: CompiledRule, how: Counter) -> list[Lasting]:
        """Those of them that the rule counts, whichever debt they are about."""
        key = compiled.counts_like
        found = self._counting.get(key)
        if found is None:
            wanted = self._wanted[compiled.index]
            found = _selected(self.recent(compiled), wanted, how, self._dossier, self._asked)
            for each in how.unless:
                if each.consent is None or self._dossier.debtor.consents:
                    found = _not_held_then(each, found, compiled, self._dossier)
            self._counting[key] = found
        return found

    def parts(self, compiled: CompiledRule, how: Counter) -> Sequence[list[Lasting]]:
        """What the rule counts on each debt or account, where it tells these apart; all that it counts where not."""
        key = compiled.counts_like
        found = self._parts.get(key)
        if found is None:
            found = self._parts[key] = _parted(self.counting(compiled, how), how, self._dossier, self._asked)
        return found


def _selected(recent: list[Lasting], wanted: int, how: Counter, dossier: Dossier, asked: Asked) -> list[Lasting]:
    """Those that match, on the keys of the contact asked about; where a key is unknown, they count on each."""
    masks, history = dossier.masks, dossier.history
    found = [each for each in recent if masks[each[1]][0] & wanted == wanted]
    if how.leaves_out:
        found = [each for each in found if not masks[each[1]][1] & how.leaves_out]
    if how.by_point and asked.point is not None:
        found = [each for each in found if history[each[1]].contact_point in (None, asked.point)]
    if how.by_collector and asked.by is not None:
        found = [each for each in found if history[each[1]].by in (None, asked.by)]
    if how.begins and found:
        found = _after_first(found, how.begins, dossier)
    return found


def _after_first(found: list[Lasting], begins: int, dossier: Dossier) -> list[Lasting]:
    """Those that came later than the first in the whole history that matches a bit."""
    order = [index for _, index in dossier.moments]
    first = next((place for place, index in enumerate(order) if dossier.masks[index].may & begins), len(order))
    later = frozenset(order[first + 1 :])
    return [each for each in found if each[1] in later]


def _not_held_then(
    condition: Condition, found: list[Lasting], compiled: CompiledRule, dossier: Dossier
) -> list[Lasting]:
    return [each for each in found if not held_then(condition, dossier, past_as_asked(dossier, each[1]), compiled)]


def _parted(counting: list[Lasting], how: Counter, dossier: Dossier, asked: Asked) -> Sequence[list[Lasting]]:
    keys = asked.debts if how.by_debt else frozenset(asked.accounts) if how.by_account else ()
    if not keys:
        return [counting] if counting else []
    history, are_grouped = dossier.history, how.by_debt and dossier.groups
    parts: dict[str, list[Lasting]] = {key: [] for key in sorted(keys)}
    for each in counting:
        about: Collection[str] = history[each[1]].accounts
        if are_grouped:
            about = dossier.debts(about)
        for key, part in parts.items():
            if not about or key in about:
                part.append(each)
    return [part for part in parts.values() if part]


def cap_bound(compiled: CompiledRule, rule: Cap, dossier: Dossier, asked: Asked, tallies: Tallies) -> Bound | None:
    """A cap: nothing before enough of what was counted has left the window. None where it is far from binding."""
    how = compiled.counter
    if how is None:
        return None
    limit = rule.at_most if not dossier.debtor.agreed_caps else _agreed_limit(rule, compiled, dossier)
    if (
        len(dossier.moments) < limit - 1
        or len(tallies.recent(compiled)) < limit - 1
        or len(tallies.counting(compiled, how)) < limit - 1
    ):
        return None
    after, close = DAWN if limit else FOREVER, DAWN
    counted: Sequence[Lasting] = ()
    for part in tallies.parts(compiled, how):
        over = len(part) - limit
        later = DAWN if over < 0 else part[over][0] if limit else FOREVER
        closer = part[over + 1][0] if limit > 1 and over >= -1 else DAWN
        if not counted or later > after or (later == after and closer > close):
            after, close, counted = later, closer, part
    if after == DAWN and close == DAWN:
        return None
    bound = Bound(compiled, after=after, counted=counted, limit=limit, close_until=close)
    for exclusion in rule.excludes:
        _exclude_proposal(bound, exclusion, dossier, asked)
    return bound


def _agreed_limit(rule: Cap, compiled: CompiledRule, dossier: Dossier) -> int:
    names = {rule.id, f"{compiled.pack.id}/{rule.id}", f"{compiled.pack.id}:{rule.id}"}
    agreed = [number for name, number in dossier.debtor.agreed_caps if name in names]
    if not agreed:
        return rule.at_most
    return min(agreed) if rule.agreement else min(rule.at_most, *agreed)


def _exclude_proposal(bound: Bound, exclusion: Exclusion, dossier: Dossier, asked: Asked) -> None:
    if exclusion.events is not None:
        spans = ALL if certainly_counts(exclusion.events, asked.shape) else NONE
    else:
        spans = NONE if exclusion.when is None else evaluate(exclusion.when, dossier, asked, bound.compiled).certain
    if spans:
        bound.lifts = (*bound.lifts, (exclusion.cite, spans))
        bound.lifted = unite([span for _, each in bound.lifts for span in each])


def cool_down_bound(
    compiled: CompiledRule, rule: CoolDown, dossier: Dossier, asked: Asked, tallies: Tallies
) -> Bound | None:
    """A rest after an event. None where no event calls for one that is not over."""
    how = compiled.counter
    if how is None or not dossier.may & how.selects:
        return None
    counted = sorted({each for part in tallies.parts(compiled, how) for each in part})
    if not counted:
        return None
    bound = Bound(compiled, after=counted[-1][0], counted=counted)
    for exclusion in rule.excludes:
        if exclusion.when is not None:
            _exclude_proposal(bound, exclusion, dossier, asked)
    return bound
