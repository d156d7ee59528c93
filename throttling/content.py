"""Content duties: what a message must say and must not, checked on templates and on every rendered message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from domain.facts import ContactChannel
from throttling.compose import CompiledRule, Ruleset
from throttling.language import Content
from throttling.selectors import Shape


@dataclass(frozen=True, slots=True)
class Breach:
    """A duty that a text does not meet: the rule, its clause, and what is missing or must go."""

    pack: str
    rule: str
    cite: str
    what: str


def check(
    ruleset: Ruleset,
    shape: Shape,
    language: str,
    text: str,
    values: Mapping[str, str],
    at: int | None = None,
) -> tuple[Breach, ...]:
    """The duties that a rendered text breaches. `values` are the facts that it may have to name, such as
    `creditor_name`; `at`, in seconds since 1970, leaves out the rules that are not in force then.
    """
    found = []
    for compiled in ruleset.for_shape(shape).contents:
        wording = _wording_of(compiled, language)
        if wording is not None and (at is None or compiled.starts <= at < compiled.ends):
            what = _breach(wording, text, values)
            if what is not None:
                found.append(Breach(compiled.pack.id, compiled.rule.id, compiled.rule.cite, what))
    return tuple(found)


def duties(ruleset: Ruleset, channel: ContactChannel) -> tuple[CompiledRule, ...]:
    """The content rules that may bear on a channel, for an editor to tick off."""
    return ruleset.for_shape(Shape(channel)).contents


def breach(rule: Content, language: str, text: str, values: Mapping[str, str]) -> str | None:
    """What one rule finds wrong with a text, or None. A language that the rule has no wording for is a breach."""
    return _breach(_wording(rule, language), text, values)


class _Wording(NamedTuple):
    """What a rule asks of texts in one language. `wrong`: what no text of that language can mend."""

    wrong: str | None
    values: tuple[str, ...]
    phrases: tuple[re.Pattern[str], ...]
    meaning: str
    forbids: tuple[re.Pattern[str], ...]
    lacks: str | None


def _wording(rule: Content, language: str) -> _Wording:
    wrong = lacks = None
    if rule.languages and not any(_speaks(language, each) for each in rule.languages):
        wrong = f"it must be in {' or '.join(sorted(rule.languages))}"
    phrases = _for_language(rule.phrases, language)
    if rule.phrases and not phrases:
        lacks = f"the rule has no wording for {language}: add it to the pack"
    return _Wording(wrong, rule.values, phrases, rule.meaning["en"], _for_language(rule.forbids, language), lacks)


@lru_cache(maxsize=4096)
def _wording_of(compiled: CompiledRule, language: str) -> _Wording | None:
    """What a compiled rule asks, worked out once; None where it is none about content."""
    return _wording(compiled.rule, language) if isinstance(compiled.rule, Content) else None


def _breach(wording: _Wording, text: str, values: Mapping[str, str]) -> str | None:
    if wording.wrong is not None:
        return wording.wrong
    missing = [name for name in wording.values if not (said := values.get(name)) or said not in text]
    if missing:
        return f"it does not say the {', '.join(name.replace('_', ' ') for name in missing)}"
    if wording.lacks is not None:
        return wording.lacks
    if wording.phrases and not _finds(wording.phrases, text):
        return wording.meaning
    found = _finds(wording.forbids, text)
    return f"it must not say {found[0]!r}" if found else None


def _finds(patterns: tuple[re.Pattern[str], ...], text: str) -> re.Match[str] | None:
    for pattern in patterns:
        found = pattern.search(text)
        if found is not None:
            return found
    return None


def _speaks(language: str, wanted: str) -> bool:
    return language == wanted or language.startswith(f"{wanted}-")


def _for_language(table: Mapping[str, tuple[str, ...]], language: str) -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(pattern) for tag, patterns in table.items() if _speaks(language, tag) for pattern in patterns
    )
