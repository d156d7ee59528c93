"""Brings a database to the schema of this version, as the role that owns the tables: what `forbear release` does.

One transaction a run: a migration that fails, or is killed, has changed nothing. Two runs at once wait for each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from domain.errors import BadSettings
from storage import policies
from storage.failures import as_unavailable
from storage.policies import APP_ROLE
from storage.session import connect, connection_parameters, place

LEAST_POSTGRES = 14
SESSION = {"timezone": "UTC", "lock_timeout": "60s"}
"""An owner's session; a table that is in use for longer than that makes the migration give up, changing nothing."""

_MAKE_ROLE = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
        CREATE ROLE {APP_ROLE} NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- another database of this server made it in the same moment
END
$$"""


def upgrade(owner_url: str) -> None:
    """Bring the database to `head()`, making the role `forbear_app` if it is missing. At `head()` nothing is done.

    Raises Unavailable where the server is away or a table is in use for too long, BadSettings where the server is too
    old or the owner may not do this. Nothing was changed then.
    """
    with _owner(owner_url) as connection:
        _check_server(connection)
        if _revision(connection) == head():
            return
        _see_to_role(connection)
        command.upgrade(_config(connection), "head")
        policies.apply(connection)
        connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {APP_ROLE}")


def downgrade(owner_url: str, to: str) -> None:
    """Bring the database back to the revision `to`; "base" drops everything. The role stays, being the server's."""
    with _owner(owner_url) as connection:
        command.downgrade(_config(connection), to)


def current(url: str) -> str | None:
    """The revision of the database, or None where it has none. Any role of ours may ask."""
    with _session(url) as connection:
        return _revision(connection)


@cache
def head() -> str:
    """The revision that this version of Forbear needs."""
    found = ScriptDirectory(str(_scripts())).get_current_head()
    if found is None:
        raise BadSettings("the migrations are not installed.", where=str(_scripts()), remedy="Install Forbear again.")
    return found


def _scripts() -> Path:
    return Path(__file__).with_name("migrations")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _owner(url: str) -> Iterator[Connection]:
    """A transaction that no other migration of this database runs beside."""
    with _session(url) as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('forbear migrations', 0))")
        yield connection


@contextmanager
def _session(url: str) -> Iterator[Connection]:
    parameters = connection_parameters(url, session=SESSION)
    where = place(parameters)
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(parameters), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except (DBAPIError, psycopg.Error) as error:
        raise _explained(error, where) from error
    finally:
        engine.dispose()


def _explained(error: DBAPIError | psycopg.Error, where: str) -> Exception:
    found = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(found, psycopg.errors.InsufficientPrivilege):
        return BadSettings(
            "whoever logs in may not change the tables, or may not make the role forbear_app.",
            where=where,
            remedy="Name the owner by FORBEAR_DATABASE_OWNER_URL; docs/running.md says what it needs.",
        )
    return as_unavailable(error, where) or error


def _revision(connection: Connection) -> str | None:
    if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar_one() is None:
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return found


def _check_server(connection: Connection) -> None:
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version // 10_000 < LEAST_POSTGRES:
        raise BadSettings(
            f"the server is PostgreSQL {version // 10_000}.",
            where="FORBEAR_DATABASE_URL",
            remedy=f"Use PostgreSQL {LEAST_POSTGRES} or newer.",
        )


def _see_to_role(connection: Connection) -> None:
    """Make the role of the processes if it is missing, and let the owner step down to it."""
    connection.exec_driver_sql(_MAKE_ROLE)
    is_mighty, may_become = connection.exec_driver_sql(
        f"""SELECT r.rolsuper OR r.rolbypassrls,
                pg_has_role(current_user, r.oid, CASE WHEN {_newer_than_15(connection)} THEN 'SET' ELSE 'MEMBER' END)
            FROM pg_roles r WHERE rolname = '{APP_ROLE}'"""  # noqa: S608 -- constants
    ).one()
    if is_mighty:
        raise BadSettings(
            f"the role {APP_ROLE} can bypass row-level security, and nothing would keep creditors apart.",
            where="FORBEAR_DATABASE_OWNER_URL",
            remedy=f"Run `ALTER ROLE {APP_ROLE} NOSUPERUSER NOBYPASSRLS` as a superuser.",
        )
    if not may_become:
        _let_owner_become(connection)


def _newer_than_15(connection: Connection) -> bool:
    return int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) >= 160_000


def _let_owner_become(connection: Connection) -> None:
    """Grant the role to the owner. One who may not is no use to the processes, but good enough to migrate."""
    savepoint = connection.begin_nested()
    try:
        connection.exec_driver_sql(f"GRANT {APP_ROLE} TO CURRENT_USER")
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise
        savepoint.rollback()
    else:
        savepoint.commit()
