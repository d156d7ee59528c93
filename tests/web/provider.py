"""A provider of tests: signs as an HMAC of address and body, and reports in JSON. And an inbox that keeps what came."""

import hashlib
import hmac
import threading
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from channels.protocol import CallbackReply, CallbackRequest, SentAttempt
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.errors import Tampered
from domain.event import DeliveryEvent, Inbound, ProviderEvent
from domain.message import Content, Message, SendResult, Sms

SECRET = b"shared with the provider"


def signature(url: str, body: bytes) -> str:
    """What the provider puts into its header."""
    return hmac.new(SECRET, url.encode() + body, hashlib.sha256).hexdigest()


class Signed:
    """The adapter's side of it. A call's step is asked for by `{"step"}` and answered with what is to be said."""

    name = "signed"
    channels = frozenset({Channel.SMS})

    def verify(self, request: CallbackRequest) -> None:
        """Raises Tampered where the signature does not fit."""
        if not hmac.compare_digest(signature(request.url, request.body), request.headers.get("x-signature", "")):
            raise Tampered("the signature does not fit.")

    def parse_events(self, request: CallbackRequest, at: datetime) -> list[ProviderEvent]:
        """One event from `{"key", "state"}` or `{"key", "text"}`, none from anything else."""
        told = _json(request.body)
        if "text" in told:
            return [Inbound(told["key"], "signed", Channel.SMS, at, "+447700900001", request.attempt_id, told["text"])]
        if "state" in told:
            state = AttemptState(told["state"])
            return [DeliveryEvent(told["key"], "signed", Channel.SMS, at, request.attempt_id, None, state)]
        return []

    def awaits_answer(self, request: CallbackRequest) -> bool:
        """Whether a step is asked for."""
        return "step" in _json(request.body)

    def respond(self, request: CallbackRequest, content: Content | None) -> CallbackReply | None:
        """The step, or thanks for what debtors sent."""
        if self.awaits_answer(request):
            said = content.text if isinstance(content, Sms) else "Goodbye."
            return CallbackReply(f"<Say>{said}</Say>".encode(), "application/xml")
        return CallbackReply(b"<Response/>", "application/xml") if request.attempt_id is None else None

    async def send(self, message: Message) -> SendResult:
        """Never asked."""
        raise NotImplementedError

    async def find(self, sent: SentAttempt) -> DeliveryEvent | None:
        """Never asked."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing is open."""


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Inbox:
    """Keeps what is received; refuses where it is told to."""

    def __init__(self) -> None:
        self.events: list[tuple[UUID, ProviderEvent]] = []
        self.error: Exception | None = None
        self._lock = threading.Lock()

    def __call__(self, creditor_id: UUID, events: list[ProviderEvent]) -> None:
        if self.error:
            raise self.error
        with self._lock:
            self.events += [(creditor_id, event) for event in events]
