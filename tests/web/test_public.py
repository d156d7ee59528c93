"""Links in messages: opening one does nothing, one click stops, nothing tells of a debt."""

import datetime as dt
from uuid import UUID

import httpx
import pytest

from domain.channel import Channel
from domain.event import Inbound, Intent
from storage.session import Database
from tests.web.book import NAMES, Book
from tests.web.conftest import NOW
from tests.web.provider import Inbox
from web.services import Services
from workers.links import Purpose, link_key, sign

LAST = NOW.date() + dt.timedelta(days=90)


@pytest.fixture
def attempt(db: Database, book: Book) -> UUID:
    """An email that was sent."""
    with db.tenant(book.creditor_id) as connection:
        return UUID(
            str(
                connection.exec_driver_sql(
                    "SELECT attempt_id FROM attempts WHERE channel = 'email' LIMIT 1"
                ).scalar_one()
            )
        )


@pytest.fixture
def stop(services: Services, book: Book, attempt: UUID) -> str:
    """The link in it that stops these messages."""
    return "/unsubscribe/" + sign(services.link_key, Purpose.UNSUBSCRIBE, [book.creditor_id, attempt], LAST)


async def test_opening_the_link_stops_nothing(stranger: httpx.AsyncClient, stop: str, inbox: Inbox) -> None:
    for _ in range(2):
        shown = await stranger.get(stop)
        assert shown.status_code == 200
        assert "<form" in shown.text
    assert inbox.events == []


@pytest.mark.parametrize("body", [b"List-Unsubscribe=One-Click", b""])
async def test_one_click_stops(
    stranger: httpx.AsyncClient, stop: str, book: Book, attempt: UUID, inbox: Inbox, body: bytes
) -> None:
    done = await stranger.post(stop, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert done.status_code == 200
    assert "no more of these messages" in done.text
    [(creditor_id, event)] = inbox.events
    assert creditor_id == book.creditor_id
    assert event == Inbound(f"{attempt}/stop", "link", Channel.EMAIL, NOW, None, attempt, intent=Intent.STOP)


async def test_a_forged_a_foreign_and_an_old_link_do_nothing(
    stranger: httpx.AsyncClient,
    services: Services,
    book: Book,
    other_book: Book,
    attempt: UUID,
    stop: str,
    inbox: Inbox,
) -> None:
    ids = [book.creditor_id, attempt]
    forged = sign(link_key(b"other"), Purpose.UNSUBSCRIBE, ids, LAST)
    foreign = sign(services.link_key, Purpose.UNSUBSCRIBE, [other_book.creditor_id, attempt], LAST)
    old = sign(services.link_key, Purpose.UNSUBSCRIBE, ids, NOW.date() - dt.timedelta(days=1))
    pay = sign(services.link_key, Purpose.PAY, ids[:1], LAST)
    for token, status in ((forged, 404), (foreign, 404), (old, 410), (pay, 404), (stop[-10:], 404)):
        assert (await stranger.post(f"/unsubscribe/{token}")).status_code == status
    assert (await stranger.get(f"/unsubscribe/{old}")).status_code == 410
    assert inbox.events == []


@pytest.mark.parametrize(("purpose", "says"), [(Purpose.PAY, "How to pay"), (Purpose.HELP, "How we can help")])
async def test_the_pages_behind_links_name_no_debt_and_no_debtor(
    stranger: httpx.AsyncClient, services: Services, book: Book, stop: str, purpose: Purpose, says: str
) -> None:
    token = sign(services.link_key, purpose, [book.creditor_id], LAST)
    shown = await stranger.get(f"/{purpose.name.lower()}/{token}")
    assert shown.status_code == 200
    assert says in shown.text
    for text in (shown.text, (await stranger.get(stop)).text, (await stranger.post(stop)).text):
        assert "Harbour customer centre" in text
        assert "+44 7700 900123" in text
        for word in ("debt", "owe", "collect", "arrears", "past due", "Harbour Bank", "harbour<", *NAMES):
            assert word not in text, word
    assert (await stranger.get(f"/{purpose.name.lower()}/nonsense")).status_code == 404
