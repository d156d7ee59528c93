"""What the ledger's contacts would have become under another version of a pack: for `forbear policy diff`."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from audit.memory import Attempt, Memory
from audit.replay import UNREADABLE
from domain.facts import Facts
from storage.ledger_facts import LedgerRow
from throttling.compose import compile_rules, select
from throttling.packs import Filed, Library
from throttling.replay import Changed, compare, timeless

HELD = ("deferred", "refused")
POINT_KINDS = {"sms": ("mobile",), "voice": ("mobile", "landline"), "email": ("email",), "letter": ("address",)}
LAW_WORDS = {"sms": "sms", "voice": "call", "email": "email", "letter": "letter"}


@dataclass(frozen=True, slots=True)
class Case:
    """One contact that left (`attempt`) or was held (None), with what was known at `at`."""

    debtor_id: UUID
    attempt: str | None
    at: datetime
    channel: str
    facts: Facts


@dataclass(slots=True)
class Compared:
    """How many cases the pack bore on, which are answered differently, and how many could not be rebuilt."""

    cases: int
    changed: list[tuple[Case, Changed]]
    unknown: int


def cases(entries: Iterable[LedgerRow], since: datetime) -> Iterator[Case | None]:
    """Every contact made or held since `since`; None for one whose facts the ledger does not hold.

    Entries come debtor by debtor, in order, each debtor's from its first.
    """
    for debtor_id, own in groupby(entries, key=lambda entry: entry.debtor_id):
        memory = Memory()
        for entry in own:
            if entry.at >= since and (entry.kind == "sending" or entry.kind in HELD):
                try:
                    yield _case(debtor_id, entry, memory)
                except UNREADABLE:
                    yield None
            with suppress(*UNREADABLE):  # `forbear audit` names these
                memory.add(entry)


def compared(entries: Iterable[LedgerRow], since: datetime, library: Library, old: Filed, new: Filed) -> Compared:
    """Decide each case anew under both versions, with the other packs as they are; only changed verdicts count."""
    found = Compared(0, [], 0)
    before, after = timeless(library, old), timeless(library, new)
    for case in cases(entries, since):
        if case is None:
            found.unknown += 1
            continue
        packs = case.facts.packs or select(case.facts, before)
        if old.pack.id not in packs:
            continue
        found.cases += 1
        rulesets = compile_rules(before, packs), compile_rules(after, packs)
        changed = compare([case.facts], *rulesets)
        found.changed += [(case, one) for one in changed if one.old.verdict is not one.new.verdict]
    return found


def _case(debtor_id: UUID, entry: LedgerRow, memory: Memory) -> Case | None:
    if entry.kind in HELD:
        attempt: Attempt | None = _supposed(entry, memory)
    else:
        attempt = memory.attempts.get(str(entry.body.get("attempt")))
    facts = memory.facts(attempt, entry.at) if attempt else None
    if attempt is None or facts is None:
        return None
    return Case(debtor_id, attempt.id or None, entry.at, attempt.channel, facts)


def _supposed(entry: LedgerRow, memory: Memory) -> Attempt:
    """The contact that an entry says was held, as the dispatcher proposes all of them, on the first fitting point."""
    body = entry.body
    proposal: dict[str, Any] = {
        "channel": LAW_WORDS[body["channel"]],
        "purpose": "collect",
        "by": memory.imported["collector"]["name"] if memory.imported else None,
        "automated": True,
        "has_opt_out_notice": True,
        "discloses_debt": body["channel"] != "voice",
        "limited_content": False,
    }
    points = memory.imported["contact_points"] if memory.imported else ()
    fitting = (point["id"] for point in points if point["kind"] in POINT_KINDS[body["channel"]])
    point = str(body.get("contact_point") or next(fitting, ""))
    return Attempt("", body["channel"], point, tuple(body["accounts"]), entry.at, (), proposal, frozenset(), entry.at)


def lines(found: Compared, references: Mapping[UUID, str]) -> list[str]:
    """What changed, for people: attempt, debtor, instant, channel, and both answers with their rules."""
    told = [
        f"{case.attempt or 'held'}  debtor {references.get(case.debtor_id, case.debtor_id)}  "
        f"{case.at.isoformat(timespec='seconds')}  {case.channel}  {one.describe().partition(': ')[2]}"
        for case, one in found.changed
    ]
    if found.unknown:
        told.append(f"{found.unknown:,} contacts could not be rebuilt from the ledger and were not compared")
    return [*told, f"{len(found.changed):,} of {found.cases:,} contacts of the ledger are answered differently"]
