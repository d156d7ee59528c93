"""A debtor to show a campaign's messages for: everything that a message tells, encrypted values as they are stored."""

import datetime as dt
from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from storage import loading


class PreviewPoint(NamedTuple):
    """One live contact point with its value encrypted."""

    point_id: UUID
    kind: str
    country: str | None
    timezones: list[str]
    channels_off: list[str]
    value_cipher: bytes


class PreviewDebtor(NamedTuple):
    """One debtor; `facts` is JSON text. Points: the best first. Accounts: the open ones, the oldest arrears first."""

    debtor_id: UUID
    reference: str
    kind: str
    language: str
    name_cipher: bytes
    facts: str
    points: list[PreviewPoint]
    accounts: list[loading.AccountRow]


def fitting(
    connection: Connection, products: Collection[str], days_from: int, days_to: int, kinds: Collection[str]
) -> UUID | None:
    """The first debtor, by reference, with an open account of such a product and so many days past due."""
    found = connection.exec_driver_sql(
        """SELECT a.debtor_id FROM accounts a JOIN debtors d USING (debtor_id) JOIN debtor_keys k USING (debtor_id)
           WHERE a.state = 'open' AND a.product = ANY(%(products)s::text[])
               AND a.days_past_due BETWEEN %(days_from)s AND %(days_to)s
               AND a.principal + a.interest + a.penalty + a.fees > 0
               AND (%(kinds)s::text[] = '{}' OR d.kind = ANY(%(kinds)s::text[]))
           ORDER BY d.reference LIMIT 1""",
        {"products": sorted(products), "days_from": days_from, "days_to": days_to, "kinds": sorted(kinds)},
    ).one_or_none()
    return found[0] if found else None


def read(connection: Connection, debtor_id: UUID, now: dt.datetime) -> PreviewDebtor | None:
    """The debtor; None where the creditor has none of this id."""
    values = {"id": debtor_id}
    subject: Any = connection.exec_driver_sql(
        "SELECT debtor_id, reference, kind, language, name_cipher, facts::text FROM debtors WHERE debtor_id = %(id)s",
        values,
    ).one_or_none()
    if subject is None:
        return None
    points = connection.exec_driver_sql(
        """SELECT point_id, kind, country, timezones, channels_off, value_cipher FROM contact_points
           WHERE debtor_id = %(id)s AND NOT is_dead ORDER BY priority DESC, point_id""",
        values,
    )
    accounts = [row for row in loading.load(connection, [debtor_id], now).accounts if row.state == "open"]
    accounts.sort(key=lambda row: (-row.days_past_due, row.reference))
    id_, reference, kind, language, name_cipher, facts = subject
    live = [PreviewPoint(*row) for row in points]
    return PreviewDebtor(id_, reference, kind, language, name_cipher, facts, live, accounts)
