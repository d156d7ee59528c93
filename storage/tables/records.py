"""What is kept of it all: the ledger, counts, and what needs a person."""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import Identity, Index, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.schema import EMPTY_OBJECT, Base


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
