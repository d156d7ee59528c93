"""The counts that screens read: changes are added as they happen, and folded into the counts later.

Screens read both tables in one statement, so no count ever looks wrong.
"""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from storage import arrays


def fold(connection: Connection, limit: int = 50_000) -> int:
    """Fold up to `limit` of the creditor's changes; how many there were. 0 also where another process is at it."""
    if not connection.exec_driver_sql(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('fold ' || current_setting('forbear.creditor'), 0))"
    ).scalar_one():
        return 0
    return int(
        connection.exec_driver_sql(
            """WITH taken AS (
                DELETE FROM rollup_deltas
                WHERE delta_id IN (SELECT delta_id FROM rollup_deltas ORDER BY delta_id LIMIT %(limit)s)
                RETURNING creditor_id, campaign_id, hour, measure, key, n
            ), folded AS (
                INSERT INTO rollups (creditor_id, campaign_id, hour, measure, key, n)
                SELECT creditor_id, campaign_id, hour, measure, key, sum(n) FROM taken
                GROUP BY creditor_id, campaign_id, hour, measure, key
                ON CONFLICT (creditor_id, campaign_id, hour, measure, key) DO UPDATE SET n = rollups.n + excluded.n
            )
            SELECT count(*) FROM taken""",
            {"limit": limit},
        ).scalar_one()
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
