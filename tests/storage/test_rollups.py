"""Counts: every entry into a state, counted once, whatever is folded meanwhile and by how many."""

import datetime as dt
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from domain.attempt import TRANSITIONS, AttemptState
from storage import rollups
from storage.session import Database
from tests.storage.rows import AT, add

HOUR = dt.timedelta(hours=1)


def reserve(connection: Connection, creditor: UUID, campaign: UUID, n: int = 1, **given: object) -> list[UUID]:
    values = {"campaign_id": campaign, "channel": "sms", "stage": "early", "state": "reserved", "reserved_at": AT}
    return [add(connection, creditor, "attempts", **(values | given))["attempt_id"] for _ in range(n)]


def move(connection: Connection, attempts: list[UUID], state: str, **given: object) -> None:
    columns = "".join(f", {name} = %({name})s" for name in given)
    connection.exec_driver_sql(
        f"UPDATE attempts SET state = %(state)s{columns} WHERE attempt_id = ANY(%(ids)s)",
        {"state": state, "ids": attempts, **given},
    )


def counts(connection: Connection, campaign: UUID) -> dict[tuple[str, int], int]:
    """What the screens add up: by the key's last word and the hour after `AT`'s."""
    rows = connection.exec_driver_sql(
        """SELECT key, hour, sum(n) FROM (SELECT campaign_id, measure, key, hour, n FROM rollups
               UNION ALL SELECT campaign_id, measure, key, hour, n FROM rollup_deltas) c
           WHERE campaign_id = %(id)s AND measure = 'state' GROUP BY key, hour""",
        {"id": campaign},
    )
    base = AT.replace(minute=0)
    return {(key, (hour - base) // HOUR): int(n) for key, hour, n in rows}


def test_each_state_counts_in_the_hour_in_which_it_was_entered(db: Database, creditor: UUID) -> None:
    campaign = uuid4()
    with db.tenant(creditor) as connection:
        made = reserve(connection, creditor, campaign, 5)
        move(connection, made, "sending", sending_at=AT + HOUR)
        move(connection, made[:3], "accepted", accepted_at=AT + HOUR)
        move(connection, made[3:], "rejected", settled_at=AT + 2 * HOUR)
        move(connection, made[:2], "delivered", settled_at=AT + 30 * HOUR)
        found = counts(connection, campaign)
    assert found == {
        ("sms/early/reserved", 0): 5,
        ("sms/early/sending", 1): 5,
        ("sms/early/accepted", 1): 3,
        ("sms/early/rejected", 2): 2,
        ("sms/early/delivered", 30): 2,
    }


def test_one_statement_is_one_row_a_key(db: Database, creditor: UUID) -> None:
    campaign = uuid4()
    with db.tenant(creditor) as connection:
        made = reserve(connection, creditor, campaign, 40)
        before = connection.exec_driver_sql("SELECT count(*) FROM rollup_deltas").scalar_one()
        move(connection, made, "sending", sending_at=AT)
        move(connection, made, "sending", tries=2)
        assert connection.exec_driver_sql("SELECT count(*) FROM rollup_deltas").scalar_one() == before + 1


def test_a_retry_is_not_another_reservation(db: Database, creditor: UUID) -> None:
    campaign = uuid4()
    with db.tenant(creditor) as connection:
        made = reserve(connection, creditor, campaign)
        for _ in range(3):
            move(connection, made, "sending", sending_at=AT)
            move(connection, made, "reserved", sending_at=None)
        found = counts(connection, campaign)
    assert found == {("sms/early/reserved", 0): 1, ("sms/early/sending", 0): 3}


def test_what_is_rolled_back_does_not_count(db: Database, creditor: UUID) -> None:
    campaign = uuid4()
    with pytest.raises(ZeroDivisionError), db.tenant(creditor) as connection:  # noqa: PT012
        reserve(connection, creditor, campaign)
        raise ZeroDivisionError
    with db.tenant(creditor) as connection:
        assert counts(connection, campaign) == {}


@given(
    courses=st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=6), folds=st.sets(st.integers(0, 5))
)
def test_counts_are_those_of_the_walks(db: Database, creditor: UUID, courses: list[list[int]], folds: set[int]) -> None:
    """Any legal walks through the life cycle, folded at any moments."""
    campaign, wanted = uuid4(), Counter({"sms/early/reserved": len(courses)})
    with db.tenant(creditor) as connection:
        made = reserve(connection, creditor, campaign, len(courses))
        for turn, (attempt_id, course) in enumerate(zip(made, courses, strict=True)):
            state = AttemptState.RESERVED
            for choice in course:
                targets = sorted(TRANSITIONS[state])
                if not targets:
                    break
                state = targets[choice % len(targets)]
                move(connection, [attempt_id], state)
                wanted[f"sms/early/{state}"] += state is not AttemptState.RESERVED
            if turn in folds:
                rollups.fold(connection)
        found = {key: n for (key, _), n in counts(connection, campaign).items()}
        connection.rollback()
    assert found == {key: n for key, n in wanted.items() if n}


def test_many_fold_while_others_count_and_nothing_is_lost(db: Database, creditor: UUID) -> None:
    campaign, start = uuid4(), threading.Barrier(6)

    def work(worker: int) -> None:
        start.wait()
        for _ in range(12):
            with db.tenant(creditor) as connection:
                if worker % 2:
                    rollups.fold(connection, limit=7)
                else:
                    reserve(connection, creditor, campaign, 3)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    with db.tenant(creditor) as connection:
        assert counts(connection, campaign) == {("sms/early/reserved", 0): 3 * 12 * 3}
        while rollups.fold(connection):
            pass
        assert counts(connection, campaign) == {("sms/early/reserved", 0): 3 * 12 * 3}
        assert connection.exec_driver_sql("SELECT count(*) FROM rollup_deltas").scalar_one() == 0


def test_one_folds_at_a_time_and_each_its_own_creditor_s(db: Database, creditor: UUID, other_creditor: UUID) -> None:
    for tenant in (creditor, other_creditor):
        with db.tenant(tenant) as connection:
            reserve(connection, tenant, uuid4(), 4)
    with db.tenant(creditor) as connection:
        assert rollups.fold(connection) > 0
        with db.tenant(creditor) as beside:
            assert rollups.fold(beside) == 0
        with db.tenant(other_creditor) as other:
            assert rollups.fold(other) == 4


def test_no_campaign_is_counted_by_another_creditor(db: Database, creditor: UUID, other_creditor: UUID) -> None:
    campaign = uuid4()
    with db.tenant(creditor) as connection:
        made = reserve(connection, creditor, campaign)
    with db.tenant(other_creditor) as connection:
        move(connection, made, "sending")
        assert counts(connection, campaign) == {}
    with db.tenant(creditor) as connection:
        assert counts(connection, campaign) == {("sms/early/reserved", 0): 1}
