"""Contacts made elsewhere: found by reference or contact value, kept each once, written to the ledger, and counted."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection

from storage import arrays
from storage.lanes import wake
from storage.ledger import Entry, append, lock_heads


class Party(NamedTuple):
    """Whom a contact concerns: the debtor, and the account or contact point by which it was told."""

    debtor_id: UUID
    account_id: UUID | None = None
    point_id: UUID | None = None


class NewContact(NamedTuple):
    """One contact to keep; `fact` is the JSON of a `history` entry with our ids."""

    key: str
    debtor_id: UUID
    at: dt.datetime
    fact: dict[str, Any]


def by_debtor(connection: Connection, creditor_id: UUID, references: Sequence[str]) -> dict[str, Party]:
    """Debtors by the creditor's references."""
    rows = connection.exec_driver_sql(
        "SELECT reference, debtor_id FROM debtors WHERE creditor_id = %(c)s AND reference = ANY(%(r)s::text[])",
        {"c": creditor_id, "r": arrays.texts(references)},
    )
    return {row[0]: Party(row[1]) for row in rows}


def by_account(connection: Connection, creditor_id: UUID, references: Sequence[str]) -> dict[str, Party]:
    """Debtors and accounts by the accounts' references."""
    rows = connection.exec_driver_sql(
        """SELECT reference, debtor_id, account_id FROM accounts
           WHERE creditor_id = %(c)s AND reference = ANY(%(r)s::text[])""",
        {"c": creditor_id, "r": arrays.texts(references)},
    )
    return {row[0]: Party(row[1], row[2]) for row in rows}


def by_value(connection: Connection, creditor_id: UUID, blinds: Mapping[bytes, str]) -> dict[str, list[Party]]:
    """Debtors and contact points by keyed digests of contact values: several, where they share one."""
    rows = connection.exec_driver_sql(
        """SELECT blind, debtor_id, point_id FROM contact_points
           WHERE creditor_id = %(c)s AND blind = ANY(%(b)s::bytea[]) ORDER BY debtor_id""",
        {"c": creditor_id, "b": arrays.blobs(blinds)},
    )
    found: dict[str, list[Party]] = {}
    for digest, debtor_id, point_id in rows:
        found.setdefault(blinds[bytes(digest)], []).append(Party(debtor_id, None, point_id))
    return found


def add(connection: Connection, creditor_id: UUID, contacts: Sequence[NewContact], now: dt.datetime) -> int:
    """Keep those that are new by their keys, under their debtors' lane locks; how many they were.

    What is reserved is decided anew: a cap may be full now. Their debtors are looked at again.
    """
    if not contacts:
        return 0
    heads = lock_heads(connection, {one.debtor_id for one in contacts})
    kept = {
        row[0]
        for row in connection.exec_driver_sql(
            """INSERT INTO outside_contacts (outside_contact_id, creditor_id, debtor_id, key, at, fact)
               SELECT gen_random_uuid(), %(c)s, d, k, t, f::jsonb
               FROM unnest(%(d)s::uuid[], %(k)s::text[], %(t)s::timestamptz[], %(f)s::text[]) AS n(d, k, t, f)
               ON CONFLICT (creditor_id, key) DO NOTHING RETURNING key""",
            {
                "c": creditor_id,
                "d": arrays.ids(one.debtor_id for one in contacts),
                "k": arrays.texts(one.key for one in contacts),
                "t": arrays.instants(one.at for one in contacts),
                "f": arrays.texts(orjson.dumps(one.fact).decode() for one in contacts),
            },
        )
    }
    new = [one for one in contacts if one.key in kept]
    append(connection, creditor_id, [Entry(one.debtor_id, "outside_contact", now, one.fact) for one in new], heads)
    wake(connection, [*{one.debtor_id for one in new}], now)
    return len(kept)
