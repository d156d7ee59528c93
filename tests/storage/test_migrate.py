"""The schema goes up, down and up again, and is what the models say, with every policy, grant and trigger."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import NullPool, create_engine
from sqlalchemy.schema import SchemaItem

from config.embedded.servers import Servers
from domain.errors import BadSettings, Unavailable
from storage import migrate, policies
from storage.session import Database
from storage.tables import Base
from tests import databases
from tests.storage.rows import NAMES


@pytest.fixture
def empty_url(servers: Servers) -> Iterator[str]:
    """The owner's address of a database in which nothing was made."""
    name = f"t_{os.getpid()}_{next(databases.NUMBERS)}"
    databases._execute(servers, "CREATE DATABASE {}", name)
    yield databases._in_database(servers.owner_url, name)
    databases._execute(servers, "DROP DATABASE {} WITH (FORCE)", name)


def objects(url: str) -> set[tuple[str, str]]:
    """Everything in the schema, by kind and name."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """SELECT 'relation', relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
               UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
               UNION ALL SELECT 'type', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"""
        ).fetchall()
    return {(kind, name) for kind, name in rows}


def test_up_down_up(empty_url: str) -> None:
    assert migrate.current(empty_url) is None
    migrate.upgrade(empty_url)
    assert migrate.current(empty_url) == migrate.head()
    made = objects(empty_url)
    migrate.downgrade(empty_url, "base")
    assert migrate.current(empty_url) is None
    assert {name for _, name in objects(empty_url) if "alembic_version" not in name} == set()
    migrate.upgrade(empty_url)
    assert objects(empty_url) == made


def test_two_at_once_make_it_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [empty_url] * 4))
    assert migrate.current(empty_url) == migrate.head()


def test_a_second_run_touches_nothing(fresh_database: databases.Database) -> None:
    """It does not even wait for a table that is in use."""
    with psycopg.connect(fresh_database.owner_url) as busy:
        busy.execute("LOCK TABLE debtors, ledger IN ACCESS EXCLUSIVE MODE")
        migrate.upgrade(fresh_database.owner_url)


def test_models_equal_migrations(database: databases.Database) -> None:
    def is_ours(item: SchemaItem, name: str | None, kind: str, reflected: bool, compared: SchemaItem | None) -> bool:
        table = getattr(item, "table", item)
        return not (reflected and str(getattr(table, "name", "")).startswith("ledger_"))

    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database.owner_url), poolclass=NullPool
    )
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": is_ours}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    engine.dispose()


def test_checks_and_keys_are_those_of_the_models(database: databases.Database, owner: psycopg.Connection[Any]) -> None:
    """What alembic does not compare: check constraints, primary keys, storage settings."""
    wanted = {
        constraint.name
        for table in Base.metadata.sorted_tables
        for constraint in table.constraints
        if type(constraint).__name__ in ("CheckConstraint", "PrimaryKeyConstraint")
    }
    rows = owner.execute(
        """SELECT conname, pg_get_constraintdef(c.oid), relname FROM pg_constraint c JOIN pg_class r ON r.oid = conrelid
           WHERE contype IN ('c', 'p') AND r.relname = ANY(%s)""",
        [NAMES],
    ).fetchall()
    assert {row[0] for row in rows} == wanted
    definitions = {row[0]: row[1] for row in rows}
    for table in Base.metadata.sorted_tables:
        for constraint in table.constraints:
            words = str(getattr(constraint, "sqltext", "")).split("'")[1::2]
            assert all(f"'{word}'" in definitions[str(constraint.name)] for word in words)
        settings = owner.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [table.name]).fetchone()
        fill = table.dialect_options["postgresql"].get("with") or {}
        assert settings == ([f"{name}={value}" for name, value in fill.items()] or None,)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_kept_apart_by_creditor(owner: psycopg.Connection[Any], name: str) -> None:
    assert owner.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [name]
    ).fetchone() == (True, True)
    policy = owner.execute(
        "SELECT cmd, roles::text, qual, with_check FROM pg_policies WHERE tablename = %s AND policyname = %s",
        [name, policies.POLICY],
    ).fetchone()
    assert policy
    command, roles, visible, writable = policy
    assert (command, roles) == ("ALL", "{public}")
    assert visible == writable
    assert "current_setting('forbear.creditor'" in visible
    others = owner.execute(
        "SELECT policyname FROM pg_policies WHERE tablename = %s AND policyname <> %s", [name, policies.POLICY]
    ).fetchall()
    assert others == ([("codes_of_all",)] if name == "creditors" else [])


def test_no_table_is_forgotten(owner: psycopg.Connection[Any]) -> None:
    rows = owner.execute(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
           AND NOT (relrowsecurity AND relforcerowsecurity)"""
    ).fetchall()
    assert rows == [("alembic_version",)]


@pytest.mark.parametrize("name", NAMES)
def test_the_processes_may_do_no_more_than_they_need(owner: psycopg.Connection[Any], name: str) -> None:
    every = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    found = [
        each
        for each in every
        if owner.execute("SELECT has_table_privilege('forbear_app', %s, %s)", [name, each]).fetchone() == (True,)
    ]
    assert tuple(found) == policies.privileges(name)


def test_the_role_of_the_processes_owns_nothing(owner: psycopg.Connection[Any]) -> None:
    owned = "SELECT count(*) FROM pg_class WHERE relowner = 'forbear_app'::regrole"
    assert owner.execute(owned).fetchone() == (0,)
    mighty = (
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = 'forbear_app'"
    )
    assert owner.execute(mighty).fetchone() == (False,)


def test_triggers_stand_guard_whatever_the_session_says(owner: psycopg.Connection[Any]) -> None:
    rows = owner.execute(
        """SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger
           WHERE NOT tgisinternal OR tgparentid <> 0 ORDER BY 1, 2"""
    ).fetchall()
    found = {(table, name): enabled for table, name, enabled in rows}
    assert found == {
        ("attempts", "attempts_are_counted"): "O",
        ("attempts", "attempts_are_counted_again"): "O",
        ("campaigns", "campaign_stays"): "A",
        ("ledger", "ledger_is_not_emptied"): "A",
        ("ledger", "ledger_keeps"): "A",
        ("ledger_default", "ledger_keeps"): "A",
        ("ledger_default", "ledger_part_is_not_emptied"): "A",
    }


def test_functions_with_their_owner_s_rights_look_nowhere_else(owner: psycopg.Connection[Any]) -> None:
    rows = owner.execute(
        """SELECT proname, proconfig::text, has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc
           WHERE prosecdef AND pronamespace = 'public'::regnamespace"""
    ).fetchall()
    assert {row[0] for row in rows} == {"forbear_creditors", "forbear_ensure_ledger_month"}
    assert all("search_path=public, pg_temp" in row[1] and not row[2] for row in rows)


def test_the_processes_may_not_migrate(empty_url: str, servers: Servers) -> None:
    as_app = databases._in_database(servers.database_url, empty_url.rsplit("/", 1)[1].split("?")[0])
    with pytest.raises(BadSettings, match="may not change the tables"):
        migrate.upgrade(as_app)
    assert migrate.current(as_app) is None


def test_a_database_without_migrations_says_what_to_do(empty_url: str) -> None:
    db = Database(empty_url)
    with pytest.raises(Unavailable, match="forbear release"):
        db.creditors()
    db.close()


@pytest.mark.parametrize("column", ["name", "version", "digest", "source", "launched_at", "creditor_id", "campaign_id"])
def test_a_launched_version_never_changes(owner: psycopg.Connection[Any], column: str) -> None:
    with owner.transaction(force_rollback=True):
        owner.execute("SELECT set_config('forbear.creditor', gen_random_uuid()::text, true)")
        owner.execute(
            """INSERT INTO campaigns (campaign_id, creditor_id, name, version, digest, source, state, launched_at)
               SELECT gen_random_uuid(), current_setting('forbear.creditor')::uuid, 'c', 1, 'd', 's', 'running',
                   now()"""
        )
        owner.execute("UPDATE campaigns SET state = 'paused', enrolled_until = now()")
        with pytest.raises(psycopg.errors.RestrictViolation), owner.transaction():
            owner.execute("DELETE FROM campaigns")
        value = {"version": "2", "launched_at": "NULL", "digest": "'x'::bytea"}.get(column, "gen_random_uuid()")
        value = "'other'" if column in ("name", "source") else value
        with pytest.raises(psycopg.errors.RestrictViolation, match="launched"):
            owner.execute(sql.SQL("UPDATE campaigns SET {} = ").format(sql.Identifier(column)) + sql.SQL(value))


def test_a_draft_may_change(owner: psycopg.Connection[Any]) -> None:
    with owner.transaction(force_rollback=True):
        owner.execute("SELECT set_config('forbear.creditor', gen_random_uuid()::text, true)")
        owner.execute(
            """INSERT INTO campaigns (campaign_id, creditor_id, name, version, digest, source, state)
               VALUES (gen_random_uuid(), current_setting('forbear.creditor')::uuid, 'c', 1, 'd', 's', 'draft')"""
        )
        owner.execute("UPDATE campaigns SET source = 'other', digest = 'x'")
        owner.execute("DELETE FROM campaigns")
