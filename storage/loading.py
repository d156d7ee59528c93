"""All that bears on a set of debtors, a statement a table, whatever their number. The caller holds their lane locks."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.attempt import NEVER_MADE
from storage import arrays

HISTORY = dt.timedelta(days=400)
"""How far back contacts are loaded: longer than the longest window of any pack."""

_NEVER_MADE = [state.value for state in NEVER_MADE]


class DebtorRow(NamedTuple):
    """What bears on one debtor; `facts` is JSON text."""

    debtor_id: UUID
    kind: str
    language: str
    facts: str
    flags: list[str]


class PointRow(NamedTuple):
    """One contact point without its value; its id as the rules take it, as text."""

    debtor_id: UUID
    point_id: str
    kind: str
    country: str | None
    timezones: list[str]
    channels_off: list[str]
    is_dead: bool
    priority: int
    reassigned_check_at: dt.datetime | None
    used_by_debtor: bool | None


class AccountRow(NamedTuple):
    """One account with its balances."""

    debtor_id: UUID
    account_id: UUID
    reference: str
    product: str
    currency: str
    principal: int
    interest: int
    penalty: int
    fees: int
    penalty_daily: Decimal
    as_of: dt.date
    due_on: dt.date | None
    days_past_due: int
    group_reference: str | None
    tags: list[str]
    state: str


class EnrolmentRow(NamedTuple):
    """One active enrolment; `is_running` where its campaign and creditor are neither paused nor stopped."""

    debtor_id: UUID
    enrolment_id: UUID
    campaign_id: UUID
    is_running: bool
    account_id: UUID
    stage: str
    step: str | None
    rank: int
    attempt_id: UUID | None
    last_contact_at: dt.datetime | None
    entered_at: dt.datetime


class ContactRow(NamedTuple):
    """One attempt as history; `purpose` as the law calls it, ids as the rules take them, as text."""

    debtor_id: UUID
    at: dt.datetime
    channel: str
    state: str
    outcome: str | None
    accounts: list[str]
    point_id: str
    purpose: str


class InboundRow(NamedTuple):
    """One message from the debtor as history; `is_unread`: a person has to read it."""

    debtor_id: UUID
    at: dt.datetime
    channel: str
    point_id: UUID | None
    is_unread: bool


class OutsideRow(NamedTuple):
    """One contact made elsewhere; `fact` is the JSON of a `history` entry."""

    debtor_id: UUID
    fact: dict[str, Any]


class SuppressionRow(NamedTuple):
    """One suppression that was not lifted."""

    debtor_id: UUID
    kind: str
    channel: str | None
    point_id: UUID | None
    accounts: list[UUID]
    form: str
    at: dt.datetime
    until: dt.datetime | None
    answered_at: dt.datetime | None


class PromiseRow(NamedTuple):
    """An open promise."""

    debtor_id: UUID
    account_id: UUID | None
    due_on: dt.date


class PaidRow(NamedTuple):
    """When something was last paid on an account."""

    debtor_id: UUID
    account_id: UUID
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that bears on a set of debtors, a list a table, in no particular order."""

    debtors: list[DebtorRow]
    points: list[PointRow]
    accounts: list[AccountRow]
    enrolments: list[EnrolmentRow]
    contacts: list[ContactRow]
    inbound: list[InboundRow]
    outside: list[OutsideRow]
    suppressions: list[SuppressionRow]
    promises: list[PromiseRow]
    paid: list[PaidRow]


_QUERIES: tuple[tuple[str, Any, str], ...] = (
    (
        "debtors",
        DebtorRow,
        "SELECT debtor_id, kind, language, facts::text, flags FROM debtors WHERE debtor_id = ANY(%(ids)s::uuid[])",
    ),
    (
        "points",
        PointRow,
        """SELECT debtor_id, point_id::text, kind, country, timezones, channels_off, is_dead, priority,
                  reassigned_check_at, used_by_debtor
           FROM contact_points WHERE debtor_id = ANY(%(ids)s::uuid[])""",
    ),
    (
        "accounts",
        AccountRow,
        """SELECT debtor_id, account_id, reference, product, currency, principal, interest, penalty, fees,
                  penalty_daily, as_of, due_on, days_past_due, group_reference, tags, state
           FROM accounts WHERE debtor_id = ANY(%(ids)s::uuid[])""",
    ),
    (
        "enrolments",
        EnrolmentRow,
        """SELECT e.debtor_id, e.enrolment_id, e.campaign_id, c.state = 'running' AND r.stopped_at IS NULL,
                  e.account_id, e.stage, e.step, e.rank, e.attempt_id, e.last_contact_at, e.entered_at
           FROM enrolments e JOIN campaigns c USING (campaign_id)
                JOIN creditors r ON r.creditor_id = e.creditor_id
           WHERE e.debtor_id = ANY(%(ids)s::uuid[]) AND e.state = 'active'""",
    ),
    (
        "contacts",
        ContactRow,
        """SELECT debtor_id, coalesce(sending_at, reserved_at), channel, state, outcome, accounts::text[],
                  point_id::text, purpose
           FROM attempts
           WHERE debtor_id = ANY(%(ids)s::uuid[]) AND reserved_at > %(since)s AND state <> ALL(%(never_made)s)""",
    ),
    (
        "inbound",
        InboundRow,
        """SELECT debtor_id, at, channel, point_id, handled_at IS NULL FROM inbound
           WHERE debtor_id = ANY(%(ids)s::uuid[]) AND at > %(since)s""",
    ),
    (
        "outside",
        OutsideRow,
        "SELECT debtor_id, fact FROM outside_contacts WHERE debtor_id = ANY(%(ids)s::uuid[]) AND at > %(since)s",
    ),
    (
        "suppressions",
        SuppressionRow,
        """SELECT debtor_id, kind, channel, point_id, accounts, form, at, until, answered_at
           FROM suppressions WHERE debtor_id = ANY(%(ids)s::uuid[]) AND lifted_at IS NULL""",
    ),
    (
        "promises",
        PromiseRow,
        """SELECT debtor_id, account_id, due_on FROM promises
           WHERE debtor_id = ANY(%(ids)s::uuid[]) AND state = 'open'""",
    ),
    (
        "paid",
        PaidRow,
        """SELECT debtor_id, account_id, max(at) FROM payments WHERE debtor_id = ANY(%(ids)s::uuid[])
           GROUP BY debtor_id, account_id""",
    ),
)


def load(connection: Connection, debtor_ids: Sequence[UUID], now: dt.datetime) -> Loaded:
    """Load what bears on these debtors, one query a table; contacts as far back as `HISTORY` before `now`."""
    values = {"ids": arrays.ids(debtor_ids), "since": now - HISTORY, "never_made": _NEVER_MADE}
    found = {name: [*map(row._make, connection.exec_driver_sql(query, values).all())] for name, row, query in _QUERIES}
    return Loaded(**found)
