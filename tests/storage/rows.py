"""Rows of every table, made from the models: the least that each column takes."""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, CheckConstraint, Column, Connection, Table, insert

from domain.channel import Channel
from storage.tables import Base

TABLES: tuple[Table, ...] = tuple(Base.metadata.sorted_tables)
NAMES = sorted(table.name for table in TABLES)
NUMBERS = itertools.count(1)
AT = dt.datetime(2026, 11, 3, 9, 30, tzinfo=dt.UTC)

WORDS = {"kind": "x", "state": "x", "channel": Channel.SMS.value, "currency": "CNY"}


def add(connection: Connection, creditor_id: UUID, name: str, **given: object) -> dict[str, Any]:
    """Write one row of a table for a creditor; its values."""
    table = Base.metadata.tables[name]
    values = {
        column.name: _value(table, column)
        for column in table.columns
        if not column.nullable and column.server_default is None and column.identity is None
    }
    values |= {"creditor_id": creditor_id, **given}
    connection.execute(insert(table).values(**values))
    return values


def add_one_of_each(connection: Connection, creditor_id: UUID) -> None:
    """Write one row of every table but `creditors`, whose row is there."""
    debtor_id, campaign_id = uuid4(), uuid4()
    for table in TABLES:
        if table.name == "creditors":
            continue
        given = {
            name: value for name, value in (("debtor_id", debtor_id), ("campaign_id", campaign_id)) if name in table.c
        }
        add(connection, creditor_id, table.name, **given)


def add_lanes(connection: Connection, creditor_id: UUID, debtor_ids: Sequence[UUID]) -> None:
    """Lanes without debtors: all that a ledger needs."""
    for debtor_id in debtor_ids:
        add(connection, creditor_id, "lanes", debtor_id=debtor_id)


def _value(table: Table, column: Column[Any]) -> object:
    number = next(NUMBERS)
    if isinstance(column.type, ARRAY):
        return []
    kind = column.type.python_type
    if kind is str:
        return _allowed(table, column) or WORDS.get(column.name, f"{column.name}-{number}")
    if kind is UUID:
        return uuid4()
    if kind is dt.datetime:
        return AT
    if kind is dt.date:
        return AT.date()
    if kind is bytes:
        return number.to_bytes(8)
    return {} if kind is dict else number % 50


def _allowed(table: Table, column: Column[Any]) -> str | None:
    """The first word that a check of the table lets the column have."""
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint) and str(constraint.sqltext).startswith(f"{column.name} IN ("):
            return str(constraint.sqltext).split("'")[1]
    return None
