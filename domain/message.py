"""What an adapter is given to send, and what it answers.

An adapter names what failed; the worker decides what follows. Contact values and texts are never part of a `repr`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.channel import Channel


@dataclass(frozen=True, slots=True)
class Sms:
    """One text message. `to` is E.164; `text` is final."""

    to: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Voice:
    """One automated call.

    `opening` is spoken first and never names the debt; `verify` asks for the digits whose SHA-256 salted digests are
    in `verify_digests` (any one fits); `message` is spoken only to a verified person; `machine` is the limited wording
    for an answering machine, or None to hang up. `keys` maps a digit to the meaning it reports (promise, stop…).
    """

    to: str = field(repr=False)
    language: str
    opening: str = field(repr=False)
    verify: str = field(repr=False)
    verify_salt: str = field(repr=False)
    verify_digests: tuple[str, ...] = field(repr=False)
    message: str = field(repr=False)
    machine: str | None = field(repr=False)
    goodbye: str = field(repr=False)
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Email:
    """One mail. `unsubscribe_url` is for one-click List-Unsubscribe (RFC 8058)."""

    to: str = field(repr=False)
    language: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    unsubscribe_url: str = field(repr=False)
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as final text; `to` is the postal address, a line each."""

    to: tuple[str, ...] = field(repr=False)
    language: str
    text: str = field(repr=False)


Content = Sms | Voice | Email | Letter


@dataclass(frozen=True, slots=True)
class Message:
    """One attempt as handed to an adapter. It must not be delivered at or after `valid_until` (UTC)."""

    attempt_id: UUID
    creditor_id: UUID
    channel: Channel
    content: Content
    valid_until: datetime
    callback_url: str


class Failure(StrEnum):
    """Why a provider did not take or deliver a message, in one closed vocabulary. UNKNOWN keeps the raw payload."""

    OPTED_OUT = "opted_out"
    INVALID_POINT = "invalid_point"
    NOT_FOR_CHANNEL = "not_for_channel"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    FILTERED = "filtered"
    BAD_REQUEST = "bad_request"
    BUSY = "busy"
    AUTHENTICATION = "authentication"
    SENDER_LIMITED = "sender_limited"
    PROVIDER_DOWN = "provider_down"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it. `cost` in millionths of the provider's currency, where it says so at once."""

    provider_ref: str
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """The provider certainly did not take it. `retry_after` in seconds where it named a time."""

    failure: Failure
    code: str
    is_retryable: bool
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Nobody knows whether the provider took it: a time-out after sending, a 5xx, a cut connection."""

    code: str


SendResult = Accepted | NotAccepted | InDoubt
