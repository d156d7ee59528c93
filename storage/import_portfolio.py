"""A portfolio import inside one transaction: temporary tables, binary COPY into them, and one merge.

What is staged is sealed already: nothing readable touches the disk. The temporary tables go with the transaction,
whether it commits, fails, or its process is killed. The caller holds one transaction of the creditor
(`Database.tenant`); the statements are in `storage/import_statements.py`.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple, cast
from uuid import UUID

import psycopg
from sqlalchemy import Connection

from storage import import_statements as sql
from storage.copy_binary import SEPARATOR, SIGNATURE, TRAILER

STAGED: tuple[LiteralString, ...] = ("import_rows", "import_points", "import_stops", "import_seen")
"""The tables that COPY fills. `import_seen` holds references of records that did not become rows."""


FRESH: tuple[LiteralString, ...] = (
    "import_new_debtors",
    "import_new_points",
    "import_new_accounts",
    "import_new_stops",
    "import_ledger",
)
"""The tables that COPY fills with debtors who are certainly new."""


class KnownDebtor(NamedTuple):
    """A debtor whom the creditor handed over before."""

    reference: str
    debtor_id: UUID
    name_cipher: bytes
    verify_salt: str
    verify_digests: list[str]


class Reject(NamedTuple):
    """A row that contradicts another one or what is known; `field` is the mapping's name of it."""

    line: int
    field: str
    reason: str
    other_line: int | None


class Changed(NamedTuple):
    """A debtor of whom something changed, as the ledger is to say it: heads of the chain, facts, points, accounts."""

    debtor_id: UUID
    ledger_seq: int
    ledger_hash: bytes
    facts: str
    points: list[tuple[Any, ...]]
    accounts: list[tuple[Any, ...]]
    stops: list[str]


@dataclass(frozen=True, slots=True)
class Tally:
    """What an import does or, in a dry run, would do."""

    added: int
    updated: int
    unchanged: int
    vanished: int
    debtors: int
    debtors_added: int
    points: dict[str, int]
    countries: dict[str, int]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the merge needs to know. Fields that a mapping does not bring (`has_…` False) stay as they are."""

    creditor_id: UUID
    portfolio_id: UUID
    source: str
    at: dt.datetime
    timezone: str
    has_flags: bool
    has_place: bool
    has_proofs: bool
    has_points: bool
    closes_vanished: bool

    def values(self) -> dict[str, Any]:
        """As parameters of the statements."""
        return {
            "creditor": self.creditor_id,
            "portfolio": self.portfolio_id,
            "source": self.source,
            "withdrawn": f"withdrawn from {self.source}",
            "at": self.at,
            "zone": self.timezone,
            "flags": self.has_flags,
            "place": self.has_place,
            "proofs": self.has_proofs,
            "points": self.has_points,
            "sep": SEPARATOR,
        }


class Import:
    """One import in the caller's transaction: `begin`, `stage` as often as needed, `judge`, `tally`, `merge`, …"""

    def __init__(self, connection: Connection, creditor_id: UUID) -> None:
        self._raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        self._creditor = creditor_id

    def begin(self) -> bool:
        """Make the temporary tables, and keep other imports of this creditor out until the end; False if one runs."""
        statement: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtextextended('import ' || %s, 0))"
        if not self._one(statement, [str(self._creditor)]):
            return False
        for table in (*sql.PATIENCE, *sql.TABLES):
            self._raw.execute(table)
        return True

    def note_portfolio(self, terms: Terms, name: str, digest: bytes) -> None:
        """Write which file of which portfolio this is."""
        for statement in sql.PORTFOLIO:
            self._raw.execute(statement, terms.values() | {"name": name, "digest": digest})

    def make_creditor(self, code: str) -> None:
        """Write a creditor who is new."""
        self._raw.execute("INSERT INTO creditors (creditor_id, code) VALUES (%s, %s)", [self._creditor, code])

    def has_debtors(self) -> bool:
        """Whether the creditor handed over anybody before."""
        return bool(self._one("SELECT EXISTS (SELECT FROM debtors WHERE creditor_id = %s)", [self._creditor]))

    def portfolio_id(self, name: str) -> UUID | None:
        """The portfolio of this name, if there is one."""
        statement: LiteralString = "SELECT portfolio_id FROM portfolios WHERE creditor_id = %s AND name = %s"
        found: UUID | None = self._one(statement, [self._creditor, name])
        return found

    def known_debtors(self, references: Iterable[str]) -> list[KnownDebtor]:
        """Those of these debtors who are known already."""
        found = self._raw.execute(
            """SELECT reference, debtor_id, name_cipher, verify_salt, verify_digests FROM debtors
               WHERE creditor_id = %s AND reference = ANY(%s)""",
            [self._creditor, list(references)],
        )
        return [KnownDebtor(*row) for row in found]

    def known_accounts(self, references: Iterable[str]) -> set[str]:
        """Those of these references whose accounts are known already."""
        found = self._raw.execute(
            "SELECT reference FROM accounts WHERE creditor_id = %s AND reference = ANY(%s)",
            [self._creditor, list(references)],
        )
        return {row[0] for row in found}

    def take_in(self, terms: Terms, packed: Sequence[bytes]) -> None:
        """Write debtors who are certainly new, packed for the tables of `FRESH` in their order."""
        self._copy(FRESH, packed)
        values = terms.values()
        with self._raw.pipeline():  # one turn for all of them
            for statement in sql.TAKE_IN:
                self._raw.execute(statement, values)

    def stage(self, packed: Sequence[bytes]) -> None:
        """Keep all other rows, packed for the tables of `STAGED` in their order, until they are judged and merged."""
        self._copy(STAGED, packed)

    def _copy(self, tables: Sequence[LiteralString], packed: Sequence[bytes]) -> None:
        for table, rows in zip(tables, packed, strict=True):
            if rows:
                statement: LiteralString = f"COPY {table} FROM STDIN (FORMAT binary)"
                with self._raw.cursor() as cursor, cursor.copy(statement) as copy:
                    copy.write(SIGNATURE + rows + TRAILER)

    def judge(self, terms: Terms) -> Iterator[Reject]:
        """Take out staged rows that repeat or contradict, and say which, by line."""
        values = terms.values()
        self._raw.execute(sql.BY_INDEX)
        for table in ("import_rows", "import_points", "import_people", "import_fresh"):
            analyze: LiteralString = f"ANALYZE {table}"
            self._raw.execute(analyze)
        for group in (sql.REPEATED, sql.CONTRADICTED, sql.OTHER_PERSON):
            for statement in group:
                self._raw.execute(statement, values)
            self._take_out()
        for statement in sql.FIRST_LINES:
            self._raw.execute(statement)
        ordered: LiteralString = "SELECT line, field, reason, other_line FROM import_rejects ORDER BY line, field"
        return (Reject(*row) for row in self._stream(ordered))

    def _take_out(self) -> None:
        if self._one("SELECT EXISTS (SELECT FROM import_rejects)"):
            for statement in sql.TAKE_OUT:
                self._raw.execute(statement)

    def tally(self, terms: Terms) -> Tally:
        """What the merge will do; changes nothing."""
        values = terms.values()
        added, updated, unchanged = self._row(sql.COUNTS, values)
        debtors, debtors_added = self._row(sql.DEBTOR_COUNTS)
        return Tally(
            added=added,
            updated=updated,
            unchanged=unchanged,
            vanished=int(self._one(sql.VANISHED_COUNT, values)),
            debtors=debtors,
            debtors_added=debtors_added,
            points=dict(self._raw.execute(sql.POINT_COUNTS).fetchall()),
            countries=dict(self._raw.execute(sql.COUNTRY_COUNTS).fetchall()),
        )

    def vanished(self, terms: Terms) -> Iterator[str]:
        """The references of open accounts of this portfolio that its newest file does not have."""
        return (row[0] for row in self._stream(sql.VANISHED, terms.values()))

    def merge(self, terms: Terms) -> int:
        """Write what is staged, but for the ledger, under the lane locks of all debtors of whom anything was known.

        How many of those have changed.
        """
        values = terms.values()
        self._raw.execute(sql.LOCK_WITH_VANISHED if terms.closes_vanished else sql.LOCK, values)
        for statement in sql.MERGE:
            self._raw.execute(statement, values)
        if terms.closes_vanished:
            self._raw.execute(sql.CLOSE_VANISHED, values)
        self._raw.execute("ANALYZE import_changed")
        return int(self._one(sql.CHANGED_COUNT))

    def changed(self, size: int) -> Iterator[list[Changed]]:
        """The debtors of whom something changed, `size` at a time, in order of their ids."""
        with self._raw.cursor("import_changed") as cursor:
            cursor.execute(sql.CHANGED)
            while rows := cursor.fetchmany(size):
                yield self._as_they_stand([row[0] for row in rows])

    def _as_they_stand(self, debtor_ids: list[UUID]) -> list[Changed]:
        """By lists of ids, so that a plan made of poor statistics reads a table once and not once for each debtor."""
        points, accounts, stops = (
            self._by_debtor(statement, debtor_ids) for statement in (sql.LIVING_POINTS, sql.ALL_ACCOUNTS, sql.NEW_STOPS)
        )
        return [
            Changed(
                debtor_id=debtor_id,
                ledger_seq=seq,
                ledger_hash=head,
                facts=facts,
                points=points.get(debtor_id, []),
                accounts=accounts.get(debtor_id, []),
                stops=[kind for (kind,) in stops.get(debtor_id, [])],
            )
            for debtor_id, seq, head, facts in self._raw.execute(sql.CHANGED_DEBTORS, [debtor_ids])
        ]

    def _by_debtor(self, statement: LiteralString, debtor_ids: list[UUID]) -> dict[UUID, list[tuple[Any, ...]]]:
        found: dict[UUID, list[tuple[Any, ...]]] = {}
        for debtor_id, *row in self._raw.execute(statement, [debtor_ids]):
            found.setdefault(debtor_id, []).append(tuple(row))
        return found

    def write_ledger(self, rows: bytes) -> None:
        """Add packed entries to the ledger."""
        self._copy(("import_ledger",), (rows,))
        for statement in sql.ENTRIES:
            self._raw.execute(statement)

    def move_heads(self, heads: Sequence[tuple[UUID, int, bytes]]) -> None:
        """Write the new heads of the chains."""
        ids, sequences, hashes = (list(column) for column in zip(*heads, strict=True))
        self._raw.execute(sql.HEADS, {"d": ids, "s": sequences, "h": hashes})

    def keep_summary(self, terms: Terms, summary: dict[str, Any]) -> None:
        """Note what the import did at its portfolio."""
        self._raw.execute(sql.SUMMARY, terms.values() | {"summary": json.dumps(summary)})

    def wake(self, terms: Terms) -> None:
        """Let the lanes of known debtors of whom something changed be looked at."""
        self._raw.execute(sql.WAKE, terms.values())

    def _one(self, statement: LiteralString, values: Any = None) -> Any:
        row = self._raw.execute(statement, values).fetchone()
        return row[0] if row else None

    def _row(self, statement: LiteralString, values: Any = None) -> tuple[Any, ...]:
        return tuple(self._raw.execute(statement, values).fetchone() or ())

    def _stream(self, statement: LiteralString, values: Any = None) -> Iterator[tuple[Any, ...]]:
        with self._raw.cursor("import_stream") as cursor:
            cursor.execute(statement, values)
            yield from cursor
