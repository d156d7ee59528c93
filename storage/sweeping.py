"""The statements of the sweeper: what was left lying by whoever died, went too slowly, or lost the queue."""

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.attempt import NEVER_MADE, AttemptState
from storage import arrays

QUEUED_AGAIN = dt.timedelta(minutes=10)
"""After so long on a queue that has other messages, an attempt is put there again. A repeat finds nothing to do."""
LOST = dt.timedelta(seconds=15)
"""After so long on a queue that is empty, an attempt was lost with it."""


def overdue(connection: Connection, creditor_id: UUID, now: dt.datetime, limit: int) -> list[UUID]:
    """Attempts that are reserved and whose window has closed."""
    rows = connection.exec_driver_sql(
        """SELECT attempt_id FROM attempts WHERE creditor_id = %(creditor)s AND state = 'reserved'
                AND closes_at <= %(now)s LIMIT %(limit)s""",
        {"creditor": creditor_id, "now": now, "limit": limit},
    )
    return [row[0] for row in rows]


def abandoned(connection: Connection, creditor_id: UUID, limit: int) -> list[UUID]:
    """Attempts that a worker began to send and did not record within its lease, by the database's clock."""
    rows = connection.exec_driver_sql(
        """SELECT attempt_id FROM attempts WHERE creditor_id = %(creditor)s AND state = 'sending'
                AND lease_until < clock_timestamp() LIMIT %(limit)s""",
        {"creditor": creditor_id, "limit": limit},
    )
    return [row[0] for row in rows]


def are_abandoned(connection: Connection, attempt_ids: list[UUID]) -> set[UUID]:
    """Those of these attempts that are still so, read under the lane locks."""
    rows = connection.exec_driver_sql(
        """SELECT attempt_id FROM attempts WHERE attempt_id = ANY(%(ids)s::uuid[]) AND state = 'sending'
                AND lease_until < clock_timestamp()""",
        {"ids": arrays.ids(attempt_ids)},
    )
    return {row[0] for row in rows.all()}


def unqueued(
    connection: Connection, creditor_id: UUID, empty: list[str], now: dt.datetime, limit: int
) -> list[tuple[UUID, str]]:
    """Mark as queued what the outbox owes: attempts whose time has come and that lie on no queue, with their channels.

    `empty` are the channels whose queues hold nothing: what was on them longer than `LOST` is there no more.
    """
    rows = connection.exec_driver_sql(
        """WITH owed AS (
               SELECT a.attempt_id FROM attempts a JOIN campaigns c USING (campaign_id)
                   JOIN creditors r ON r.creditor_id = a.creditor_id
               WHERE a.creditor_id = %(creditor)s AND a.state = 'reserved' AND a.closes_at > %(now)s
                   AND c.state = 'running' AND r.stopped_at IS NULL
                   AND (a.not_before IS NULL OR a.not_before <= %(now)s)
                   AND (a.queued_at IS NULL OR a.queued_at < clock_timestamp() - CASE
                       WHEN a.channel = ANY(%(empty)s) THEN %(lost)s ELSE %(again)s END)
               ORDER BY a.closes_at LIMIT %(limit)s FOR UPDATE OF a SKIP LOCKED
           )
           UPDATE attempts a SET queued_at = clock_timestamp(), not_before = NULL FROM owed
           WHERE a.attempt_id = owed.attempt_id RETURNING a.attempt_id, a.channel""",
        {
            "creditor": creditor_id,
            "now": now,
            "empty": empty,
            "lost": LOST,
            "again": QUEUED_AGAIN,
            "limit": limit,
        },
    )
    return [(row[0], row[1]) for row in rows]


_MADE = [state.value for state in AttemptState if state not in NEVER_MADE and state is not AttemptState.RESERVED]


class Rival(NamedTuple):
    """An attempt at one of the contact values asked about, which its provider may have made something of.

    `provider_ref` None: nobody knows of what.
    """

    blind: bytes
    attempt_id: UUID
    channel: str
    provider: str
    provider_ref: str | None
    sending_at: dt.datetime


def rivals(
    connection: Connection, creditor_id: UUID, blinds: Collection[bytes], since: dt.datetime, until: dt.datetime
) -> list[Rival]:
    """The creditor's attempts at contact values of these digests that were sent in this stretch of time."""
    rows = connection.exec_driver_sql(
        """SELECT p.blind, a.attempt_id, a.channel, a.provider, a.provider_ref, a.sending_at
           FROM contact_points p JOIN attempts a ON a.debtor_id = p.debtor_id AND a.point_id = p.point_id
           WHERE p.creditor_id = %(creditor)s AND p.blind = ANY(%(blinds)s::bytea[])
               AND a.sending_at BETWEEN %(since)s AND %(until)s AND a.state = ANY(%(made)s)""",
        {
            "creditor": creditor_id,
            "blinds": arrays.blobs(blinds),
            "since": since,
            "until": until,
            "made": _MADE,
        },
    )
    return [*map(Rival._make, rows.all())]


class Doubtful(NamedTuple):
    """An attempt in doubt, with what is needed to ask its provider about it."""

    attempt_id: UUID
    debtor_id: UUID
    point_id: UUID
    channel: str
    provider: str
    provider_ref: str | None
    sending_at: dt.datetime
    value_cipher: bytes


def doubtful(connection: Connection, creditor_id: UUID, again: dt.timedelta, limit: int) -> list[Doubtful]:
    """Attempts in doubt whose provider was not asked lately; they are not given again for `again`."""
    rows = connection.exec_driver_sql(
        """WITH taken AS (
               SELECT attempt_id FROM attempts WHERE creditor_id = %(creditor)s AND state = 'in_doubt'
                   AND (lease_until IS NULL OR lease_until < clock_timestamp())
               ORDER BY sending_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
           )
           UPDATE attempts a SET lease_until = clock_timestamp() + %(again)s
           FROM taken, contact_points p WHERE a.attempt_id = taken.attempt_id AND p.point_id = a.point_id
           RETURNING a.attempt_id, a.debtor_id, a.point_id, a.channel, a.provider, a.provider_ref, a.sending_at,
                p.value_cipher""",
        {"creditor": creditor_id, "again": again, "limit": limit},
    )
    return [*map(Doubtful._make, rows.all())]
