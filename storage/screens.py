"""The read models of the screens: counts, queues, what waits and why, lists of attempts and of debtors that wait.

Every function reads within the caller's transaction and creditor (`reading`), and takes a bounded time however large
the ledger is: sums come from the roll-ups, what is open from partial indexes, the rest has a limit. No contact values,
names or texts are read here.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from storage.session import Database

DUE_LIMIT = 200_000
"""Lanes counted for the hours ahead; beyond it the screen says `more than`."""


class Total(NamedTuple):
    """How often `key` of a measure was counted for a campaign, over all time or since an instant."""

    campaign_id: UUID
    measure: str
    key: str
    n: int


class InHour(NamedTuple):
    """Attempts of a channel that entered a state within the bucket that begins at `at`."""

    at: dt.datetime
    channel: str
    state: str
    n: int


class Open(NamedTuple):
    """Attempts that are reserved, being sent or in doubt, and since when the oldest is."""

    campaign_id: UUID
    channel: str
    stage: str
    state: str
    n: int
    oldest: dt.datetime | None


class Due(NamedTuple):
    """Debtors to be looked at within the hour that begins at `hour`; what is overdue counts in the present hour."""

    hour: dt.datetime
    n: int


class Holding(NamedTuple):
    """One rule that holds debtors now: how many, and when the first of them is looked at again."""

    pack: str
    rule: str
    cite: str
    effect: str
    n: int
    next_at: dt.datetime | None


class Running(NamedTuple):
    """A campaign's newest version and its enrolments by state."""

    campaign_id: UUID
    name: str
    version: int
    state: str
    active: int
    finished: int
    exited: int


class AttemptRow(NamedTuple):
    """One attempt as lists show it; `at` is when it left or, before that, was reserved."""

    attempt_id: UUID
    debtor_id: UUID
    reference: str
    channel: str
    stage: str
    step: str
    state: str
    at: dt.datetime
    outcome: str | None
    failure: str | None
    code: str | None
    provider: str | None
    cost: int | None


class WaitingRow(NamedTuple):
    """One debtor that waits, when it is looked at again, and what held it (see `held`)."""

    debtor_id: UUID
    reference: str
    due_at: dt.datetime | None
    waiting: dict[str, Any] | None


class AttemptFilter(NamedTuple):
    """Which attempts to list; None leaves a column open."""

    channel: str | None = None
    stage: str | None = None
    state: str | None = None
    campaign_id: UUID | None = None


READ_SECONDS = 15
"""A screen that takes longer is given up, and whoever asked is told so; sending comes first."""


@contextmanager
def reading(db: Database, creditor_id: UUID) -> Iterator[Connection]:
    """A transaction of a creditor in which nothing can be written and no statement takes long. Raises Unavailable."""
    with db.tenant(creditor_id) as connection:
        connection.exec_driver_sql(
            f"SET LOCAL statement_timeout = '{READ_SECONDS}s'; SET LOCAL transaction_read_only = on"
        )
        yield connection


_COUNTS = """(SELECT campaign_id, hour, measure, key, n FROM rollups WHERE creditor_id = %(creditor)s
    UNION ALL SELECT campaign_id, hour, measure, key, n FROM rollup_deltas
    WHERE creditor_id = %(creditor)s) AS counts"""
"""What was folded already and what was not, together: so a count is right at every instant."""


def totals(
    connection: Connection, creditor_id: UUID, campaign_id: UUID | None = None, since: dt.datetime | None = None
) -> list[Total]:
    """The sums of all counts of a creditor's campaigns, or of one, since an instant."""
    rows = connection.exec_driver_sql(
        f"""SELECT campaign_id, measure, key, sum(n)::bigint FROM {_COUNTS}
            WHERE (%(campaign)s::uuid IS NULL OR campaign_id = %(campaign)s)
                AND (%(since)s::timestamptz IS NULL OR hour >= %(since)s)
            GROUP BY campaign_id, measure, key ORDER BY campaign_id, measure, key""",  # noqa: S608 -- a constant
        {"creditor": creditor_id, "campaign": campaign_id, "since": since},
    )
    return [Total._make(row) for row in rows]


def made_by_bucket(
    connection: Connection,
    creditor_id: UUID,
    since: dt.datetime,
    bucket: dt.timedelta,
    campaign_id: UUID | None = None,
) -> list[InHour]:
    """Attempts by bucket, channel and state entered; buckets of `bucket` from `since` on."""
    rows = connection.exec_driver_sql(
        f"""SELECT date_bin(%(bucket)s, hour, %(since)s), split_part(key, '/', 1), split_part(key, '/', 3),
                sum(n)::bigint
            FROM {_COUNTS}
            WHERE measure = 'state' AND hour >= %(since)s
                AND (%(campaign)s::uuid IS NULL OR campaign_id = %(campaign)s)
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",  # noqa: S608 -- a constant
        {"creditor": creditor_id, "campaign": campaign_id, "since": since, "bucket": bucket},
    )
    return [InHour._make(row) for row in rows]


def open_attempts(connection: Connection, creditor_id: UUID, campaign_id: UUID | None = None) -> list[Open]:
    """What is reserved, being sent or in doubt, by campaign, channel and stage."""
    rows = connection.exec_driver_sql(
        """SELECT campaign_id, channel, stage, state, count(*), min(reserved_at) FROM attempts
           WHERE creditor_id = %(creditor)s AND state = 'reserved'
               AND (%(campaign)s::uuid IS NULL OR campaign_id = %(campaign)s)
           GROUP BY campaign_id, channel, stage, state
           UNION ALL
           SELECT campaign_id, channel, stage, state, count(*), min(sending_at) FROM attempts
           WHERE creditor_id = %(creditor)s AND state IN ('sending', 'in_doubt')
               AND (%(campaign)s::uuid IS NULL OR campaign_id = %(campaign)s)
           GROUP BY campaign_id, channel, stage, state""",
        {"creditor": creditor_id, "campaign": campaign_id},
    )
    return [Open._make(row) for row in rows]


def due(connection: Connection, creditor_id: UUID, now: dt.datetime, until: dt.datetime) -> list[Due]:
    """Debtors to be looked at up to `until`, by hour; counted up to `DUE_LIMIT`, the soonest first."""
    rows = connection.exec_driver_sql(
        """SELECT greatest(date_bin('1 hour', due_at, 'epoch'), date_bin('1 hour', %(now)s, 'epoch')) AS hour, count(*)
           FROM (SELECT due_at FROM lanes WHERE creditor_id = %(creditor)s AND due_at < %(until)s
                 ORDER BY due_at LIMIT %(limit)s) AS soon
           GROUP BY hour ORDER BY hour""",
        {"creditor": creditor_id, "now": now, "until": until, "limit": DUE_LIMIT},
    )
    return [Due._make(row) for row in rows]


def oldest_due(connection: Connection, creditor_id: UUID, now: dt.datetime) -> dt.datetime | None:
    """Since when the debtor that is due longest waits to be looked at; None: nobody is due."""
    found = connection.exec_driver_sql(
        """SELECT due_at FROM lanes WHERE creditor_id = %(creditor)s AND due_at <= %(now)s ORDER BY due_at LIMIT 1""",
        {"creditor": creditor_id, "now": now},
    ).one_or_none()
    return found[0] if found else None


# What held a debtor is one object {campaign, step, channel, verdict, until, rules}, or several under `held`.
_HELD = """
    SELECT l.debtor_id, l.due_at, l.waiting, r.pack, r.rule, r.cite, r.effect FROM lanes l
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (said ->> 'pack', said ->> 'rule') said ->> 'pack' AS pack, said ->> 'rule' AS rule,
            said ->> 'cite' AS cite, coalesce(said ->> 'effect', 'defers') AS effect
        FROM jsonb_path_query(l.waiting, 'lax $.**{0 to 2}.rules[*]') AS said
        WHERE coalesce(said ->> 'effect', 'defers') <> 'allows') AS r
    WHERE l.creditor_id = %(creditor)s AND l.waiting IS NOT NULL
"""


def holding(connection: Connection, creditor_id: UUID, limit: int = 12) -> list[Holding]:
    """Which rules hold debtors now, those that hold most first."""
    rows = connection.exec_driver_sql(
        f"""SELECT pack, rule, coalesce(max(cite), ''), max(effect), count(*), min(due_at)
            FROM ({_HELD}) AS holds GROUP BY pack, rule ORDER BY 5 DESC, 1, 2 LIMIT %(limit)s""",  # noqa: S608
        {"creditor": creditor_id, "limit": limit},
    )
    return [Holding._make(row) for row in rows]


def waiting(connection: Connection, creditor_id: UUID) -> int:
    """How many debtors any rule holds now."""
    row = connection.exec_driver_sql(
        "SELECT count(*) FROM lanes WHERE creditor_id = %(creditor)s AND waiting IS NOT NULL", {"creditor": creditor_id}
    ).one()
    return int(row[0])


def waiting_by_rule(
    connection: Connection, creditor_id: UUID, pack: str, rule: str, limit: int = 100
) -> list[WaitingRow]:
    """Debtors that one rule holds, the soonest released first."""
    rows = connection.exec_driver_sql(
        f"""SELECT d.debtor_id, d.reference, w.due_at, w.waiting FROM (
                SELECT debtor_id, due_at, waiting FROM ({_HELD}) AS holds
                WHERE pack = %(pack)s AND rule = %(rule)s
                ORDER BY due_at NULLS LAST LIMIT %(limit)s) AS w
            JOIN debtors d USING (debtor_id) ORDER BY w.due_at NULLS LAST, d.reference""",  # noqa: S608 -- a constant
        {"creditor": creditor_id, "pack": pack, "rule": rule, "limit": limit},
    )
    return [WaitingRow._make(row) for row in rows]


def due_debtors(connection: Connection, creditor_id: UUID, until: dt.datetime, limit: int = 100) -> list[WaitingRow]:
    """Debtors to be looked at before `until`, the soonest first."""
    rows = connection.exec_driver_sql(
        """SELECT l.debtor_id, d.reference, l.due_at, l.waiting FROM lanes l JOIN debtors d USING (debtor_id)
           WHERE l.creditor_id = %(creditor)s AND l.due_at < %(until)s ORDER BY l.due_at LIMIT %(limit)s""",
        {"creditor": creditor_id, "until": until, "limit": limit},
    )
    return [WaitingRow._make(row) for row in rows]


def campaigns(connection: Connection, creditor_id: UUID) -> list[Running]:
    """The newest version of each campaign with its enrolments, those that run first."""
    rows = connection.exec_driver_sql(
        """SELECT c.campaign_id, c.name, c.version, c.state, coalesce(e.active, 0), coalesce(e.finished, 0),
                coalesce(e.exited, 0)
           FROM (SELECT DISTINCT ON (name) campaign_id, name, version, state FROM campaigns
                 WHERE creditor_id = %(creditor)s ORDER BY name, version DESC) AS c
           LEFT JOIN (SELECT campaign_id, count(*) FILTER (WHERE state = 'active') AS active,
                          count(*) FILTER (WHERE state = 'finished') AS finished,
                          count(*) FILTER (WHERE state = 'exited') AS exited
                      FROM enrolments GROUP BY campaign_id) AS e USING (campaign_id)
           ORDER BY c.state <> 'running', c.name""",
        {"creditor": creditor_id},
    )
    return [Running._make(row) for row in rows]


_ATTEMPT = """a.attempt_id, a.debtor_id, d.reference, a.channel, a.stage, a.step, a.state,
    coalesce(a.sending_at, a.reserved_at), a.outcome, a.failure, a.code, a.provider,
    a.cost"""


def attempts(
    connection: Connection,
    creditor_id: UUID,
    wanted: AttemptFilter,
    before: UUID | None = None,
    limit: int = 50,
) -> list[AttemptRow]:
    """The newest attempts that fit, those before attempt `before`; their ids sort by the instant of reservation."""
    rows = connection.exec_driver_sql(
        f"""SELECT {_ATTEMPT} FROM attempts a JOIN debtors d USING (debtor_id)
            WHERE a.creditor_id = %(creditor)s AND (%(before)s::uuid IS NULL OR a.attempt_id < %(before)s)
                AND (%(channel)s::text IS NULL OR a.channel = %(channel)s)
                AND (%(stage)s::text IS NULL OR a.stage = %(stage)s)
                AND (%(state)s::text IS NULL OR a.state = %(state)s)
                AND (%(campaign_id)s::uuid IS NULL OR a.campaign_id = %(campaign_id)s)
            ORDER BY a.attempt_id DESC LIMIT %(limit)s""",  # noqa: S608 -- a constant
        {"creditor": creditor_id, "before": before, "limit": limit, **wanted._asdict()},
    )
    return [AttemptRow._make(row) for row in rows]


def channel_of(connection: Connection, creditor_id: UUID, attempt_id: UUID) -> str | None:
    """The channel of an attempt; None where there is no such attempt here."""
    found = connection.exec_driver_sql(
        "SELECT channel FROM attempts WHERE creditor_id = %(creditor)s AND attempt_id = %(id)s",
        {"creditor": creditor_id, "id": attempt_id},
    ).one_or_none()
    return found[0] if found else None


def in_doubt(connection: Connection, creditor_id: UUID, limit: int = 8) -> list[AttemptRow]:
    """Attempts of which nobody knows whether they were made, the oldest first."""
    rows = connection.exec_driver_sql(
        f"""SELECT {_ATTEMPT} FROM attempts a JOIN debtors d USING (debtor_id)
            WHERE a.creditor_id = %(creditor)s AND a.state = 'in_doubt' AND a.state IN ('sending', 'in_doubt')
            ORDER BY a.sending_at LIMIT %(limit)s""",  # noqa: S608 -- a constant
        {"creditor": creditor_id, "limit": limit},
    )
    return [AttemptRow._make(row) for row in rows]


def dead_letters(connection: Connection, creditor_id: UUID) -> int:
    """How much could not be done and waits for a person."""
    row = connection.exec_driver_sql(
        "SELECT count(*) FROM dead_letters WHERE creditor_id = %(creditor)s AND closed_at IS NULL",
        {"creditor": creditor_id},
    ).one()
    return int(row[0])


def unapplied_events(connection: Connection, creditor_id: UUID) -> tuple[int, dt.datetime | None]:
    """How many delivery events were stored and not yet applied, and when the oldest of them came."""
    row = connection.exec_driver_sql(
        """SELECT count(*), min(received_at) FROM delivery_events
           WHERE creditor_id = %(creditor)s AND applied_at IS NULL""",
        {"creditor": creditor_id},
    ).one()
    return int(row[0]), row[1]
