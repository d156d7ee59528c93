"""How a cap or a rest counts, made ready once for all debtors: what it selects as bits, and its keys as flags."""

from collections.abc import Callable
from dataclasses import dataclass

from domain.facts import ContactChannel, Person
from throttling.language import BaseRule, Cap, CoolDown
from throttling.premises import Condition
from throttling.selectors import Shape
from throttling.terms import Events

OF_PERSON = {person: Events(persons=frozenset({person})) for person in Person}
OF_CHANNEL = {channel: Events(channels=frozenset({channel})) for channel in ContactChannel}
KEPT_APART = (*OF_PERSON.values(), *OF_CHANNEL.values())
"""Selectors for what a rule tells apart by person or by channel: so these keys are bits too."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Which past contacts a rule counts, and by what it tells them apart.

    `selects` is the bit of what it counts; `begins` that of the event after which it begins, 0 where it always counts.
    What certainly matches a bit of `leaves_out`, or for which one of `unless` held then, does not count.
    """

    selects: int
    begins: int
    leaves_out: int
    unless: tuple[Condition, ...]
    by_person: bool
    by_point: bool
    by_channel: bool
    by_collector: bool
    by_debt: bool
    by_account: bool

    def wanted(self, shape: Shape, bit: Callable[[Events], int]) -> int:
        """The bits that a past contact must have so that it counts for a shape of contact."""
        person = bit(OF_PERSON[shape.person]) if self.by_person else 0
        channel = bit(OF_CHANNEL[shape.channel]) if self.by_channel else 0
        return self.selects | person | channel


def counter(rule: BaseRule, bit: Callable[[Events], int]) -> Counter | None:
    """How a rule counts, where selectors have these bits; None for a rule that does not."""
    if not isinstance(rule, Cap | CoolDown):
        return None
    selector = rule.counts if isinstance(rule, Cap) else rule.after
    first = rule.after_first if isinstance(rule, Cap) else None
    leaves_out = 0
    for each in rule.excludes:
        leaves_out |= 0 if each.events is None else bit(each.events)
    return Counter(
        selects=bit(selector),
        begins=0 if first is None else bit(first),
        leaves_out=leaves_out,
        unless=tuple(each.when for each in rule.excludes if each.when is not None),
        by_person="person" in rule.by,
        by_point="point" in rule.by,
        by_channel="channel" in rule.by,
        by_collector="collector" in rule.by or selector.placed_by == "collector",
        by_debt="debt" in rule.by,
        by_account="account" in rule.by and "debt" not in rule.by,
    )
