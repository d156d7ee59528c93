"""Transactions: as whom they run, and what becomes of them when the server fails."""

import datetime as dt
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from domain.errors import Unavailable
from storage import arrays, session
from storage.session import Database
from tests import databases
from tests.storage.rows import add, add_lanes


def show(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())


def driver(connection: Connection) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def test_a_session_is_the_role_that_owns_nothing(db: Database) -> None:
    with db.system() as connection:
        assert connection.exec_driver_sql("SELECT current_user").scalar_one() == "forbear_app"
        assert (show(connection, "timezone"), show(connection, "lock_timeout")) == ("UTC", "20s")
        assert show(connection, "application_name") == "forbear"


def test_an_owner_steps_down_and_stays_down(database: databases.Database, creditor: UUID) -> None:
    db = Database(database.owner_url, pool_size=1)
    for _ in range(2):
        with db.tenant(creditor) as connection:
            users = connection.exec_driver_sql("SELECT session_user, current_user").one()
            assert tuple(users) == ("forbear_owner", "forbear_app")
            connection.exec_driver_sql("RESET ROLE")
            assert connection.exec_driver_sql("SELECT current_user").scalar_one() == "forbear_app"
        with pytest.raises(DBAPIError, match="permission denied"), db.tenant(creditor) as connection:
            connection.exec_driver_sql("DELETE FROM ledger")
    db.close()


def test_what_the_address_says_passes_through(database: databases.Database) -> None:
    db = Database(f"{database.url}&application_name=mine&options=-c%20work_mem%3D5MB&sslmode=prefer")
    with db.system() as connection:
        assert (show(connection, "application_name"), show(connection, "work_mem")) == ("mine", "5MB")
        assert show(connection, "role") == "forbear_app"
    db.close()
    asked = session.connection_parameters(
        "postgresql://u@h:7/d?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3"
    )
    assert (asked["sslmode"], asked["sslrootcert"], asked["connect_timeout"]) == ("verify-full", "/ca.pem", "3")


def test_values_come_as_python_has_them(db: Database, creditor: UUID) -> None:
    with db.tenant(creditor) as connection:
        row = connection.exec_driver_sql(
            """SELECT '2026-11-24 10:00+08'::timestamptz, '{"a": [1, 2.5, null]}'::jsonb, '{"b": "é"}'::json,
                %(id)s::uuid, ARRAY[%(id)s::uuid], ARRAY['a']""",
            {"id": creditor},
        ).one()
    assert row[0] == dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)
    assert row[0].utcoffset() == dt.timedelta(0)
    assert tuple(row[1:]) == ({"a": [1, 2.5, None]}, {"b": "é"}, creditor, [creditor], ["a"])


@pytest.mark.parametrize("n", [0, 1, 700])
def test_packed_arrays_arrive_whole(db: Database, n: int) -> None:
    rows = [
        (uuid4(), f"é{k}", -k, dt.datetime(2026, 1, 1, microsecond=k, tzinfo=dt.UTC), bytes([k % 256]))
        for k in range(n)
    ]
    rows[n // 2 : n // 2 + 1] = [(None,) * 5] if n else []
    i, t, k, a, b = zip(*rows, strict=True) if n else ((),) * 5
    statement = """SELECT * FROM unnest(%(i)s::uuid[], %(t)s::text[], %(k)s::bigint[], %(a)s::timestamptz[],
                       %(b)s::bytea[]) AS u(i, t, k, a, b)"""
    packed = {
        "i": arrays.ids(i),
        "t": arrays.texts(t),
        "k": arrays.numbers(k),
        "a": arrays.instants(a),
        "b": arrays.blobs(b),
    }
    with db.system() as connection:
        for _ in range(7):  # beyond the fifth the driver prepares the statement
            assert [tuple(row) for row in connection.exec_driver_sql(statement, packed)] == rows


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        db = Database(f"postgresql://somebody:secret@127.0.0.1:{port}/forbear")
        with pytest.raises(
            Unavailable, match=f"PostgreSQL at 127.0.0.1:{port}: the database cannot be reached"
        ) as error:
            db.creditors()
        assert "secret" not in str(error.value)
        assert "somebody" not in str(error.value)


REFUSALS = [
    ("forbear_app:", "forbear_app:x", "refuses the user or the password"),
    ("/t_", "/u_", "no such database"),
]


@pytest.mark.parametrize(("old", "new", "said"), REFUSALS)
def test_why_a_server_refuses_is_said(database: databases.Database, old: str, new: str, said: str) -> None:
    db = Database(database.url.replace(old, new, 1))
    with pytest.raises(Unavailable, match=said):
        db.creditors()
    db.close()


FAILURES = [
    ("40001", "could not put this in order"),
    ("40P01", "waited for each other"),
    ("55P03", "held what was needed"),
    ("57014", "took too long"),
    ("53100", "disk is full"),
    ("53200", "no memory left"),
    ("25006", "only reads"),
    ("42P01", "forbear release"),
    ("57P01", "was stopped"),
]


@pytest.mark.parametrize(("code", "said"), FAILURES)
@pytest.mark.parametrize("is_raw", [False, True])
def test_what_can_be_tried_again_is_told_apart(
    db: Database, creditor: UUID, code: str, said: str, is_raw: bool
) -> None:
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'row of Sofia' USING ERRCODE = '{code}'; END $$"
    debtor_id = uuid4()
    with pytest.raises(Unavailable, match=said) as error, db.tenant(creditor) as connection:  # noqa: PT012
        add_lanes(connection, creditor, [debtor_id])
        driver(connection).execute(statement.encode()) if is_raw else connection.exec_driver_sql(statement)
    assert "Sofia" not in str(error.value)
    with db.tenant(creditor) as connection:
        found = connection.exec_driver_sql("SELECT 1 FROM lanes WHERE debtor_id = %(id)s", {"id": debtor_id}).all()
    assert found == []


def test_a_wrong_statement_is_nobody_else_s_fault(db: Database, creditor: UUID) -> None:
    with db.tenant(creditor) as connection:
        debtor = add(connection, creditor, "debtors")
    with pytest.raises(IntegrityError) as error, db.tenant(creditor) as connection:
        add(connection, creditor, "debtors", debtor_id=debtor["debtor_id"], name_cipher=b"Sofia")
    assert "Sofia" not in str(error.value)


def test_of_two_that_wait_for_each_other_one_can_try_again(db: Database, creditor: UUID) -> None:
    first, second = uuid4(), uuid4()
    with db.tenant(creditor) as connection:
        add_lanes(connection, creditor, [first, second])
    both_hold = threading.Barrier(2)

    def cross(one: UUID, other: UUID) -> str:
        lock = "SELECT 1 FROM lanes WHERE debtor_id = %(id)s FOR UPDATE"
        try:
            with db.tenant(creditor) as connection:
                connection.exec_driver_sql(lock, {"id": one})
                both_hold.wait()
                connection.exec_driver_sql(lock, {"id": other})
        except Unavailable as error:
            return error.what
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(cross, (first, second), (second, first)))
    assert said == ["", "this and another transaction waited for each other."]


def backend(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def test_a_connection_that_was_cut_is_replaced(
    database: databases.Database, owner: psycopg.Connection[Any], creditor: UUID
) -> None:
    db = Database(database.url, pool_size=1)
    with db.tenant(creditor) as connection:
        pid = backend(connection)
    owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with db.tenant(creditor) as connection:
        assert backend(connection) != pid
        pid = backend(connection)
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql("SELECT 1")
        connection.rollback()
    with pytest.raises(Unavailable, match="stopped"), db.tenant(creditor) as connection:  # noqa: PT012
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [backend(connection)])
        connection.exec_driver_sql("SELECT 1")
    with db.tenant(creditor) as connection:
        assert backend(connection)
    db.close()


def test_when_all_connections_are_in_use_that_is_said(
    database: databases.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "POOL_SECONDS", 0.01)
    db = Database(database.url, pool_size=1)
    with db.system(), pytest.raises(Unavailable, match="are in use"), db.system():
        pass
    db.close()


def test_a_caller_may_roll_back_within(db: Database, creditor: UUID) -> None:
    debtor_id = uuid4()
    with db.tenant(creditor) as connection:
        add_lanes(connection, creditor, [debtor_id])
        connection.rollback()
    with db.tenant(creditor) as connection:
        found = connection.exec_driver_sql("SELECT 1 FROM lanes WHERE debtor_id = %(id)s", {"id": debtor_id}).all()
    assert found == []
