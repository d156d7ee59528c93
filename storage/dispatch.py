"""The statements of dispatch: claim lanes that are due, load all that bears on them, write what was decided.

Everything is in bulk: one statement a table, whatever the number of debtors. The caller holds one transaction from
claim to write, and with it the lane locks.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.attempt import NEVER_MADE
from storage import arrays
from storage.ledger import Heads

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
    """One attempt as history; `purpose` as the law calls it."""

    debtor_id: UUID
    at: dt.datetime
    channel: str
    state: str
    outcome: str | None
    accounts: list[UUID]
    point_id: UUID
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


class ClaimedLane(NamedTuple):
    """A lane that the caller holds: its last ledger entry, and what held the last look, as JSON text."""

    debtor_id: UUID
    ledger_seq: int
    ledger_hash: bytes
    waiting: str | None


_CLAIM = """SELECT debtor_id, ledger_seq, ledger_hash, waiting::text FROM lanes
WHERE creditor_id = %(creditor)s AND due_at <= %(now)s ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""
"""What it reads must come from the locking statement itself: only that sees what others wrote a moment before."""


def claim(connection: Connection, creditor_id: UUID, now: dt.datetime, limit: int) -> list[ClaimedLane]:
    """Lock up to `limit` lanes that are due at `now`, oldest first, passing over those that others hold."""
    rows = connection.exec_driver_sql(_CLAIM, {"creditor": creditor_id, "now": now, "limit": limit})
    return [ClaimedLane._make(row) for row in rows]


def lock_lanes(connection: Connection, debtor_ids: Collection[UUID]) -> None:
    """Lock the lanes of these debtors, in order of id so that no two callers can wait for each other."""
    if debtor_ids:
        connection.exec_driver_sql(
            "SELECT 1 FROM lanes WHERE debtor_id = ANY(%(ids)s::uuid[]) ORDER BY debtor_id FOR UPDATE",
            {"ids": arrays.ids(debtor_ids)},
        ).fetchall()


def due(connection: Connection, creditor_id: UUID, now: dt.datetime, limit: int) -> int:
    """How many lanes are due at `now`, counted up to `limit`."""
    row = connection.exec_driver_sql(
        """SELECT count(*) FROM (SELECT 1 FROM lanes WHERE creditor_id = %(creditor)s AND due_at <= %(now)s
           LIMIT %(limit)s) AS counted""",
        {"creditor": creditor_id, "now": now, "limit": limit},
    ).one()
    return int(row[0])


def outstanding(connection: Connection, creditor_id: UUID, limit: int) -> int:
    """How many attempts are reserved and not yet sent, counted up to `limit`."""
    row = connection.exec_driver_sql(
        """SELECT count(*) FROM (SELECT 1 FROM attempts WHERE creditor_id = %(creditor)s AND state = 'reserved'
           LIMIT %(limit)s) AS counted""",
        {"creditor": creditor_id, "limit": limit},
    ).one()
    return int(row[0])


_QUERIES: tuple[tuple[str, Any, str], ...] = (
    (
        "debtors",
        DebtorRow,
        "SELECT debtor_id, kind, language, facts::text, flags FROM debtors WHERE debtor_id = ANY(%(ids)s::uuid[])",
    ),
    (
        "points",
        PointRow,
        """SELECT debtor_id, point_id, kind, country, timezones, channels_off, is_dead, priority, reassigned_check_at,
                  used_by_debtor
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
        """SELECT debtor_id, coalesce(sending_at, reserved_at), channel, state, outcome, accounts, point_id, purpose
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


class NewAttempt(NamedTuple):
    """One reservation to write; the first of `enrolments` leads."""

    attempt_id: UUID
    debtor_id: UUID
    campaign_id: UUID
    enrolments: tuple[UUID, ...]
    accounts: tuple[UUID, ...]
    point_id: UUID
    channel: str
    stage: str
    step: str
    rank: int
    template: str
    language: str
    purpose: str
    closes_at: dt.datetime
    next_look: dt.datetime | None
    packs: tuple[str, ...]


_RESERVE = """INSERT INTO attempts (attempt_id, creditor_id, debtor_id, campaign_id, enrolment_id, enrolments, accounts,
    point_id, channel, stage, step, rank, template, language, purpose, closes_at, next_look, packs, reserved_at,
    state, queued_at)
SELECT a, %(creditor)s, d, c, e, coalesce(es::uuid[], ARRAY[e]), acs::uuid[], p, ch, sg, st, rk, t, l, pu, cl, nl,
    pk::text[], %(now)s, 'reserved', clock_timestamp()
FROM unnest(%(a)s::uuid[], %(d)s::uuid[], %(c)s::uuid[], %(e)s::uuid[], %(es)s::text[], %(acs)s::text[],
    %(p)s::uuid[], %(ch)s::text[], %(sg)s::text[], %(st)s::text[], %(rk)s::bigint[], %(t)s::text[], %(l)s::text[],
    %(pu)s::text[], %(cl)s::timestamptz[], %(nl)s::timestamptz[], %(pk)s::text[])
    AS n(a, d, c, e, es, acs, p, ch, sg, st, rk, t, l, pu, cl, nl, pk)"""


def reserve(connection: Connection, creditor_id: UUID, attempts: Sequence[NewAttempt], now: dt.datetime) -> None:
    """Write reservations, each already marked as queued, and hold their enrolments by them.

    The caller puts them on a queue after its commit; what it fails to put there the sweeper finds by its age.
    """
    if not attempts:
        return
    connection.exec_driver_sql(
        _RESERVE,
        {
            "creditor": creditor_id,
            "now": now,
            "a": arrays.ids(one.attempt_id for one in attempts),
            "d": arrays.ids(one.debtor_id for one in attempts),
            "c": arrays.ids(one.campaign_id for one in attempts),
            "e": arrays.ids(one.enrolments[0] for one in attempts),
            "es": arrays.texts(_array(one.enrolments) if len(one.enrolments) > 1 else None for one in attempts),
            "acs": arrays.texts(_array(one.accounts) for one in attempts),
            "p": arrays.ids(one.point_id for one in attempts),
            "ch": arrays.texts(one.channel for one in attempts),
            "sg": arrays.texts(one.stage for one in attempts),
            "st": arrays.texts(one.step for one in attempts),
            "rk": arrays.numbers(one.rank for one in attempts),
            "t": arrays.texts(one.template for one in attempts),
            "l": arrays.texts(one.language for one in attempts),
            "pu": arrays.texts(one.purpose for one in attempts),
            "cl": arrays.instants(one.closes_at for one in attempts),
            "nl": arrays.instants(one.next_look for one in attempts),
            "pk": arrays.texts("{" + ",".join(one.packs) + "}" for one in attempts),
        },
    )
    held = [(enrolment, attempt.attempt_id) for attempt in attempts for enrolment in attempt.enrolments]
    connection.exec_driver_sql(
        """UPDATE enrolments e SET attempt_id = n.a FROM unnest(%(e)s::uuid[], %(a)s::uuid[]) AS n(e, a)
           WHERE e.enrolment_id = n.e""",
        {"e": arrays.ids(row[0] for row in held), "a": arrays.ids(row[1] for row in held)},
    )


def _array(ids: Sequence[UUID]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"


class EnrolmentMove(NamedTuple):
    """Where an enrolment stands after a look; a `stage` or `last_contact_at` None keeps what was."""

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
    connection.exec_driver_sql(
        """UPDATE enrolments e SET state = n.s, reason = n.r, stage = coalesce(n.sg, e.stage), step = n.st,
                rank = n.rk, attempt_id = NULL, last_contact_at = coalesce(n.lc, e.last_contact_at)
           FROM unnest(%(e)s::uuid[], %(s)s::text[], %(r)s::text[], %(sg)s::text[], %(st)s::text[], %(rk)s::bigint[],
                %(lc)s::timestamptz[]) AS n(e, s, r, sg, st, rk, lc)
           WHERE e.enrolment_id = n.e""",
        {
            "e": arrays.ids(move.enrolment_id for move in moves),
            "s": arrays.texts(move.state for move in moves),
            "r": arrays.texts(move.reason for move in moves),
            "sg": arrays.texts(move.stage for move in moves),
            "st": arrays.texts(move.step for move in moves),
            "rk": arrays.numbers(move.rank for move in moves),
            "lc": arrays.instants(move.last_contact_at for move in moves),
        },
    )


class LaneMove(NamedTuple):
    """When to look at a debtor next (None: at an event), and what held it; `waiting` is JSON text."""

    debtor_id: UUID
    due_at: dt.datetime | None
    waiting: str | None


def move_lanes(connection: Connection, moves: Sequence[LaneMove], heads: Heads) -> None:
    """Write when lanes are due next and the ends of their chains; the caller holds their locks."""
    if not moves:
        return
    connection.exec_driver_sql(
        """UPDATE lanes l SET due_at = n.due, waiting = n.w::jsonb, ledger_seq = n.s, ledger_hash = n.h
           FROM unnest(%(d)s::uuid[], %(due)s::timestamptz[], %(w)s::text[], %(s)s::bigint[], %(h)s::bytea[])
                AS n(d, due, w, s, h)
           WHERE l.debtor_id = n.d""",
        {
            "d": arrays.ids(move.debtor_id for move in moves),
            "due": arrays.instants(move.due_at for move in moves),
            "w": arrays.texts(move.waiting for move in moves),
            "s": arrays.numbers(heads[move.debtor_id][0] for move in moves),
            "h": arrays.blobs(heads[move.debtor_id][1] for move in moves),
        },
    )


def wake(connection: Connection, debtor_ids: Sequence[UUID], at: dt.datetime) -> None:
    """Make these lanes due at `at` at the latest: something changed."""
    connection.exec_driver_sql(
        """UPDATE lanes SET due_at = least(coalesce(due_at, %(at)s), %(at)s)
           WHERE debtor_id = ANY(%(ids)s::uuid[])""",
        {"ids": arrays.ids(debtor_ids), "at": at},
    )


def count(connection: Connection, creditor_id: UUID, deltas: Sequence[tuple[UUID, dt.datetime, str, str, int]]) -> None:
    """Add to the counts that screens read: (campaign, hour, measure, key, n) each."""
    if not deltas:
        return
    connection.exec_driver_sql(
        """INSERT INTO rollup_deltas (creditor_id, campaign_id, hour, measure, key, n)
           SELECT %(creditor)s, * FROM unnest(%(c)s::uuid[], %(h)s::timestamptz[], %(m)s::text[], %(k)s::text[],
                %(n)s::bigint[])""",
        {
            "creditor": creditor_id,
            "c": arrays.ids(delta[0] for delta in deltas),
            "h": arrays.instants(delta[1] for delta in deltas),
            "m": arrays.texts(delta[2] for delta in deltas),
            "k": arrays.texts(delta[3] for delta in deltas),
            "n": arrays.numbers(delta[4] for delta in deltas),
        },
    )
