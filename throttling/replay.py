"""The same facts under two sets of rules: which contacts would have been deferred, refused or newly allowed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from domain.decision import Decision
from domain.facts import Facts
from throttling.compose import Ruleset
from throttling.decide import decide
from throttling.packs import Filed, Library


@dataclass(frozen=True, slots=True)
class Changed:
    """One case that the two sets of rules answer differently: its place in the sequence, its id, and both answers."""

    index: int
    id: str | None
    old: Decision
    new: Decision

    def describe(self) -> str:
        """One line for people."""
        name = self.id or f"case {self.index + 1}"
        return f"{name}: {_answer(self.old)} becomes {_answer(self.new)}"


def compare(facts_sequence: Iterable[Facts], old: Ruleset, new: Ruleset) -> Iterator[Changed]:
    """Every case whose verdict or instant differs, in order; one at a time, for sequences of any length."""
    for index, facts in enumerate(facts_sequence):
        before, after = decide(old, facts), decide(new, facts)
        if (before.verdict, before.until) != (after.verdict, after.until):
            yield Changed(index, facts.id, before, after)


def timeless(library: Library, filed: Filed) -> Library:
    """A library in which one version of a pack is the only one, and always in force: to try it on any day."""
    pack = filed.pack.model_copy(update={"effective_from": ALWAYS.date(), "effective_until": None})
    only = replace(filed, pack=pack, starts=ALWAYS, ends=None)
    return Library((*(each for each in library.filed if each.pack.id != pack.id), only), library.calendars)


ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


def _answer(decision: Decision) -> str:
    until = f" until {decision.until.isoformat()}" if decision.until else ""
    rules = sorted({f"{line.pack}/{line.rule}" for line in decision.rules if line.effect != "allows"})
    by = f" ({', '.join(rules)})" if rules else ""
    return f"{decision.verdict.value}{until}{by}"
