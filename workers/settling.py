"""What people decide where the machine may not: attempts in doubt, dead letters, what debtors wrote.

Everything goes under the lane lock and into the ledger, and what is tried again passes the gate again.
"""

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from domain.attempt import AttemptState
from domain.errors import BadInput, Refused
from storage import arrivals, dead_letters
from storage.campaigns import by_ids
from storage.lanes import wake
from storage.ledger import Entry, append, lock_heads
from storage.sending import AttemptMove, lock_of
from storage.session import Database
from workers import outcomes
from workers.campaigns import cadence_of
from workers.outcomes import Ends, Snapshot

ENDS: Mapping[str, AttemptState] = {
    "made": AttemptState.CLOSED,
    "delivered": AttemptState.DELIVERED,
    "never-made": AttemptState.REJECTED,
}
"""What a person may say of an attempt in doubt. `never-made` only on proof: the provider's own log."""


def settle_doubt(db: Database, creditor_id: UUID, attempt_id: UUID, end: str, who: str, now: dt.datetime) -> None:
    """Settle an attempt in doubt by a person's word. Raises BadInput, or Refused where it is not in doubt."""
    if end not in ENDS:
        raise BadInput(f"`{end}` is no end of a doubt.", where="end", remedy=f"One of: {', '.join(ENDS)}.")
    with db.tenant(creditor_id) as connection:
        heads = lock_of(connection, [attempt_id])
        attempt = arrivals.attempts(connection, [attempt_id]).get(attempt_id)
        if attempt is None:
            raise BadInput("there is no such attempt.", where=str(attempt_id))
        if attempt.state != AttemptState.IN_DOUBT:
            raise Refused(f"the attempt is {attempt.state}, not in doubt.", where=str(attempt_id))
        ends = Ends()
        code = "settled_by_a_person"
        ends.add(Snapshot(*attempt[:-1]), AttemptMove(attempt_id, ENDS[end], now, code=code), who=who)
        cadences = {row.campaign_id: cadence_of(row) for row in by_ids(connection, [attempt.campaign_id])}
        outcomes.write(connection, creditor_id, ends, heads, cadences, now)


def close_letter(
    db: Database, creditor_id: UUID, dead_letter_id: UUID, resolution: str, now: dt.datetime, *, retry: bool
) -> None:
    """Close a dead letter with what was done; with `retry` its debtor is looked at again at once, through the gate."""
    with db.tenant(creditor_id) as connection:
        letter = dead_letters.find(connection, dead_letter_id)
        if letter is None:
            raise BadInput("there is no such dead letter.", where=str(dead_letter_id))
        if not dead_letters.close(connection, dead_letter_id, resolution, now):
            raise Refused("it is closed already.", where=str(dead_letter_id))
        if retry and letter.debtor_id is not None:
            lock_heads(connection, {letter.debtor_id})
            wake(connection, [letter.debtor_id], now)


def read_reply(db: Database, creditor_id: UUID, inbound_id: UUID, who: str, now: dt.datetime) -> None:
    """Note that a person has read what a debtor wrote: reminders go on."""
    with db.tenant(creditor_id) as connection:
        row = connection.exec_driver_sql(
            "SELECT debtor_id, handled_at FROM inbound WHERE inbound_id = %(id)s", {"id": inbound_id}
        ).one_or_none()
        if row is None or row.debtor_id is None:
            raise BadInput("there is no such reply of a known debtor.", where=str(inbound_id))
        heads = lock_heads(connection, {row.debtor_id})
        if row.handled_at is not None:
            raise Refused("it was read already.", where=str(inbound_id))
        connection.exec_driver_sql(
            "UPDATE inbound SET handled_at = %(now)s WHERE inbound_id = %(id)s", {"now": now, "id": inbound_id}
        )
        body = {"what": "reply", "who": who, "why": "read by a person"}
        append(connection, creditor_id, [Entry(row.debtor_id, "looked", now, body)], heads)
        wake(connection, [row.debtor_id], now)
