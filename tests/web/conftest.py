"""The application over a real database with a creditor's book in it, called in process or over a socket."""

import datetime as dt
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import httpx
import pytest

from domain.errors import Unavailable
from domain.message import Content
from storage.crypto import KeyRing
from storage.session import Database
from storage.vault import Vault
from tests import databases
from tests.web.book import Book, write_book
from tests.web.provider import Inbox, Signed
from tests.web.serving import Clock, serving
from web.app import create_app
from web.board import RuleWords
from web.depths import Depth
from web.services import Services
from workers.links import link_key

NOW = dt.datetime(2026, 11, 24, 10, 42, tzinfo=dt.UTC)
TOKEN = "a-token-for-tests-alone"
CONTENTS: dict[tuple[UUID, UUID], Content] = {}
WORDS = {("cn-consumer-credit", "hours"): RuleWords("GB/T 45251-2025 5.3", "No collection from 22:00 to 08:00.")}


class Queue:
    """A queue as the screens see it."""

    def __init__(self) -> None:
        self.is_away = False

    def read(self) -> tuple[list[Depth], int]:
        """One queue and two workers; raises Unavailable where it is away."""
        if self.is_away:
            raise Unavailable("away.")
        return [Depth("sms", 3, 1, 2)], 2


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.open(tmp_path_factory.mktemp("keys") / "keys.json", create=True)


@pytest.fixture(scope="module")
def db(database: databases.Database) -> Iterator[Database]:
    made = Database(database.url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def book(db: Database, ring: KeyRing) -> Book:
    """The book of `harbour`, the creditor that most tests look at."""
    return write_book(db, ring, NOW)


@pytest.fixture(scope="module")
def other_book(db: Database, ring: KeyRing, book: Book) -> Book:
    """The book of another creditor."""
    return write_book(db, ring, NOW, code="quay", name="Quay Finance", debtors=4, seed=8)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def services(db: Database, ring: KeyRing, inbox: Inbox, queue: Queue) -> Services:
    return Services(
        db=db,
        clock=Clock(NOW),
        adapters={"signed": Signed()},
        receive=inbox,
        content_of=lambda creditor_id, attempt_id: CONTENTS.get((creditor_id, attempt_id)),
        vault=Vault(ring, 1000),
        depths=queue,
        token=TOKEN,
        link_key=link_key(b"test"),
        public_url="https://forbear.example.com",
        head="newest",
        revision=lambda: "newest",
        rules=WORDS,
    )


@pytest.fixture
async def stranger(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without the token."""
    transport = httpx.ASGITransport(create_app(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://forbear.test") as client:
        yield client


@pytest.fixture
async def client(stranger: httpx.AsyncClient) -> httpx.AsyncClient:
    """Somebody with the token."""
    stranger.headers["authorization"] = f"Bearer {TOKEN}"
    return stranger


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    """The address of a real server."""
    with serving(services) as found:
        yield found
