"""What is wrong with a pack, and what is missing: its examples run, its gaps named with the line where they are.

An error is an example that does not hold or a calendar that has ended; everything else is a note for the person who
writes the pack: `docs/adding-a-jurisdiction.md` says what to do about each.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from domain.decision import Effect
from domain.facts import Facts
from throttling.compose import compile_rules, products_of
from throttling.decide import decide
from throttling.examples import cases, read_examples, run
from throttling.language import Cap, Content, CoolDown, Gate, Hours, Pack, Retention, Rule
from throttling.packs import Filed, Library
from throttling.selectors import Shape, could_count, match_proposal
from throttling.terms import CHANNEL_GROUPS
from throttling.zonetime import EPOCH_ORDINAL, to_date

SOON = 90
"""Days before its end at which a calendar is named."""

GROUPS = {"calls": "voice", "messages": "electronic", "visits": "visit"}
"""What a pack is asked about, and the channels that it stands for."""

OWN_WORDS = re.compile(r"[^\W\d_]{4,}|\d{3,}")
"""The words and numbers by which a clause and the title of its source know each other."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: an error, or a gap that a person should look at. `where` is a file and mostly a line."""

    where: str
    what: str
    is_error: bool


def check(filed: Filed, library: Library, today: date) -> Iterator[Finding]:
    """Errors and notes on one pack: failing examples first, then rule by rule, its calendar, and what it leaves out."""
    failures, shown = run(filed, library)
    for failure in failures:
        yield Finding(failure.where, failure.what, is_error=True)
    for rule, what in _on_rules(filed, library, shown, has_failures=bool(failures)):
        yield Finding(_line(filed, rule.id), what, is_error=False)
    yield from _calendar(filed, library, today)
    if filed.pack.country is not None:
        for gap in _gaps(filed.pack, library):
            yield Finding(_line(filed, filed.pack.id), gap, is_error=False)


def _on_rules(filed: Filed, library: Library, shown: set[str], *, has_failures: bool) -> Iterator[tuple[Rule, str]]:
    sides = {} if has_failures else _sides(filed, library)
    for rule in filed.pack.rules:
        if rule.id not in shown:
            yield rule, f"no example shows rule {rule.id} at work: write one"
        elif rule.id in sides and sides[rule.id] != {True, False}:
            only = "lets pass" if True in sides[rule.id] else "stops"
            yield rule, f"the examples show only what rule {rule.id} {only}: write one on the other side of its bound"
        if rule.certainty == "unverified":
            yield (
                rule,
                f"the text of rule {rule.id} was not seen: find it, or have counsel confirm the stricter reading",
            )
        if rule.certainty != "primary" and not _has_source(filed.pack, rule):
            yield rule, f"no source names the text of rule {rule.id} ({rule.cite}): add it to `sources`"


def _sides(filed: Filed, library: Library) -> dict[str, set[bool]]:
    """By rule that can both stop and let pass: which of the two its examples show."""
    bounded = [rule for rule in filed.pack.rules if _has_two_sides(rule)]
    seen: dict[str, set[bool]] = {rule.id: set() for rule in bounded}
    for case in cases(filed, read_examples(filed)):
        decision = decide(compile_rules(library, case.facts.packs or ()), case.facts)
        stopped = {line.rule for line in decision.rules if line.pack == filed.pack.id and line.effect != Effect.ALLOWS}
        shape = _shape(case.facts)
        for rule in bounded:
            if rule.id in stopped:
                seen[rule.id].add(False)
            elif decision.is_allowed and _bears_on(rule, shape):
                seen[rule.id].add(True)
    return seen


def _has_two_sides(rule: Rule) -> bool:
    return isinstance(rule, Hours | Cap | CoolDown) or (isinstance(rule, Gate) and rule.requires is not None)


def _bears_on(rule: Rule, shape: Shape) -> bool:
    if match_proposal(rule.applies, shape) is False:
        return False
    return not isinstance(rule, Cap) or could_count(rule.counts, shape)


def _shape(facts: Facts) -> Shape:
    asked = facts.proposal
    kinds = {point.id: point.kind for point in facts.contact_points}
    return Shape(
        asked.channel,
        kinds.get(asked.contact_point or ""),
        asked.person,
        asked.purpose,
        asked.in_reply,
        asked.automated,
        asked.has_opt_out_notice,
        asked.discloses_debt,
        asked.limited_content,
        asked.collector_account,
        facts.collector.first_party,
        products_of({account.id: account for account in facts.accounts}, asked.accounts),
    )


def _has_source(pack: Pack, rule: Rule) -> bool:
    if (rule.strength or pack.strength) == "house":
        return True
    known = " ".join(f"{source.title} {source.seen}" for source in pack.sources).casefold()
    words = OWN_WORDS.findall(rule.cite.casefold())
    return not words or any(word in known for word in words)


def _calendar(filed: Filed, library: Library, today: date) -> Iterator[Finding]:
    pack = filed.pack
    if pack.calendar is None:
        return
    last = to_date(library.calendars[pack.calendar].known_until - EPOCH_ORDINAL)
    left = (last - today).days
    where = _line(filed, pack.calendar, key="calendar")
    if left < 0:
        what = f"calendar {pack.calendar} ended on {last}: rules that need it hold; renew it"
        yield Finding(where, what, is_error=pack.effective_until is None or pack.effective_until > today)
    elif left <= SOON:
        yield Finding(where, f"calendar {pack.calendar} ends on {last}, in {left} days: renew it", is_error=False)


def _gaps(pack: Pack, library: Library) -> Iterator[str]:
    """What neither the pack nor those that apply wherever it does speak of."""
    rules = [rule for each in library.packs if _applies_with(each, pack) for rule in each.rules] + list(pack.rules)
    every = frozenset(CHANNEL_GROUPS["any"])
    hours = [rule for rule in rules if isinstance(rule, Hours) and not rule.open.is_always]
    timed = frozenset().union(*(rule.applies.channels or every for rule in hours))
    capped = frozenset().union(*(rule.counts.channels or every for rule in rules if isinstance(rule, Cap)))
    for group, name in GROUPS.items():
        wanted = CHANNEL_GROUPS.get(name, (name,))
        if not timed.issuperset(wanted):
            yield f"no rule on hours of {group}"
        if not capped.issuperset(wanted):
            yield f"no rule on how often, for {group}"
    if not any(isinstance(rule, Gate) and rule.applies.persons for rule in rules):
        yield "no rule on third persons"
    if not any(isinstance(rule, CoolDown) for rule in rules):
        yield "no rule on rest after a contact: where the law has none, that is right"
    if not any(isinstance(rule, Content) for rule in rules):
        yield "no rule on what a message says"
    if not any(isinstance(rule, Retention) for rule in rules):
        yield "no rule on how long records stay"


def _applies_with(other: Pack, pack: Pack) -> bool:
    """True where `other` covers every contact that `pack` does, by place and by party."""
    is_below = pack.region is not None and other.region is None and other.country == pack.country
    lies_around = is_below or (other.country == "EU" and pack.country in other.countries)
    parties = other.covers.parties
    covers_all = parties is None or (pack.covers.parties is not None and parties >= pack.covers.parties)
    return lies_around and covers_all


def _line(filed: Filed, name: str, key: str = "id") -> str:
    """The file, with the line on which the key has this name for the first time."""
    found = re.search(rf"\b{key}: [\"']?{re.escape(name)}(?![\w-])", filed.source.text)
    if found is None:
        return filed.source.path
    return f"{filed.source.path}:{filed.source.lines_before + filed.source.text.count(chr(10), 0, found.start()) + 1}"
