"""The shared fixtures give what they promise."""

import psycopg
import pytest
import redis

from config.settings import Settings
from tests.databases import Database


def test_two_roles_reach_the_database_and_the_processes_one_is_powerless(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("CREATE TABLE owned_by_the_owner (x int)")
    with psycopg.connect(database.url) as connection:
        role = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert role == ("forbear_app", False, False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE owned_by_the_owner")


def test_fresh_databases_are_apart(database: Database, fresh_database: Database) -> None:
    assert database.name != fresh_database.name
    with psycopg.connect(fresh_database.owner_url) as connection:
        assert connection.execute("SELECT to_regclass('owned_by_the_owner')").fetchone() == (None,)


def test_each_test_begins_with_an_empty_queue(settings: Settings) -> None:
    with redis.Redis.from_url(str(settings.redis_url)) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_each_test_begins_with_an_empty_queue_again(settings: Settings) -> None:
    with redis.Redis.from_url(str(settings.redis_url)) as client:
        assert client.dbsize() == 0
