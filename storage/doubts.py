"""Attempts in doubt, as people see and settle them."""

import datetime as dt
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection


class DoubtRow(NamedTuple):
    """One attempt in doubt, since when, and why."""

    attempt_id: UUID
    debtor_id: UUID
    reference: str
    channel: str
    provider: str | None
    code: str | None
    sending_at: dt.datetime


def listed(connection: Connection, limit: int = 200) -> list[DoubtRow]:
    """The attempts in doubt of the creditor, the oldest first."""
    rows = connection.exec_driver_sql(
        """SELECT a.attempt_id, a.debtor_id, d.reference, a.channel, a.provider, a.code, a.sending_at
           FROM attempts a JOIN debtors d USING (debtor_id) WHERE a.state = 'in_doubt'
           ORDER BY a.sending_at LIMIT %(limit)s""",
        {"limit": limit},
    )
    return [DoubtRow._make(row) for row in rows]


def unread(
    connection: Connection, limit: int = 200
) -> list[tuple[UUID, UUID, str, str, dt.datetime, str | None, bytes | None]]:
    """What debtors wrote and nobody has read: (id, debtor, reference, channel, at, intent, text sealed)."""
    rows = connection.exec_driver_sql(
        """SELECT i.inbound_id, i.debtor_id, d.reference, i.channel, i.at, i.intent, i.text_cipher
           FROM inbound i JOIN debtors d USING (debtor_id)
           WHERE i.handled_at IS NULL AND i.applied_at IS NOT NULL ORDER BY i.at LIMIT %(limit)s""",
        {"limit": limit},
    )
    return [tuple(row) for row in rows]
