"""The facts that a decision rests on: one vocabulary for the engine, the dispatcher, the command line and the tests.

The shapes mirror the JSON of `forbear policy decide` key for key. All instants are aware datetimes. Where a default
would permit more than the truth might, there is none: an unknown place stays unknown, and the engine holds.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class ContactChannel(StrEnum):
    """How a contact reaches a person, in the law's words. An automated `call` is a recorded or artificial voice."""

    CALL = "call"
    AI_CALL = "ai_call"
    RINGLESS_VOICEMAIL = "ringless_voicemail"
    SMS = "sms"
    EMAIL = "email"
    LETTER = "letter"
    IN_APP = "in_app"
    IM = "im"
    VISIT = "visit"
    SOCIAL = "social"


class Direction(StrEnum):
    """Who began the contact: `out` by the collector, `in` by the debtor."""

    OUT = "out"
    IN = "in"


class Outcome(StrEnum):
    """What came of a contact. `sent` is not known to have arrived; `pending` is ours, for what is still under way."""

    CONVERSATION = "conversation"
    VOICEMAIL = "voicemail"
    LIMITED_VOICEMAIL = "limited_voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    NOT_IN_SERVICE = "not_in_service"
    DROPPED = "dropped"
    WRONG_PERSON = "wrong_person"
    DELIVERED = "delivered"
    SENT = "sent"
    FAILED = "failed"
    VISIT = "visit"
    PENDING = "pending"


class Person(StrEnum):
    """Who is contacted; what they may be told differs."""

    DEBTOR = "debtor"
    SPOUSE = "spouse"
    CO_DEBTOR = "co_debtor"
    GUARANTOR = "guarantor"
    HOUSEHOLD = "household"
    NEIGHBOUR = "neighbour"
    EMERGENCY_CONTACT = "emergency_contact"
    EMPLOYER = "employer"
    STRANGER = "stranger"


class Purpose(StrEnum):
    """Why a contact is made."""

    COLLECT = "collect"
    LOCATE = "locate"
    STATUTORY_NOTICE = "statutory_notice"
    CONFIRM_OPT_OUT = "confirm_opt_out"
    ASK_CONSENT = "ask_consent"
    REQUESTED = "requested"


class StopKind(StrEnum):
    """A fact that stops contact, for a while or for good."""

    CEASE = "cease"
    DISPUTE = "dispute"
    ATTORNEY = "attorney"
    BANKRUPTCY = "bankruptcy"
    DECEASED = "deceased"
    MINOR = "minor"
    VULNERABLE = "vulnerable"
    COMPLAINT = "complaint"
    HOSPITALISED = "hospitalised"
    BEREAVEMENT = "bereavement"
    EMPLOYER_PROHIBITS = "employer_prohibits"
    WORK_STOP = "work_stop"


class PointKind(StrEnum):
    """What a contact point is."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    WORK = "work"
    EMAIL = "email"
    WORK_EMAIL = "work_email"
    ADDRESS = "address"
    SOCIAL = "social"
    IM = "im"


class Place(NamedTuple):
    """Where the debtor may be. `basis`: address, number, declared or believed. `region` is the ISO 3166-2 part."""

    country: str
    region: str | None = None
    postcode: str | None = None
    timezone: str | None = None
    basis: str = "address"
    verified: bool = False


@dataclass(frozen=True, slots=True)
class InconvenientTime:
    """A weekly span that the debtor called inconvenient: `days` Mon…Sun; `start`, `end` minutes of the local day."""

    days: tuple[str, ...]
    start: int
    end: int
    source: str = "consumer"


@dataclass(frozen=True, slots=True)
class Consent:
    """What the debtor consented to. Empty `channels` or `days` mean all; `hours` are minutes of the local day.

    `direct` is true only where the debtor gave it to the collector; `during` names the contact in which it was given.
    """

    at: datetime
    channels: tuple[ContactChannel, ...] = ()
    days: tuple[str, ...] = ()
    hours: tuple[int, int] | None = None
    direct: bool = False
    until: datetime | None = None
    during: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """One stopping fact. Empty `accounts` mean all; a dispute is open until `answered_at`."""

    kind: StopKind
    at: datetime
    until: datetime | None = None
    form: str = "written"
    accounts: tuple[str, ...] = ()
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that was given, such as `first_written_notice`."""

    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Collector:
    """Who contacts: the creditor itself (`first_party`) or an agency."""

    first_party: bool | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class DebtorFacts:
    """What is known of the debtor that bears on whether and when to contact."""

    timezones: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    location_known: bool | None = None
    reachable: bool | None = None
    inconvenient: tuple[InconvenientTime, ...] = ()
    inconvenient_places: tuple[str, ...] = ()
    requested_hours: tuple[int, int] | None = None
    agreed_hours: tuple[int, int] | None = None
    agreed_caps: tuple[tuple[str, int], ...] = ()
    consents: tuple[Consent, ...] = ()
    banned_channels: tuple[ContactChannel, ...] = ()
    banned_points: tuple[str, ...] = ()
    stops: tuple[Stop, ...] = ()
    notices: tuple[Notice, ...] = ()


class PointFacts(NamedTuple):
    """One contact point, without its value."""

    id: str
    kind: PointKind
    timezones: tuple[str, ...] = ()
    country: str | None = None
    reassigned_check_at: datetime | None = None
    used_by_debtor: bool | None = None


class AccountFacts(NamedTuple):
    """One account. Accounts of one `group` count as one debt."""

    id: str
    product: str | None = None
    days_past_due: int | None = None
    due_at: datetime | None = None
    group: str | None = None


class PastContact(NamedTuple):
    """One contact that was made, is under way, or came in."""

    at: datetime
    channel: ContactChannel
    direction: Direction = Direction.OUT
    outcome: Outcome | None = None
    accounts: tuple[str, ...] = ()
    contact_point: str | None = None
    person: Person = Person.DEBTOR
    by: str | None = None
    purpose: Purpose = Purpose.COLLECT
    in_reply: bool = False
    text: str | None = None
    collector_account: str = "official"


class Proposal(NamedTuple):
    """A contact that the cadence, or a person, would like to make at `at`. None means unknown, never 'no'."""

    at: datetime
    channel: ContactChannel
    accounts: tuple[str, ...] = ()
    contact_point: str | None = None
    person: Person = Person.DEBTOR
    by: str | None = None
    purpose: Purpose = Purpose.COLLECT
    in_reply: bool = False
    automated: bool | None = None
    has_opt_out_notice: bool | None = None
    discloses_debt: bool | None = None
    limited_content: bool | None = None
    expected_delivery: datetime | None = None
    collector_account: str = "official"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything one decision needs. `packs` None: chosen from places, collector and products."""

    proposal: Proposal
    id: str | None = None
    packs: tuple[str, ...] | None = None
    collector: Collector = field(default_factory=Collector)
    debtor: DebtorFacts = field(default_factory=DebtorFacts)
    contact_points: tuple[PointFacts, ...] = ()
    accounts: tuple[AccountFacts, ...] = ()
    history: tuple[PastContact, ...] = ()
