"""Callbacks over HTTP: verified against the public address, stored before they are answered, never quoted."""

from dataclasses import replace
from uuid import UUID

import httpx
import orjson
import pytest

from domain.attempt import AttemptState
from domain.errors import Unavailable
from domain.event import DeliveryEvent, Inbound
from domain.message import Sms
from tests.web.book import Book
from tests.web.conftest import CONTENTS, NOW
from tests.web.provider import Inbox, signature
from web.app import create_app
from web.services import Services
from web.shield import MAX_BODY

ATTEMPT = UUID(int=5)
BODY = orjson.dumps({"key": "e1", "state": "delivered"})
PUBLIC = "https://forbear.example.com"


async def call(
    client: httpx.AsyncClient, path: str, body: bytes = BODY, *, signed: str | None = None
) -> httpx.Response:
    """Call as the provider does: signed for the public address, wherever the server really is."""
    mark = signature(PUBLIC + (signed or path), body)
    return await client.post(path, content=body, headers={"x-signature": mark})


async def test_a_callback_is_stored_and_answered(stranger: httpx.AsyncClient, book: Book, inbox: Inbox) -> None:
    answer = await call(stranger, f"/webhooks/signed/{book.creditor_id}/{ATTEMPT}?part=1")
    assert (answer.status_code, answer.content) == (204, b"")
    [(creditor_id, event)] = inbox.events
    assert creditor_id == book.creditor_id
    assert isinstance(event, DeliveryEvent)
    assert (event.attempt_id, event.state, event.at) == (ATTEMPT, AttemptState.DELIVERED, NOW)


async def test_what_debtors_send_is_stored_and_answered_as_the_adapter_says(
    stranger: httpx.AsyncClient, book: Book, inbox: Inbox
) -> None:
    body = orjson.dumps({"key": "i1", "text": "stop please"})
    answer = await call(stranger, f"/webhooks/signed/{book.creditor_id}/inbound", body)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "<Response/>", "application/xml")
    [(_, event)] = inbox.events
    assert isinstance(event, Inbound)
    assert event.text == "stop please"


async def test_a_signature_for_anything_else_does_not_fit(
    stranger: httpx.AsyncClient, book: Book, inbox: Inbox
) -> None:
    path = f"/webhooks/signed/{book.creditor_id}/{ATTEMPT}"
    for answer in (
        await call(stranger, path, signed=f"/webhooks/signed/{book.creditor_id}/{UUID(int=6)}"),
        await call(stranger, f"{path}?x=1", signed=path),
        await stranger.post(path, content=BODY),
        await stranger.post(path, content=BODY, headers={"x-signature": signature(f"http://forbear.test{path}", BODY)}),
    ):
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"] == "Forbidden"
    assert inbox.events == []


async def test_without_a_public_address_the_one_called_is_signed(services: Services, book: Book, inbox: Inbox) -> None:
    transport = httpx.ASGITransport(create_app(replace(services, public_url="")))
    async with httpx.AsyncClient(transport=transport, base_url="http://forbear.test") as client:
        path = f"/webhooks/signed/{book.creditor_id}/{ATTEMPT}"
        mark = signature(f"http://forbear.test{path}", BODY)
        assert (await client.post(path, content=BODY, headers={"x-signature": mark})).status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/nobody/{c}/{a}",
        "/webhooks/signed/x/{a}",
        "/webhooks/signed/{c}/x",
        "/webhooks/signed/{a}/{a}",
        "/webhooks/signed",
    ],
)
async def test_an_address_that_is_none_of_ours_is_not_found(
    stranger: httpx.AsyncClient, book: Book, path: str, inbox: Inbox
) -> None:
    answer = await call(stranger, path.format(c=book.creditor_id, a=ATTEMPT))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert inbox.events == []


async def test_only_posts_are_callbacks(stranger: httpx.AsyncClient, book: Book) -> None:
    answer = await stranger.get(f"/webhooks/signed/{book.creditor_id}/{ATTEMPT}")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]"])
async def test_a_body_that_says_nothing_stores_nothing(
    stranger: httpx.AsyncClient, book: Book, inbox: Inbox, body: bytes
) -> None:
    answer = await call(stranger, f"/webhooks/signed/{book.creditor_id}/{ATTEMPT}", body)
    assert answer.status_code == 204
    assert inbox.events == []


async def test_a_step_of_a_call_is_answered_from_the_attempts_content(stranger: httpx.AsyncClient, book: Book) -> None:
    body = orjson.dumps({"key": "s1", "step": 2, "state": "delivered"})
    path = f"/webhooks/signed/{book.creditor_id}/{ATTEMPT}"
    assert (await call(stranger, path, body)).text == "<Say>Goodbye.</Say>"
    CONTENTS[book.creditor_id, ATTEMPT] = Sms("+447700900001", "Please press 1.")
    try:
        assert (await call(stranger, path, body)).text == "<Say>Please press 1.</Say>"
    finally:
        CONTENTS.clear()


async def test_a_large_body_is_refused_before_it_is_read(stranger: httpx.AsyncClient, book: Book, inbox: Inbox) -> None:
    path = f"/webhooks/signed/{book.creditor_id}/{ATTEMPT}"
    assert (await call(stranger, path, b"x" * (MAX_BODY + 1))).status_code == 413

    async def endless() -> object:
        for _ in range(10):
            yield b"x" * (MAX_BODY // 4)

    answer = await stranger.post(path, content=endless())  # type: ignore[arg-type]
    assert answer.status_code == 413
    assert inbox.events == []


async def test_what_cannot_be_stored_now_is_asked_for_again(
    stranger: httpx.AsyncClient, book: Book, inbox: Inbox
) -> None:
    inbox.error = Unavailable("the database is away.")
    path = f"/webhooks/signed/{book.creditor_id}/{ATTEMPT}"
    answer = await call(stranger, path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    inbox.error = OSError("+447700900001 cannot be stored")
    answer = await call(stranger, path)
    assert answer.status_code == 500
    assert "+44" not in answer.text
    inbox.error = None
    assert (await call(stranger, path)).status_code == 204
