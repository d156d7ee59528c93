"""The ledger's months: made by whoever may, at the same time, and nothing is lost where one is missing."""

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from domain.errors import Unavailable
from storage import ledger
from storage.creditors import ensure_creditor
from storage.ledger import Entry
from storage.partitions import ensure_partitions
from storage.session import Database
from tests import databases
from tests.storage.conftest import NOW
from tests.storage.rows import add_lanes


@pytest.fixture
def db(fresh_database: databases.Database) -> Iterator[Database]:
    made = Database(fresh_database.url)
    yield made
    made.close()


@pytest.fixture
def owner(fresh_database: databases.Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(fresh_database.owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def creditor(db: Database) -> UUID:
    return ensure_creditor(db, "a", None, NOW, b"0123456789")


def months(owner: psycopg.Connection[Any]) -> list[str]:
    rows = owner.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ledger'::regclass ORDER BY 1"
    ).fetchall()
    return [name for (name,) in rows]


def write(db: Database, creditor: UUID, *at: dt.datetime) -> UUID:
    debtor_id = uuid4()
    with db.tenant(creditor) as connection:
        add_lanes(connection, creditor, [debtor_id])
        ledger.append(connection, creditor, [Entry(debtor_id, "looked", when, {}) for when in at])
    return debtor_id


def where(owner: psycopg.Connection[Any], creditor: UUID, debtor_id: UUID) -> list[str]:
    owner.execute("SELECT set_config('forbear.creditor', %s, false)", [str(creditor)])
    rows = owner.execute("SELECT tableoid::regclass::text FROM ledger WHERE debtor_id = %s ORDER BY seq", [debtor_id])
    return [name for (name,) in rows]


def test_months_are_made_once_from_first_to_last(db: Database, owner: psycopg.Connection[Any]) -> None:
    with db.system() as connection:
        assert ensure_partitions(connection, dt.date(2026, 11, 30), dt.date(2027, 2, 1)) == 4
        assert ensure_partitions(connection, dt.date(2026, 12, 31), dt.date(2026, 12, 1)) == 0
        assert ensure_partitions(connection, dt.date(2026, 10, 31), dt.date(2027, 1, 31)) == 1
    wanted = ["ledger_2026_10", "ledger_2026_11", "ledger_2026_12", "ledger_2027_01", "ledger_2027_02"]
    assert months(owner) == [*wanted, "ledger_default"]


def test_an_entry_lies_in_its_month_by_utc(db: Database, owner: psycopg.Connection[Any], creditor: UUID) -> None:
    with db.system() as connection:
        ensure_partitions(connection, dt.date(2026, 11, 1), dt.date(2026, 12, 1))
    shanghai = dt.timezone(dt.timedelta(hours=8))
    first = dt.datetime(2026, 12, 1, 8, tzinfo=shanghai)
    debtor_id = write(db, creditor, first, first - dt.timedelta(microseconds=1), first + dt.timedelta(days=31))
    assert where(owner, creditor, debtor_id) == ["ledger_2026_12", "ledger_2026_11", "ledger_default"]
    with db.tenant(creditor) as connection:
        assert ledger.verify(connection, debtor_id) == 3


def test_a_month_that_lies_in_the_default_stays_there(
    db: Database, owner: psycopg.Connection[Any], creditor: UUID
) -> None:
    debtor_id = write(db, creditor, NOW)
    with db.system() as connection:
        assert ensure_partitions(connection, dt.date(2026, 10, 1), dt.date(2026, 12, 1)) == 2
    assert months(owner) == ["ledger_2026_10", "ledger_2026_12", "ledger_default"]
    assert where(owner, creditor, debtor_id) == ["ledger_default"]
    assert write(db, creditor, NOW)


def test_processes_that_ask_at_once_get_one(db: Database, owner: psycopg.Connection[Any]) -> None:
    start = threading.Barrier(6)

    def ask(_: int) -> int:
        start.wait()
        with db.system() as connection:
            return ensure_partitions(connection, dt.date(2030, 1, 1), dt.date(2030, 3, 1))

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, range(6))) == 3


def test_a_new_month_does_not_wait_for_those_who_write(db: Database, creditor: UUID) -> None:
    with db.system() as connection:
        ensure_partitions(connection, dt.date(2026, 11, 1), dt.date(2026, 11, 1))
    debtor_id = write(db, creditor, NOW)
    with db.tenant(creditor) as writing:
        ledger.append(writing, creditor, [Entry(debtor_id, "looked", NOW, {})])
        with db.system() as connection:
            assert ensure_partitions(connection, dt.date(2026, 12, 1), dt.date(2026, 12, 1)) == 1
    with db.tenant(creditor) as connection:
        assert ledger.verify(connection, debtor_id) == 2


def test_whoever_is_in_the_way_too_long_is_named(db: Database, owner: psycopg.Connection[Any]) -> None:
    with owner.transaction():
        owner.execute("LOCK TABLE ledger IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(Unavailable, match="held what was needed"), db.system() as connection:  # noqa: PT012
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10ms'")
            ensure_partitions(connection, dt.date(2026, 12, 1), dt.date(2026, 12, 1))


@pytest.mark.parametrize("day", [dt.date(1970, 1, 1), dt.date(2300, 1, 1)])
def test_a_clock_out_of_its_mind_gets_no_month(db: Database, day: dt.date) -> None:
    with pytest.raises(DBAPIError, match="no ledger is kept"), db.system() as connection:
        ensure_partitions(connection, day, day)


def test_every_part_is_guarded_like_the_first(db: Database, owner: psycopg.Connection[Any], creditor: UUID) -> None:
    with db.system() as connection:
        ensure_partitions(connection, dt.date(2026, 11, 1), dt.date(2026, 11, 1))
    write(db, creditor, NOW)
    for statement in ("SELECT * FROM ledger_2026_11", "INSERT INTO ledger_2026_11 SELECT * FROM ledger"):
        with pytest.raises(DBAPIError, match="permission denied"), db.tenant(creditor) as connection:
            connection.exec_driver_sql(statement)
    assert owner.execute("SELECT count(*) FROM ledger_2026_11").fetchone() == (0,)
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("TRUNCATE ledger_2026_11")
    owner.execute("ALTER TABLE ledger_2026_11 NO FORCE ROW LEVEL SECURITY")
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("DELETE FROM ledger_2026_11")
    rows = owner.execute(
        """SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid = 'ledger_2026_11'::regclass ORDER BY 1"""
    ).fetchall()
    assert rows == [("ledger_keeps", "A"), ("ledger_part_is_not_emptied", "A")]
