"""Twilio: SMS and automated calls, through the official client on an HTTP client of its own (`twilio_http`).

There is no idempotency key on create: what may have reached Twilio and was not answered is in doubt, and is settled by
its callback or by `find`, never by sending again. The tables of codes are in `twilio_codes`, callbacks in
`twilio_callbacks`, what a call says in `twiml`.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from weakref import WeakKeyDictionary

from twilio.request_validator import (
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)
from twilio.rest import Client

from channels import twilio_callbacks, twiml
from channels.protocol import (
    EXPIRED,
    UNSUPPORTED,
    CallbackReply,
    CallbackRequest,
    Now,
    SentAttempt,
    seconds_left,
)
from channels.twilio_codes import CALL_STATES, MESSAGE_STATES, meaning
from channels.twilio_http import NOT_SENT, ApiRefused, Http
from channels.twiml import Step
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.errors import Tampered
from domain.event import DeliveryEvent, ProviderEvent
from domain.message import (
    Accepted,
    Content,
    Failure,
    InDoubt,
    Message,
    NotAccepted,
    SendResult,
    Sms,
    Voice,
)

LEAST_SMS_SECONDS = 5
"""Less than this of the window is not worth handing an SMS over for: Twilio takes whole seconds from 1 on."""
MOST_VALIDITY = 36_000
RING_SECONDS = 25
LEAST_CALL_SECONDS = RING_SECONDS + 5
"""A call must be able to ring out inside its window."""
MOST_CALL_SECONDS = 300

_BEFORE = timedelta(minutes=2)
_AFTER = timedelta(minutes=10)
_AROUND = timedelta(hours=2)
"""While Twilio lists anything to the recipient from so close by, a clock may have been wrong: absence is not proved."""
_ABSENT_AFTER = timedelta(minutes=30)
"""An attempt that Twilio does not list by then never reached it: its lists follow creation within seconds."""
_PAGE = 50

_NO_ENVIRONMENT = {"": ""}
"""Keeps the library from reading accounts and regions out of the process's environment."""


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """The account, and who sends. `sms_from`: an E.164 number or a messaging service, `MG…`; `voice_from`: E.164.

    `base_url` empty is Twilio's own. Each event loop has `connections` for each channel; `seconds` bound one request.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    sms_from: str = ""
    voice_from: str = ""
    base_url: str = ""
    connections: int = 64
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class _Form:
    """A form as Twilio's validator reads it, with all values of a name."""

    pairs: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.pairs)

    def getall(self, name: str) -> list[str]:
        """Every value of a name."""
        return [value for key, value in self.pairs if key == name]


@dataclass(frozen=True, slots=True)
class _Connection:
    """Twilio's client and the connections beneath it, of one event loop."""

    client: Client
    http: Http


class Twilio:
    """The adapter. Any number of event loops may use it at once."""

    name = twilio_callbacks.PROVIDER
    finds_by_attempt = False

    def __init__(self, settings: TwilioSettings, now: Now) -> None:
        self._settings = settings
        self._now = now
        self._validator = RequestValidator(settings.auth_token)
        self._connections: WeakKeyDictionary[asyncio.AbstractEventLoop, _Connection] = WeakKeyDictionary()
        senders = {Channel.SMS: settings.sms_from, Channel.VOICE: settings.voice_from}
        self._channels = frozenset(channel for channel, sender in senders.items() if sender)

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels for which a sender is set."""
        return self._channels

    @property
    def at_once(self) -> int:
        """As many as there are connections."""
        return self._settings.connections

    async def send(self, message: Message) -> SendResult:
        """Create the message or the call."""
        if message.channel not in self._channels:
            return UNSUPPORTED
        request = self._request(message)
        if isinstance(request, NotAccepted):
            return request
        client = self._connection().client
        try:
            if message.channel is Channel.SMS:
                made = await client.messages.create_async(**request)
            else:
                made = await client.calls.create_async(**request)
        except NOT_SENT:
            return NotAccepted(Failure.PROVIDER_DOWN, "no_connection", is_retryable=True)
        except ApiRefused as refused:
            return refusal(refused, self._now())
        except TimeoutError:
            return InDoubt("timeout")
        except Exception as lost:  # garbage in the answer makes the library raise anything at all
            return InDoubt(_name(lost))
        return accepted(made)

    def verify(self, request: CallbackRequest) -> None:
        """Raise Tampered unless the signature fits the public address and the body."""
        signature = request.headers.get(SIGNATURE_HEADER.lower(), "")
        algorithm = get_signature_algorithm(request.headers.get(SIGNATURE_SETTINGS_HEADER.lower(), ""))
        signed: _Form | str = _Form(request.form)
        if request.body and not request.form:
            signed = request.body.decode("utf-8", "replace")
        if not signature or (isinstance(signed, str) and "bodySHA256=" not in request.url):
            raise _forged()
        try:
            is_genuine = self._validator.validate(request.url, signed, signature, algorithm)
        except ValueError:
            is_genuine = False
        if not is_genuine:
            raise _forged()

    def parse_events(self, request: CallbackRequest, at: datetime) -> list[ProviderEvent]:
        """Statuses, replies, keys, and what the steps of a call prove."""
        return twilio_callbacks.events(request, at)

    def awaits_answer(self, request: CallbackRequest) -> bool:
        """Whether Twilio asks what a call should say next."""
        return twiml.place_of(request.url) is not None

    def respond(self, request: CallbackRequest, content: Content | None) -> CallbackReply | None:
        """The next step of a call; an empty document for a reply by SMS, whose answer goes its own way."""
        place = twiml.place_of(request.url)
        if place is None:
            return CallbackReply(twiml.EMPTY, twiml.MEDIA_TYPE) if request.value("Body") else None
        return CallbackReply(self._document(request, place, content), twiml.MEDIA_TYPE)

    async def find(self, sent: SentAttempt) -> DeliveryEvent | None:
        """Ask by Twilio's id where it is known, else by recipient and time; None where several or none can be it."""
        try:
            found = await self._found(sent)
        except Exception:  # whatever keeps us from an answer, nobody can tell
            return None
        if found is None:
            return None
        if not found:
            return self._finding(sent, None, AttemptState.REJECTED, code="not_found", failure=Failure.PROVIDER_DOWN)
        status = str(found[0].status)
        states = MESSAGE_STATES if sent.channel is Channel.SMS else CALL_STATES
        state, outcome = states.get(status, (AttemptState.ACCEPTED, None))
        code = getattr(found[0], "error_code", None)
        failure = meaning(code).failure if state is AttemptState.UNDELIVERED else None
        return self._finding(
            sent, str(found[0].sid), state, outcome=outcome, failure=failure, code=str(code) if code else status
        )

    async def close(self) -> None:
        """Close the running loop's connections."""
        held = self._connections.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held.http.close()

    def _connection(self) -> _Connection:
        loop = asyncio.get_running_loop()
        held = self._connections.get(loop)
        if held is None:
            settings = self._settings
            http = Http(settings.connections * len(self._channels), settings.seconds)
            client = Client(settings.account_sid, settings.auth_token, http_client=http, environment=_NO_ENVIRONMENT)
            if settings.base_url:
                client.api.base_url = settings.base_url
            held = self._connections[loop] = _Connection(client, http)
        return held

    def _request(self, message: Message) -> dict[str, Any] | NotAccepted:
        """The arguments of the create call."""
        left = seconds_left(message, self._now())
        content = message.content
        if isinstance(content, Sms):
            if left < LEAST_SMS_SECONDS:
                return EXPIRED
            return {
                "to": content.to,
                "body": content.text,
                "validity_period": min(int(left), MOST_VALIDITY),
                "status_callback": message.callback_url,
                **_sender(self._settings.sms_from),
            }
        if isinstance(content, Voice):
            if left < LEAST_CALL_SECONDS:
                return EXPIRED
            if not content.verify_digests:
                return NotAccepted(Failure.BAD_REQUEST, "nobody_can_be_verified", is_retryable=False)
            return self._call(message, content)
        return UNSUPPORTED

    def _call(self, message: Message, voice: Voice) -> dict[str, Any]:
        until = int(message.valid_until.timestamp())
        first = twiml.Place(Step.ANSWER, until=until, leaves_message=voice.machine is not None)
        return {
            "to": voice.to,
            "from_": self._settings.voice_from,
            "url": first.url(message.callback_url),
            "method": "POST",
            "status_callback": message.callback_url,
            "status_callback_method": "POST",
            "status_callback_event": ["completed"],
            "machine_detection": "DetectMessageEnd" if voice.machine is not None else "Enable",
            "timeout": RING_SECONDS,
            "time_limit": MOST_CALL_SECONDS,
        }

    def _document(self, request: CallbackRequest, place: twiml.Place, content: Content | None) -> bytes:
        if not isinstance(content, Voice):
            return twiml.hang_up()
        url = twiml.callback_url(request.url)
        if place.step is Step.ANSWER:
            if place.until and self._now() >= datetime.fromtimestamp(place.until, UTC):
                return twiml.hang_up()
            return twiml.answer(content, url, request.value("AnsweredBy"))
        if place.step is Step.VERIFY:
            return twiml.verify(content, url, place, request.value("Digits"))
        if place.step is Step.MESSAGE:
            return twiml.message(content, url)
        return twiml.farewell(content)

    async def _found(self, sent: SentAttempt) -> list[Any] | None:
        """What it can be: one; none, with certainty; or None, where nobody can tell."""
        client = self._connection().client
        resource = client.messages if sent.channel is Channel.SMS else client.calls
        if sent.provider_ref:
            return [await resource(sent.provider_ref).fetch_async()]
        listed = await resource.list_async(to=sent.to, limit=_PAGE, page_size=_PAGE)
        open_ = [one for one in listed if _is_ours(one) and str(one.sid) not in sent.others]
        near = [one for one in open_ if _is_near(one.date_created, sent.sent_at)]
        if len(near) == 1:
            return near
        is_whole = len(listed) < _PAGE
        is_alone = not any(_is_near(one.date_created, sent.sent_at, _AROUND, _AROUND) for one in open_)
        if is_alone and is_whole and self._now() - sent.sent_at >= _ABSENT_AFTER:
            return []
        return None

    def _finding(
        self,
        sent: SentAttempt,
        ref: str | None,
        state: AttemptState,
        *,
        outcome: Any = None,
        failure: Failure | None = None,
        code: str | None = None,
    ) -> DeliveryEvent:
        return DeliveryEvent(
            key=f"{ref or sent.attempt_id}/found/{state}",
            provider=self.name,
            channel=sent.channel,
            at=self._now(),
            attempt_id=sent.attempt_id,
            provider_ref=ref,
            state=state,
            outcome=outcome,
            failure=failure,
            code=code,
        )


def accepted(made: Any) -> SendResult:
    """What the created resource says. One that failed at birth was not taken; one without an id is in doubt."""
    if not isinstance(made.sid, str) or not made.sid:
        return InDoubt("no_id")
    if made.status == "failed":
        code = getattr(made, "error_code", None)
        return NotAccepted(meaning(code).failure, str(code or "failed"), is_retryable=False)
    return Accepted(made.sid)


def refusal(refused: ApiRefused, now: datetime) -> SendResult:
    """What an answer that is no success says: certainly not taken, but for a 5xx or 408, of which nobody knows."""
    if refused.status >= 500 or refused.status == 408:
        return InDoubt(f"http_{refused.status}")
    code = _code(refused.text)
    found = meaning(code)
    if found.failure is Failure.UNKNOWN and refused.status == 429:
        found = meaning(20429)
    if found.failure is Failure.UNKNOWN and refused.status in (401, 403):
        found = meaning(20003)
    after = _retry_after(refused.headers.get("Retry-After", ""), now) if found.is_retryable else None
    return NotAccepted(found.failure, str(code or f"http_{refused.status}"), found.is_retryable, after)


def _code(text: str) -> int | None:
    try:
        code = json.loads(text).get("code")
    except (ValueError, AttributeError, RecursionError):
        return None
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 < code < 10**9 else None


def _retry_after(value: str, now: datetime) -> float | None:
    """Seconds to wait, at most a day; None where the header says nothing that can be understood."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
    return min(seconds, 86_400.0) if 0 <= seconds < float("inf") else None


def _sender(sender: str) -> dict[str, str]:
    return {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}


def _is_near(created: Any, sent_at: datetime, before: timedelta = _BEFORE, after: timedelta = _AFTER) -> bool:
    if not isinstance(created, datetime):
        return False
    created = created if created.tzinfo else created.replace(tzinfo=UTC)
    return bool(sent_at - before <= created <= sent_at + after)


def _is_ours(one: Any) -> bool:
    return str(getattr(one, "direction", None) or "outbound").startswith("outbound")


def _name(error: BaseException) -> str:
    """An error's type as a code: what it says may quote a number."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__).strip("_")


def _forged() -> Tampered:
    return Tampered("the signature does not fit.", where="webhooks/twilio", remedy="See docs/channels.md, Twilio.")
