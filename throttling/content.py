"""Content duties: what a message must say and must not, checked on templates and on every rendered message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

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
        rule = compiled.rule
        if isinstance(rule, Content) and _is_in_force(compiled, at):
            what = breach(rule, language, text, values)
            if what is not None:
                found.append(Breach(compiled.pack.id, rule.id, rule.cite, what))
    return tuple(found)


def duties(ruleset: Ruleset, channel: ContactChannel) -> tuple[CompiledRule, ...]:
    """The content rules that may bear on a channel, for an editor to tick off."""
    return ruleset.for_shape(Shape(channel)).contents


def breach(rule: Content, language: str, text: str, values: Mapping[str, str]) -> str | None:
    """What one rule finds wrong with a text, or None. A language that the rule has no wording for is a breach."""
    if rule.languages and not any(_speaks(language, each) for each in rule.languages):
        return f"it must be in {' or '.join(sorted(rule.languages))}"
    missing = [name for name in rule.values if not values.get(name) or values[name] not in text]
    if missing:
        return f"it does not say the {', '.join(name.replace('_', ' ') for name in missing)}"
    if rule.phrases:
        patterns = _for_language(rule.phrases, language)
        if not patterns:
            return f"the rule has no wording for {language}: add it to the pack"
        if not any(re.search(pattern, text) for pattern in patterns):
            return rule.meaning["en"]
    for pattern in _for_language(rule.forbids, language):
        found = re.search(pattern, text)
        if found:
            return f"it must not say {found[0]!r}"
    return None


def _is_in_force(compiled: CompiledRule, at: int | None) -> bool:
    return at is None or compiled.starts <= at < compiled.ends


def _speaks(language: str, wanted: str) -> bool:
    return language == wanted or language.startswith(f"{wanted}-")


def _for_language(table: Mapping[str, tuple[str, ...]], language: str) -> tuple[str, ...]:
    return tuple(pattern for tag, patterns in table.items() if _speaks(language, tag) for pattern in patterns)
