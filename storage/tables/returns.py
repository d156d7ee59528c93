"""What comes back, or is told by others: delivery events, inbound messages, suppressions, payments, promises."""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.facts import StopKind
from storage.tables.schema import EMPTY_ARRAY, Base, one_of


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
    """What a debtor sent; `debtor_id` None: nobody was found by that sender.

    `applied_at`: what it means was done; `handled_at`: no person has to read it any more.
    """

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
    applied_at: Mapped[dt.datetime | None]
    handled_at: Mapped[dt.datetime | None]
    __table_args__ = (
        UniqueConstraint("creditor_id", "provider", "key"),
        Index("ix_inbound_open", "creditor_id", "at", postgresql_where=text("applied_at IS NULL")),
    )


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
    __table_args__ = (one_of("kind", ["opt_out", *[kind.value for kind in StopKind]], "kind"),)


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
    account_id: Mapped[UUID]
    debtor_id: Mapped[UUID] = mapped_column(index=True)
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
    __table_args__ = (one_of("state", ["open", "kept", "broken", "withdrawn"], "state"),)
