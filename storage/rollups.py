"""Folds changes of counts into the counts. Screens read both tables in one statement, so no count ever looks wrong."""

from sqlalchemy import Connection


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
