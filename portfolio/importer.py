"""Imports one portfolio file for one creditor: all of it, or nothing.

Read and check row by row → seal → stage by COPY → judge what contradicts → merge → ledger → commit. One transaction
from staging to commit: an import that is killed has changed nothing.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from storage.creditors import profile
from storage.crypto import KeyRing, unseal
from storage.session import Database
from storage.vault import Vault

from domain.errors import BadInput, Refused
from domain.facts import Collector
from domain.identity import new_id
from portfolio.entries import write_entries
from portfolio.mapping import Mapping
from portfolio.read import Record, Table, open_table
from portfolio.rejects import Rejects
from portfolio.row_reader import RowReader
from portfolio.rows import Outside, Problem, Rejected, Row
from portfolio.sealing import NAME, Known, Seals, ids_needed, pack
from portfolio.summary import Summary
from storage.import_portfolio import Import, KnownDebtor, Tally, Terms

CHUNK = 2_000
"""Records that are sealed and staged together."""
UNREADABLE = "unreadable"

Progress = Callable[[int, int, int], None]
"""Told after each chunk: bytes read, bytes in all, records read."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for. `as_of` replaces the day of the balances; files are written only where they are named."""

    path: Path
    mapping: Mapping
    portfolio: str
    as_of: date | None = None
    is_dry_run: bool = False
    closes_vanished: bool = False
    rejects: Path | None = None
    vanished: Path | None = None


@dataclass(slots=True)
class _Read:
    """What was met while reading."""

    lines: int = 0
    outside: int = 0
    unreadable: int = 0


def import_portfolio(
    database: Database, ring: KeyRing, creditor_id: UUID, wish: Wish, now: datetime, progress: Progress | None = None
) -> Summary:
    """Import a file; what it did. Raises BadInput or Refused, and then nothing was changed."""
    digest = _digest(wish.path)
    with Rejects() as rejects, open_table(wish.path, wish.mapping) as table:
        with database.tenant(creditor_id) as connection:
            run = _Run(connection, ring, creditor_id, wish, now, table, rejects)
            summary = run.run(digest, progress)
            if wish.is_dry_run:
                connection.rollback()
        return summary


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise BadInput(
            f"cannot be read: {error.strerror}.", where=str(path), remedy="Name a CSV or XLSX file."
        ) from None


class _Run:
    """One import in its transaction."""

    def __init__(
        self,
        connection: Connection,
        ring: KeyRing,
        creditor_id: UUID,
        wish: Wish,
        now: datetime,
        table: Table,
        rejects: Rejects,
    ) -> None:
        known = profile(connection)
        zone = ZoneInfo(str(known.get("timezone") or "UTC"))
        self._connection, self._wish, self._table, self._rejects = connection, wish, table, rejects
        self._collector = Collector(known.get("first_party"), known.get("collector"))
        today = now.astimezone(zone).date()
        self._reader = RowReader(wish.mapping, table.header, str(wish.path), as_of=wish.as_of, today=today)
        self._seals = Seals(ring, creditor_id, secrets.token_bytes(32), now, zone)
        self._vault = Vault(ring, CHUNK)
        self._store = Import(connection, creditor_id)
        self._read = _Read()

    def run(self, digest: bytes, progress: Progress | None) -> Summary:
        """Do all of it but the commit."""
        if not self._store.begin():
            raise Refused("another import for this creditor is running.", remedy="Wait until it has ended.")
        terms = self._terms()
        has_debtors = self._store.has_debtors()
        for records in _chunks(self._table.records):
            self._stage(records, has_debtors=has_debtors)
            if progress:
                progress(self._table.done, self._table.size, self._read.lines)
        self._check_closing()
        file_name = self._write_rejects(terms, is_first=not has_debtors)
        tally = self._store.tally(terms)
        self._check_any(tally)
        if self._wish.vanished:
            self._write_vanished(self._wish.vanished, terms)
        changed = 0
        if not self._wish.is_dry_run:
            self._store.merge(terms, self._wish.portfolio, digest)
            changed = write_entries(self._store, terms, self._collector)
            self._store.wake(terms)
        summary = self._summary(tally, changed - tally.debtors_added, file_name)
        if not self._wish.is_dry_run:
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

    def _stage(self, records: Sequence[Record], *, has_debtors: bool) -> None:
        found = [self._reader.read(record) for record in records]
        self._read.lines += len(records)
        if has_debtors:
            found = self._with_known_accounts(records, found)
        rows, seen = self._sorted_out(found)
        known = self._known(rows) if has_debtors else {}
        random = secrets.token_bytes(6 * ids_needed(rows))
        self._store.stage(pack(self._seals, rows, known, random, seen if has_debtors else ()))

    def _with_known_accounts(
        self, records: Sequence[Record], found: Sequence[Row | Outside | Rejected]
    ) -> list[Row | Outside | Rejected]:
        """What `where` leaves out is taken all the same where the account is known: it may have been paid meanwhile."""
        outside = [each.reference for each in found if isinstance(each, Outside)]
        known = self._store.known_accounts(outside) if outside else set()
        return [
            self._reader.read(record, takes_all=True) if isinstance(each, Outside) and each.reference in known else each
            for record, each in zip(records, found, strict=True)
        ]

    def _sorted_out(self, found: Sequence[Row | Outside | Rejected]) -> tuple[list[Row], list[str]]:
        """The good rows, and the references of the others."""
        rows, seen = [], []
        for each in found:
            if isinstance(each, Row):
                rows.append(each)
                if each.dropped:
                    self._rejects.add(each.dropped)
                continue
            if isinstance(each, Rejected):
                self._rejects.add(each.problems)
                self._read.unreadable += not each.reference
            else:
                self._read.outside += 1
            if each.reference:
                seen.append(each.reference)
        return rows, seen

    def _known(self, rows: Sequence[Row]) -> dict[str, Known]:
        """The debtors of these rows who were handed over before, with their keys and names."""
        found = self._store.known_debtors({row.debtor for row in rows})
        keys = self._vault.keys(self._connection, [each.debtor_id for each in found])
        return {each.reference: _known(each, keys[each.debtor_id]) for each in found}

    def _check_closing(self) -> None:
        if self._wish.closes_vanished and self._read.unreadable:
            raise Refused(
                f"{self._read.unreadable} records have no readable reference, so nobody can tell what vanished.",
                where=str(self._wish.path),
                remedy="Put them right, or import without --close-vanished. Nothing was imported.",
            )

    def _check_any(self, tally: Tally) -> None:
        """A file of which nothing can be taken is a wrong mapping, not a portfolio."""
        first = self._rejects.first
        if first is not None and not (tally.added + tally.updated + tally.unchanged):
            column = f"{first.column}: " if first.column else ""
            raise BadInput(
                f"none of {self._read.lines:,} records can be taken; the first: {column}{first.reason}.",
                where=f"{self._wish.path}:{first.line}",
                remedy=f"Look at {self._wish.rejects} and at the mapping. Nothing was imported."
                if self._wish.rejects
                else "Look at the mapping. Nothing was imported.",
            )

    def _write_rejects(self, terms: Terms, *, is_first: bool) -> str | None:
        columns = self._wish.mapping.column_of
        later = (
            Problem(each.line, columns(each.field), "", each.reason, each.other_line)
            for each in self._store.judge(terms, is_first=is_first)
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
        return Summary(
            portfolio=self._wish.portfolio,
            is_dry_run=self._wish.is_dry_run,
            lines=self._read.lines,
            added=tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            rejected=self._rejects.rows,
            outside=self._read.outside,
            vanished=tally.vanished,
            debtors=tally.debtors,
            debtors_added=tally.debtors_added,
            debtors_changed=changed,
            points=tally.points,
            dropped_points=self._rejects.dropped,
            countries=tally.countries,
            unread_columns=self._reader.unread,
            rejects_file=rejects_file,
        )


def _known(found: KnownDebtor, key: bytes) -> Known:
    name = unseal(key, NAME, found.debtor_id, found.name_cipher).decode()
    return Known(found.debtor_id, key, name, found.verify_salt)


def _chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    while chunk := list(islice(records, CHUNK)):
        yield chunk
