"""The ledger as those read it who judge it: entries with their bodies, debtor by debtor."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection

DEBTORS = 500


class LedgerRow(NamedTuple):
    """One entry; `body` is what `text` says."""

    debtor_id: UUID
    seq: int
    at: dt.datetime
    creditor_id: UUID
    kind: str
    body: dict[str, Any]
    text: str
    previous: bytes
    hash: bytes


def entries_of_all(connection: Connection, since: dt.datetime | None = None) -> Iterator[LedgerRow]:
    """All entries of the creditor's debtors, debtor by debtor, in order; of those who have one since `since`."""
    after = UUID(int=0)
    while True:
        debtors = [
            row[0]
            for row in connection.exec_driver_sql(
                "SELECT debtor_id FROM lanes WHERE debtor_id > %(after)s ORDER BY debtor_id LIMIT %(limit)s",
                {"after": after, "limit": DEBTORS},
            )
        ]
        if not debtors:
            return
        after = debtors[-1]
        yield from entries_of(connection, _lately(connection, debtors, since) if since else debtors)


def entries_of(connection: Connection, debtors: list[UUID]) -> Iterator[LedgerRow]:
    """All entries of these debtors, debtor by debtor, in order."""
    rows = connection.exec_driver_sql(
        """SELECT debtor_id, seq, at, creditor_id, kind, body::text, previous, hash FROM ledger
           WHERE debtor_id = ANY(%(ids)s) ORDER BY debtor_id, seq, at""",
        {"ids": debtors},
    )
    for debtor_id, seq, at, creditor_id, kind, text, previous, digest in rows:
        body = orjson.loads(text)
        yield LedgerRow(debtor_id, seq, at, creditor_id, kind, body, text, bytes(previous), bytes(digest))


def references(connection: Connection, debtors: list[UUID]) -> dict[UUID, str]:
    """The creditor's references of these debtors."""
    rows = connection.exec_driver_sql(
        "SELECT debtor_id, reference FROM debtors WHERE debtor_id = ANY(%(ids)s)",
        {"ids": debtors},
    )
    return {row.debtor_id: row.reference for row in rows}


def _lately(connection: Connection, debtors: list[UUID], since: dt.datetime) -> list[UUID]:
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT debtor_id FROM ledger WHERE debtor_id = ANY(%(ids)s) AND at >= %(since)s",
        {"ids": debtors, "since": since},
    )
    return sorted(row[0] for row in rows)
