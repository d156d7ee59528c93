"""A campaign goes no faster than its pace, whoever takes places and in whatever portions."""

import datetime as dt
from collections.abc import Iterator
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.cadence import Pacing
from domain.channel import Channel
from storage.creditors import ensure_creditor
from storage.session import Database
from tests import databases
from workers.pace import BURST, lanes, take

NOW = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
def db(database: databases.Database) -> Iterator[Database]:
    made = Database(database.url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def creditor_id(db: Database) -> UUID:
    return ensure_creditor(db, "pace", {}, NOW, bytes(10))


def test_lanes_are_what_the_pacing_says() -> None:
    campaign = uuid4()
    pacing = Pacing(per_hour=60, per_day=100, channels={Channel.VOICE: 6})
    assert [lane.name for lane in lanes(campaign, pacing, Channel.SMS)] == ["all", "day"]
    assert [lane.name for lane in lanes(campaign, pacing, Channel.VOICE)] == ["all", "day", "voice"]
    assert list(lanes(campaign, Pacing(), Channel.VOICE)) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 1800)), min_size=1, max_size=8), st.integers(30, 3600))
def test_no_hour_has_more_places_than_the_pace(
    db: Database, creditor_id: UUID, portions: list[tuple[int, int]], per_hour: int
) -> None:
    campaign, now, places = uuid4(), NOW, []
    [lane] = lanes(campaign, Pacing(per_hour=per_hour), Channel.SMS)
    for wanted, wait in portions:
        now += dt.timedelta(seconds=wait)
        with db.tenant(creditor_id) as connection:
            given_places = take(connection, creditor_id, {lane: wanted}, now, SHANGHAI)[lane]
        assert given_places == sorted(given_places)
        assert len(given_places) == wanted
        places += [max(now, place) for place in given_places]
    places.sort()
    allowed = per_hour * (1 + BURST / dt.timedelta(hours=1)) + 1
    for place in places:
        assert sum(place <= other < place + dt.timedelta(hours=1) for other in places) <= allowed


def test_a_day_gives_so_many_and_the_rest_are_for_the_next_days(db: Database, creditor_id: UUID) -> None:
    [lane] = lanes(uuid4(), Pacing(per_day=10), Channel.SMS)
    places = []
    for _ in range(5):
        with db.tenant(creditor_id) as connection:
            places += take(connection, creditor_id, {lane: 5}, NOW, SHANGHAI)[lane]
    days = [place.astimezone(SHANGHAI).date() for place in places]
    assert [days.count(day) for day in sorted(set(days))] == [10, 10, 5]
    assert all(place.astimezone(SHANGHAI).time() == dt.time() for place in places)
