"""One creditor's rows are nobody else's, whatever a query forgets."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from storage import policies
from storage.creditors import ensure_creditor, profile
from storage.session import Database
from tests.storage.conftest import NOW
from tests.storage.rows import NAMES, add, add_one_of_each

RECKLESS = {
    "SELECT": "SELECT creditor_id FROM {table}",
    "UPDATE": "UPDATE {table} SET creditor_id = creditor_id RETURNING creditor_id",
    "DELETE": "DELETE FROM {table} RETURNING creditor_id",
    "JOIN": "SELECT t.creditor_id FROM {table} t CROSS JOIN {table} u WHERE u.creditor_id <> t.creditor_id OR true",
    "OR": "SELECT creditor_id FROM {table} WHERE creditor_id = creditor_id OR 1 = 1",
}
"""Statements without any filter."""


@pytest.fixture(scope="module")
def filled(db: Database, creditor: UUID, other_creditor: UUID) -> tuple[UUID, UUID]:
    """Two creditors with rows in every table."""
    for creditor_id in (creditor, other_creditor):
        for _ in range(2):
            with db.tenant(creditor_id) as connection:
                add_one_of_each(connection, creditor_id)
    return creditor, other_creditor


@given(name=st.sampled_from(NAMES), statement=st.sampled_from(sorted(RECKLESS)), turn=st.integers(0, 1))
def test_a_forgotten_filter_reaches_nobody_else(
    db: Database, filled: tuple[UUID, UUID], name: str, statement: str, turn: int
) -> None:
    if statement in ("UPDATE", "DELETE") and statement not in policies.privileges(name):
        return
    with db.tenant(filled[turn]) as connection:
        found = {row[0] for row in connection.exec_driver_sql(RECKLESS[statement].format(table=name))}
        connection.rollback()
    assert found == {filled[turn]}


@pytest.mark.parametrize("name", NAMES)
def test_without_a_creditor_there_are_no_rows_and_no_error(
    db: Database, filled: tuple[UUID, UUID], database: Any, name: str
) -> None:
    with db.system() as connection:
        assert connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() == 0
    with psycopg.connect(database.url) as bare:
        assert bare.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() == (0,)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_writes_rows_for_another(db: Database, filled: tuple[UUID, UUID], name: str) -> None:
    mine, other = filled
    for acting in (mine, None):
        transaction = db.tenant(acting) if acting else db.system()
        with pytest.raises(DBAPIError, match="row-level security"), transaction as connection:
            add(connection, other if acting else mine, name)
    if "UPDATE" in policies.privileges(name):
        with pytest.raises(DBAPIError, match="row-level security"), db.tenant(mine) as connection:
            connection.exec_driver_sql(f"UPDATE {name} SET creditor_id = %(id)s", {"id": other})


def test_the_owner_of_the_tables_sees_nothing_either(owner: psycopg.Connection[Any], filled: tuple[UUID, UUID]) -> None:
    for name in set(NAMES) - {"creditors"}:
        assert owner.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() == (0,)


def test_the_setting_ends_with_the_transaction(database: Any, creditor: UUID) -> None:
    db = Database(database.url, pool_size=1)
    with db.tenant(creditor) as connection:
        assert profile(connection)
    with db.system() as connection:
        assert profile(connection) == {}
    with pytest.raises(ZeroDivisionError), db.tenant(creditor):
        raise ZeroDivisionError
    with db.system() as connection:
        assert profile(connection) == {}
    db.close()


def test_a_key_of_another_creditor_is_no_way_in(db: Database, filled: tuple[UUID, UUID]) -> None:
    mine, other = filled
    with db.tenant(other) as connection:
        taken = connection.exec_driver_sql("SELECT debtor_id FROM debtors LIMIT 1").scalar_one()
    with db.tenant(mine) as connection:
        found = connection.exec_driver_sql("SELECT 1 FROM debtors WHERE debtor_id = %(id)s", {"id": taken}).all()
    assert found == []


def test_every_creditor_is_known_by_its_code(db: Database, creditor: UUID, other_creditor: UUID) -> None:
    assert db.creditors() == {"harbour": creditor, "quay": other_creditor}


def test_a_creditor_is_made_once_and_its_profile_replaced(fresh_database: Any) -> None:
    db = Database(fresh_database.url)
    made = ensure_creditor(db, "a", None, NOW, b"0123456789")
    assert ensure_creditor(db, "a", {"name": "A"}, NOW, b"9999999999") == made
    assert ensure_creditor(db, "a", None, NOW, b"8888888888") == made
    assert ensure_creditor(db, "b", {"name": "B"}, NOW, b"7777777777") != made
    with db.tenant(made) as connection:
        assert profile(connection) == {"name": "A"}
    db.close()


STATEMENTS = (
    "UPDATE ledger SET kind = 'x'",
    "DELETE FROM ledger",
    "TRUNCATE ledger",
    "INSERT INTO ledger SELECT * FROM ledger ON CONFLICT (debtor_id, seq, at) DO UPDATE SET kind = 'x'",
    "SELECT * FROM ledger_default",
    "INSERT INTO ledger_default SELECT * FROM ledger",
    "DELETE FROM ledger_default",
    "DELETE FROM attempts",
    "DELETE FROM suppressions",
    "TRUNCATE debtors",
    "ALTER TABLE ledger DISABLE TRIGGER ALL",
    "ALTER TABLE debtors DISABLE ROW LEVEL SECURITY",
    "DROP POLICY one_creditor ON debtors",
    "DROP TABLE ledger_default",
    "ALTER TABLE ledger DETACH PARTITION ledger_default",
    "CREATE OR REPLACE FUNCTION forbear_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
    "SELECT forbear_protect_ledger_part('ledger_default')",
    "SET session_replication_role = replica",
    "ALTER ROLE forbear_app BYPASSRLS",
    "SET ROLE forbear_owner",
    "UPDATE alembic_version SET version_num = 'x'",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_processes_may_not(db: Database, filled: tuple[UUID, UUID], statement: str) -> None:
    with pytest.raises(DBAPIError) as refused, db.tenant(filled[0]) as connection:
        connection.exec_driver_sql(statement)
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


def test_an_unknown_creditor_has_nothing(db: Database, filled: tuple[UUID, UUID]) -> None:
    with db.tenant(uuid4()) as connection:
        assert profile(connection) == {}


def test_a_setting_that_is_no_id_is_an_error_and_shows_nothing(database: Any, filled: tuple[UUID, UUID]) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("SET forbear.creditor = 'everyone'")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT * FROM debtors")
