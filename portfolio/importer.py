"""Imports one portfolio file for one creditor: all of it, or nothing.

Records → rows → sealed and packed (`portfolio/chunks.py`) → the database, part by part while the next is prepared →
doubtful rows judged and merged at the end → commit. One transaction: an import that is killed has changed nothing.
"""

import contextlib
import gc
import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from domain.errors import BadInput, Refused
from domain.facts import Collector
from domain.identity import new_id
from portfolio import chunks
from portfolio.chunks import Prepared, Task
from portfolio.entries import write_entries
from portfolio.mapping import Mapping
from portfolio.read import Record, Table, open_table
from portfolio.rejects import Rejects
from portfolio.row_reader import RowReader
from portfolio.rows import Problem
from portfolio.sealing import Known, Seals
from portfolio.seen import Seen
from portfolio.summary import Summary
from storage.creditors import profile
from storage.crypto import KeyRing
from storage.import_portfolio import Import, Tally, Terms
from storage.session import Database
from storage.vault import Vault

CHUNK = 4_000
"""Records that are prepared together: enough that the turns that writing a part takes are few for each row."""

Progress = Callable[[int, int, int], None]
"""Told after each part: bytes read, bytes in all, records read."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for. `as_of` replaces the day of the balances; files are written only where they are named.

    `new_creditor` is the code of a creditor who is made with the import, under the id that the import is called with.
    """

    path: Path
    mapping: Mapping
    portfolio: str
    as_of: date | None = None
    is_dry_run: bool = False
    closes_vanished: bool = False
    rejects: Path | None = None
    vanished: Path | None = None
    new_creditor: str | None = None


@dataclass(slots=True)
class _Counts:
    """What was met on the way, and what went in directly."""

    lines: int = 0
    outside: int = 0
    unreadable: int = 0
    accounts: int = 0
    debtors: int = 0
    points: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)

    def add(self, part: Prepared) -> None:
        """Count a part of the file."""
        self.lines += part.lines
        self.outside += part.outside
        self.unreadable += part.unreadable
        self.accounts += part.accounts
        self.debtors += part.debtors
        self.points += part.points
        self.countries += part.countries


def import_portfolio(
    database: Database, ring: KeyRing, creditor_id: UUID, wish: Wish, now: datetime, progress: Progress | None = None
) -> Summary:
    """Import a file; what it did. Raises BadInput or Refused, and then nothing was changed.

    Takes two connections of the database: one writes, the other looks up who is known while the first is busy.
    """
    digest = _digest(wish.path)
    with Rejects() as rejects, open_table(wish.path, wish.mapping) as table:
        with _few_collections(), database.tenant(creditor_id) as writes:
            run = _Run(writes, database, ring, creditor_id, wish, now, table, rejects)
            summary = run.run(digest, progress)
            if wish.is_dry_run:
                writes.rollback()
        return summary


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        what = f"cannot be read: {error.strerror}."
        raise BadInput(what, where=str(path), remedy="Name a CSV or XLSX file.") from None


class _Run:
    """One import in its transaction."""

    def __init__(
        self,
        writes: Connection,
        database: Database,
        ring: KeyRing,
        creditor_id: UUID,
        wish: Wish,
        now: datetime,
        table: Table,
        rejects: Rejects,
    ) -> None:
        known = profile(writes)
        zone = ZoneInfo(str(known.get("timezone") or "UTC"))
        self._database, self._wish, self._table, self._rejects = database, wish, table, rejects
        self._collector = Collector(known.get("first_party"), known.get("collector"))
        today = now.astimezone(zone).date()
        self._reader = RowReader(wish.mapping, table.header, str(wish.path), wish.as_of, today)
        self._seals = Seals(ring, creditor_id, secrets.token_bytes(32), now, zone)
        self._vault = Vault(ring, CHUNK)
        self._store = Import(writes, creditor_id)
        self._seen = Seen(table.size * (8 if wish.path.suffix == ".gz" else 1))
        self._counts = _Counts()

    def run(self, digest: bytes, progress: Progress | None) -> Summary:
        """Do all of it but the commit."""
        if not self._store.begin():
            raise Refused("another import for this creditor is running.", remedy="Wait until it has ended.")
        terms, is_dry_run = self._terms(), self._wish.is_dry_run
        if self._wish.new_creditor:
            self._store.make_creditor(self._wish.new_creditor)
        if not is_dry_run:
            self._store.note_portfolio(terms, self._wish.portfolio, digest)
        self._read(terms, progress)
        self._check_closing()
        unreadable = self._rejects.rows
        file_name = self._write_rejects(terms)
        self._check_any(unreadable)
        tally = self._store.tally(terms)
        if self._wish.vanished:
            self._write_vanished(self._wish.vanished, terms)
        if is_dry_run:
            return self._summary(tally, 0, file_name)
        changed = self._store.merge(terms)
        write_entries(self._store, terms, self._collector)
        self._store.wake(terms)
        summary = self._summary(tally, changed, file_name)
        self._store.keep_summary(terms, summary.as_json())
        return summary

    def _terms(self) -> Terms:
        mapping, seals = self._wish.mapping, self._seals
        portfolio = self._store.portfolio_id(self._wish.portfolio) or new_id(seals.at, secrets.token_bytes(10))
        return Terms(
            creditor_id=seals.creditor_id,
            portfolio_id=portfolio,
            source=f"portfolio {self._wish.portfolio}",
            at=seals.at,
            timezone=str(seals.zone),
            has_flags="flags" in mapping.debtor.fields,
            has_place=mapping.address is not None,
            has_proofs=bool(mapping.proofs),
            has_points=bool(mapping.points) or bool(mapping.address and mapping.address.lines),
            closes_vanished=self._wish.closes_vanished,
        )

    def _read(self, terms: Terms, progress: Progress | None) -> None:
        """Prepare all records, and write each part while the next is prepared."""
        has_debtors = self._store.has_debtors()
        column = self._wish.mapping.column_of("debtor")
        common = chunks.Terms(self._seals, terms.source, self._collector, has_debtors, column)
        tasks = (self._task(records, has_debtors=has_debtors) for records in _parts(self._table.records))
        with ThreadPoolExecutor(1, "import") as writer:
            writing: Future[None] | None = None
            for task in tasks:
                part = chunks.prepare(self._reader, common, task)
                self._counts.add(part)
                for problems in part.problems:
                    self._rejects.add(problems)
                if writing:
                    writing.result()
                writing = writer.submit(self._write, terms, part)
                if progress:
                    progress(self._table.done, self._table.size, self._counts.lines)
            if writing:
                writing.result()

    def _write(self, terms: Terms, part: Prepared) -> None:
        if part.fresh:
            self._store.take_in(terms, part.fresh)
        self._store.stage(part.staged)

    def _task(self, records: list[Record], *, has_debtors: bool) -> Task:
        """What is known of these records before they are read: who may have come before, in this file or in others."""
        said = [self._reader.references(record) for record in records]
        debtors = {debtor for _, debtor in said if debtor}
        doubtful = {debtor for debtor in debtors if self._seen.add("debtor", debtor)}
        doubtful |= {debtor for account, debtor in said if account and self._seen.add("account", account)}
        known, accounts = self._look_up(debtors, {account for account, _ in said}) if has_debtors else ({}, set())
        return Task(
            records=records,
            debtors=known,
            accounts=frozenset(accounts),
            doubtful=frozenset(doubtful),
            doubts_all=self._wish.is_dry_run,
        )

    def _look_up(self, debtors: set[str], accounts: set[str]) -> tuple[dict[str, Known], set[str]]:
        """Those of these debtors and accounts that were handed over before, with the debtors' keys."""
        with self._database.tenant(self._seals.creditor_id) as connection:
            looks = Import(connection, self._seals.creditor_id)
            found = looks.known_debtors(debtors)
            keys = self._vault.keys(connection, [each.debtor_id for each in found])
            known = {
                each.reference: Known(each.debtor_id, keys.get(each.debtor_id), each.name_cipher, each.verify_salt)
                for each in found
            }
            return known, looks.known_accounts(accounts)

    def _check_closing(self) -> None:
        if self._wish.closes_vanished and self._counts.unreadable:
            raise Refused(
                f"{self._counts.unreadable} records have no readable reference, so nobody can tell what vanished.",
                where=str(self._wish.path),
                remedy="Put them right, or import without --close-vanished. Nothing was imported.",
            )

    def _check_any(self, unreadable: int) -> None:
        """A file of which no row can be read is a wrong mapping, not a portfolio."""
        first = self._rejects.first
        if first is not None and unreadable + self._counts.outside == self._counts.lines:
            column = f"{first.column}: " if first.column else ""
            look = f"Look at {self._wish.rejects} and at the mapping." if self._wish.rejects else "Look at the mapping."
            raise BadInput(
                f"none of {self._counts.lines:,} records can be taken; the first: {column}{first.reason}.",
                where=f"{self._wish.path}:{first.line}",
                remedy=f"{look} Nothing was imported.",
            )

    def _write_rejects(self, terms: Terms) -> str | None:
        column = self._wish.mapping.column_of
        later = (
            Problem(each.line, column(each.field), "", each.reason, each.other_line)
            for each in self._store.judge(terms)
        )
        if self._wish.rejects is None:
            self._rejects.count(later)
            return None
        return str(self._wish.rejects) if self._rejects.write(self._wish.rejects, later) else None

    def _write_vanished(self, path: Path, terms: Terms) -> None:
        try:
            with path.open("w", encoding="utf-8") as out:
                out.writelines(f"{reference}\n" for reference in self._store.vanished(terms))
        except OSError as error:
            what = f"the vanished accounts cannot be written: {error.strerror}; nothing was imported."
            raise BadInput(what, where=str(path), remedy="Name another file by --vanished.") from None

    def _summary(self, tally: Tally, changed: int, rejects_file: str | None) -> Summary:
        counts = self._counts
        return Summary(
            portfolio=self._wish.portfolio,
            is_dry_run=self._wish.is_dry_run,
            lines=counts.lines,
            added=counts.accounts + tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            rejected=self._rejects.rows,
            outside=counts.outside,
            vanished=tally.vanished,
            debtors=counts.debtors + tally.debtors,
            debtors_added=counts.debtors + tally.debtors_added,
            debtors_changed=changed,
            points=_together(counts.points, tally.points),
            dropped_points=self._rejects.dropped,
            countries=_together(counts.countries, tally.countries),
            unread_columns=self._reader.unread,
            rejects_file=rejects_file,
        )


def _together(first: Counter[str], second: dict[str, int]) -> dict[str, int]:
    """Both counts together, the largest first."""
    return dict(sorted((first + Counter(second)).items(), key=lambda item: (-item[1], item[0])))


def _parts(records: Iterator[Record]) -> Iterator[list[Record]]:
    while part := list(islice(records, CHUNK)):
        yield part


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Let the garbage collector run seldom: an import makes millions of values, none of them in circles.

    A third of the time would go into looking at them again and again.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
