"""The schema, as SQLAlchemy 2 typed models: the one description of what is kept.

Every table has `creditor_id`, and row-level security keeps one creditor's rows from another even where a query forgets
its filter (`storage/policies.py` makes the policies from these models). Columns that end in `_cipher` hold AES-256-GCM
ciphertext under the debtor's own key; `blind` is a keyed digest by which a value is found without being readable.
Instants are `timestamptz` in UTC; money is integer minor units beside a currency.
"""

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from domain.attempt import NEVER_MADE, AttemptState
from domain.channel import Channel
from domain.facts import PointKind, StopKind


class Base(DeclarativeBase):
    """The root of all models; names constraints so that migrations are stable."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it from the class
        UUID: PG_UUID(as_uuid=True),
        str: Text(),
        bytes: LargeBinary(),
        bool: Boolean(),
        int: BigInteger(),
        dt.datetime: DateTime(timezone=True),
        dt.date: Date(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
        list[UUID]: ARRAY(PG_UUID(as_uuid=True)),
    }


def _one_of(column: str, values: list[str], name: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


EMPTY_ARRAY = text("'{}'")
EMPTY_OBJECT = text("'{}'::jsonb")


class Creditor(Base):
    """A lender, or a book of an agency: the tenant. `profile` holds what messages and rules need to know of it."""

    __tablename__ = "creditors"
    creditor_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    profile: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    stopped_at: Mapped[dt.datetime | None]


class Debtor(Base):
    """A person or company that owes. `facts` is the JSON of `forbear policy decide`'s `debtor`, without contact values.

    `verify_digests` are salted SHA-256 digests of what the right person can key in (hex).
    """

    __tablename__ = "debtors"
    debtor_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID] = mapped_column(ForeignKey("creditors.creditor_id"))
    reference: Mapped[str]
    kind: Mapped[str]
    language: Mapped[str]
    name_cipher: Mapped[bytes]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    flags: Mapped[list[str]] = mapped_column(server_default=EMPTY_ARRAY)
    verify_salt: Mapped[str] = mapped_column(server_default="")
    verify_digests: Mapped[list[str]] = mapped_column(server_default=EMPTY_ARRAY)
    created_at: Mapped[dt.datetime]
    __table_args__ = (
        UniqueConstraint("creditor_id", "reference"),
        _one_of("kind", ["person", "company"], "kind"),
    )


class DebtorKey(Base):
    """The data key of one debtor, wrapped by a key of the ring. Destroying it erases the debtor."""

    __tablename__ = "debtor_keys"
    debtor_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    ring_key: Mapped[str]
    wrapped: Mapped[bytes]


class ContactPoint(Base):
    """One number, address or mailbox of a debtor. `channels_off` are channels it was proved not to take."""

    __tablename__ = "contact_points"
    point_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    debtor_id: Mapped[UUID] = mapped_column(ForeignKey("debtors.debtor_id"), index=True)
    kind: Mapped[str]
    value_cipher: Mapped[bytes]
    blind: Mapped[bytes]
    country: Mapped[str | None]
    timezones: Mapped[list[str]] = mapped_column(server_default=EMPTY_ARRAY)
    source: Mapped[str]
    collected_at: Mapped[dt.datetime]
    verified: Mapped[bool] = mapped_column(server_default=text("false"))
    used_by_debtor: Mapped[bool | None]
    reassigned_check_at: Mapped[dt.datetime | None]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    is_dead: Mapped[bool] = mapped_column(server_default=text("false"))
    channels_off: Mapped[list[str]] = mapped_column(server_default=EMPTY_ARRAY)
    __table_args__ = (
        UniqueConstraint("creditor_id", "debtor_id", "blind"),
        Index("ix_contact_points_creditor_id_blind", "creditor_id", "blind"),
        _one_of("kind", [kind.value for kind in PointKind], "kind"),
    )


class Portfolio(Base):
    """One file handed over by a creditor. `summary` counts what its last import did."""

    __tablename__ = "portfolios"
    portfolio_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    name: Mapped[str]
    digest: Mapped[bytes]
    imported_at: Mapped[dt.datetime]
    summary: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    __table_args__ = (Index("ix_portfolios_creditor_id_name", "creditor_id", "name"),)


class Account(Base):
    """One loan. Balances are as of the end of `as_of`; days past due on a later day grow with it while unpaid."""

    __tablename__ = "accounts"
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    debtor_id: Mapped[UUID] = mapped_column(ForeignKey("debtors.debtor_id"), index=True)
    portfolio_id: Mapped[UUID | None]
    reference: Mapped[str]
    product: Mapped[str]
    currency: Mapped[str]
    principal: Mapped[int]
    interest: Mapped[int]
    penalty: Mapped[int]
    fees: Mapped[int]
    penalty_daily: Mapped[Decimal] = mapped_column(Numeric(12, 10))
    as_of: Mapped[dt.date]
    due_on: Mapped[dt.date | None]
    days_past_due: Mapped[int]
    group_reference: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(server_default=EMPTY_ARRAY)
    state: Mapped[str] = mapped_column(server_default="open")
    updated_at: Mapped[dt.datetime]
    __table_args__ = (
        UniqueConstraint("creditor_id", "reference"),
        _one_of("state", ["open", "paid", "vanished", "closed"], "state"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("penalty_daily >= 0", name="penalty_daily"),
    )


class Campaign(Base):
    """One version of a cadence. A launched version never changes: a trigger holds `source` and `digest` still."""

    __tablename__ = "campaigns"
    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    name: Mapped[str]
    version: Mapped[int]
    digest: Mapped[bytes]
    source: Mapped[str]
    state: Mapped[str]
    launched_at: Mapped[dt.datetime | None]
    enrolled_until: Mapped[dt.datetime | None]
    __table_args__ = (
        UniqueConstraint("creditor_id", "name", "version"),
        _one_of("state", ["draft", "running", "paused", "stopped"], "state"),
    )


class Enrolment(Base):
    """One account on one campaign version.

    `step` is the step to do next, `rank` which of its channels (0 the first, then fallbacks), `attempt_id` what is
    under way for it. `state` finished: every step was done; exited: an exit of the cadence held, named in `reason`.
    """

    __tablename__ = "enrolments"
    enrolment_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.campaign_id"))
    debtor_id: Mapped[UUID] = mapped_column(index=True)
    account_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(server_default="active")
    reason: Mapped[str | None]
    stage: Mapped[str]
    step: Mapped[str | None]
    rank: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    attempt_id: Mapped[UUID | None]
    last_contact_at: Mapped[dt.datetime | None]
    entered_at: Mapped[dt.datetime]
    __table_args__ = (
        UniqueConstraint("campaign_id", "account_id"),
        _one_of("state", ["active", "exited", "finished"], "state"),
        {"postgresql_with": {"fillfactor": "80"}},
    )


class Lane(Base):
    """The lane of one debtor: its lock, when to look next and why not before, and the head of its ledger chain.

    Whatever changes what may be done to a debtor locks this row first. `waiting` names what held the last proposal.
    """

    __tablename__ = "lanes"
    debtor_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    due_at: Mapped[dt.datetime | None]
    waiting: Mapped[dict[str, Any] | None]
    ledger_seq: Mapped[int] = mapped_column(server_default=text("0"))
    ledger_hash: Mapped[bytes] = mapped_column(server_default=text("'\\x'"))
    __table_args__ = (
        Index("ix_lanes_due", "creditor_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "70"}},
    )


class Attempt(Base):
    """One contact made or being made: the delivery state machine, with the decision that allowed it.

    `queued_at` is when its batch was last put on a queue (None: the outbox owes it), `lease_until` when a worker that
    began to send it counts as dead: both by the database's own clock. `not_before` delays a retry;
    `closes_at` is the end of its permitted window, at which it must not leave. `accounts` are the creditor's accounts
    that it speaks for; `enrolment_id` is the leading one of `enrolments`.
    """

    __tablename__ = "attempts"
    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    debtor_id: Mapped[UUID]
    campaign_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    enrolments: Mapped[list[UUID]]
    accounts: Mapped[list[UUID]]
    point_id: Mapped[UUID]
    channel: Mapped[str]
    stage: Mapped[str]
    step: Mapped[str]
    rank: Mapped[int] = mapped_column(SmallInteger)
    template: Mapped[str]
    language: Mapped[str]
    state: Mapped[str]
    reserved_at: Mapped[dt.datetime]
    closes_at: Mapped[dt.datetime]
    not_before: Mapped[dt.datetime | None]
    queued_at: Mapped[dt.datetime | None]
    sending_at: Mapped[dt.datetime | None]
    accepted_at: Mapped[dt.datetime | None]
    settled_at: Mapped[dt.datetime | None]
    lease_until: Mapped[dt.datetime | None]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    provider: Mapped[str | None]
    provider_ref: Mapped[str | None]
    outcome: Mapped[str | None]
    failure: Mapped[str | None]
    code: Mapped[str | None]
    segments: Mapped[int | None] = mapped_column(SmallInteger)
    cost: Mapped[int | None]
    content_digest: Mapped[bytes | None]
    content_cipher: Mapped[bytes | None]
    decision: Mapped[dict[str, Any]] = mapped_column(JSON)
    __table_args__ = (
        Index("ix_attempts_debtor_id_reserved_at", "debtor_id", "reserved_at"),
        Index(
            "ix_attempts_reserved", "creditor_id", "channel", "queued_at", postgresql_where=text("state = 'reserved'")
        ),
        Index(
            "ix_attempts_unsettled",
            "creditor_id",
            "sending_at",
            postgresql_where=text("state IN ('sending', 'in_doubt')"),
        ),
        Index("ix_attempts_provider_ref", "provider_ref", postgresql_where=text("provider_ref IS NOT NULL")),
        Index(
            "uq_attempts_step",
            "enrolment_id",
            "step",
            "rank",
            unique=True,
            postgresql_where=text(f"state NOT IN ({', '.join(repr(s.value) for s in sorted(NEVER_MADE))})"),
        ),
        _one_of("channel", [channel.value for channel in Channel], "channel"),
        _one_of("state", [state.value for state in AttemptState], "state"),
        {"postgresql_with": {"fillfactor": "80"}},
    )


class StoredEvent(Base):
    """A delivery event as it came, stored first, applied after. `raw_cipher` is the provider's own words."""

    __tablename__ = "delivery_events"
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    provider: Mapped[str]
    key: Mapped[str]
    attempt_id: Mapped[UUID | None]
    provider_ref: Mapped[str | None]
    received_at: Mapped[dt.datetime]
    at: Mapped[dt.datetime]
    state: Mapped[str | None]
    outcome: Mapped[str | None]
    failure: Mapped[str | None]
    code: Mapped[str | None]
    cost: Mapped[int | None]
    raw_cipher: Mapped[bytes | None]
    applied_at: Mapped[dt.datetime | None]
    __table_args__ = (
        UniqueConstraint("creditor_id", "provider", "key"),
        Index("ix_delivery_events_open", "creditor_id", "received_at", postgresql_where=text("applied_at IS NULL")),
    )


class StoredInbound(Base):
    """What a debtor sent; `debtor_id` None: nobody was found by that sender."""

    __tablename__ = "inbound"
    inbound_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    provider: Mapped[str]
    key: Mapped[str]
    debtor_id: Mapped[UUID | None] = mapped_column(index=True)
    attempt_id: Mapped[UUID | None]
    point_id: Mapped[UUID | None]
    channel: Mapped[str]
    at: Mapped[dt.datetime]
    intent: Mapped[str | None]
    text_cipher: Mapped[bytes | None]
    handled_at: Mapped[dt.datetime | None]
    __table_args__ = (UniqueConstraint("creditor_id", "provider", "key"),)


class Suppression(Base):
    """Why a debtor, a channel or a contact point may not be contacted.

    `kind` opt_out: a ban of the channel or point; otherwise a stop of `domain.facts.StopKind`. Lifted, never deleted.
    """

    __tablename__ = "suppressions"
    suppression_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    debtor_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str]
    channel: Mapped[str | None]
    point_id: Mapped[UUID | None]
    accounts: Mapped[list[UUID]] = mapped_column(server_default=EMPTY_ARRAY)
    form: Mapped[str] = mapped_column(server_default="written")
    source: Mapped[str]
    at: Mapped[dt.datetime]
    until: Mapped[dt.datetime | None]
    answered_at: Mapped[dt.datetime | None]
    lifted_at: Mapped[dt.datetime | None]
    __table_args__ = (_one_of("kind", ["opt_out", *[kind.value for kind in StopKind]], "kind"),)


class OutsideContact(Base):
    """A contact made elsewhere (agents, dialers, other agencies). `fact` is the JSON of one `history` entry."""

    __tablename__ = "outside_contacts"
    outside_contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    debtor_id: Mapped[UUID]
    key: Mapped[str]
    at: Mapped[dt.datetime]
    fact: Mapped[dict[str, Any]]
    __table_args__ = (
        UniqueConstraint("creditor_id", "key"),
        Index("ix_outside_contacts_debtor_id_at", "debtor_id", "at"),
    )


class PaymentReceived(Base):
    """Money received on one account."""

    __tablename__ = "payments"
    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(index=True)
    debtor_id: Mapped[UUID]
    key: Mapped[str]
    minor: Mapped[int]
    currency: Mapped[str]
    at: Mapped[dt.datetime]
    __table_args__ = (UniqueConstraint("creditor_id", "key"),)


class Promise(Base):
    """A promise to pay: the cadence waits until the day after `due_on`."""

    __tablename__ = "promises"
    promise_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    debtor_id: Mapped[UUID] = mapped_column(index=True)
    account_id: Mapped[UUID | None]
    minor: Mapped[int | None]
    currency: Mapped[str | None]
    due_on: Mapped[dt.date]
    at: Mapped[dt.datetime]
    state: Mapped[str] = mapped_column(server_default="open")
    __table_args__ = (_one_of("state", ["open", "kept", "broken", "withdrawn"], "state"),)


class LedgerEntry(Base):
    """One entry of a debtor's chain: append-only, partitioned by month of `at`, never holding personal data.

    `hash` = SHA-256 over the previous hash and the canonical form of the entry (`storage/ledger.py`).
    """

    __tablename__ = "ledger"
    debtor_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    kind: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[bytes]
    hash: Mapped[bytes]
    __table_args__ = ({"postgresql_partition_by": "RANGE (at)"},)


class RollupDelta(Base):
    """A change of one count, written in the transaction that caused it; the roll-up tick folds them into `rollups`.

    Triggers on `attempts` write those of the measure `state`.
    """

    __tablename__ = "rollup_deltas"
    delta_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    creditor_id: Mapped[UUID]
    campaign_id: Mapped[UUID]
    hour: Mapped[dt.datetime]
    measure: Mapped[str]
    key: Mapped[str]
    n: Mapped[int]


class Rollup(Base):
    """A count that the screens read: how often something happened within the hour that begins at `hour`.

    `measure` state: attempts that entered a state, key channel/stage/state, a retry not being reserved again; deferred
    and refused: pack/rule; cost: channel.
    """

    __tablename__ = "rollups"
    creditor_id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    hour: Mapped[dt.datetime] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


class DeadLetter(Base):
    """What could not be done and needs a person: seen, understood, retried through the gate, or closed."""

    __tablename__ = "dead_letters"
    dead_letter_id: Mapped[UUID] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    attempt_id: Mapped[UUID | None]
    source: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    at: Mapped[dt.datetime]
    closed_at: Mapped[dt.datetime | None]
    resolution: Mapped[str | None]
    __table_args__ = (Index("ix_dead_letters_open", "creditor_id", "at", postgresql_where=text("closed_at IS NULL")),)
