"""What changes between two versions of a pack, in plain words."""

from collections.abc import Iterator

from throttling.describe import say
from throttling.language import Pack, Rule

HEAD = ("title", "country", "region", "effective_from", "effective_until", "strength", "covers", "calendar", "caveat")


def changes(old: Pack, new: Pack) -> Iterator[str]:
    """One line for each difference that bears on a decision or on what is known of the text."""
    for name in HEAD:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name}: {_plain(before)} becomes {_plain(after)}"
    rules = {rule.id: rule for rule in old.rules}
    for rule in new.rules:
        before_rule = rules.pop(rule.id, None)
        if before_rule is None:
            yield f"new rule {rule.id}: {say(rule)} ({rule.cite})"
        else:
            yield from _rule_changes(before_rule, rule)
    for rule in rules.values():
        yield f"rule {rule.id} goes: {say(rule)} ({rule.cite})"
    before_overrides = {(each.pack, each.rule): each for each in old.overrides}
    for override in new.overrides:
        if before_overrides.pop((override.pack, override.rule), None) != override:
            yield f"lifts {override.pack}/{override.rule}: {override.meaning['en']} ({override.cite})"
    for pack, rule_id in before_overrides:
        yield f"no longer lifts {pack}/{rule_id}"


def _rule_changes(old: Rule, new: Rule) -> Iterator[str]:
    if say(old) != say(new):
        yield f"{new.id}: {say(old)}; becomes: {say(new)}"
    elif old.model_dump(exclude=TOLD) != new.model_dump(exclude=TOLD):
        yield f"{new.id}: its details change: {', '.join(_differing(old, new))}"
    for name in ("cite", "certainty", "strength"):
        if getattr(old, name) != getattr(new, name):
            yield f"{new.id}: {name} {_plain(getattr(old, name))} becomes {_plain(getattr(new, name))}"
    if old.meaning.get("en") != new.meaning.get("en"):
        yield f"{new.id}: it now means: {new.meaning['en']}"


TOLD = {"cite", "certainty", "strength", "meaning"}


def _differing(old: Rule, new: Rule) -> list[str]:
    names = sorted((set(type(old).model_fields) | set(type(new).model_fields)) - TOLD)
    return [name for name in names if getattr(old, name, None) != getattr(new, name, None)]


def _plain(value: object) -> str:
    return "nothing" if value is None else str(value)
