"""The statements of lanes: one a debtor, whose lock lets one decide about it at a time, and which says when to look."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from storage import arrays
from storage.ledger import Heads


class ClaimedLane(NamedTuple):
    """A lane that the caller holds: its last ledger entry, and what held the last look, as JSON text."""

    debtor_id: UUID
    ledger_seq: int
    ledger_hash: bytes
    waiting: str | None


_CLAIM = """SELECT debtor_id, ledger_seq, ledger_hash, waiting::text FROM lanes
WHERE creditor_id = %(creditor)s AND due_at <= %(now)s ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""
"""What it reads must come from the locking statement itself: only that sees what others wrote a moment before."""


def claim(connection: Connection, creditor_id: UUID, now: dt.datetime, limit: int) -> list[ClaimedLane]:
    """Lock up to `limit` lanes that are due at `now`, oldest first, passing over those that others hold."""
    rows = connection.exec_driver_sql(_CLAIM, {"creditor": creditor_id, "now": now, "limit": limit})
    return [ClaimedLane._make(row) for row in rows.all()]


def lock_lanes(connection: Connection, debtor_ids: Collection[UUID]) -> None:
    """Lock the lanes of these debtors, in order of id so that no two callers can wait for each other."""
    if debtor_ids:
        connection.exec_driver_sql(
            "SELECT 1 FROM lanes WHERE debtor_id = ANY(%(ids)s::uuid[]) ORDER BY debtor_id FOR UPDATE",
            {"ids": arrays.ids(debtor_ids)},
        ).fetchall()


def due(connection: Connection, creditor_id: UUID, now: dt.datetime, limit: int) -> int:
    """How many lanes are due at `now`, counted up to `limit`."""
    row = connection.exec_driver_sql(
        """SELECT count(*) FROM (SELECT 1 FROM lanes WHERE creditor_id = %(creditor)s AND due_at <= %(now)s
           LIMIT %(limit)s) AS counted""",
        {"creditor": creditor_id, "now": now, "limit": limit},
    ).one()
    return int(row[0])


class LaneMove(NamedTuple):
    """When to look at a debtor next (None: at an event), and what held it; `waiting` is JSON text."""

    debtor_id: UUID
    due_at: dt.datetime | None
    waiting: str | None


def move_lanes(connection: Connection, moves: Sequence[LaneMove], heads: Heads) -> None:
    """Write when lanes are due next and the ends of their chains; the caller holds their locks."""
    if not moves:
        return
    connection.exec_driver_sql(
        """UPDATE lanes l SET due_at = n.due, waiting = n.w::jsonb, ledger_seq = n.s, ledger_hash = n.h
           FROM unnest(%(d)s::uuid[], %(due)s::timestamptz[], %(w)s::text[], %(s)s::bigint[], %(h)s::bytea[])
                AS n(d, due, w, s, h)
           WHERE l.debtor_id = n.d""",
        {
            "d": arrays.ids(move.debtor_id for move in moves),
            "due": arrays.instants(move.due_at for move in moves),
            "w": arrays.texts(move.waiting for move in moves),
            "s": arrays.numbers(heads[move.debtor_id][0] for move in moves),
            "h": arrays.blobs(heads[move.debtor_id][1] for move in moves),
        },
    )


def move_heads(connection: Connection, heads: Heads, due: dict[UUID, dt.datetime]) -> None:
    """Write the ends of chains, and make debtors due at these instants at the latest."""
    debtors = {**dict.fromkeys(heads), **dict.fromkeys(due)}
    if not debtors:
        return
    connection.exec_driver_sql(
        """UPDATE lanes l SET due_at = least(l.due_at, n.due), ledger_seq = coalesce(n.s, l.ledger_seq),
                ledger_hash = coalesce(n.h, l.ledger_hash)
           FROM unnest(%(d)s::uuid[], %(due)s::timestamptz[], %(s)s::bigint[], %(h)s::bytea[]) AS n(d, due, s, h)
           WHERE l.debtor_id = n.d""",
        {
            "d": arrays.ids(debtors),
            "due": arrays.instants(due.get(one) for one in debtors),
            "s": arrays.numbers(heads[one][0] if one in heads else None for one in debtors),
            "h": arrays.blobs(heads[one][1] if one in heads else None for one in debtors),
        },
    )


def wake(connection: Connection, debtor_ids: Sequence[UUID], at: dt.datetime) -> None:
    """Make these lanes due at `at` at the latest: something changed."""
    connection.exec_driver_sql(
        """UPDATE lanes SET due_at = least(coalesce(due_at, %(at)s), %(at)s)
           WHERE debtor_id = ANY(%(ids)s::uuid[])""",
        {"ids": arrays.ids(debtor_ids), "at": at},
    )
