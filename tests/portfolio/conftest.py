"""Books for the tests of imports."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.crypto import KeyRing
from storage.session import Database
from tests import databases
from tests.portfolio.books import Book, new_book


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """A key ring of the module's own."""
    return KeyRing.open(tmp_path_factory.mktemp("keys") / "keys.json", create=True)


@pytest.fixture(scope="module")
def opened(database: databases.Database) -> Iterator[Database]:
    """The module's database, as the processes see it."""
    found = Database(database.url, pool_size=4)
    yield found
    found.close()


@pytest.fixture
def new(opened: Database, ring: KeyRing, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Book]:
    """Makes creditors with empty books."""
    return lambda: new_book(opened, ring, tmp_path_factory.mktemp("book"))


@pytest.fixture
def book(opened: Database, ring: KeyRing, tmp_path: Path) -> Book:
    """A creditor with an empty book."""
    return new_book(opened, ring, tmp_path)


@pytest.fixture(scope="module")
def module_book(opened: Database, ring: KeyRing, tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A book that the tests of a module share."""
    return new_book(opened, ring, tmp_path_factory.mktemp("book"))
