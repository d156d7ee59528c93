"""Twilio's callbacks as events: every status, any order, again and again, and whatever is not known."""

from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.protocol import CallbackRequest, callback_request
from channels.twilio_callbacks import events
from channels.twilio_codes import CALL_STATES, CODES, MESSAGE_STATES
from domain.attempt import TRANSITIONS, AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, Inbound, Intent
from domain.facts import Outcome
from domain.message import Failure
from tests.contract.messages import NOW, TO

ATTEMPT = UUID(int=5, version=4)
URL = f"https://forbear.example.org/webhooks/twilio/{UUID(int=7)}/{ATTEMPT}"


def form(**fields: str) -> CallbackRequest:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return callback_request("POST", URL, headers, urlencode(fields).encode(), ATTEMPT)


def one(request: CallbackRequest) -> DeliveryEvent:
    (event,) = events(request, NOW)
    assert isinstance(event, DeliveryEvent)
    return event


@pytest.mark.parametrize("status", MESSAGE_STATES)
def test_every_status_of_a_message(status: str) -> None:
    event = one(form(MessageSid="SM1", MessageStatus=status, SmsStatus=status, To=TO))
    assert (event.state, event.outcome) == MESSAGE_STATES[status]
    assert (event.attempt_id, event.provider_ref, event.channel) == (ATTEMPT, "SM1", Channel.SMS)
    assert event.key == f"SM1/{status}"
    assert event.state in TRANSITIONS[AttemptState.SENDING], "a callback can be the first that is heard"
    assert TO not in repr(event)
    assert "%2B13125550142" in event.raw


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_why(code: int) -> None:
    event = one(form(MessageSid="SM1", MessageStatus="undelivered", ErrorCode=str(code)))
    assert (event.failure, event.code) == (CODES[code].failure, str(code))


@pytest.mark.parametrize("code", ["99999", "abc", "-1", "１", "9" * 30])
def test_an_unknown_code_is_unknown_and_kept(code: str) -> None:
    event = one(form(MessageSid="SM1", MessageStatus="failed", ErrorCode=code))
    assert event.failure is Failure.UNKNOWN
    assert event.code == code
    assert event.raw


def test_an_unknown_status_moves_nothing() -> None:
    event = one(form(MessageSid="SM1", MessageStatus="teleported"))
    assert (event.state, event.failure, event.code) == (None, None, "teleported")
    assert "teleported" in event.raw


@pytest.mark.parametrize("status", CALL_STATES)
def test_every_status_of_a_call(status: str) -> None:
    event = one(form(CallSid="CA1", CallStatus=status, SequenceNumber="2"))
    assert (event.state, event.outcome) == CALL_STATES[status]
    assert event.key == f"CA1/2/{status}"


@pytest.mark.parametrize(
    ("fields", "outcome", "failure"),
    [
        ({"CallStatus": "completed", "AnsweredBy": "machine_end_beep"}, Outcome.LIMITED_VOICEMAIL, None),
        ({"CallStatus": "completed", "AnsweredBy": "machine_start"}, Outcome.DROPPED, None),
        ({"CallStatus": "completed", "AnsweredBy": "human"}, Outcome.DROPPED, None),
        ({"CallStatus": "failed", "SipResponseCode": "404"}, Outcome.NOT_IN_SERVICE, Failure.INVALID_POINT),
        ({"CallStatus": "failed", "SipResponseCode": "503"}, Outcome.FAILED, Failure.UNKNOWN),
        ({"CallStatus": "failed", "ErrorCode": "13224"}, Outcome.FAILED, Failure.INVALID_POINT),
        ({"CallStatus": "busy"}, Outcome.BUSY, Failure.UNREACHABLE),
        ({"CallStatus": "no-answer"}, Outcome.NO_ANSWER, Failure.UNREACHABLE),
    ],
)
def test_how_a_call_ended(fields: dict[str, str], outcome: Outcome, failure: Failure | None) -> None:
    event = one(form(CallSid="CA1", SequenceNumber="0", **fields))
    assert (event.outcome, event.failure) == (outcome, failure)


def test_a_believable_time_is_the_providers() -> None:
    earlier = NOW - timedelta(minutes=3)
    stamp = earlier.strftime("%a, %d %b %Y %H:%M:%S +0000")
    assert one(form(CallSid="CA1", CallStatus="completed", Timestamp=stamp)).at == earlier
    for wrong in ("", "soon", "Tue, 24 Nov 2099 15:00:00 +0000", "Tue, 24 Nov 2009 15:00:00 +0000"):
        assert one(form(CallSid="CA1", CallStatus="completed", Timestamp=wrong)).at == NOW


def test_a_reply_comes_with_its_sender_and_text() -> None:
    fields = {"MessageSid": "SM9", "SmsStatus": "received", "From": TO, "Body": "Stop. Thank you"}
    (event,) = events(form(**fields), NOW)
    assert event == Inbound("SM9/in", "twilio", Channel.SMS, NOW, TO, ATTEMPT, "Stop. Thank you", None)
    assert TO not in repr(event)
    assert "Stop" not in repr(event)


@pytest.mark.parametrize(
    ("kind", "intent"), [("STOP", Intent.STOP), ("START", Intent.START), ("HELP", Intent.HELP), ("", None), ("X", None)]
)
def test_what_twilio_has_acted_on_is_beyond_doubt(kind: str, intent: Intent | None) -> None:
    (event,) = events(form(MessageSid="SM9", From=TO, Body="stop", OptOutType=kind), NOW)
    assert isinstance(event, Inbound)
    assert event.intent is intent


@given(
    st.dictionaries(
        st.sampled_from(["MessageSid", "CallSid", "MessageStatus", "CallStatus", "ErrorCode", "Body"]),
        st.text(max_size=30),
    )
)
def test_anything_may_come_and_a_repeat_is_the_same(fields: dict[str, str]) -> None:
    request = form(**fields)
    first = events(request, NOW)
    assert [event.key for event in first] == [event.key for event in events(request, NOW + timedelta(days=1))]
    assert all(0 < len(event.key) <= 200 for event in first)


def test_digits_that_verify_are_in_no_event() -> None:
    request = callback_request(
        "POST",
        f"{URL}?step=verify&try=1",
        {"content-type": "application/x-www-form-urlencoded"},
        b"CallSid=CA1&Digits=19840229",
    )
    assert events(request, NOW) == []
    assert one(form(CallSid="CA1", CallStatus="completed", Digits="19840229")).raw == ""
