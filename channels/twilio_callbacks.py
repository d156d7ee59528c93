"""What Twilio's callbacks say, as events. Pure: a verified request in, events out, each with an identity of its own.

Callbacks are separate requests: they come in any order, twice, late, and before the create call has returned. What a
message or call can be only once (a status, a step) is its identity, so a repeat is recognised whatever its headers.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from channels import twiml
from channels.protocol import CallbackRequest
from channels.twilio_codes import CALL_STATES, MACHINES, MESSAGE_STATES, NOT_IN_SERVICE, meaning
from channels.twiml import Place, Step
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, Inbound, Intent, ProviderEvent
from domain.facts import Outcome
from domain.message import Failure

PROVIDER = "twilio"
MOST_RAW = 4096
"""Characters of a callback that are kept as it came."""

_OPT_OUT = {"STOP": Intent.STOP, "START": Intent.START, "HELP": Intent.HELP}
"""Twilio's own reading of a reply, where its opt-out handling is on: beyond doubt, for it has acted on it."""

_INBOUND = frozenset({"received", "receiving"})
_BELIEVED = timedelta(days=7)


def events(request: CallbackRequest, at: datetime) -> list[ProviderEvent]:
    """Everything that one request says; nothing where it is none of Twilio's that we know. Raises nothing."""
    place = twiml.place_of(request.url)
    if place is not None:
        return _of_step(request, place, at)
    if request.value("CallSid") and request.value("CallStatus"):
        return [_of_call(request, at)]
    sid = request.value("MessageSid") or request.value("SmsSid")
    if not sid:
        return []
    status = request.value("MessageStatus") or request.value("SmsStatus")
    if "Body" in dict(request.form) and (not status or status in _INBOUND):
        return [_of_reply(request, sid, at)]
    return [_of_message(request, sid, status, at)]


def _of_message(request: CallbackRequest, sid: str, status: str, at: datetime) -> DeliveryEvent:
    """A status of an SMS."""
    state, outcome = MESSAGE_STATES.get(status, (None, None))
    code = request.value("ErrorCode")
    return DeliveryEvent(
        key=_key(sid, status, code),
        provider=PROVIDER,
        channel=Channel.SMS,
        at=at,
        attempt_id=request.attempt_id,
        provider_ref=sid,
        state=state,
        outcome=outcome,
        failure=_failure(state, code),
        code=code or (status if outcome in (None, Outcome.FAILED) else None),
        raw=raw(request),
    )


def _of_call(request: CallbackRequest, at: datetime) -> DeliveryEvent:
    """A status of a call, or the report of machine detection that ran beside it."""
    sid, status, sip = request.value("CallSid"), request.value("CallStatus"), request.value("SipResponseCode")
    state, outcome = CALL_STATES.get(status, (None, None))
    answered_by = request.value("AnsweredBy")
    if status == "completed" and answered_by in MACHINES:
        outcome = Outcome.LIMITED_VOICEMAIL if answered_by.startswith("machine_end") else Outcome.DROPPED
    if status == "failed" and sip in NOT_IN_SERVICE:
        outcome = Outcome.NOT_IN_SERVICE
    code = request.value("ErrorCode") or (f"sip_{sip}" if state is AttemptState.UNDELIVERED and sip else "")
    failure = (
        Failure.INVALID_POINT if outcome is Outcome.NOT_IN_SERVICE else _failure(state, request.value("ErrorCode"))
    )
    if status in ("busy", "no-answer", "canceled") and not request.value("ErrorCode"):
        failure = Failure.UNREACHABLE
    return DeliveryEvent(
        key=_key(sid, request.value("SequenceNumber"), status, request.value("ErrorCode")),
        provider=PROVIDER,
        channel=Channel.VOICE,
        at=_stamped(request.value("Timestamp"), at),
        attempt_id=request.attempt_id,
        provider_ref=sid,
        state=state,
        outcome=outcome,
        failure=failure,
        code=code or status,
        raw=raw(request),
    )


def _of_reply(request: CallbackRequest, sid: str, at: datetime) -> Inbound:
    """An SMS from a debtor."""
    return Inbound(
        key=_key(sid, "in"),
        provider=PROVIDER,
        channel=Channel.SMS,
        at=at,
        sender=request.value("From") or None,
        attempt_id=request.attempt_id,
        text=request.value("Body"),
        intent=_OPT_OUT.get(request.value("OptOutType").upper()),
    )


def _of_step(request: CallbackRequest, place: Place, at: datetime) -> list[ProviderEvent]:
    """What a step of a call proves. Digits that were keyed to verify are never part of an event."""
    sid, digits = request.value("CallSid"), request.value("Digits")
    if not sid:
        return []

    def said(outcome: Outcome, code: str) -> DeliveryEvent:
        return DeliveryEvent(
            key=_key(sid, place.step, code),
            provider=PROVIDER,
            channel=Channel.VOICE,
            at=at,
            attempt_id=request.attempt_id,
            provider_ref=sid,
            state=AttemptState.DELIVERED,
            outcome=outcome,
            code=code,
        )

    if place.step is Step.ANSWER:
        answered_by = request.value("AnsweredBy")
        if answered_by not in MACHINES:
            return []
        return [said(Outcome.LIMITED_VOICEMAIL if place.leaves_message else Outcome.DROPPED, answered_by)]
    if place.step is Step.MESSAGE:
        return [said(Outcome.CONVERSATION, "verified")]
    if place.step is Step.UNVERIFIED:
        return [said(Outcome.DROPPED, "not_verified")]
    return _of_key(request, place, sid, digits, said, at)


def _of_key(
    request: CallbackRequest,
    place: Place,
    sid: str,
    digits: str,
    said: Callable[[Outcome, str], DeliveryEvent],
    at: datetime,
) -> list[ProviderEvent]:
    """A key that means something, pressed by the verified person or, for stop and wrong person, by anyone."""
    intent = dict(place.keys).get(digits)
    if intent is None:
        return []
    pressed = Inbound(
        key=_key(sid, "key", digits),
        provider=PROVIDER,
        channel=Channel.VOICE,
        at=at,
        sender=None,
        attempt_id=request.attempt_id,
        intent=intent,
    )
    if place.step is Step.VERIFY and intent is Intent.WRONG_PERSON:
        return [pressed, said(Outcome.WRONG_PERSON, "wrong_person")]
    return [pressed]


def raw(request: CallbackRequest) -> str:
    """The request's body as it came, cut off where it is too long. Holds contact values: stored encrypted alone.

    A body with digits that somebody keyed, which may be what they were verified by, is not kept.
    """
    if request.value("Digits"):
        return ""
    return request.body[:MOST_RAW].decode("utf-8", "replace")


def _failure(state: AttemptState | None, code: str) -> Failure | None:
    if code:
        return meaning(int(code) if code.isascii() and code.isdigit() and len(code) < 10 else None).failure
    return Failure.UNKNOWN if state is AttemptState.UNDELIVERED else None


def _stamped(text: str, at: datetime) -> datetime:
    """The instant that the provider names, where it can be believed; else when the request came."""
    try:
        named = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return at
    named = named.replace(tzinfo=UTC) if named.tzinfo is None else named.astimezone(UTC)
    return named if at - _BELIEVED <= named <= at else at


def _key(*parts: str) -> str:
    return "/".join(part for part in parts if part)[:200]
