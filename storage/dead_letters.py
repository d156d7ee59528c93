"""What could not be done and needs a person: seen, understood, tried again through the gate, or closed."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection


class DeadLetterRow(NamedTuple):
    """One dead letter. `detail` names no person."""

    dead_letter_id: UUID
    attempt_id: UUID | None
    debtor_id: UUID | None
    channel: str | None
    source: str
    reason: str
    detail: dict[str, Any]
    at: dt.datetime
    closed_at: dt.datetime | None
    resolution: str | None


def add(
    connection: Connection,
    creditor_id: UUID,
    attempt_id: UUID | None,
    source: str,
    reason: str,
    detail: Mapping[str, Any],
    now: dt.datetime,
) -> bool:
    """Keep what went wrong, unless the same is open for the same attempt's debtor and step; whether it is new."""
    done = connection.exec_driver_sql(
        """INSERT INTO dead_letters (dead_letter_id, creditor_id, attempt_id, source, reason, detail, at)
           SELECT gen_random_uuid(), %(creditor)s, %(attempt)s, %(source)s, %(reason)s, %(detail)s::jsonb, %(now)s
           WHERE NOT EXISTS (
               SELECT FROM dead_letters o LEFT JOIN attempts a USING (attempt_id)
                    LEFT JOIN attempts b ON b.attempt_id = %(attempt)s
               WHERE o.creditor_id = %(creditor)s AND o.closed_at IS NULL AND o.source = %(source)s
                    AND o.reason = %(reason)s AND o.detail = %(detail)s::jsonb
                    AND a.debtor_id IS NOT DISTINCT FROM b.debtor_id AND a.step IS NOT DISTINCT FROM b.step)""",
        {
            "creditor": creditor_id,
            "attempt": attempt_id,
            "source": source,
            "reason": reason,
            "detail": orjson.dumps(dict(detail)).decode(),
            "now": now,
        },
    )
    return done.rowcount == 1


_COLUMNS = """o.dead_letter_id, o.attempt_id, a.debtor_id, a.channel, o.source, o.reason, o.detail, o.at, o.closed_at,
    o.resolution"""


def listed(connection: Connection, *, is_open: bool = True, limit: int = 200) -> list[DeadLetterRow]:
    """The newest dead letters of the creditor, those that are open or those that were closed."""
    rows = connection.exec_driver_sql(
        f"""SELECT {_COLUMNS} FROM dead_letters o LEFT JOIN attempts a USING (attempt_id)
            WHERE (o.closed_at IS NULL) = %(open)s ORDER BY o.at DESC LIMIT %(limit)s""",  # noqa: S608 -- a constant
        {"open": is_open, "limit": limit},
    )
    return [DeadLetterRow._make(row) for row in rows]


def find(connection: Connection, dead_letter_id: UUID) -> DeadLetterRow | None:
    """One dead letter of the creditor."""
    row = connection.exec_driver_sql(
        f"""SELECT {_COLUMNS} FROM dead_letters o LEFT JOIN attempts a USING (attempt_id)
            WHERE o.dead_letter_id = %(id)s""",  # noqa: S608 -- a constant
        {"id": dead_letter_id},
    ).one_or_none()
    return DeadLetterRow._make(row) if row else None


def close(connection: Connection, dead_letter_id: UUID, resolution: str, now: dt.datetime) -> bool:
    """Close one with what was done about it; False where it is closed already or not there."""
    done = connection.exec_driver_sql(
        """UPDATE dead_letters SET closed_at = %(now)s, resolution = %(resolution)s
           WHERE dead_letter_id = %(id)s AND closed_at IS NULL""",
        {"id": dead_letter_id, "resolution": resolution, "now": now},
    )
    return done.rowcount == 1
