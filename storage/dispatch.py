"""The statements of dispatch: reservations, and where enrolments stand after a look.

Everything is in bulk: one statement a table, whatever the number of debtors. The caller holds one transaction from
claim to write, and with it the lane locks.
"""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from storage import arrays


def outstanding(connection: Connection, creditor_id: UUID, limit: int) -> int:
    """How many attempts are reserved and not yet sent, counted up to `limit`."""
    row = connection.exec_driver_sql(
        """SELECT count(*) FROM (SELECT 1 FROM attempts WHERE creditor_id = %(creditor)s AND state = 'reserved'
           LIMIT %(limit)s) AS counted""",
        {"creditor": creditor_id, "limit": limit},
    ).one()
    return int(row[0])


class NewAttempt(NamedTuple):
    """One reservation to write; the first of `enrolments` leads."""

    attempt_id: UUID
    debtor_id: UUID
    campaign_id: UUID
    enrolments: tuple[UUID, ...]
    accounts: tuple[UUID, ...]
    point_id: UUID
    channel: str
    stage: str
    step: str
    rank: int
    template: str
    language: str
    purpose: str
    closes_at: dt.datetime
    next_look: dt.datetime | None
    packs: tuple[str, ...]


_RESERVE = """INSERT INTO attempts (attempt_id, creditor_id, debtor_id, campaign_id, enrolment_id, enrolments, accounts,
    point_id, channel, stage, step, rank, template, language, purpose, closes_at, next_look, packs, reserved_at,
    state, queued_at)
SELECT a, %(creditor)s, d, c, e, coalesce(es::uuid[], ARRAY[e]), acs::uuid[], p, ch, sg, st, rk, t, l, pu, cl, nl,
    pk::text[], %(now)s, 'reserved', clock_timestamp()
FROM unnest(%(a)s::uuid[], %(d)s::uuid[], %(c)s::uuid[], %(e)s::uuid[], %(es)s::text[], %(acs)s::text[],
    %(p)s::uuid[], %(ch)s::text[], %(sg)s::text[], %(st)s::text[], %(rk)s::bigint[], %(t)s::text[], %(l)s::text[],
    %(pu)s::text[], %(cl)s::timestamptz[], %(nl)s::timestamptz[], %(pk)s::text[])
    AS n(a, d, c, e, es, acs, p, ch, sg, st, rk, t, l, pu, cl, nl, pk)"""


def reserve(connection: Connection, creditor_id: UUID, attempts: Sequence[NewAttempt], now: dt.datetime) -> None:
    """Write reservations, each already marked as queued, and hold their enrolments by them.

    The caller puts them on a queue after its commit; what it fails to put there the sweeper finds by its age.
    """
    if not attempts:
        return
    connection.exec_driver_sql(
        _RESERVE,
        {
            "creditor": creditor_id,
            "now": now,
            "a": arrays.ids(one.attempt_id for one in attempts),
            "d": arrays.ids(one.debtor_id for one in attempts),
            "c": arrays.ids(one.campaign_id for one in attempts),
            "e": arrays.ids(one.enrolments[0] for one in attempts),
            "es": arrays.texts(_array(one.enrolments) if len(one.enrolments) > 1 else None for one in attempts),
            "acs": arrays.texts(_array(one.accounts) for one in attempts),
            "p": arrays.ids(one.point_id for one in attempts),
            "ch": arrays.texts(one.channel for one in attempts),
            "sg": arrays.texts(one.stage for one in attempts),
            "st": arrays.texts(one.step for one in attempts),
            "rk": arrays.numbers(one.rank for one in attempts),
            "t": arrays.texts(one.template for one in attempts),
            "l": arrays.texts(one.language for one in attempts),
            "pu": arrays.texts(one.purpose for one in attempts),
            "cl": arrays.instants(one.closes_at for one in attempts),
            "nl": arrays.instants(one.next_look for one in attempts),
            "pk": arrays.texts("{" + ",".join(one.packs) + "}" for one in attempts),
        },
    )
    held = [(enrolment, attempt.attempt_id) for attempt in attempts for enrolment in attempt.enrolments]
    connection.exec_driver_sql(
        """UPDATE enrolments e SET attempt_id = n.a FROM unnest(%(e)s::uuid[], %(a)s::uuid[]) AS n(e, a)
           WHERE e.enrolment_id = n.e""",
        {"e": arrays.ids(row[0] for row in held), "a": arrays.ids(row[1] for row in held)},
    )


def _array(ids: Sequence[UUID]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"


class EnrolmentMove(NamedTuple):
    """Where an enrolment stands after a look; a `stage` or `last_contact_at` None keeps what was."""

    enrolment_id: UUID
    state: str
    reason: str | None
    stage: str | None
    step: str | None
    rank: int
    last_contact_at: dt.datetime | None


def move_enrolments(connection: Connection, moves: Sequence[EnrolmentMove]) -> None:
    """Write where enrolments stand and release them from their attempts."""
    if not moves:
        return
    connection.exec_driver_sql(
        """UPDATE enrolments e SET state = n.s, reason = n.r, stage = coalesce(n.sg, e.stage), step = n.st,
                rank = n.rk, attempt_id = NULL, last_contact_at = coalesce(n.lc, e.last_contact_at)
           FROM unnest(%(e)s::uuid[], %(s)s::text[], %(r)s::text[], %(sg)s::text[], %(st)s::text[], %(rk)s::bigint[],
                %(lc)s::timestamptz[]) AS n(e, s, r, sg, st, rk, lc)
           WHERE e.enrolment_id = n.e""",
        {
            "e": arrays.ids(move.enrolment_id for move in moves),
            "s": arrays.texts(move.state for move in moves),
            "r": arrays.texts(move.reason for move in moves),
            "sg": arrays.texts(move.stage for move in moves),
            "st": arrays.texts(move.step for move in moves),
            "rk": arrays.numbers(move.rank for move in moves),
            "lc": arrays.instants(move.last_contact_at for move in moves),
        },
    )
