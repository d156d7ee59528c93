"""The statements of dispatch: claim lanes that are due, load all that bears on them, write what was decided.

Everything is in bulk: one statement a table, whatever the number of debtors. The caller holds one transaction from
claim to write, and with it the lane locks.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.attempt import NEVER_MADE

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
    """One contact point without its value."""

    debtor_id: UUID
    point_id: UUID
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
    """One attempt as history."""

    debtor_id: UUID
    at: dt.datetime
    channel: str
    state: str
    outcome: str | None
    accounts: list[UUID]
    point_id: UUID


class InboundRow(NamedTuple):
    """One message from the debtor as history."""

    debtor_id: UUID
    at: dt.datetime
    channel: str
    point_id: UUID | None


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


def claim(connection: Connection, creditor_id: UUID, now: dt.datetime, limit: int) -> list[UUID]:
    """Lock up to `limit` lanes that are due at `now`, oldest first, passing over those that others hold."""
    rows = connection.exec_driver_sql(
        """SELECT debtor_id FROM lanes WHERE creditor_id = %(creditor)s AND due_at <= %(now)s
           ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED""",
        {"creditor": creditor_id, "now": now, "limit": limit},
    )
    return [row[0] for row in rows]


def lock_lanes(connection: Connection, debtor_ids: Sequence[UUID]) -> None:
    """Lock the lanes of these debtors, in order of id so that no two callers can wait for each other."""
    connection.exec_driver_sql(
        "SELECT 1 FROM lanes WHERE debtor_id = ANY(%(ids)s) ORDER BY debtor_id FOR UPDATE", {"ids": list(debtor_ids)}
    ).fetchall()


def due(connection: Connection, creditor_id: UUID, now: dt.datetime, limit: int) -> int:
    """How many lanes are due at `now`, counted up to `limit`."""
    row = connection.exec_driver_sql(
        """SELECT count(*) FROM (SELECT 1 FROM lanes WHERE creditor_id = %(creditor)s AND due_at <= %(now)s
           LIMIT %(limit)s) AS some""",
        {"creditor": creditor_id, "now": now, "limit": limit},
    ).one()
    return int(row[0])


_QUERIES: tuple[tuple[str, Any, str], ...] = (
    ("debtors", DebtorRow, "SELECT debtor_id, kind, language, facts::text, flags FROM debtors WHERE debtor_id = ANY(%(ids)s)"),
    (
        "points",
        PointRow,
        """SELECT debtor_id, point_id, kind, country, timezones, channels_off, is_dead, priority, reassigned_check_at,
                  used_by_debtor
           FROM contact_points WHERE debtor_id = ANY(%(ids)s)""",
    ),
    (
        "accounts",
        AccountRow,
        """SELECT debtor_id, account_id, reference, product, currency, principal, interest, penalty, fees,
                  penalty_daily, as_of, due_on, days_past_due, group_reference, tags, state
           FROM accounts WHERE debtor_id = ANY(%(ids)s)""",
    ),
    (
        "enrolments",
        EnrolmentRow,
        """SELECT e.debtor_id, e.enrolment_id, e.campaign_id, c.state = 'running' AND r.stopped_at IS NULL,
                  e.account_id, e.stage, e.step, e.rank, e.attempt_id, e.last_contact_at, e.entered_at
           FROM enrolments e JOIN campaigns c USING (campaign_id)
                JOIN creditors r ON r.creditor_id = e.creditor_id
           WHERE e.debtor_id = ANY(%(ids)s) AND e.state = 'active'""",
    ),
    (
        "contacts",
        ContactRow,
        """SELECT debtor_id, coalesce(sending_at, reserved_at), channel, state, outcome, accounts, point_id
           FROM attempts
           WHERE debtor_id = ANY(%(ids)s) AND reserved_at > %(since)s AND state <> ALL(%(never_made)s)""",
    ),
    (
        "inbound",
        InboundRow,
        "SELECT debtor_id, at, channel, point_id FROM inbound WHERE debtor_id = ANY(%(ids)s) AND at > %(since)s",
    ),
    ("outside", OutsideRow, "SELECT debtor_id, fact FROM outside_contacts WHERE debtor_id = ANY(%(ids)s) AND at > %(since)s"),
    (
        "suppressions",
        SuppressionRow,
        """SELECT debtor_id, kind, channel, point_id, accounts, form, at, until, answered_at
           FROM suppressions WHERE debtor_id = ANY(%(ids)s) AND lifted_at IS NULL""",
    ),
    ("promises", PromiseRow, "SELECT debtor_id, account_id, due_on FROM promises WHERE debtor_id = ANY(%(ids)s) AND state = 'open'"),
)


def load(connection: Connection, debtor_ids: Sequence[UUID], now: dt.datetime) -> Loaded:
    """Load what bears on these debtors, one query a table; contacts as far back as `HISTORY` before `now`."""
    values = {"ids": list(debtor_ids), "since": now - HISTORY, "never_made": _NEVER_MADE}
    found = {
        name: [row._make(values_) for values_ in connection.exec_driver_sql(query, values)]
        for name, row, query in _QUERIES
    }
    return Loaded(**found)


class NewAttempt(NamedTuple):
    """One reservation to write; `decision` is JSON text."""

    attempt_id: UUID
    debtor_id: UUID
    campaign_id: UUID
    enrolment_id: UUID
    enrolments: list[UUID]
    accounts: list[UUID]
    point_id: UUID
    channel: str
    stage: str
    step: str
    rank: int
    template: str
    language: str
    reserved_at: dt.datetime
    closes_at: dt.datetime
    decision: str


def reserve(connection: Connection, creditor_id: UUID, attempts: Sequence[NewAttempt]) -> None:
    """Write reservations, each already marked as queued, and hold their enrolments by them.

    The caller puts them on a queue after its commit; what it fails to put there the sweeper finds by its age.
    """
    if not attempts:
        return
    columns = list(zip(*attempts, strict=True))
    connection.exec_driver_sql(
        """INSERT INTO attempts (attempt_id, creditor_id, debtor_id, campaign_id, enrolment_id, enrolments, accounts,
                point_id, channel, stage, step, rank, template, language, reserved_at, closes_at, decision, state,
                queued_at)
           SELECT a, %(creditor)s, d, c, e, es::uuid[], acs::uuid[], p, ch, sg, st, rk, t, l, r, cl, dec::json,
                'reserved', clock_timestamp()
           FROM unnest(%(a)s::uuid[], %(d)s::uuid[], %(c)s::uuid[], %(e)s::uuid[], %(es)s::text[], %(acs)s::text[],
                %(p)s::uuid[], %(ch)s::text[], %(sg)s::text[], %(st)s::text[], %(rk)s::smallint[], %(t)s::text[],
                %(l)s::text[], %(r)s::timestamptz[], %(cl)s::timestamptz[], %(dec)s::text[])
                AS n(a, d, c, e, es, acs, p, ch, sg, st, rk, t, l, r, cl, dec)""",
        {
            "creditor": creditor_id,
            "a": list(columns[0]),
            "d": list(columns[1]),
            "c": list(columns[2]),
            "e": list(columns[3]),
            "es": [_array(ids) for ids in columns[4]],
            "acs": [_array(ids) for ids in columns[5]],
            "p": list(columns[6]),
            "ch": list(columns[7]),
            "sg": list(columns[8]),
            "st": list(columns[9]),
            "rk": list(columns[10]),
            "t": list(columns[11]),
            "l": list(columns[12]),
            "r": list(columns[13]),
            "cl": list(columns[14]),
            "dec": list(columns[15]),
        },
    )
    held = [(enrolment, attempt.attempt_id) for attempt in attempts for enrolment in attempt.enrolments]
    connection.exec_driver_sql(
        """UPDATE enrolments e SET attempt_id = n.a FROM unnest(%(e)s::uuid[], %(a)s::uuid[]) AS n(e, a)
           WHERE e.enrolment_id = n.e""",
        {"e": [row[0] for row in held], "a": [row[1] for row in held]},
    )


def _array(ids: Sequence[UUID]) -> str:
    return "{" + ",".join(str(id_) for id_ in ids) + "}"


class EnrolmentMove(NamedTuple):
    """Where an enrolment stands after a look or an attempt's end; `last_contact_at` None keeps what was."""

    enrolment_id: UUID
    state: str
    reason: str | None
    stage: str | None
    step: str | None
    rank: int
    last_contact_at: dt.datetime | None


def move_enrolments(connection: Connection, moves: Sequence[EnrolmentMove]) -> None:
    """Write where enrolments stand and release them from their attempts."""
    if not moves:
        return
    columns = list(zip(*moves, strict=True))
    connection.exec_driver_sql(
        """UPDATE enrolments e SET state = n.s, reason = n.r, stage = coalesce(n.sg, e.stage), step = n.st,
                rank = n.rk, attempt_id = NULL, last_contact_at = coalesce(n.lc, e.last_contact_at)
           FROM unnest(%(e)s::uuid[], %(s)s::text[], %(r)s::text[], %(sg)s::text[], %(st)s::text[], %(rk)s::smallint[],
                %(lc)s::timestamptz[]) AS n(e, s, r, sg, st, rk, lc)
           WHERE e.enrolment_id = n.e""",
        dict(zip(("e", "s", "r", "sg", "st", "rk", "lc"), (list(column) for column in columns), strict=True)),
    )


class LaneMove(NamedTuple):
    """When to look at a debtor next (None: at an event), and what held it; `waiting` is JSON text."""

    debtor_id: UUID
    due_at: dt.datetime | None
    waiting: str | None


def move_lanes(connection: Connection, moves: Sequence[LaneMove]) -> None:
    """Write when lanes are due next; the caller holds their locks."""
    if not moves:
        return
    connection.exec_driver_sql(
        """UPDATE lanes l SET due_at = n.due, waiting = n.w::jsonb
           FROM unnest(%(d)s::uuid[], %(due)s::timestamptz[], %(w)s::text[]) AS n(d, due, w)
           WHERE l.debtor_id = n.d""",
        {"d": [m.debtor_id for m in moves], "due": [m.due_at for m in moves], "w": [m.waiting for m in moves]},
    )


def wake(connection: Connection, debtor_ids: Sequence[UUID], at: dt.datetime) -> None:
    """Make these lanes due at `at` at the latest: something changed."""
    connection.exec_driver_sql(
        """UPDATE lanes SET due_at = least(coalesce(due_at, %(at)s), %(at)s) WHERE debtor_id = ANY(%(ids)s)""",
        {"ids": list(debtor_ids), "at": at},
    )


def count(connection: Connection, creditor_id: UUID, deltas: Sequence[tuple[UUID, dt.datetime, str, str, int]]) -> None:
    """Add to the counts that screens read: (campaign, hour, measure, key, n) each."""
    if not deltas:
        return
    columns = [list(column) for column in zip(*deltas, strict=True)]
    connection.exec_driver_sql(
        """INSERT INTO rollup_deltas (creditor_id, campaign_id, hour, measure, key, n)
           SELECT %(creditor)s, * FROM unnest(%(c)s::uuid[], %(h)s::timestamptz[], %(m)s::text[], %(k)s::text[],
                %(n)s::bigint[])""",
        {"creditor": creditor_id, **dict(zip(("c", "h", "m", "k", "n"), columns, strict=True))},
    )
