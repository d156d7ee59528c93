"""A database of the module's own, two creditors in it, and somebody who owns the tables and means harm."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from storage.creditors import ensure_creditor
from storage.crypto import KeyRing
from storage.session import Database
from tests import databases

NOW = dt.datetime(2026, 11, 24, 10, 42, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def db(database: databases.Database) -> Iterator[Database]:
    made = Database(database.url, pool_size=8)
    yield made
    made.close()


@pytest.fixture(scope="module")
def creditor(db: Database) -> UUID:
    return ensure_creditor(db, "harbour", {"name": "Harbour Bank"}, NOW, b"0123456789")


@pytest.fixture(scope="module")
def other_creditor(db: Database) -> UUID:
    return ensure_creditor(db, "quay", {"name": "Quay Finance"}, NOW, b"9876543210")


@pytest.fixture
def owner(database: databases.Database) -> Iterator[psycopg.Connection[Any]]:
    """The role that owns the tables; each statement is a transaction."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys.json", create=True)
