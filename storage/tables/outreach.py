"""What is done about it: campaigns, enrolments, the lane of each debtor, attempts."""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.attempt import NEVER_MADE, AttemptState
from domain.channel import Channel
from storage.tables.schema import EMPTY_ARRAY, Base, one_of


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
        one_of("state", ["draft", "running", "paused", "stopped"], "state"),
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
        one_of("state", ["active", "exited", "finished"], "state"),
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
    """One contact made or being made: the delivery state machine. The ledger has the decision that allowed it.

    `queued_at` is when its batch was last put on a queue (None: the outbox owes it), `lease_until` when a worker that
    began to send it counts as dead: both by the database's own clock. `not_before` delays a retry;
    `closes_at` is the end of its permitted window, at which it must not leave. `accounts` are the creditor's accounts
    that it speaks for; `enrolment_id` is the leading one of `enrolments`. `packs` are those that allowed it, `tried`
    the providers that did not take it; `next_look` is when the debtor is to be looked at again if it is made.
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
    purpose: Mapped[str] = mapped_column(server_default="collect")
    packs: Mapped[list[str]] = mapped_column(server_default=EMPTY_ARRAY)
    tried: Mapped[list[str]] = mapped_column(server_default=EMPTY_ARRAY)
    next_look: Mapped[dt.datetime | None]
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
        one_of("channel", [channel.value for channel in Channel], "channel"),
        one_of("state", [state.value for state in AttemptState], "state"),
        {"postgresql_with": {"fillfactor": "80"}},
    )


class Pace(Base):
    """How far a campaign has given away its contacts: the next of `lane` (all, day, a channel) is due at `next_at`."""

    __tablename__ = "paces"
    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(primary_key=True)
    creditor_id: Mapped[UUID]
    next_at: Mapped[dt.datetime]
