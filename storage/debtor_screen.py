"""Everything kept about one debtor, as its page and `forbear why` read it.

Names and contact values come as they are stored, encrypted; the screen decides how much of them to show. Row-level
security makes another creditor's debtor as good as absent.
"""

import datetime as dt
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection


class Subject(NamedTuple):
    """The debtor and its lane."""

    debtor_id: UUID
    reference: str
    kind: str
    language: str
    name_cipher: bytes
    facts: dict[str, Any]
    due_at: dt.datetime | None
    waiting: dict[str, Any] | None


class PointRow(NamedTuple):
    """One contact point with its value encrypted."""

    point_id: UUID
    kind: str
    value_cipher: bytes
    country: str | None
    timezones: list[str]
    is_dead: bool
    channels_off: list[str]


class OwedRow(NamedTuple):
    """One account: amounts in minor units as of the end of `as_of`."""

    account_id: UUID
    reference: str
    product: str
    currency: str
    total: int
    as_of: dt.date
    days_past_due: int
    state: str


class EnrolledRow(NamedTuple):
    """One enrolment with the campaign it is on."""

    campaign: str
    version: int
    campaign_state: str
    account_id: UUID
    state: str
    reason: str | None
    stage: str
    step: str | None


class SuppressedRow(NamedTuple):
    """One suppression, lifted or not."""

    kind: str
    channel: str | None
    point_id: UUID | None
    source: str
    at: dt.datetime
    until: dt.datetime | None
    answered_at: dt.datetime | None
    lifted_at: dt.datetime | None


class PromisedRow(NamedTuple):
    """A promise to pay."""

    due_on: dt.date
    minor: int | None
    currency: str | None
    state: str
    at: dt.datetime


class EntryRow(NamedTuple):
    """One ledger entry."""

    seq: int
    at: dt.datetime
    kind: str
    body: dict[str, Any]


class MadeRow(NamedTuple):
    """One attempt beside its ledger entries: what they don't say."""

    attempt_id: UUID
    template: str
    language: str
    segments: int | None
    cost: int | None
    closes_at: dt.datetime


class Story(NamedTuple):
    """One debtor with everything that was done, left undone, and came back."""

    subject: Subject
    points: list[PointRow]
    accounts: list[OwedRow]
    enrolments: list[EnrolledRow]
    suppressions: list[SuppressedRow]
    promises: list[PromisedRow]
    entries: list[EntryRow]
    attempts: list[MadeRow]


def find(connection: Connection, creditor_id: UUID, name: str) -> UUID | None:
    """The debtor of that id or of the creditor's reference; else the one with an account of that reference."""
    try:
        by_id: UUID | None = UUID(name)
    except ValueError:
        by_id = None
    found = connection.exec_driver_sql(
        """SELECT debtor_id, 0 AS rank FROM debtors WHERE creditor_id = %(creditor)s AND debtor_id = %(id)s::uuid
           UNION ALL SELECT debtor_id, 1 FROM debtors WHERE creditor_id = %(creditor)s AND reference = %(name)s
           UNION ALL SELECT debtor_id, 2 FROM accounts WHERE creditor_id = %(creditor)s AND reference = %(name)s
           ORDER BY rank LIMIT 1""",
        {"creditor": creditor_id, "id": by_id, "name": name},
    ).one_or_none()
    return found[0] if found else None


def story(connection: Connection, creditor_id: UUID, debtor_id: UUID, limit: int = 2000) -> Story | None:
    """Everything of one debtor, the newest `limit` ledger entries in order; None where there is no such debtor here."""
    values = {"creditor": creditor_id, "id": debtor_id, "limit": limit}

    def rows(query: str) -> list[Any]:
        return list(connection.exec_driver_sql(query, values))

    subject = rows(
        """SELECT d.debtor_id, d.reference, d.kind, d.language, d.name_cipher, d.facts, l.due_at, l.waiting
           FROM debtors d LEFT JOIN lanes l USING (debtor_id)
           WHERE d.creditor_id = %(creditor)s AND d.debtor_id = %(id)s"""
    )
    if not subject:
        return None
    points = rows(
        """SELECT point_id, kind, value_cipher, country, timezones, is_dead, channels_off FROM contact_points
           WHERE debtor_id = %(id)s ORDER BY priority, kind, point_id"""
    )
    accounts = rows(
        """SELECT account_id, reference, product, currency, principal + interest + penalty + fees, as_of, days_past_due,
               state
           FROM accounts WHERE debtor_id = %(id)s ORDER BY reference"""
    )
    enrolments = rows(
        """SELECT c.name, c.version, c.state, e.account_id, e.state, e.reason, e.stage, e.step
           FROM enrolments e JOIN campaigns c USING (campaign_id) WHERE e.debtor_id = %(id)s ORDER BY e.entered_at"""
    )
    suppressions = rows(
        """SELECT kind, channel, point_id, source, at, until, answered_at, lifted_at FROM suppressions
           WHERE debtor_id = %(id)s ORDER BY at"""
    )
    promises = rows("SELECT due_on, minor, currency, state, at FROM promises WHERE debtor_id = %(id)s ORDER BY at")
    entries = rows(
        """SELECT seq, at, kind, body FROM (SELECT seq, at, kind, body FROM ledger WHERE debtor_id = %(id)s
               ORDER BY seq DESC LIMIT %(limit)s) AS newest ORDER BY seq"""
    )
    attempts = rows(
        """SELECT attempt_id, template, language, segments, cost, closes_at FROM attempts WHERE debtor_id = %(id)s
           ORDER BY reserved_at DESC LIMIT %(limit)s"""
    )
    return Story(
        Subject._make(subject[0]),
        [PointRow._make(row) for row in points],
        [OwedRow._make(row) for row in accounts],
        [EnrolledRow._make(row) for row in enrolments],
        [SuppressedRow._make(row) for row in suppressions],
        [PromisedRow._make(row) for row in promises],
        [EntryRow._make(row) for row in entries],
        [MadeRow._make(row) for row in attempts],
    )
