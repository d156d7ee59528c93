"""Replays the ledger and judges every contact anew: was it permitted at the instant at which it left?

It is given entries, debtor by debtor, in their order, and knows nothing else but the packs. Before each contact it puts
together what was known just then (facts, contacts with the outcomes known by then, what others had reserved), and asks
the oracle. It checks the chains as well. What it could not judge it counts and names.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

from audit.chain import Link, broken
from audit.memory import Memory
from audit.oracle import Oracle
from audit.requirements import required, version_in_force
from audit.rulebook import whole

LEFT = "sending"
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What reading an entry raises that was altered, or that follows from one that was taken out."""


class Told(Link, Protocol):
    """One entry of the ledger. `body` is what `text` says; `text` is what was hashed."""

    @property
    def body(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that should not have been: by which rule, whom it concerns, when."""

    rule: str
    debtor_id: UUID
    attempt: str | None
    at: datetime
    why: str


@dataclass(slots=True)
class Report:
    """What the replay found. `unjudged` counts, by reason, what could not be judged."""

    debtors: int = 0
    entries: int = 0
    checked: int = 0
    violations: list[Violation] = field(default_factory=list)
    unjudged: Counter[str] = field(default_factory=Counter)


def replay(entries: Iterable[Told]) -> Report:
    """Judge all contacts of all debtors. Entries of one debtor follow each other, in order."""
    report = Report()
    for debtor_id, own in groupby(entries, key=lambda entry: entry.debtor_id):
        report.debtors += 1
        _debtor(debtor_id, list(own), report)
    return report


def _debtor(debtor_id: UUID, entries: list[Told], report: Report) -> None:
    report.entries += len(entries)
    fault = broken(entries)
    if fault is not None:
        report.violations.append(Violation("chain", debtor_id, None, fault[0], fault[1]))
    memory = Memory()
    for entry in entries:
        if entry.kind == LEFT:
            attempt = str(entry.body.get("attempt"))
            try:
                for rule, why in _judged(entry, memory, report):
                    report.violations.append(Violation(rule, debtor_id, attempt, entry.at, why))
            except UNREADABLE:
                report.unjudged["the facts or the packs of the contact could not be read"] += 1
        try:
            memory.add(entry)
        except UNREADABLE:
            report.unjudged[f"an entry `{entry.kind}` could not be read"] += 1


def _judged(entry: Told, memory: Memory, report: Report) -> Iterator[tuple[str, str]]:
    """What was wrong with one contact."""
    attempt = memory.attempts.get(str(entry.body.get("attempt")))
    if attempt is None:
        yield "not-reserved", "It left without a reservation."
        return
    report.checked += 1
    if attempt.is_over:
        yield "taken-back", f"It left after it was {attempt.state}."
    if entry.at >= attempt.closes_at:
        yield "window", "It left at or after the end of its permitted window."
    if attempt.steps & memory.made:
        yield "same-step-twice", "The same step of the same account was made before on this channel."
    facts = memory.facts(attempt, entry.at)
    if facts is None:
        report.unjudged["what is known of the debtor is not in the ledger"] += 1
        return
    missing = required(facts) - set(attempt.packs)
    if missing:
        yield "packs", f"The packs {', '.join(sorted(missing))} hold and were not applied."
    for pack, version in attempt.versions:
        known = version_in_force(pack, attempt.reserved_at or entry.at)
        if known != version:
            yield "pack-version", f"{pack} was applied in version {version}; {known or 'none'} was in force."
    oracle = Oracle(attempt.packs, facts)
    for rule in oracle.refusing(whole(entry.at, up=False)):
        yield rule, "The rule did not permit it then."
