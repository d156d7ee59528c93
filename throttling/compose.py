"""Which packs apply, and their rules made ready: compiled once, shared by every debtor to whom the same packs apply."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from domain.decision import PackUsed
from domain.facts import AccountFacts, Collector, ContactChannel, Facts, Place
from throttling import places, zonetime
from throttling.calendars import Calendar
from throttling.counter import KEPT_APART, Counter, counter
from throttling.hours import Table, all_of, any_of, from_intervals, weekly
from throttling.language import BaseRule, Cap, Clock, Content, CoolDown, Gate, Hours, Pack, Retention
from throttling.packs import WISHES, Filed, Library
from throttling.selectors import Matched, Shape, could_count, match_proposal
from throttling.spans_of_time import Ending
from throttling.terms import Events, Proposals, Wait, Window
from throttling.whereabouts import Candidate, Whereabouts, Zones, candidates
from throttling.zonetime import DAWN, FOREVER

Override = tuple[Pack, Proposals, str, int, int]
"""The pack that lifts a rule, for which proposals, by which clause, from when until when."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """A rule of one version of a pack, the instants between which it holds, and what overrides it.

    `index` is its place in the ruleset; `calendar` is its pack's; `clock` is None where the rule names none.
    `counter` is how a cap or a cool-down counts, None for other rules; `counts_like` is the index of the first rule
    that counts the same: often a state repeats what the federation says.
    """

    index: int
    pack: Pack
    rule: BaseRule
    starts: int
    ends: int
    calendar: Calendar | None
    overrides: tuple[Override, ...] = ()
    is_always_open: bool = False
    clock: Clock | None = None
    counter: Counter | None = None
    counts_like: int = -1

    @property
    def strength(self) -> str:
        """The rule's own strength, or its pack's."""
        return self.rule.strength or self.pack.strength

    def overriding(self, shape: Shape) -> list[Override]:
        """The overrides by other packs that certainly hold for a shape of contact."""
        return [each for each in self.overrides if match_proposal(each[1], shape) is True]


@dataclass(frozen=True, slots=True, eq=False)
class ForShape:
    """The rules that bear on one shape of contact.

    `wanted` says by a rule's index which bits a past contact must have so that it counts for this shape.
    """

    hours: tuple[CompiledRule, ...]
    caps: tuple[CompiledRule, ...]
    cool_downs: tuple[CompiledRule, ...]
    stops: tuple[CompiledRule, ...]
    bars: tuple[CompiledRule, ...]
    gates: tuple[CompiledRule, ...]
    contents: tuple[CompiledRule, ...]
    wanted: Mapping[int, int]


@dataclass(slots=True, eq=False)
class Ruleset:
    """The compiled rules of some packs. Never changes but for what it remembers; shared by all debtors and threads."""

    ids: tuple[str, ...]
    filed: tuple[Filed, ...]
    rules: tuple[CompiledRule, ...]
    masks: Matched
    legal_zones: tuple[str, ...]
    countries: frozenset[str]
    _bits: dict[int, int]
    _shapes: dict[Shape, ForShape] = field(default_factory=dict)
    _endings: dict[tuple[Window | Wait, tuple[str, ...], str | None], Ending] = field(default_factory=dict)
    _tables: dict[tuple[int, tuple[str, ...]], Table] = field(default_factory=dict)
    _merged: dict[tuple[tuple[int, tuple[str, ...]], ...], Table] = field(default_factory=dict)
    _used: dict[int, tuple[PackUsed, ...]] = field(default_factory=dict)
    _whereabouts: dict[tuple[Candidate, ...], Whereabouts] = field(default_factory=dict)
    edges: tuple[int, ...] = ()

    def for_shape(self, shape: Shape) -> ForShape:
        """The rules that bear on a contact of that shape; worked out once for each."""
        found = self._shapes.get(shape)
        if found is None:
            if len(self._shapes) > 50_000:
                self._shapes.clear()
            found = self._shapes[shape] = _rules_for(self, shape)
        return found

    def ending(self, compiled: CompiledRule, zones: Zones) -> Ending:
        """Until when events count under a cap or call for rest under a cool-down, on the clocks of these zones."""
        rule = compiled.rule
        length: Window | Wait = rule.within if isinstance(rule, Cap) else rule.rests  # type: ignore[attr-defined]
        calendar = None if length.business_days is None else compiled.pack.calendar
        key = length, zones[0], calendar
        found = self._endings.get(key)
        if found is None:
            found = self._endings[key] = Ending(length, zones[1], compiled.calendar)
        return found

    def bit(self, selector: Events) -> int:
        """The selector's bit in the masks."""
        return self._bits[id(selector)]

    def table(self, compiled: CompiledRule, zones: tuple[str, ...]) -> Table:
        """The hours of a rule in all of the zones, while it holds; open at all other times."""
        key = compiled.index, zones
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = dated(compiled, opening(compiled, zones))
        return found

    def merged(self, parts: tuple[tuple[int, tuple[str, ...]], ...]) -> Table:
        """The hours of several rules, each in its zones, at once."""
        found = self._merged.get(parts)
        if found is None:
            tables = [self.table(self.rules[index], zones) for index, zones in parts]
            found = self._merged[parts] = all_of(tables)
        return found

    def whereabouts(self, found: tuple[Candidate, ...]) -> Whereabouts:
        """What these rules make of where a debtor may be."""
        known = self._whereabouts.get(found)
        if known is None:
            if len(self._whereabouts) > 10_000:
                self._whereabouts.clear()
            known = self._whereabouts[found] = Whereabouts(found)
        return known

    def next_edge(self, at: int) -> int:
        """The next instant at which a version comes into force or ends."""
        place = bisect_right(self.edges, at)
        return self.edges[place] if place < len(self.edges) else FOREVER

    def packs_used(self, at: int, *, with_wishes: bool) -> tuple[PackUsed, ...]:
        """The versions in force at an instant."""
        era = 2 * bisect_right(self.edges, at) + with_wishes
        found = self._used.get(era)
        if found is None:
            found = tuple(
                PackUsed(each.pack.id, each.pack.version, each.digest)
                for each in self.filed
                if (with_wishes or each.pack.id != WISHES)
                and zonetime.floor_second(each.starts) <= at
                and (each.ends is None or at < zonetime.floor_second(each.ends))
            )
            self._used[era] = found
        return found


def opening(compiled: CompiledRule, zones: tuple[str, ...]) -> Table:
    """The hours of a rule, open where every zone's clock allows it."""
    open_at = compiled.rule.open  # type: ignore[attr-defined]  # only rules of hours come here
    return all_of([weekly(open_at, zonetime.clock(zone), compiled.calendar) for zone in zones])


def dated(compiled: CompiledRule, table: Table) -> Table:
    """The table while the rule holds, and open at all other times."""
    before_and_after = tuple(span for span in ((DAWN, compiled.starts), (compiled.ends, FOREVER)) if span[0] < span[1])
    return any_of([table, from_intervals(before_and_after)]) if before_and_after else table


def compile_rules(library: Library, ids: Iterable[str]) -> Ruleset:
    """The rules of these packs, all versions, and of the debtor's wishes. Raises BadInput for an unknown id."""
    wanted = tuple(sorted({*ids} | ({WISHES} & library.ids)))
    known = _RULESETS.get((id(library), wanted))
    if known is not None and known[0] is library:
        return known[1]
    filed = library.versions(wanted)
    named = [*KEPT_APART, *(found for each in filed for rule in each.pack.rules for found in _selectors(rule))]
    selectors = tuple(dict.fromkeys(named))
    bits = {id(each): 1 << selectors.index(each) for each in named}
    rules: list[CompiledRule] = []
    first_alike: dict[object, int] = {}
    for each in filed:
        calendar = library.calendars.get(each.pack.calendar or "")
        for rule in each.pack.rules:
            starts, ends = _in_force(each, rule)
            overrides = tuple(_overrides(filed, each.pack.id, rule.id))
            is_open = isinstance(rule, Hours) and rule.open.is_always
            clock = getattr(rule, "clock", None)
            how = counter(rule, lambda selector: bits[id(selector)])
            index = len(rules)
            like = first_alike.setdefault(_way_of_counting(rule, how, each.pack) or index, index)
            rules.append(
                CompiledRule(index, each.pack, rule, starts, ends, calendar, overrides, is_open, clock, how, like)
            )
    clocks = [each.clock for each in rules if each.clock is not None]
    edges = {zonetime.floor_second(edge) for each in filed for edge in (each.starts, each.ends) if edge is not None}
    ruleset = Ruleset(
        ids=wanted,
        filed=filed,
        rules=tuple(rules),
        masks=Matched(selectors),
        legal_zones=tuple(dict.fromkeys(clock.zone for clock in clocks if clock.zone is not None)),
        countries=_countries(filed),
        _bits=bits,
        edges=tuple(sorted(edges)),
    )
    if len(_RULESETS) > 256:
        _RULESETS.clear()
    _RULESETS[(id(library), wanted)] = library, ruleset
    return ruleset


def _way_of_counting(rule: BaseRule, how: Counter | None, pack: Pack) -> tuple[object, ...] | None:
    """The same for two caps that count the same contacts, on the same keys, for as long, on the same clock."""
    return (how, rule.within, rule.clock, pack.calendar) if isinstance(rule, Cap) else None


_RULESETS: dict[tuple[int, tuple[str, ...]], tuple[Library, Ruleset]] = {}


def _countries(filed: Iterable[Filed]) -> frozenset[str]:
    found: set[str] = set()
    for each in filed:
        found |= each.pack.countries or ({each.pack.country} if each.pack.country else set())
    return frozenset(found)


def _in_force(filed: Filed, rule: BaseRule) -> tuple[int, int]:
    def midnight(day: date) -> int:
        return zonetime.clock(filed.pack.zone).midnight(zonetime.to_day(day))

    starts = zonetime.floor_second(filed.starts)
    ends = FOREVER if filed.ends is None else zonetime.floor_second(filed.ends)
    if rule.effective_from is not None:
        starts = max(starts, midnight(rule.effective_from))
    if rule.effective_until is not None:
        ends = min(ends, midnight(rule.effective_until))
    return starts, max(starts, ends)


def _overrides(filed: Iterable[Filed], pack: str, rule: str) -> Iterable[Override]:
    for each in filed:
        for override in each.pack.overrides:
            if (override.pack, override.rule) == (pack, rule):
                starts = zonetime.floor_second(each.starts)
                ends = FOREVER if each.ends is None else zonetime.floor_second(each.ends)
                yield each.pack, override.applies, override.cite, starts, ends


def _selectors(rule: object) -> Iterable[Events]:
    if isinstance(rule, Events):
        yield rule
    elif isinstance(rule, tuple):
        for each in rule:
            yield from _selectors(each)
    elif isinstance(rule, BaseRule) or hasattr(rule, "model_fields_set"):
        for name in type(rule).model_fields:  # type: ignore[attr-defined]
            yield from _selectors(getattr(rule, name))


def _is_plain_gate(rule: object, shape: Shape) -> bool:
    """Whether a gate that needs no stopping fact can be shut at all for this shape of contact."""
    if not isinstance(rule, Gate) or rule.stop is not None or rule.bars is not None:
        return False
    wanted = rule.requires
    if wanted is None or wanted.model_fields_set != {"proposal"} or wanted.proposal is None:
        return True
    return match_proposal(wanted.proposal, shape) is not True


def _rules_for(ruleset: Ruleset, shape: Shape) -> ForShape:
    groups: dict[type[BaseRule], list[CompiledRule]] = {Hours: [], Cap: [], CoolDown: [], Gate: [], Content: []}
    for each in ruleset.rules:
        rule = each.rule
        if isinstance(rule, Retention) or match_proposal(rule.applies, shape) is False:
            continue
        if isinstance(rule, Cap) and not could_count(rule.counts, shape):
            continue
        groups[type(rule)].append(each)
    return ForShape(
        hours=tuple(groups[Hours]),
        caps=tuple(groups[Cap]),
        cool_downs=tuple(groups[CoolDown]),
        stops=tuple(each for each in groups[Gate] if getattr(each.rule, "stop", None) is not None),
        bars=tuple(each for each in groups[Gate] if getattr(each.rule, "bars", None) is not None),
        gates=tuple(each for each in groups[Gate] if _is_plain_gate(each.rule, shape)),
        contents=tuple(groups[Content]),
        wanted={
            each.index: each.counter.wanted(shape, ruleset.bit)
            for each in (*groups[Cap], *groups[CoolDown])
            if each.counter is not None
        },
    )


def select(facts: Facts, library: Library) -> tuple[str, ...]:
    """The ids of the packs that apply: by place, by the number's country, by collector and product; and house packs.

    An unknown region stands for every region of the country that has one of the debtor's zones.
    """
    found = _places(facts)
    products = _products(facts)
    chosen = {
        pack.id
        for pack in library.packs
        if _covers(pack, facts.collector, products) and (pack.always or any(_lies_in(pack, place) for place in found))
    }
    return tuple(sorted(chosen))


@dataclass(frozen=True, slots=True)
class _Where:
    country: str
    region: str | None
    postcode: str | None
    zones: frozenset[str]


def _places(facts: Facts) -> list[_Where]:
    """Places, and the countries of the numbers in question, each with the zones that narrow an unknown region."""
    zones = frozenset(each.zone for each in candidates(facts.debtor, facts.contact_points))
    found = [_where(place, zones) for place in facts.debtor.places]
    regions_known = {each.country for each in found if each.region is not None}
    wanted = facts.proposal.contact_point
    for point in facts.contact_points:
        if point.country is None or point.used_by_debtor is False or (wanted is not None and point.id != wanted):
            continue
        if point.country not in regions_known:
            found.append(_Where(point.country, None, None, frozenset(point.timezones) or zones))
    if not found:
        by_zone = {zone: places.country_of(zone) for zone in zones}
        found = [_Where(code, None, None, frozenset({zone})) for zone, code in by_zone.items() if code is not None]
    return found


def _where(place: Place, zones: frozenset[str]) -> _Where:
    own = frozenset({place.timezone}) if place.timezone else zones
    return _Where(place.country, place.region, place.postcode, own)


def _products(facts: Facts) -> frozenset[str | None]:
    return products_of({account.id: account for account in facts.accounts}, facts.proposal.accounts)


def products_of(accounts: Mapping[str, AccountFacts], wanted: Collection[str]) -> frozenset[str | None]:
    """The products of the named accounts, or of all where none is named; None stands for one that is unknown."""
    found = [accounts[name].product if name in accounts else None for name in wanted or accounts]
    return frozenset(found or [None])


def _covers(pack: Pack, collector: Collector, products: frozenset[str | None]) -> bool:
    covers = pack.covers
    wanted = Proposals(parties=covers.parties, products=covers.products, except_products=covers.except_products)
    shape = Shape(ContactChannel.LETTER, first_party=collector.first_party, products=products)
    return match_proposal(wanted, shape) is not False


def _lies_in(pack: Pack, where: _Where) -> bool:
    if where.country not in (pack.countries or {pack.country}):
        return False
    if pack.region is None or where.region == pack.region:
        return True
    if pack.part_of is not None:
        if where.region not in (None, pack.part_of):
            return False
        if where.region == pack.part_of:
            return where.postcode is None or where.postcode.startswith(pack.postcodes)
    elif where.region is not None:
        return _is_city_in(where, pack.region)
    lawful = places.zones_of(where.country, pack.part_of or pack.region)
    return not where.zones or not lawful or any(places.keep_the_same_time(a, b) for a in where.zones for b in lawful)


def _is_city_in(where: _Where, region: str) -> bool:
    """A place whose region is the name of a city lies in that city's region too."""
    return places.CITIES.get((where.country, where.region or "")) == region
