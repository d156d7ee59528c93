"""What the role of the processes may do with each table, and whose rows it sees; from the models, at each migration.

Every table has row-level security, forced on its owner too: a row is there only for a transaction whose setting
`forbear.creditor` is the row's creditor (`Database.tenant`). Where it is not set there are no rows, and no error.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, MetaData, Table

from storage.tables import Base

APP_ROLE = "forbear_app"
"""The role of the processes. It owns nothing and cannot bypass row-level security."""

POLICY = "one_creditor"

ROWS_OF_ONE_CREDITOR = (
    "creditor_id IS NOT DISTINCT FROM (SELECT nullif(current_setting('forbear.creditor', true), '')::uuid)"
)
"""As a sub-select it is worked out once a statement, not once a row. No index serves this comparison, on purpose: an
equation would let the planner look up a few rows by way of all rows of their creditor, of whom it only knows the
average number. Statements that want all of a creditor's rows say so themselves."""

APPEND_ONLY = frozenset({"ledger"})
DELETABLE = frozenset(
    {"debtor_keys", "contact_points", "delivery_events", "inbound", "dead_letters", "rollup_deltas", "rollups"}
)
"""Tables whose rows may go: what erasure and retention destroy, and counts. All others keep every row."""


def apply(connection: Connection, metadata: MetaData = Base.metadata) -> None:
    """Give every table of the models its policy and its grants, as the owner. Can be repeated."""
    for table in metadata.sorted_tables:
        for statement in _statements(table):
            connection.exec_driver_sql(statement)


def privileges(table: str) -> tuple[str, ...]:
    """What the processes may do with a table."""
    if table in APPEND_ONLY:
        return "SELECT", "INSERT"
    return ("SELECT", "INSERT", "UPDATE", *(["DELETE"] if table in DELETABLE else []))


def _statements(table: Table) -> Iterator[str]:
    name = table.name
    if "creditor_id" not in table.c:
        raise ValueError(f"the table {name} has no creditor_id, by which creditors are kept apart")
    yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"
    yield f"DROP POLICY IF EXISTS {POLICY} ON {name}"
    yield f"CREATE POLICY {POLICY} ON {name} USING ({ROWS_OF_ONE_CREDITOR}) WITH CHECK ({ROWS_OF_ONE_CREDITOR})"
    yield f"REVOKE ALL ON {name} FROM PUBLIC, {APP_ROLE}"
    yield f"GRANT {', '.join(privileges(name))} ON {name} TO {APP_ROLE}"
