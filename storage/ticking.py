"""What the scheduler asks at each tick."""

from uuid import UUID

from sqlalchemy import Connection


def has_open(connection: Connection, creditor_id: UUID) -> bool:
    """Whether anything was received for the creditor that was not applied yet."""
    row = connection.exec_driver_sql(
        """SELECT EXISTS (SELECT FROM delivery_events WHERE creditor_id = %(creditor)s AND applied_at IS NULL)
               OR EXISTS (SELECT FROM inbound WHERE creditor_id = %(creditor)s AND applied_at IS NULL)""",
        {"creditor": creditor_id},
    ).one()
    return bool(row[0])
