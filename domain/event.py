"""What comes back from providers and debtors: late, twice and out of order."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.attempt import AttemptState
from domain.channel import Channel
from domain.facts import Outcome
from domain.message import Failure


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """What a provider says of one attempt.

    `key` is the provider's own identity of this event, so that a repeat is recognised. `state` None: worth keeping,
    moves nothing. `attempt_id` None: find the attempt by `provider_ref`.
    """

    key: str
    provider: str
    channel: Channel
    at: datetime
    attempt_id: UUID | None
    provider_ref: str | None
    state: AttemptState | None
    outcome: Outcome | None = None
    failure: Failure | None = None
    code: str | None = None
    cost: int | None = None
    raw: str = field(default="", repr=False)


class Intent(StrEnum):
    """What a debtor means by a reply, a key press, a click."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    DISPUTE = "dispute"
    WRONG_PERSON = "wrong_person"
    PROMISE = "promise_to_pay"
    PAID = "paid_already"
    HARDSHIP = "hardship"
    CALL_ME = "call_me"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a debtor sent. `sender` is a contact value and never logged; `text` is free text, stored encrypted.

    `intent` is set only where the medium leaves no doubt (a key press, one-click unsubscribe).
    """

    key: str
    provider: str
    channel: Channel
    at: datetime
    sender: str | None = field(repr=False)
    attempt_id: UUID | None
    text: str = field(default="", repr=False)
    intent: Intent | None = None


ProviderEvent = DeliveryEvent | Inbound
