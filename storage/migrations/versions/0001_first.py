"""The first schema: tables, triggers, the ledger's partitions."""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    *("dead_letters", "rollups", "rollup_deltas", "ledger", "promises", "payments", "outside_contacts", "suppressions"),
    *("inbound", "delivery_events", "attempts", "paces", "lanes", "enrolments", "campaigns", "accounts", "portfolios"),
    *("contact_points", "debtor_keys", "debtors", "creditors"),
)
FUNCTIONS = (
    "forbear_creditors",
    "forbear_count_attempts",
    "forbear_keep_launched",
    "forbear_ensure_ledger_month",
    "forbear_protect_ledger_part",
    "forbear_refuse",
)


def upgrade() -> None:
    """Make everything. The driver takes many statements at once only where it is asked without SQLAlchemy."""
    driver = cast("psycopg.Connection[Any]", op.get_bind().connection.driver_connection)
    for name in ("0001_tables.sql", "0001_triggers.sql"):
        statements = Path(__file__).with_name(name).read_bytes()
        driver.execute(statements)


def downgrade() -> None:
    """Drop everything, with all that was kept."""
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
