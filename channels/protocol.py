"""What every adapter is: a name, its channels, and how it sends, verifies, parses, answers and finds.

`workers/` hands it messages and records what it answers; `web/` hands it callbacks. An adapter names what failed and
whether it can be tried again; it never decides what follows. It raises nothing but `Tampered`, from `verify`: whatever
a provider does becomes a `SendResult` or a list of events. docs/channels.md shows how to write one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qsl
from uuid import UUID

from domain.channel import Channel
from domain.event import DeliveryEvent, ProviderEvent
from domain.message import Content, Failure, Message, NotAccepted, SendResult

MOST_BODY = 256 * 1024
"""Bytes of a callback's body that are read; no provider sends more."""

Now = Callable[[], datetime]
"""Tells the present, aware, in UTC; an adapter is given it and never asks the machine."""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """One request from a provider. `url` is the public address that it called, which is what it signed.

    `form` are the decoded pairs of a form body, in order, else empty. `attempt_id` is the attempt that the address
    names, None where it names none. `headers` are looked up by lower-case name. Never printed: it holds contact values.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    attempt_id: UUID | None = None

    def value(self, name: str) -> str:
        """The first form value of that name, or an empty text."""
        return next((value for key, value in self.form if key == name), "")


def callback_request(
    method: str, url: str, headers: Mapping[str, str], body: bytes, attempt_id: UUID | None = None
) -> CallbackRequest:
    """A request as adapters take it: header names in lower case, the form decoded. Garbage decodes to no form."""
    lower = {name.lower(): value for name, value in headers.items()}
    form: tuple[tuple[str, str], ...] = ()
    if lower.get("content-type", "").startswith("application/x-www-form-urlencoded") and len(body) <= MOST_BODY:
        try:
            form = tuple(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=400))
        except ValueError:
            form = ()
    return CallbackRequest(method, url, lower, body, form, attempt_id)


@dataclass(frozen=True, slots=True)
class CallbackReply:
    """What a provider is answered where it expects a document. Never printed: it can hold the message."""

    body: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """An attempt that was handed to a provider, as `find` needs it. `to` is the contact value and is never printed.

    `others` are the provider's names of what other attempts became: none of them can be this one.
    """

    attempt_id: UUID
    channel: Channel
    sent_at: datetime
    to: str = field(repr=False)
    provider_ref: str | None = None
    others: frozenset[str] = frozenset()


class Adapter(Protocol):
    """The code that speaks to one provider. Safe to use from one event loop; each loop has its own connections."""

    @property
    def name(self) -> str:
        """The provider's name in settings, addresses and rows."""

    @property
    def channels(self) -> frozenset[Channel]:
        """What it carries."""

    @property
    def at_once(self) -> int:
        """How many messages of a channel one event loop hands over at the same time; more would wait in the adapter."""

    async def send(self, message: Message, /) -> SendResult:
        """Hand one message over. Raises nothing; is never tried again by the adapter once the provider may have it."""

    def verify(self, request: CallbackRequest, /) -> None:
        """Raise Tampered unless the provider itself made this request."""

    def parse_events(self, request: CallbackRequest, at: datetime, /) -> list[ProviderEvent]:
        """What a verified request says, each with the provider's own identity of it; nothing for garbage."""

    def awaits_answer(self, request: CallbackRequest, /) -> bool:
        """Whether `respond` needs the attempt's content to answer, as a step of a call does."""

    def respond(self, request: CallbackRequest, content: Content | None, /) -> CallbackReply | None:
        """The document that the provider waits for; None where an empty answer will do.

        `content` None where it is needed ends the call without naming anything.
        """

    @property
    def finds_by_attempt(self) -> bool:
        """Whether `find` knows the attempt by a name of its own; otherwise by recipient and time, as others' too."""

    async def find(self, sent: SentAttempt, /) -> DeliveryEvent | None:
        """Ask the provider about an attempt in doubt.

        None where it cannot tell; state REJECTED only where the provider certainly never got it.
        """

    async def close(self) -> None:
        """Give back the connections of the running event loop."""


def seconds_left(message: Message, now: datetime) -> float:
    """How long the message may still be delivered, in seconds; negative once that is past."""
    return (message.valid_until - now) / timedelta(seconds=1)


EXPIRED = NotAccepted(Failure.EXPIRED, "expired", is_retryable=False)
"""Too little of the permitted window is left for the provider to keep it."""

UNSUPPORTED = NotAccepted(Failure.BAD_REQUEST, "unsupported", is_retryable=False)
"""The adapter does not carry this kind of content."""
