"""What was received and waits to be applied: delivery events and what debtors sent, with the attempts they concern."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from storage import arrays


class OpenEvent(NamedTuple):
    """One delivery event; `attempt_id` None: no attempt of that name is known yet."""

    event_id: UUID
    attempt_id: UUID | None
    provider: str
    received_at: dt.datetime
    at: dt.datetime
    state: str | None
    outcome: str | None
    failure: str | None
    code: str | None
    cost: int | None
    provider_ref: str | None


class OpenInbound(NamedTuple):
    """One message from a debtor."""

    inbound_id: UUID
    debtor_id: UUID | None
    attempt_id: UUID | None
    point_id: UUID | None
    channel: str
    at: dt.datetime
    intent: str | None
    text_cipher: bytes | None


class OpenAttempt(NamedTuple):
    """An attempt as it stands: what `workers.outcomes.Snapshot` has, and its state."""

    attempt_id: UUID
    debtor_id: UUID
    campaign_id: UUID
    enrolments: list[UUID]
    accounts: list[UUID]
    point_id: UUID
    channel: str
    stage: str
    step: str
    rank: int
    next_look: dt.datetime | None
    state: str


def open_events(connection: Connection, creditor_id: UUID, unknown_since: dt.datetime, limit: int) -> list[OpenEvent]:
    """The oldest delivery events that were not applied, held by the caller; those that others hold are passed over.

    An event whose attempt is not known yet is left until it is, or until it was received before `unknown_since`.
    """
    rows = connection.exec_driver_sql(
        """WITH open AS (
               SELECT * FROM delivery_events e WHERE creditor_id = %(creditor)s AND applied_at IS NULL
                   AND (received_at < %(since)s OR EXISTS (
                       SELECT FROM attempts a WHERE a.attempt_id = e.attempt_id
                           OR (e.attempt_id IS NULL AND a.provider_ref = e.provider_ref)))
               ORDER BY received_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
           )
           SELECT o.event_id, coalesce(a.attempt_id, b.attempt_id), o.provider, o.received_at, o.at, o.state,
                  o.outcome, o.failure, o.code, o.cost, o.provider_ref
           FROM open o LEFT JOIN attempts a ON a.attempt_id = o.attempt_id
                LEFT JOIN attempts b ON o.attempt_id IS NULL AND b.provider_ref = o.provider_ref
           ORDER BY o.at, o.received_at, o.event_id""",
        {"creditor": creditor_id, "since": unknown_since, "limit": limit},
    )
    return [*map(OpenEvent._make, rows.all())]


def open_inbound(connection: Connection, creditor_id: UUID, limit: int) -> list[OpenInbound]:
    """The oldest messages from debtors that were not applied, held by the caller."""
    rows = connection.exec_driver_sql(
        """SELECT inbound_id, debtor_id, attempt_id, point_id, channel, at, intent, text_cipher FROM inbound
           WHERE creditor_id = %(creditor)s AND applied_at IS NULL
           ORDER BY at, inbound_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED""",
        {"creditor": creditor_id, "limit": limit},
    )
    return [*map(OpenInbound._make, rows.all())]


def debtors_of(connection: Connection, attempt_ids: Collection[UUID]) -> set[UUID]:
    """The debtors of these attempts."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT debtor_id FROM attempts WHERE attempt_id = ANY(%(ids)s::uuid[])",
        {"ids": arrays.ids(attempt_ids)},
    )
    return {row[0] for row in rows}


_ATTEMPT = """attempt_id, debtor_id, campaign_id, enrolments, accounts, point_id, channel, stage, step, rank,
    next_look, state"""


def attempts(connection: Connection, attempt_ids: Collection[UUID]) -> dict[UUID, OpenAttempt]:
    """These attempts as they stand; read under the lane locks."""
    rows = connection.exec_driver_sql(
        f"SELECT {_ATTEMPT} FROM attempts WHERE attempt_id = ANY(%(ids)s::uuid[])",  # noqa: S608 -- a constant
        {"ids": arrays.ids(attempt_ids)},
    )
    return {row[0]: OpenAttempt._make(row) for row in rows}


def reserved_of(connection: Connection, debtor_ids: Collection[UUID]) -> list[OpenAttempt]:
    """The attempts of these debtors that have not left; read under the lane locks."""
    rows = connection.exec_driver_sql(
        f"""SELECT {_ATTEMPT} FROM attempts
            WHERE debtor_id = ANY(%(ids)s::uuid[]) AND state = 'reserved'""",  # noqa: S608 -- a constant
        {"ids": arrays.ids(debtor_ids)},
    )
    return [*map(OpenAttempt._make, rows.all())]


def applied(connection: Connection, event_ids: Sequence[UUID], now: dt.datetime) -> None:
    """Mark delivery events as applied."""
    if event_ids:
        connection.exec_driver_sql(
            "UPDATE delivery_events SET applied_at = %(now)s WHERE event_id = ANY(%(ids)s::uuid[])",
            {"now": now, "ids": arrays.ids(event_ids)},
        )


def inbound_applied(connection: Connection, found: Sequence[tuple[UUID, str, bool]], now: dt.datetime) -> None:
    """Mark messages of debtors as applied: (id, the intent that was found, whether a person need not read it)."""
    if found:
        connection.exec_driver_sql(
            """UPDATE inbound i SET applied_at = %(now)s, intent = n.t,
                    handled_at = CASE WHEN n.h = 1 THEN %(now)s ELSE i.handled_at END
               FROM unnest(%(i)s::uuid[], %(t)s::text[], %(h)s::bigint[]) AS n(i, t, h) WHERE i.inbound_id = n.i""",
            {
                "now": now,
                "i": arrays.ids(one[0] for one in found),
                "t": arrays.texts(one[1] for one in found),
                "h": arrays.numbers(int(one[2]) for one in found),
            },
        )
