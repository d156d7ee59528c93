"""The statements of campaigns: versions, their states, enrolment in bulk, and what a campaign's status shows.

Each function works in the caller's transaction and creditor. Enrolling and leaving go in batches, a transaction each,
so that a million accounts hold no lock for long; whoever dies in the middle leaves the rest to whoever comes next.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.attempt import OPEN
from domain.errors import Refused
from storage.lanes import lock_lanes, wake
from storage.ledger import Entry, append

STOPPED = "stopped"
"""The reason of enrolments that a stop of their campaign ended; a later version takes them up where they stood."""
_OPEN = [state.value for state in OPEN]


class CampaignRow(NamedTuple):
    """One version of a cadence."""

    campaign_id: UUID
    name: str
    version: int
    digest: bytes
    source: str
    state: str
    launched_at: dt.datetime | None


class Criteria(NamedTuple):
    """Whom to enrol; an empty list asks for nothing, None leaves a bound open. Balances in minor units."""

    products: list[str]
    days_from: int
    days_to: int
    currency: str | None
    balance_from: int | None
    balance_to: int | None
    kinds: list[str]
    languages: list[str]
    flags_all: list[str]
    flags_none: list[str]
    tags_all: list[str]
    tags_none: list[str]


class Batch(NamedTuple):
    """How many accounts one batch enrolled, and the account to go on after (None: it was the last batch)."""

    enrolled: int
    last: UUID | None


class Count(NamedTuple):
    """How many enrolments stand on a step in a state."""

    stage: str
    step: str | None
    state: str
    reason: str | None
    n: int


class Waiting(NamedTuple):
    """How many debtors are looked at next within the hour that begins at `hour` (None: at an event)."""

    hour: dt.datetime | None
    n: int


_COLUMNS = "campaign_id, name, version, digest, source, state, launched_at"


def versions(connection: Connection, creditor_id: UUID, name: str | None = None) -> list[CampaignRow]:
    """All versions of one campaign, or of all, the newest of each first."""
    rows = connection.exec_driver_sql(
        f"""SELECT {_COLUMNS} FROM campaigns
            WHERE creditor_id = %(creditor)s AND (%(name)s::text IS NULL OR name = %(name)s)
            ORDER BY name, version DESC""",  # noqa: S608 -- a constant
        {"creditor": creditor_id, "name": name},
    )
    return [CampaignRow._make(row) for row in rows]


def by_ids(connection: Connection, ids: Collection[UUID]) -> list[CampaignRow]:
    """These versions."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM campaigns WHERE campaign_id = ANY(%(ids)s)",  # noqa: S608 -- a constant
        {"ids": list(ids)},
    )
    return [CampaignRow._make(row) for row in rows]


def create_version(
    connection: Connection, creditor_id: UUID, campaign_id: UUID, name: str, source: str, digest: bytes, at: dt.datetime
) -> int:
    """Keep `source` as the next version of `name`, running from now on; its number.

    Raises Refused where another version of it is running or paused: two would contact the same accounts.
    """
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 0))", {"name": name})
    known = versions(connection, creditor_id, name)
    for other in known:
        if other.state in ("running", "paused"):
            raise Refused(
                f"version {other.version} of {name} is {other.state}.",
                where=name,
                remedy=f"Stop it first: `forbear campaign stop {name}`. What it enrolled goes on where it stood.",
            )
    version = known[0].version + 1 if known else 1
    connection.exec_driver_sql(
        """INSERT INTO campaigns (campaign_id, creditor_id, name, version, digest, source, state, launched_at)
           VALUES (%(id)s, %(creditor)s, %(name)s, %(version)s, %(digest)s, %(source)s, 'running', %(at)s)""",
        {
            "id": campaign_id,
            "creditor": creditor_id,
            "name": name,
            "version": version,
            "digest": digest,
            "source": source,
            "at": at,
        },
    )
    return version


def set_state(connection: Connection, campaign_id: UUID, sources: Sequence[str], to: str) -> bool:
    """Move a campaign to `to` from one of `sources`; False where it is in none of them."""
    done = connection.exec_driver_sql(
        "UPDATE campaigns SET state = %(to)s WHERE campaign_id = %(id)s AND state = ANY(%(sources)s)",
        {"id": campaign_id, "to": to, "sources": list(sources)},
    )
    return done.rowcount == 1


def mark_enrolled(connection: Connection, campaign_id: UUID, until: dt.datetime) -> None:
    """Remember that all accounts as they were at `until` were looked at."""
    connection.exec_driver_sql(
        "UPDATE campaigns SET enrolled_until = %(until)s WHERE campaign_id = %(id)s",
        {"id": campaign_id, "until": until},
    )


# An account comes in once a campaign and spell of arrears: not while a version of it has the account, and not again
# before it was out of arrears. What a stop ended is taken up at the step where it stood, so that no step is made twice.
_ENROL = """
WITH fits AS MATERIALIZED (
    SELECT a.account_id, a.debtor_id, a.days_past_due + greatest(0, %(today)s - a.as_of) AS days
    FROM accounts a JOIN debtors d USING (debtor_id)
    WHERE a.creditor_id = %(creditor)s AND a.account_id > %(after)s AND a.state = 'open'
        AND a.product = ANY(%(products)s)
        AND a.days_past_due + greatest(0, %(today)s - a.as_of) BETWEEN %(days_from)s AND %(days_to)s
        AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)
        AND a.principal + a.interest + a.penalty + a.fees BETWEEN greatest(1, coalesce(%(balance_from)s::bigint, 1))
            AND coalesce(%(balance_to)s::bigint, 9223372036854775807)
        AND (%(kinds)s::text[] = '{}' OR d.kind = ANY(%(kinds)s::text[]))
        AND (%(languages)s::text[] = '{}' OR d.language = ANY(%(languages)s::text[]))
        AND d.flags @> %(flags_all)s::text[] AND NOT d.flags && %(flags_none)s::text[]
        AND a.tags @> %(tags_all)s::text[] AND NOT a.tags && %(tags_none)s::text[]
    ORDER BY a.account_id LIMIT %(limit)s
), made AS (
    INSERT INTO enrolments (enrolment_id, creditor_id, campaign_id, debtor_id, account_id, stage, step,
        last_contact_at, entered_at)
    SELECT gen_random_uuid(), %(creditor)s, %(campaign)s, f.debtor_id, f.account_id,
        CASE WHEN s.step IS NULL THEN %(first_stage)s ELSE s.stage END, coalesce(s.step, %(first_step)s),
        prior.last_contact_at, %(now)s
    FROM fits f
    LEFT JOIN LATERAL (
        SELECT e.state, e.reason, e.step, e.entered_at, e.last_contact_at FROM enrolments e
        WHERE e.campaign_id = ANY(%(versions)s::uuid[]) AND e.account_id = f.account_id
            AND (e.state = 'active' OR e.entered_at >= %(now)s - make_interval(days => f.days::int + 1))
        ORDER BY e.state = 'active' DESC, e.entered_at DESC LIMIT 1
    ) prior ON true
    LEFT JOIN unnest(%(steps)s::text[], %(stages)s::text[]) AS s(step, stage) ON s.step = prior.step
    WHERE prior.state IS NULL OR (prior.state = 'exited' AND prior.reason = 'stopped')
    ON CONFLICT (campaign_id, account_id) DO NOTHING
    RETURNING enrolment_id, debtor_id, account_id
)
SELECT f.account_id, m.enrolment_id, m.debtor_id FROM fits f LEFT JOIN made m USING (account_id) ORDER BY f.account_id
"""


def enrol(
    connection: Connection,
    creditor_id: UUID,
    campaign_id: UUID,
    criteria: Criteria,
    steps: Mapping[str, str],
    now: dt.datetime,
    *,
    after: UUID | None = None,
    limit: int = 5000,
) -> Batch:
    """Enrol the next accounts that fit, after account `after`, and make their lanes due at `now`.

    `steps` maps each step of the cadence to its stage, the first step first. Days past due are as of the day that has
    begun everywhere on Earth, so that nobody is enrolled before their own day has come.
    """
    first_step, first_stage = next(iter(steps.items()))
    today = (now.astimezone(dt.UTC) - dt.timedelta(hours=12)).date()
    [name] = connection.exec_driver_sql(
        "SELECT name FROM campaigns WHERE campaign_id = %(id)s", {"id": campaign_id}
    ).one()
    values = {
        **criteria._asdict(),
        "creditor": creditor_id,
        "campaign": campaign_id,
        "versions": [row.campaign_id for row in versions(connection, creditor_id, name)],
        "after": after or UUID(int=0),
        "today": today,
        "now": now,
        "limit": limit,
        "first_step": first_step,
        "first_stage": first_stage,
        "steps": list(steps),
        "stages": list(steps.values()),
    }
    rows = connection.exec_driver_sql(_ENROL, values).all()
    made = [row for row in rows if row.enrolment_id is not None]
    entries = [
        Entry(
            row.debtor_id,
            "enrolled",
            now,
            {
                "campaign": str(campaign_id),
                "enrolment": str(row.enrolment_id),
                "account": str(row.account_id),
                "reason": None,
            },
        )
        for row in made
    ]
    if entries:
        append(connection, creditor_id, entries)
        wake(connection, sorted({row.debtor_id for row in made}), now)
    return Batch(len(made), rows[-1].account_id if len(rows) == limit else None)


def leave(connection: Connection, creditor_id: UUID, campaign_id: UUID, now: dt.datetime, *, limit: int = 2000) -> int:
    """End the next active enrolments of a stopped campaign, and take back what is reserved for them.

    Returns how many were ended; 0: none is left. What is being sent goes out and counts.
    """
    debtors = [
        row[0]
        for row in connection.exec_driver_sql(
            """SELECT DISTINCT debtor_id FROM enrolments WHERE campaign_id = %(id)s AND state = 'active'
               ORDER BY debtor_id LIMIT %(limit)s""",
            {"id": campaign_id, "limit": limit},
        )
    ]
    if not debtors:
        return 0
    lock_lanes(connection, debtors)
    ended = connection.exec_driver_sql(
        """UPDATE enrolments SET state = 'exited', reason = %(reason)s, attempt_id = NULL
           WHERE campaign_id = %(id)s AND debtor_id = ANY(%(debtors)s) AND state = 'active'
           RETURNING debtor_id, enrolment_id, account_id""",
        {"id": campaign_id, "debtors": debtors, "reason": STOPPED},
    ).all()
    cancelled = connection.exec_driver_sql(
        """UPDATE attempts SET state = 'cancelled', settled_at = %(now)s, code = %(reason)s
           WHERE campaign_id = %(id)s AND debtor_id = ANY(%(debtors)s) AND state = 'reserved'
           RETURNING debtor_id, attempt_id""",
        {"id": campaign_id, "debtors": debtors, "now": now, "reason": STOPPED},
    ).all()
    entries = [
        Entry(
            row.debtor_id,
            "cancelled",
            now,
            {"attempt": str(row.attempt_id), "outcome": None, "failure": None, "code": STOPPED, "provider": None},
        )
        for row in cancelled
    ]
    entries += [
        Entry(
            row.debtor_id,
            "exited",
            now,
            {
                "campaign": str(campaign_id),
                "enrolment": str(row.enrolment_id),
                "account": str(row.account_id),
                "reason": STOPPED,
            },
        )
        for row in ended
    ]
    append(connection, creditor_id, entries)
    wake(connection, debtors, now)
    return len(ended)


def wake_enrolled(
    connection: Connection, campaign_id: UUID, now: dt.datetime, *, after: UUID | None = None, limit: int = 5000
) -> UUID | None:
    """Make the lanes of the next enrolled debtors after `after` due at `now`; the last of them, None at the end."""
    debtors = [
        row[0]
        for row in connection.exec_driver_sql(
            """SELECT DISTINCT debtor_id FROM enrolments
               WHERE campaign_id = %(id)s AND state = 'active' AND debtor_id > %(after)s
               ORDER BY debtor_id LIMIT %(limit)s""",
            {"id": campaign_id, "after": after or UUID(int=0), "limit": limit},
        )
    ]
    if not debtors:
        return None
    lock_lanes(connection, debtors)
    wake(connection, debtors, now)
    return UUID(str(debtors[-1]))


def in_flight(connection: Connection, campaign_id: UUID) -> dict[tuple[str, str], int]:
    """How many attempts of the campaign are reserved, being sent or in doubt, by channel and state."""
    rows = connection.exec_driver_sql(
        """SELECT channel, state, count(*) FROM attempts
           WHERE campaign_id = %(id)s AND state IN ('reserved', 'sending', 'in_doubt')
           GROUP BY channel, state ORDER BY channel, state""",
        {"id": campaign_id},
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


def counts(connection: Connection, campaign_id: UUID) -> list[Count]:
    """Where the campaign's enrolments stand."""
    rows = connection.exec_driver_sql(
        """SELECT stage, step, state, reason, count(*) FROM enrolments WHERE campaign_id = %(id)s
           GROUP BY stage, step, state, reason ORDER BY stage, step, state, reason""",
        {"id": campaign_id},
    )
    return [Count._make(row) for row in rows]


def waiting(connection: Connection, campaign_id: UUID) -> list[Waiting]:
    """When the debtors with an active enrolment are looked at next."""
    rows = connection.exec_driver_sql(
        """SELECT date_trunc('hour', l.due_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS hour, count(*)
           FROM lanes l WHERE l.debtor_id IN (
               SELECT debtor_id FROM enrolments WHERE campaign_id = %(id)s AND state = 'active')
           GROUP BY hour ORDER BY hour NULLS LAST""",
        {"id": campaign_id},
    )
    return [Waiting(row[0], int(row[1])) for row in rows]
