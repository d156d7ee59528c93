"""Whether there is anything left to do at an instant: what the demo's clock waits for before it moves on."""

import datetime as dt
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection


class Pending(NamedTuple):
    """What is still to be done now, and when the next debtor is due (None: nobody waits for an instant).

    `next_retry` is when the next attempt is due that its provider had no room for; `next_due` is no later.
    """

    due: bool
    reserved: bool
    sending: bool
    received: bool
    next_due: dt.datetime | None
    next_retry: dt.datetime | None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be done now."""
        return not (self.due or self.reserved or self.sending or self.received)


def pending(connection: Connection, creditor_id: UUID, now: dt.datetime) -> Pending:
    """What is to be done at `now`; a retry that is not due yet waits for its instant as a debtor does."""
    row = connection.exec_driver_sql(
        """SELECT EXISTS (SELECT FROM lanes WHERE creditor_id = %(c)s AND due_at <= %(now)s),
                  EXISTS (SELECT FROM attempts WHERE creditor_id = %(c)s AND state = 'reserved'
                          AND (not_before IS NULL OR not_before <= %(now)s)),
                  EXISTS (SELECT FROM attempts WHERE creditor_id = %(c)s AND state = 'sending'),
                  EXISTS (SELECT FROM delivery_events WHERE creditor_id = %(c)s AND applied_at IS NULL)
                      OR EXISTS (SELECT FROM inbound WHERE creditor_id = %(c)s AND applied_at IS NULL),
                  least((SELECT min(due_at) FROM lanes WHERE creditor_id = %(c)s AND due_at > %(now)s), retry), retry
           FROM (SELECT min(not_before) AS retry FROM attempts WHERE creditor_id = %(c)s AND state = 'reserved'
                 AND not_before > %(now)s) AS later""",
        {"c": creditor_id, "now": now},
    ).one()
    return Pending._make(row)
