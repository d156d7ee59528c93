"""Which account a debtor of the sandbox pays on."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection

from storage import arrays


def accounts_of(connection: Connection, attempt_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, UUID]]:
    """The first account that each attempt spoke of, and its debtor."""
    rows = connection.exec_driver_sql(
        "SELECT attempt_id, accounts[1], debtor_id FROM attempts WHERE attempt_id = ANY(%(ids)s::uuid[])",
        {"ids": arrays.ids(attempt_ids)},
    )
    return {row[0]: (row[1], row[2]) for row in rows}
