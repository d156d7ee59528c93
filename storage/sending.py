"""The statements of delivery: what an attempt needs to leave, the final gate, and what became of it. All in bulk.

The caller holds the lane locks of all debtors concerned (`lock_of`), and with them the ends of their chains.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.attempt import TRANSITIONS, AttemptState
from storage import arrays

_FROM = arrays.texts(state for state, targets in TRANSITIONS.items() for _ in targets)
_TO = arrays.texts(to for targets in TRANSITIONS.values() for to in targets)


class Outgoing(NamedTuple):
    """One attempt with all that its message needs.

    `is_running`: neither campaign nor creditor is stopped or paused. Since it was reserved, `is_suppressed`: a reason
    not to contact was recorded; `is_changed`: an account that it speaks of was paid, changed or taken back.
    `is_unheard`: the debtor said something that nobody has applied yet, which may be a stop.
    """

    attempt_id: UUID
    debtor_id: UUID
    campaign_id: UUID
    enrolments: list[UUID]
    accounts: list[UUID]
    point_id: UUID
    channel: str
    stage: str
    step: str
    rank: int
    template: str
    language: str
    state: str
    closes_at: dt.datetime
    not_before: dt.datetime | None
    next_look: dt.datetime | None
    tries: int
    tried: list[str]
    packs: list[str]
    is_running: bool
    is_suppressed: bool
    is_changed: bool
    is_unheard: bool
    is_first: bool
    kind: str
    reference: str
    name_cipher: bytes
    facts: str
    verify_salt: str
    verify_digests: list[str]
    value_cipher: bytes | None
    country: str | None
    timezones: list[str] | None


class OwedAccount(NamedTuple):
    """One account as a message speaks of it."""

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
    days_past_due: int


def lock_of(connection: Connection, attempt_ids: Collection[UUID]) -> dict[UUID, tuple[int, bytes]]:
    """Lock the lanes of the debtors of these attempts, in order of debtor, and read the ends of their chains."""
    rows = connection.exec_driver_sql(
        """SELECT debtor_id, ledger_seq, ledger_hash FROM lanes
           WHERE debtor_id IN (SELECT debtor_id FROM attempts WHERE attempt_id = ANY(%(ids)s::uuid[]))
           ORDER BY debtor_id FOR UPDATE""",
        {"ids": arrays.ids(attempt_ids)},
    )
    return {debtor_id: (seq, digest) for debtor_id, seq, digest in rows.all()}


_RUNS = "(c.state = 'running' AND r.stopped_at IS NULL)"
_SUPPRESSED = """EXISTS (SELECT FROM suppressions s
            WHERE s.debtor_id = a.debtor_id AND s.at >= a.reserved_at AND s.lifted_at IS NULL)"""
_UNHEARD = "EXISTS (SELECT FROM inbound i WHERE i.debtor_id = a.debtor_id AND i.applied_at IS NULL)"
"""What the gate asks of attempt `a`, campaign `c` and creditor `r`, and again while a message waits for its turn."""

_OUTGOING = f"""SELECT a.attempt_id, a.debtor_id, a.campaign_id, a.enrolments, a.accounts, a.point_id, a.channel,
    a.stage, a.step, a.rank, a.template, a.language, a.state, a.closes_at, a.not_before, a.next_look, a.tries, a.tried,
    a.packs, {_RUNS},
    {_SUPPRESSED},
    EXISTS (SELECT FROM accounts o
            WHERE o.account_id = ANY(a.accounts) AND (o.updated_at > a.reserved_at OR o.state <> 'open')),
    {_UNHEARD},
    e.last_contact_at IS NULL,
    d.kind, d.reference, d.name_cipher, d.facts::text, d.verify_salt, d.verify_digests,
    p.value_cipher, p.country, p.timezones
FROM attempts a
    JOIN debtors d ON d.debtor_id = a.debtor_id
    JOIN campaigns c ON c.campaign_id = a.campaign_id
    JOIN creditors r ON r.creditor_id = a.creditor_id
    LEFT JOIN contact_points p ON p.point_id = a.point_id
    LEFT JOIN enrolments e ON e.enrolment_id = a.enrolment_id
WHERE a.attempt_id = ANY(%(ids)s::uuid[])"""  # noqa: S608 -- constants
"""The state is looked at by `outgoing`: named in the statement it would have the planner read all that is reserved, by
its index, whenever the statistics are of a quiet hour."""


def outgoing(connection: Connection, attempt_ids: Collection[UUID]) -> list[Outgoing]:
    """Those of these attempts that are still reserved, with all that their messages need."""
    rows = connection.exec_driver_sql(_OUTGOING, {"ids": arrays.ids(attempt_ids)})
    return [one for one in map(Outgoing._make, rows.all()) if one.state == AttemptState.RESERVED]


def held_back(connection: Connection, attempt_ids: Collection[UUID]) -> set[UUID]:
    """Those of these attempts that must not leave after all, though they passed the gate.

    Sending or their campaign was stopped or paused since, a reason not to contact was recorded, or the debtor said
    something that nobody has applied yet.
    """
    rows = connection.exec_driver_sql(
        f"""SELECT a.attempt_id FROM attempts a JOIN campaigns c USING (campaign_id)
                JOIN creditors r ON r.creditor_id = a.creditor_id
            WHERE a.attempt_id = ANY(%(ids)s::uuid[]) AND (NOT {_RUNS} OR {_SUPPRESSED} OR {_UNHEARD})""",  # noqa: S608 -- constants
        {"ids": arrays.ids(attempt_ids)},
    )
    return {row[0] for row in rows.all()}


def owed(connection: Connection, account_ids: Collection[UUID]) -> dict[UUID, OwedAccount]:
    """These accounts, by id."""
    rows = connection.exec_driver_sql(
        """SELECT account_id, reference, product, currency, principal, interest, penalty, fees, penalty_daily, as_of,
                  days_past_due
           FROM accounts WHERE account_id = ANY(%(ids)s::uuid[])""",
        {"ids": arrays.ids(account_ids)},
    )
    return {row[0]: OwedAccount._make(row) for row in rows.all()}


class Leaving(NamedTuple):
    """One attempt that is about to be handed to a provider, with what it says: its digest, and the text sealed."""

    attempt_id: UUID
    provider: str
    segments: int | None
    content_digest: bytes
    content_cipher: bytes


def mark_sending(
    connection: Connection, leaving: Sequence[Leaving], now: dt.datetime, lease: dt.timedelta
) -> set[UUID]:
    """Take what is still reserved: from this commit on it counts as sent until it is proved otherwise. Which they are.

    Whoever has not recorded them within the `lease` counts as dead. It runs by the database's own clock, so that a dead
    worker is told from a slow one on any machine.
    """
    if not leaving:
        return set()
    rows = connection.exec_driver_sql(
        """UPDATE attempts a SET state = 'sending', sending_at = %(now)s, lease_until = clock_timestamp() + %(lease)s,
                provider = n.p, segments = n.s, content_digest = n.d, content_cipher = n.c, tries = a.tries + 1
           FROM unnest(%(a)s::uuid[], %(p)s::text[], %(s)s::bigint[], %(d)s::bytea[], %(c)s::bytea[], %(w)s::text[])
                AS n(a, p, s, d, c, was)
           WHERE a.attempt_id = n.a AND a.state = n.was RETURNING a.attempt_id""",
        {
            "now": now,
            "lease": lease,
            "a": arrays.ids(one.attempt_id for one in leaving),
            "p": arrays.texts(one.provider for one in leaving),
            "s": arrays.numbers(one.segments for one in leaving),
            "d": arrays.blobs(one.content_digest for one in leaving),
            "c": arrays.blobs(one.content_cipher for one in leaving),
            "w": arrays.texts(AttemptState.RESERVED for _ in leaving),
        },
    )
    return {row[0] for row in rows.all()}


class AttemptMove(NamedTuple):
    """Where an attempt goes, and what is known of it then; None keeps what was. `at` is the instant of the move.

    `of_try` is the try that it is about, the first being 1: it does not move another. None: whichever it is.
    """

    attempt_id: UUID
    state: AttemptState
    at: dt.datetime
    provider_ref: str | None = None
    outcome: str | None = None
    failure: str | None = None
    code: str | None = None
    cost: int | None = None
    not_before: dt.datetime | None = None
    tried: str | None = None
    of_try: int | None = None


_MOVE = """UPDATE attempts a SET state = n.st,
    accepted_at = CASE WHEN n.st = 'accepted' THEN n.t ELSE a.accepted_at END,
    settled_at = CASE WHEN n.st IN ('delivered', 'undelivered', 'rejected', 'cancelled', 'expired', 'closed') THEN n.t
        ELSE a.settled_at END,
    provider_ref = coalesce(n.r, a.provider_ref), outcome = coalesce(n.o, a.outcome),
    failure = coalesce(n.f, a.failure), code = coalesce(n.c, a.code), cost = coalesce(n.k, a.cost),
    not_before = n.nb, tried = CASE WHEN n.tr IS NULL THEN a.tried ELSE a.tried || n.tr END,
    queued_at = CASE WHEN n.st = 'reserved' THEN NULL ELSE a.queued_at END, lease_until = NULL
FROM unnest(%(a)s::uuid[], %(st)s::text[], %(t)s::timestamptz[], %(r)s::text[], %(o)s::text[], %(f)s::text[],
        %(c)s::text[], %(k)s::bigint[], %(nb)s::timestamptz[], %(tr)s::text[], %(ot)s::bigint[])
    AS n(a, st, t, r, o, f, c, k, nb, tr, ot)
WHERE a.attempt_id = n.a AND (n.ot IS NULL OR n.ot = a.tries) AND EXISTS (
    SELECT FROM unnest(%(from)s::text[], %(to)s::text[]) AS legal(f, t) WHERE legal.f = a.state AND legal.t = n.st)
RETURNING a.attempt_id"""


def move_attempts(connection: Connection, moves: Sequence[AttemptMove]) -> set[UUID]:
    """Make those of the moves that the life cycle allows; of which attempts they were. One move an attempt."""
    if not moves:
        return set()
    rows = connection.exec_driver_sql(
        _MOVE,
        {
            "from": _FROM,
            "to": _TO,
            "a": arrays.ids(move.attempt_id for move in moves),
            "st": arrays.texts(move.state for move in moves),
            "t": arrays.instants(move.at for move in moves),
            "r": arrays.texts(move.provider_ref for move in moves),
            "o": arrays.texts(move.outcome for move in moves),
            "f": arrays.texts(move.failure for move in moves),
            "c": arrays.texts(move.code for move in moves),
            "k": arrays.numbers(move.cost for move in moves),
            "nb": arrays.instants(move.not_before for move in moves),
            "tr": arrays.texts(move.tried for move in moves),
            "ot": arrays.numbers(move.of_try for move in moves),
        },
    )
    return {row[0] for row in rows.all()}


def name_refs(connection: Connection, refs: Sequence[tuple[UUID, str]]) -> None:
    """Keep the provider's name of attempts that had moved on before it was told: by it late events are found."""
    if refs:
        connection.exec_driver_sql(
            """UPDATE attempts a SET provider_ref = n.r FROM unnest(%(a)s::uuid[], %(r)s::text[]) AS n(a, r)
               WHERE a.attempt_id = n.a AND a.provider_ref IS NULL""",
            {"a": arrays.ids(one[0] for one in refs), "r": arrays.texts(one[1] for one in refs)},
        )


class Release(NamedTuple):
    """Where an enrolment stands after its attempt ended; `last_contact_at` None: no contact was made."""

    enrolment_id: UUID
    attempt_id: UUID
    state: str
    stage: str
    step: str | None
    rank: int
    last_contact_at: dt.datetime | None


def release(connection: Connection, releases: Sequence[Release]) -> set[UUID]:
    """Move on the enrolments that still wait for these attempts; which they were."""
    if not releases:
        return set()
    rows = connection.exec_driver_sql(
        """UPDATE enrolments e SET state = n.s, stage = n.sg, step = n.st, rank = n.rk, attempt_id = NULL,
                last_contact_at = coalesce(n.lc, e.last_contact_at)
           FROM unnest(%(e)s::uuid[], %(a)s::uuid[], %(s)s::text[], %(sg)s::text[], %(st)s::text[], %(rk)s::bigint[],
                %(lc)s::timestamptz[]) AS n(e, a, s, sg, st, rk, lc)
           WHERE e.enrolment_id = n.e AND e.attempt_id = n.a AND e.state = 'active'
           RETURNING e.enrolment_id""",
        {
            "e": arrays.ids(one.enrolment_id for one in releases),
            "a": arrays.ids(one.attempt_id for one in releases),
            "s": arrays.texts(one.state for one in releases),
            "sg": arrays.texts(one.stage for one in releases),
            "st": arrays.texts(one.step for one in releases),
            "rk": arrays.numbers(one.rank for one in releases),
            "lc": arrays.instants(one.last_contact_at for one in releases),
        },
    )
    return {row[0] for row in rows.all()}


def postpone(connection: Connection, attempts: Sequence[tuple[UUID, dt.datetime | None]]) -> None:
    """Take attempts off the queue without moving them: the sweeper queues them again from these instants on."""
    if attempts:
        connection.exec_driver_sql(
            """UPDATE attempts a SET queued_at = NULL, not_before = n.t
               FROM unnest(%(a)s::uuid[], %(t)s::timestamptz[], %(w)s::text[]) AS n(a, t, was)
               WHERE a.attempt_id = n.a AND a.state = n.was""",
            {
                "a": arrays.ids(one[0] for one in attempts),
                "t": arrays.instants(one[1] for one in attempts),
                "w": arrays.texts(AttemptState.RESERVED for _ in attempts),
            },
        )
