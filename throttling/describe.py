"""Packs in plain words: for `policy show`, `policy diff` and the table of jurisdictions in the docs."""

from collections import Counter
from collections.abc import Iterable, Iterator

from domain.facts import Outcome
from throttling.language import (
    Cap,
    Clock,
    Content,
    CoolDown,
    Gate,
    Hours,
    Open,
    Pack,
    Rule,
)
from throttling.packs import Library
from throttling.premises import Condition
from throttling.terms import (
    CHANNEL_GROUPS,
    DAYS,
    PERSON_GROUPS,
    POINT_GROUPS,
    Events,
    Proposals,
    Term,
    Wait,
    Window,
)

GROUPS = {
    name: frozenset(str(each) for each in group)
    for groups in (CHANNEL_GROUPS, PERSON_GROUPS, POINT_GROUPS)
    for name, group in groups.items()
}
"""The names that packs may use for several channels, persons or points; descriptions use them too."""


def describe(pack: Pack) -> Iterator[str]:
    """A pack as lines of plain words."""
    place = _place(pack)
    until = f" until {pack.effective_until}" if pack.effective_until else ""
    yield f"{pack.id} {pack.version}: {pack.title}"
    yield f"  {place}; {pack.strength}; in force from {pack.effective_from}{until}; {_coverage(pack)}"
    yield f"  {pack.caveat}"
    for rule in pack.rules:
        yield ""
        yield f"  {rule.id} ({rule.kind}, {rule.strength or pack.strength}, text {rule.certainty})"
        yield f"    {rule.cite}"
        for language, text in rule.meaning.items():
            yield f"    {language}: {text}"
        yield f"    {say(rule)}"
        for lift in rule.lifts:
            yield f"    except {lift.id}: {lift.meaning['en']} ({lift.cite})"
    for override in pack.overrides:
        yield ""
        about = f"{override.pack}/{override.rule}{_about(override.applies)}"
        yield f"  lifts {about}: {override.meaning['en']} ({override.cite})"
    yield ""
    for source in pack.sources:
        yield f"  source: {source.title} (seen: {source.seen})"


def say(rule: Rule) -> str:
    """What one rule demands, in one line."""
    about = _about(rule.applies)
    if isinstance(rule, Hours):
        widened = f"; widened by {', '.join(rule.widened_by)}" if rule.widened_by else ""
        narrowed = f"; narrowed by {', '.join(rule.narrowed_by)}" if rule.narrowed_by else ""
        judged = "" if rule.judged_at == "sending" else f"; judged at {rule.judged_at}"
        return f"open {hours(rule.open)}{about}; {_clock(rule.clock)}{judged}{widened}{narrowed}"
    if isinstance(rule, Cap):
        excluded = f"; {len(rule.excludes)} sorts of contact do not count" if rule.excludes else ""
        agreed = "; an agreement may raise it" if rule.agreement else ""
        return f"at most {cap(rule)}{about}; {_clock(rule.clock)}{excluded}{agreed}"
    if isinstance(rule, CoolDown):
        return f"rest of {wait(rule.rests)} after {events(rule.after)} by {', '.join(rule.by)}{about}"
    if isinstance(rule, Gate):
        return f"{_gate(rule)}{about}"
    if isinstance(rule, Content):
        return f"messages{about}: {rule.duty.replace('_', ' ')}"
    return f"{rule.what} kept {wait(rule.keep)} from {rule.since.replace('_', ' ')}{about}"


def hours(open_at: Open) -> str:
    """Opening hours, days with the same hours joined."""
    named = list(zip(DAYS, open_at.week(), strict=True))
    parts: list[tuple[str, str, str]] = []
    for day, spans in named:
        text = _spans(spans)
        if parts and parts[-1][2] == text:
            parts[-1] = (parts[-1][0], day, text)
        else:
            parts.append((day, day, text))
    found = [f"{first if first == last else f'{first}-{last}'} {text}" for first, last, text in parts]
    if open_at.holidays is not None:
        found.append(f"holidays {_spans(open_at.holidays)}")
    if open_at.makeup_workdays is not None:
        found.append(f"make-up workdays {_spans(open_at.makeup_workdays)}")
    return ", ".join(found)


def cap(rule: Cap) -> str:
    """A cap: how many of what, per which keys, in which window."""
    keys = f" per {', '.join(rule.by)}" if rule.by else ""
    return f"{rule.at_most} of {events(rule.counts)}{keys} in {window(rule.within)}"


def window(found: Window) -> str:
    """A window, in words."""
    if found.hours is not None:
        return f"any {found.hours} hours"
    if found.days is not None:
        return f"{found.days} local days"
    if found.every is not None:
        return f"each {found.every} local days"
    if found.business_days is not None:
        return f"{found.business_days} business days"
    if found.ever:
        return "all time"
    return f"a calendar {found.per}"


def wait(found: Wait) -> str:
    """A length of time, in words."""
    for unit in ("minutes", "hours", "days", "business_days", "weeks", "months", "years"):
        number = getattr(found, unit)
        if number is not None:
            first = (
                ""
                if found.seconds is not None
                else ", the day itself first"
                if found.first_day == "event"
                else ", from the next day"
            )
            return f"{number} {unit.replace('_', ' ')}{first}"
    return ""


def events(found: Events) -> str:
    """A selector of past contacts, in words."""
    parts = []
    if found.direction is not None:
        parts.append({"out": "outgoing", "in": "incoming"}[found.direction])
    channels = _names(found.channels or ())
    parts.append("contacts" if channels in ("", "any") else channels)
    if found.outcomes:
        parts.append(_outcomes(found.outcomes))
    for word, values in (
        ("for", found.purposes),
        ("to", found.persons),
        ("at", found.points),
    ):
        if values:
            parts.append(f"{word} {_names(values)}")
    if found.placed_by == "collector":
        parts.append("by the same collector")
    return " ".join(parts)


def _coverage(pack: Pack) -> str:
    covers = pack.covers
    parties = " and ".join(sorted(covers.parties)) if covers.parties else "first_party and third_party"
    products = f"; products {_names(covers.products)}" if covers.products else ""
    without = f"; not {_names(covers.except_products)}" if covers.except_products else ""
    return f"covers {parties.replace('_', ' ')}{products}{without}"


def _about(applies: Proposals) -> str:
    found = _said(applies)
    return f" for {found}" if found else ""


def _said(term: Term) -> str:
    parts = []
    for name in type(term).model_fields:
        value = getattr(term, name)
        if value is None:
            continue
        text = _names(value) if isinstance(value, frozenset) else str(value).lower()
        parts.append(f"{name.replace('_', ' ')} {text}")
    return ", ".join(parts)


def _gate(rule: Gate) -> str:
    if rule.stop is not None:
        form = f"{rule.stop.form} " if rule.stop.form else ""
        lasts = f" for {wait(rule.stop.lasts)}" if rule.stop.lasts else ""
        until = " until it is answered" if rule.stop.until_answered else ""
        return f"shut on {form}{rule.stop.kind.value.replace('_', ' ')} per {rule.stop.per}{lasts}{until}"
    if rule.bars is not None:
        return f"shut where the debtor barred the {rule.bars}"
    if rule.requires is not None:
        passes = "; passes where that is not known" if rule.unknown == "passes" else ""
        return f"shut unless {condition(rule.requires)}{passes}"
    return "shut"


def condition(found: Condition) -> str:
    """A condition, in words."""
    parts = []
    for name in sorted(found.model_fields_set):
        value = getattr(found, name)
        if name in ("any", "all", "none") and value:
            word = {"any": " or ", "all": " and ", "none": " nor "}[name]
            joined = word.join(condition(each) for each in value)
            parts.append(f"{'neither ' if name == 'none' else ''}({joined})")
        elif isinstance(value, Wait):
            parts.append(f"{name.replace('_', ' ')} {wait(value)}")
        elif isinstance(value, Term):
            said = ", ".join(
                f"{key.replace('_', ' ')} {_value(getattr(value, key))}" for key in sorted(value.model_fields_set)
            )
            parts.append(f"{name.replace('_', ' ')}{f' ({said})' if said else ''}")
        elif value is not None:
            parts.append(f"{name.replace('_', ' ')} {str(value).lower()}")
    return " and ".join(parts)


def _value(value: object) -> str:
    if isinstance(value, Wait):
        return wait(value)
    if isinstance(value, Events):
        return events(value)
    if isinstance(value, frozenset):
        return _names(value)
    return str(value).lower()


def _clock(clock: Clock) -> str:
    if clock.zone is not None:
        return f"on the clock of {clock.zone}"
    return {
        "candidates": "on every clock where the debtor may be",
        "statutory": "on every lawful clock where the debtor may be",
        "presumed": f"on the clock presumed from {', '.join(clock.presume)}",
    }[clock.by]


def _spans(spans: Iterable[tuple[int, int]]) -> str:
    return " and ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in spans) or "closed"


def _names(values: Iterable[str]) -> str:
    """The values in words, as few as there are names for: the largest groups first, then what is left."""
    left = {str(value) for value in values}
    found: list[str] = []
    for name, group in sorted(GROUPS.items(), key=lambda item: -len(item[1])):
        if left >= group:
            found.append(name)
            left -= group
    return ", ".join(word.replace("_", " ") for word in (*found, *sorted(left)))


def _outcomes(outcomes: Iterable[str]) -> str:
    wanted = {str(outcome) for outcome in outcomes}
    others = {str(outcome) for outcome in Outcome} - wanted
    if len(others) < len(wanted):
        return f"unless they ended in {_names(others)}"
    return f"ending in {_names(wanted)}"


def table(library: Library) -> str:
    """The page of all jurisdictions, as Markdown: an overview, then each pack with every rule."""
    lines = [
        "# Jurisdictions",
        "",
        "Made from the packs by `forbear policy docs`; do not edit. How to read it: `docs/policies.md`.",
        "Not legal advice.",
        "",
        "How sure a rule's text is: **P** the text itself was seen, **S** a source that quotes it, **U** neither, and",
        "the stricter reading is taken; **H** a rule of the house, where the law gives a standard without a number.",
        "",
        "| pack | where | hours | how often | rest | clauses | rules by certainty |",
        "|---|---|---|---|---|---|---|",
        *(_overview(filed.pack) for filed in library.filed),
    ]
    for filed in library.filed:
        lines += ["", *_section(filed.pack)]
    return "\n".join(lines) + "\n"


def _overview(pack: Pack) -> str:
    timed = [rule for rule in pack.rules if isinstance(rule, Hours) and not rule.open.is_always]
    capped = [rule for rule in pack.rules if isinstance(rule, Cap)]
    rests = [rule for rule in pack.rules if isinstance(rule, CoolDown)]
    numbered: tuple[Rule, ...] = (*timed, *capped, *rests)
    marks = Counter(_mark(rule, pack) for rule in pack.rules)
    anchor = f"{pack.id}-{pack.version}".replace(".", "")
    cells = (
        f"[{pack.id} {pack.version}](#{anchor})",
        _place(pack),
        "<br>".join(f"{_about_hours(rule)}: {hours(rule.open)} ({_mark(rule, pack)})" for rule in timed),
        "<br>".join(f"{cap(rule)} ({_mark(rule, pack)})" for rule in capped),
        "<br>".join(f"{wait(rule.rests)} after {events(rule.after)} ({_mark(rule, pack)})" for rule in rests),
        "<br>".join(dict.fromkeys(rule.cite for rule in numbered if _mark(rule, pack) != "H")),
        ", ".join(f"{marks[mark]} {mark}" for mark in "PSUH" if marks[mark]),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") or "-" for cell in cells) + " |"


def _about_hours(rule: Hours) -> str:
    return _said(rule.applies).removeprefix("channels ") or "all contact"


def _mark(rule: Rule, pack: Pack) -> str:
    return "H" if (rule.strength or pack.strength) == "house" else rule.certainty[0].upper()


def _place(pack: Pack) -> str:
    return "-".join(part for part in (pack.country, pack.region) if part) or "everywhere"


def _section(pack: Pack) -> Iterator[str]:
    place = _place(pack)
    until = f" until {pack.effective_until}" if pack.effective_until else ""
    yield f"## {pack.id} {pack.version}"
    yield ""
    yield f"{pack.title}. {place}; {pack.strength}; from {pack.effective_from}{until}; {_coverage(pack)}. {pack.caveat}"
    yield ""
    yield "| rule | demands | clause | strength | certainty |"
    yield "|---|---|---|---|---|"
    order = ("hours", "cap", "cool_down", "gate", "content", "retention")
    for rule in sorted(pack.rules, key=lambda rule: order.index(rule.kind)):
        cells = rule.id, say(rule), rule.cite, rule.strength or pack.strength, _mark(rule, pack)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
