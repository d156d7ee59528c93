"""The creditor's side of the demo: its books move on each night, as a nightly import of balances would have it."""

import datetime as dt
from uuid import UUID

from sqlalchemy import Connection

from storage.session import Database


def close_day(db: Database, creditor_id: UUID, today: dt.date) -> int:
    """Bring all open accounts up to the end of `today`: days past due and penalty interest grow; how many."""
    with db.tenant(creditor_id) as connection:
        return _grow(connection, today)


def _grow(connection: Connection, today: dt.date) -> int:
    done = connection.exec_driver_sql(
        """UPDATE accounts SET as_of = %(today)s, days_past_due = days_past_due + (%(today)s - as_of),
                penalty = penalty + round(penalty_daily * (%(today)s - as_of) * principal)
           WHERE state = 'open' AND as_of < %(today)s""",
        {"today": today},
    )
    return done.rowcount
