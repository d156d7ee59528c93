"""What comes in is kept once, sealed under the debtor's key, for everybody whom it concerns."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, Inbound, Intent, ProviderEvent
from domain.facts import Outcome
from storage.crypto import KeyRing, unseal
from storage.received import RAW, TEXT, store
from storage.session import Database
from storage.vault import Vault, erase
from tests import databases
from tests.web.book import Book, write_book

NOW = dt.datetime(2026, 11, 24, 10, 42, tzinfo=dt.UTC)
NUMBER = "+447700900000"


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
    return write_book(db, ring, NOW, debtors=12)


@pytest.fixture(scope="module")
def other_book(db: Database, ring: KeyRing, book: Book) -> Book:
    """Another creditor, whose first debtor has the same number."""
    return write_book(db, ring, NOW, code="quay", debtors=2, seed=8)


@pytest.fixture
def attempt(db: Database, book: Book) -> UUID:
    with db.tenant(book.creditor_id) as connection:
        found = connection.exec_driver_sql(
            "SELECT attempt_id FROM attempts WHERE debtor_id = %(id)s LIMIT 1", {"id": book.debtors[0]}
        )
        return UUID(str(found.scalar_one()))


def keep(db: Database, ring: KeyRing, book: Book, *events: ProviderEvent) -> int:
    with db.tenant(book.creditor_id) as connection:
        return store(connection, Vault(ring, 10), ring, book.creditor_id, events, NOW, uuid4)


def delivery(attempt: UUID | None, key: str = "e1", raw: str = "To=%2B447700900000") -> DeliveryEvent:
    return DeliveryEvent(
        key, "twilio", Channel.SMS, NOW, attempt, "SM1", AttemptState.DELIVERED, Outcome.DELIVERED, cost=5, raw=raw
    )


def reply(sender: str | None, key: str = "i1", attempt: UUID | None = None) -> Inbound:
    return Inbound(key, "twilio", Channel.SMS, NOW, sender, attempt, "别再发了")


def key_of(connection: Connection, ring: KeyRing, debtor: UUID) -> bytes:
    return Vault(ring, 10).keys(connection, [debtor])[debtor]


def test_a_delivery_is_kept_once_and_sealed_for_its_debtor(
    db: Database, ring: KeyRing, book: Book, attempt: UUID
) -> None:
    event = delivery(attempt, "once")
    assert keep(db, ring, book, event, event) == 1
    assert keep(db, ring, book, replace(event, state=AttemptState.UNDELIVERED)) == 0, "the first word stands"
    with db.tenant(book.creditor_id) as connection:
        [row] = connection.exec_driver_sql("SELECT * FROM delivery_events WHERE key = 'once'").mappings()
        raw = unseal(key_of(connection, ring, book.debtors[0]), RAW, row["event_id"], row["raw_cipher"])
    assert raw == event.raw.encode()
    assert (row["attempt_id"], row["state"], row["outcome"], row["cost"]) == (attempt, "delivered", "delivered", 5)
    assert (row["received_at"], row["at"], row["applied_at"]) == (NOW, NOW, None)


def test_an_event_of_an_attempt_that_nobody_knows_is_kept_without_its_words(
    db: Database, ring: KeyRing, book: Book
) -> None:
    assert keep(db, ring, book, delivery(UUID(int=3), "nobody"), delivery(None, "by reference")) == 2
    with db.tenant(book.creditor_id) as connection:
        rows = connection.exec_driver_sql(
            "SELECT raw_cipher, provider_ref FROM delivery_events WHERE key IN ('nobody', 'by reference')"
        ).all()
    assert [tuple(row) for row in rows] == [(None, "SM1")] * 2


def test_a_reply_finds_its_debtor_by_number_and_by_attempt(
    db: Database, ring: KeyRing, book: Book, other_book: Book, attempt: UUID
) -> None:
    assert keep(db, ring, book, reply(f" {NUMBER}", "by number"), reply(None, "by attempt", attempt)) == 2
    with db.tenant(book.creditor_id) as connection:
        rows = connection.exec_driver_sql("SELECT * FROM inbound WHERE key LIKE 'by %%'").mappings().all()
        key = key_of(connection, ring, book.debtors[0])
    assert {row["debtor_id"] for row in rows} == {book.debtors[0]}, "never another creditor's debtor"
    assert all(row["point_id"] for row in rows)
    assert {unseal(key, TEXT, row["inbound_id"], row["text_cipher"]).decode() for row in rows} == {"别再发了"}


def test_a_reply_from_a_shared_number_is_kept_for_everybody(db: Database, ring: KeyRing, book: Book) -> None:
    with db.tenant(book.creditor_id) as connection:
        connection.exec_driver_sql(
            """UPDATE contact_points SET blind = (SELECT blind FROM contact_points WHERE debtor_id = %(one)s)
               WHERE debtor_id = %(other)s""",
            {"one": book.debtors[2], "other": book.debtors[3]},
        )
    event = reply("+447700900002", "shared")
    assert keep(db, ring, book, event) == 2
    assert keep(db, ring, book, event) == 0
    with db.tenant(book.creditor_id) as connection:
        found = connection.exec_driver_sql("SELECT debtor_id FROM inbound WHERE key LIKE 'shared%%'").scalars().all()
    assert set(found) == {book.debtors[2], book.debtors[3]}


def test_a_stranger_is_kept_without_a_debtor_and_sealed(db: Database, ring: KeyRing, book: Book) -> None:
    assert keep(db, ring, book, reply("+447700900999", "stranger")) == 1
    with db.tenant(book.creditor_id) as connection:
        [row] = connection.exec_driver_sql("SELECT * FROM inbound WHERE key = 'stranger'").mappings()
    assert row["debtor_id"] is None
    assert unseal(ring.derive("inbound of nobody"), TEXT, row["inbound_id"], row["text_cipher"]).decode() == "别再发了"


def test_an_erased_debtor_leaves_no_words(db: Database, ring: KeyRing, book: Book) -> None:
    with db.tenant(book.creditor_id) as connection:
        erase(connection, book.debtors[5])
    assert keep(db, ring, book, replace(reply("+447700900005", "erased"), intent=Intent.STOP)) == 1
    with db.tenant(book.creditor_id) as connection:
        [row] = connection.exec_driver_sql("SELECT * FROM inbound WHERE key = 'erased'").mappings()
    assert (row["debtor_id"], row["intent"], row["text_cipher"]) == (book.debtors[5], "stop", None)


def test_nothing_is_nothing(db: Database, ring: KeyRing, book: Book) -> None:
    assert keep(db, ring, book) == 0
