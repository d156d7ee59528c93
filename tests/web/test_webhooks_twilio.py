"""Twilio's callbacks over a socket, signed by Twilio's own algorithm for the public address."""

from dataclasses import replace
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
from twilio.request_validator import RequestValidator

from channels.twilio import Twilio, TwilioSettings
from domain.attempt import AttemptState
from domain.event import DeliveryEvent, Inbound
from domain.message import Voice
from tests.web.book import Book
from tests.web.conftest import CONTENTS, NOW
from tests.web.provider import Inbox
from tests.web.serving import serving
from web.services import Services

PUBLIC = "https://forbear.example.com"
TOKEN = "twilio-token"
ATTEMPT = UUID(int=9)
DELIVERED = {"MessageSid": "SM" + "1" * 32, "MessageStatus": "delivered", "To": "+447700900001", "Empty": ""}


@pytest.fixture
def with_twilio(services: Services) -> Services:
    settings = TwilioSettings("AC" + "0" * 32, TOKEN, "+15005550006", "+15005550006")
    return replace(services, adapters={"twilio": Twilio(settings, lambda: NOW)})


def call(address: str, path: str, form: dict[str, str], *, token: str = TOKEN, public: str = PUBLIC) -> httpx.Response:
    """Call as Twilio does."""
    signature = RequestValidator(token).compute_signature(public + path, form)
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return httpx.post(address + path, content=urlencode(form), headers=headers, timeout=20)


def test_a_status_is_stored(with_twilio: Services, book: Book, inbox: Inbox) -> None:
    path = f"/webhooks/twilio/{book.creditor_id}/{ATTEMPT}"
    with serving(with_twilio) as address:
        assert call(address, path, DELIVERED).status_code == 204
        assert call(address, path, DELIVERED, public=PUBLIC + ":443").status_code == 204, "Twilio may sign the port"
    (_, first), (_, second) = inbox.events
    assert isinstance(first, DeliveryEvent)
    assert (first.attempt_id, first.state, first.provider_ref) == (ATTEMPT, AttemptState.DELIVERED, "SM" + "1" * 32)
    assert isinstance(second, DeliveryEvent)
    assert second.key == first.key


def test_another_token_another_address_and_another_body_do_not_fit(
    with_twilio: Services, book: Book, inbox: Inbox
) -> None:
    path = f"/webhooks/twilio/{book.creditor_id}/{ATTEMPT}"
    with serving(with_twilio) as address:
        assert call(address, path, DELIVERED, token="other").status_code == 403
        assert call(address, path, DELIVERED, public="https://elsewhere.example.com").status_code == 403
        signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, DELIVERED)
        changed = urlencode(DELIVERED | {"MessageStatus": "failed"})
        headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
        assert httpx.post(address + path, content=changed, headers=headers).status_code == 403
        assert httpx.post(address + path, json=DELIVERED, headers={"x-twilio-signature": signature}).status_code == 403
    assert inbox.events == []


def test_a_reply_is_stored_and_answered_with_twiml(with_twilio: Services, book: Book, inbox: Inbox) -> None:
    form = {"MessageSid": "SM" + "2" * 32, "SmsStatus": "received", "From": "+447700900001", "Body": "Stop. Thank you"}
    with serving(with_twilio) as address:
        answer = call(address, f"/webhooks/twilio/{book.creditor_id}/inbound", form)
    assert answer.status_code == 200
    assert "<Response" in answer.text
    [(_, event)] = inbox.events
    assert isinstance(event, Inbound)
    assert (event.sender, event.text, event.attempt_id) == ("+447700900001", "Stop. Thank you", None)


def test_a_call_goes_on_from_what_was_kept_of_it(with_twilio: Services, book: Book) -> None:
    voice = Voice(
        "+447700900001", "en", "This is Harbour.", "Please key in.", "", ("0" * 64,), "You owe.", None, "Bye."
    )
    path = f"/webhooks/twilio/{book.creditor_id}/{ATTEMPT}?step=answer"
    form = {"CallSid": "CA" + "1" * 32, "CallStatus": "in-progress", "AnsweredBy": "human"}
    with serving(with_twilio) as address:
        unknown = call(address, path, form)
        CONTENTS[book.creditor_id, ATTEMPT] = voice
        try:
            known = call(address, path, form)
        finally:
            CONTENTS.clear()
    assert (unknown.status_code, known.status_code) == (200, 200)
    assert "Harbour" not in unknown.text
    assert "This is Harbour." in known.text
    assert "You owe." not in known.text
    assert known.headers["content-type"].startswith("text/xml")
