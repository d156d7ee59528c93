"""Part of a file from records to packed rows: pure but for keys and chance, while the database takes the part before.

Which way a debtor goes is decided here: one who is certainly new, and whose rows agree, is packed as he will lie in the
tables; everybody else is packed to be judged and merged at the end of the file.
"""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from domain.facts import Collector
from portfolio.fresh import Packed, pack_fresh
from portfolio.read import Record
from portfolio.row_reader import RowReader
from portfolio.rows import Outside, Problem, Rejected, Row
from portfolio.sealing import ID_RANDOM, Known, Seals, ids_needed, pack_with_care

ERASED = "what was known of this debtor was erased; a new reference would make a new debtor"


@dataclass(frozen=True, slots=True)
class Task:
    """Some records, and what is known of them.

    `debtors` were handed over before, `accounts` are references of accounts that were; `doubtful` debtors may have come
    before in the file, or their accounts. In a dry run everybody is doubtful (`doubts_all`).
    """

    records: Sequence[Record]
    debtors: Mapping[str, Known]
    accounts: frozenset[str]
    doubtful: frozenset[str]
    doubts_all: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for all parts of a file."""

    seals: Seals
    source: str
    collector: Collector
    keeps_seen: bool
    debtor_column: str


@dataclass(slots=True)
class Prepared:
    """Packed rows for both ways, what was wrong, and counts of the first way (the other is counted at the end)."""

    lines: int
    fresh: Packed | None
    staged: tuple[bytes, bytes, bytes, bytes]
    problems: list[tuple[Problem, ...]] = field(default_factory=list)
    outside: int = 0
    unreadable: int = 0
    accounts: int = 0
    debtors: int = 0
    points: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)


def prepare(reader: RowReader, terms: Terms, task: Task) -> Prepared:
    """Read, check, seal and pack some records."""
    made = Prepared(len(task.records), None, (b"", b"", b"", b""))
    rows: list[Row] = []
    seen: list[str] = []
    for record in task.records:
        found = reader.read(record)
        if isinstance(found, Outside) and found.reference in task.accounts:
            found = reader.read(record, takes_all=True)
        if isinstance(found, Row) and _is_erased(found, task):
            found = Rejected(found.line, found.reference, (Problem(found.line, terms.debtor_column, "", ERASED),))
        if isinstance(found, Row):
            rows.append(found)
            if found.dropped:
                made.problems.append(found.dropped)
            continue
        _note(made, found)
        if found.reference and terms.keeps_seen:
            seen.append(found.reference)
    groups, others = _parted(rows, task)
    random = secrets.token_bytes(ID_RANDOM * ids_needed(rows))
    if groups:
        made.fresh = pack_fresh(terms.seals, groups, random, terms.source, terms.collector)
        _count(made, groups)
    if others or seen:
        random = secrets.token_bytes(ID_RANDOM * ids_needed(others))
        made.staged = pack_with_care(terms.seals, others, task.debtors, random, seen)
    return made


def _is_erased(row: Row, task: Task) -> bool:
    known = task.debtors.get(row.debtor)
    return known is not None and known.key is None


def _note(made: Prepared, found: Outside | Rejected) -> None:
    if isinstance(found, Outside):
        made.outside += 1
    else:
        made.problems.append(found.problems)
        made.unreadable += not found.reference


def _parted(rows: Sequence[Row], task: Task) -> tuple[list[list[Row]], list[Row]]:
    """Debtors who are certainly new, each with all his rows, and the rows of all others in the order of the file."""
    if task.doubts_all:
        return [], list(rows)
    groups: dict[str, list[Row]] = {}
    counts = Counter(row.reference for row in rows)
    for row in rows:
        groups.setdefault(row.debtor, []).append(row)
    fresh: list[list[Row]] = []
    others: list[Row] = []
    for debtor, group in groups.items():
        first = group[0]
        is_fresh = (
            debtor not in task.debtors
            and debtor not in task.doubtful
            and all(counts[row.reference] == 1 and row.reference not in task.accounts for row in group)
            and (len(group) == 1 or all(row.name == first.name and row.kind == first.kind for row in group))
        )
        if is_fresh:
            fresh.append(group)
        else:
            others += group
    return fresh, sorted(others, key=lambda row: row.line)


def _count(made: Prepared, groups: Sequence[Sequence[Row]]) -> None:
    made.debtors, made.accounts = len(groups), sum(map(len, groups))
    made.countries.update(next((row.place.country for row in rows if row.place), "") for rows in groups)
    points = ({point.value: point.kind.value for row in rows for point in row.points} for rows in groups)
    made.points.update(chain.from_iterable(each.values() for each in points))
