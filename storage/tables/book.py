"""Who owes what to whom: creditors, debtors with their keys and contact points, portfolios, accounts."""

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.facts import PointKind
from storage.tables.schema import EMPTY_ARRAY, EMPTY_OBJECT, Base, one_of


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
        one_of("kind", ["person", "company"], "kind"),
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
        one_of("kind", [kind.value for kind in PointKind], "kind"),
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
        one_of("state", ["open", "paid", "vanished", "closed"], "state"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("penalty_daily >= 0", name="penalty_daily"),
    )
