"""What Twilio is asked, what its answers mean, whose callbacks are its own, and what it says of attempts in doubt."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

import pytest

from channels.protocol import SentAttempt, callback_request
from channels.twilio import LEAST_CALL_SECONDS, LEAST_SMS_SECONDS, Twilio, refusal
from channels.twilio_codes import CODES
from channels.twilio_http import ApiRefused
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.errors import Tampered
from domain.message import Accepted, Failure, InDoubt, NotAccepted
from tests.contract import twilio_stub
from tests.contract.messages import NOW, TO, message, now, sms, voice
from tests.contract.rigs import twilio_settings
from tests.contract.twilio_stub import TOKEN, Answer, TwilioStub, error, sign

URL = "https://forbear.example.org/webhooks/twilio/a/b"


@pytest.fixture
async def stub() -> AsyncIterator[TwilioStub]:
    """Twilio, here."""
    async with twilio_stub.running() as made:
        yield made


@pytest.fixture
async def twilio(stub: TwilioStub) -> AsyncIterator[Twilio]:
    """The adapter, at the suite's time."""
    adapter = Twilio(twilio_settings(stub.url), now)
    yield adapter
    await adapter.close()


@pytest.fixture
async def present(stub: TwilioStub) -> AsyncIterator[Twilio]:
    """The adapter, at the time that the stub shows too."""
    adapter = Twilio(twilio_settings(stub.url), lambda: datetime.now(UTC))
    yield adapter
    await adapter.close()


async def test_an_sms_ends_with_its_window(twilio: Twilio, stub: TwilioStub) -> None:
    sent = message(Channel.SMS, hours=2)
    await twilio.send(sent)
    assert stub.seen[0]["form"] == {
        "To": TO,
        "From": "+13125550100",
        "Body": sms().text,
        "ValidityPeriod": "7200",
        "StatusCallback": sent.callback_url,
    }


@pytest.mark.parametrize(("seconds", "asked"), [(LEAST_SMS_SECONDS, "5"), (90.9, "90"), (360_000, "36000")])
async def test_the_validity_is_what_twilio_takes(twilio: Twilio, stub: TwilioStub, seconds: float, asked: str) -> None:
    assert isinstance(await twilio.send(message(Channel.SMS, hours=seconds / 3600)), Accepted)
    form = stub.seen[0]["form"]
    assert isinstance(form, dict)
    assert form["ValidityPeriod"] == asked


@pytest.mark.parametrize(
    ("channel", "seconds"), [(Channel.SMS, LEAST_SMS_SECONDS - 0.1), (Channel.VOICE, LEAST_CALL_SECONDS - 0.1)]
)
async def test_too_little_of_the_window_is_none(
    twilio: Twilio, stub: TwilioStub, channel: Channel, seconds: float
) -> None:
    result = await twilio.send(message(channel, hours=seconds / 3600))
    assert isinstance(result, NotAccepted)
    assert result.failure is Failure.EXPIRED
    assert stub.seen == []


async def test_a_call_is_detected_reported_and_bounded(twilio: Twilio, stub: TwilioStub) -> None:
    sent = message(Channel.VOICE)
    await twilio.send(sent)
    form = stub.seen[0]["form"]
    assert isinstance(form, dict)
    assert form["MachineDetection"] == "DetectMessageEnd"
    assert form["StatusCallback"] == sent.callback_url
    assert form["Url"] == f"{sent.callback_url}?step=answer&until={int(sent.valid_until.timestamp())}&machine=1"
    assert (form["Timeout"], form["TimeLimit"]) == ("25", "300")
    assert "Twiml" not in form


async def test_a_call_with_nothing_for_machines_only_tells_them_apart(twilio: Twilio, stub: TwilioStub) -> None:
    await twilio.send(message(Channel.VOICE, voice(machine=None)))
    form = stub.seen[0]["form"]
    assert isinstance(form, dict)
    assert form["MachineDetection"] == "Enable"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_failure_of_the_server_is_in_doubt(twilio: Twilio, stub: TwilioStub, status: int) -> None:
    stub.script.append(Answer(status, b"<html>", accepts=True))
    assert await twilio.send(message(Channel.SMS)) == InDoubt(f"http_{status}")
    assert len(stub.made) == 1


async def test_an_answer_without_end_is_cut_off(twilio: Twilio, stub: TwilioStub) -> None:
    stub.script.append(Answer(201, b" " * 3_000_000, accepts=True))
    assert await twilio.send(message(Channel.SMS)) == InDoubt("answer_too_long")


async def test_a_message_that_failed_at_birth_was_not_taken(twilio: Twilio, stub: TwilioStub) -> None:
    stub.script.append(Answer(201, b'{"sid": "SM1", "status": "failed", "error_code": 21610}', accepts=False))
    assert await twilio.send(message(Channel.SMS)) == NotAccepted(Failure.OPTED_OUT, "21610", is_retryable=False)


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"sid": 1}', b"{}", b"", b'"x"', b"[" * 5000])
async def test_an_answer_that_is_none_is_in_doubt(twilio: Twilio, stub: TwilioStub, body: bytes) -> None:
    stub.script.append(Answer(201, body, accepts=True))
    assert isinstance(await twilio.send(message(Channel.SMS)), InDoubt)


@pytest.mark.parametrize("code", CODES)
async def test_every_code_over_the_wire(twilio: Twilio, stub: TwilioStub, code: int) -> None:
    stub.script.append(error(400, code, "Something about +13125550142"))
    found = CODES[code]
    assert await twilio.send(message(Channel.SMS)) == NotAccepted(found.failure, str(code), found.is_retryable)


@pytest.mark.parametrize(
    ("status", "body", "failure", "retryable"),
    [
        (429, b"", Failure.BUSY, True),
        (401, b"", Failure.AUTHENTICATION, True),
        (403, b"[]", Failure.AUTHENTICATION, True),
        (400, b'{"code": true}', Failure.UNKNOWN, False),
        (302, b"", Failure.UNKNOWN, False),
        (404, b'{"code": 20404}', Failure.UNKNOWN, False),
        (429, b'{"code": 21610}', Failure.OPTED_OUT, False),
    ],
)
def test_statuses_without_a_known_code(status: int, body: bytes, failure: Failure, retryable: bool) -> None:
    result = refusal(ApiRefused(status, {}, body.decode()), NOW)
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (failure, retryable)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        (format_datetime(NOW + timedelta(seconds=40)), 40.0),
        ("1e9", 86_400.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_when_to_try_again(header: str, seconds: float | None) -> None:
    result = refusal(ApiRefused(429, {"Retry-After": header}, ""), NOW)
    assert isinstance(result, NotAccepted)
    assert result.retry_after == seconds


async def test_our_own_mistakes_are_refused_by_the_api(stub: TwilioStub) -> None:
    wrong = Twilio(twilio_settings(stub.url), now)
    long = await wrong.send(message(Channel.SMS, sms(text="x" * 1601)))
    assert long == NotAccepted(Failure.BAD_REQUEST, "21617", is_retryable=False)
    await wrong.close()


async def test_a_messaging_service_sends_instead_of_a_number(stub: TwilioStub) -> None:
    from dataclasses import replace

    adapter = Twilio(replace(twilio_settings(stub.url), sms_from="MG" + "1" * 32), now)
    await adapter.send(message(Channel.SMS))
    form = stub.seen[0]["form"]
    assert isinstance(form, dict)
    assert form["MessagingServiceSid"] == "MG" + "1" * 32
    assert "From" not in form
    await adapter.close()


FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": TO}
FORM_BODY = b"MessageSid=SM1&MessageStatus=delivered&To=%2B13125550142"
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("signed", "called"),
    [
        (URL, URL),
        ("https://forbear.example.org:443/webhooks/twilio/a/b", URL),
        ("https://forbear.example.org:8443/x", "https://forbear.example.org:8443/x"),
        (f"{URL}?step=verify&try=1", f"{URL}?step=verify&try=1"),
    ],
)
def test_the_signature_fits_with_and_without_the_port(signed: str, called: str) -> None:
    adapter = Twilio(twilio_settings(""), now)
    headers = {**FORM_TYPE, "X-Twilio-Signature": sign(signed, FORM)}
    adapter.verify(callback_request("POST", called, headers, FORM_BODY))


def test_a_json_body_is_held_by_its_digest() -> None:
    adapter = Twilio(twilio_settings(""), now)
    body = json.dumps({"a": 1}).encode()
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": sign(url, {})}
    adapter.verify(callback_request("POST", url, headers, body))
    for altered in (body + b" ", b"{}"):
        with pytest.raises(Tampered):
            adapter.verify(callback_request("POST", url, headers, altered))


def test_repeated_keys_are_all_signed() -> None:
    adapter = Twilio(twilio_settings(""), now)
    body = b"Media=b&Media=a&To=x"
    text = f"{URL}MediaaMediabTox"
    signature = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()
    headers = {**FORM_TYPE, "X-Twilio-Signature": signature}
    adapter.verify(callback_request("POST", URL, headers, body))


def test_the_newer_algorithm_is_understood_and_an_unknown_one_refused() -> None:
    adapter = Twilio(twilio_settings(""), now)
    text = URL + "".join(name + FORM[name] for name in sorted(FORM))
    signature = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha256).digest()).decode()
    headers = {**FORM_TYPE, "X-Twilio-Signature": signature}
    settings = "X-Twilio-Webhooks-Signature-Settings"
    adapter.verify(callback_request("POST", URL, {**headers, settings: "key=k,algorithm=HMAC_SHA256"}, FORM_BODY))
    for named in ("", "key=k,algorithm=HMAC_MD5"):
        with pytest.raises(Tampered):
            adapter.verify(callback_request("POST", URL, {**headers, settings: named}, FORM_BODY))


def test_a_reply_is_answered_with_an_empty_document() -> None:
    adapter = Twilio(twilio_settings(""), now)
    request = callback_request("POST", URL, FORM_TYPE, b"MessageSid=SM1&From=x&Body=hi")
    reply = adapter.respond(request, None)
    assert reply is not None
    assert reply.body.endswith(b"<Response/>")
    assert adapter.respond(callback_request("POST", URL, FORM_TYPE, FORM_BODY), None) is None


def asked(minutes_ago: float = 0.0, ref: str | None = None, channel: Channel = Channel.SMS) -> SentAttempt:
    sent_at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return SentAttempt(UUID(int=5, version=4), channel, sent_at, TO, ref)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VOICE])
async def test_what_reached_twilio_is_found_by_recipient_and_time(
    present: Twilio, stub: TwilioStub, channel: Channel
) -> None:
    from dataclasses import replace

    stub.script.append(Answer(500, accepts=True, body=b""))
    sent = replace(message(channel), valid_until=datetime.now(UTC) + timedelta(hours=1))
    assert isinstance(await present.send(sent), InDoubt)
    found = await present.find(asked(channel=channel))
    assert found is not None
    assert (found.state, found.provider_ref) == (AttemptState.ACCEPTED, next(iter(stub.made)))


async def test_its_end_is_told_with_its_reason(present: Twilio, stub: TwilioStub) -> None:
    made = stub._create("Messages", {"To": TO, "From": "+13125550100"})
    made.status, made.error_code = "undelivered", 30005
    found = await present.find(asked(ref=made.sid))
    assert found is not None
    assert (found.state, found.failure, found.code) == (AttemptState.UNDELIVERED, Failure.INVALID_POINT, "30005")


async def test_of_two_that_it_can_be_neither_is_taken(present: Twilio, stub: TwilioStub) -> None:
    for _ in range(2):
        stub._create("Messages", {"To": TO, "From": "+13125550100"})
    assert await present.find(asked()) is None


async def test_what_is_not_listed_long_after_never_arrived(present: Twilio, stub: TwilioStub) -> None:
    assert await present.find(asked(minutes_ago=29)) is None
    found = await present.find(asked(minutes_ago=31))
    assert found is not None
    assert (found.state, found.provider_ref) == (AttemptState.REJECTED, None)


async def test_others_to_the_same_number_are_not_mistaken_for_it(present: Twilio, stub: TwilioStub) -> None:
    old = stub._create("Messages", {"To": TO, "From": "+13125550100"})
    old.created -= 3 * 3600
    found = await present.find(asked(minutes_ago=60))
    assert found is not None
    assert found.state is AttemptState.REJECTED


async def test_what_a_stepped_clock_may_have_moved_is_not_proved_absent(present: Twilio, stub: TwilioStub) -> None:
    moved = stub._create("Messages", {"To": TO, "From": "+13125550100"})
    moved.created -= (60 + 15) * 60
    assert await present.find(asked(minutes_ago=60)) is None


async def test_nobody_can_tell_when_twilio_does_not(present: Twilio, stub: TwilioStub) -> None:
    await stub.stop()
    assert await present.find(asked(minutes_ago=60)) is None
    assert await present.find(asked(ref="SM" + "9" * 32)) is None
