"""What needs a person, over HTTP: seen, tried again, closed, settled; nothing without the token, nothing of others."""

from uuid import UUID, uuid4

import httpx
import pytest

from storage import dead_letters
from storage.session import Database
from tests.web.book import Book
from tests.web.conftest import NOW, TOKEN

BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def letter(db: Database, book: Book) -> UUID:
    with db.tenant(book.creditor_id) as connection:
        dead_letters.add(connection, book.creditor_id, None, "receive", "event_of_no_attempt", {"n": str(uuid4())}, NOW)
        return dead_letters.listed(connection)[0].dead_letter_id


async def test_nothing_without_the_token(stranger: httpx.AsyncClient, book: Book) -> None:
    for path in ("dead-letters", "doubts"):
        assert (await stranger.get(f"/api/{book.code}/{path}")).status_code == 401


async def test_a_dead_letter_is_seen_and_closed_once(stranger: httpx.AsyncClient, book: Book, letter: UUID) -> None:
    found = (await stranger.get(f"/api/{book.code}/dead-letters", headers=BEARER)).json()
    assert str(letter) in {one["dead_letter_id"] for one in found}
    path = f"/api/{book.code}/dead-letters/{letter}"
    assert (await stranger.post(f"{path}/close", headers=BEARER, json={"resolution": "seen"})).status_code == 204
    again = await stranger.post(f"{path}/retry", headers=BEARER)
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    closed = (await stranger.get(f"/api/{book.code}/dead-letters?closed=true", headers=BEARER)).json()
    assert [one["resolution"] for one in closed if one["dead_letter_id"] == str(letter)] == ["seen"]


async def test_another_creditors_dead_letter_is_absent(
    stranger: httpx.AsyncClient, other_book: Book, letter: UUID
) -> None:
    path = f"/api/{other_book.code}/dead-letters/{letter}/close"
    assert (await stranger.post(path, headers=BEARER, json={})).status_code == 404
    assert (await stranger.get("/api/nobody/dead-letters", headers=BEARER)).status_code == 404


async def test_a_doubt_is_settled_by_a_person(stranger: httpx.AsyncClient, db: Database, book: Book) -> None:
    with db.tenant(book.creditor_id) as connection:
        connection.exec_driver_sql(
            """UPDATE attempts SET state = 'in_doubt' WHERE attempt_id = (
                   SELECT attempt_id FROM attempts WHERE state = 'accepted' LIMIT 1)"""
        )
    found = (await stranger.get(f"/api/{book.code}/doubts", headers=BEARER)).json()
    assert found
    path = f"/api/{book.code}/doubts/{found[0]['attempt_id']}/settle"
    assert (await stranger.post(path, headers=BEARER, json={"end": "x", "who": "ops"})).status_code == 422
    unknown = f"/api/{book.code}/doubts/{uuid4()}/settle"
    assert (await stranger.post(unknown, headers=BEARER, json={"end": "made", "who": "ops"})).status_code == 404
