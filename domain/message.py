"""What an adapter is given to send, and what it answers.

An adapter names what failed; the worker decides what follows.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.channel import Channel


@dataclass(frozen=True, slots=True)
class Sms:
    """One text message. `to` is E.164; `text` is final."""

    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Voice:
    """One automated call.

    `opening` is spoken first and never names the debt; `verify` asks for the digits whose SHA-256 salted digests are
    in `verify_digests` (any one fits); `message` is spoken only to a verified person; `machine` is the limited wording
    for an answering machine, or None to hang up. `keys` maps a digit to the meaning it reports (promise, stop…).
    """

    to: str
    language: str
    opening: str
    verify: str
    verify_salt: str
    verify_digests: tuple[str, ...]
    message: str
    machine: str | None
    goodbye: str
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Email:
    """One mail. `unsubscribe_url` is for one-click List-Unsubscribe (RFC 8058)."""

    to: str
    language: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as final text; `to` is the postal address, a line each."""

    to: tuple[str, ...]
    language: str
    text: str


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
