"""Preferred hours as exact instants, against a slow scan by the minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.cadence import Window
from campaigns.calendar import day_instant, local_today, opening, zones_of
from domain.facts import DebtorFacts, Place, PointFacts, PointKind

ZONES = ["Asia/Shanghai", "America/New_York", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def is_open(window: Window, zones: list[str], moment: datetime) -> bool:
    locals_ = [moment.astimezone(ZoneInfo(zone)) for zone in zones]
    return all(
        local.weekday() in window.days and window.start <= local.hour * 60 + local.minute < window.end
        for local in locals_
    )


@given(
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True).map(tuple),
    st.integers(0, 23 * 60),
    st.integers(15, 14 * 60),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 28_000_000).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
)
def test_the_opening_is_the_first_minute_that_is_open_everywhere(
    zones: tuple[str, ...], start: int, length: int, days: set[int], moment: datetime
):
    window = Window(start, min(start + length, 1440), frozenset(days))
    found = opening(window, zones, moment)
    if found is None:
        probe = moment.replace(second=0) + timedelta(minutes=1)
        assert not any(is_open(window, zones, probe + timedelta(minutes=15 * n)) for n in range(8 * 96))
        return
    opens, closes = found
    assert moment <= opens < closes
    assert is_open(window, zones, opens)
    assert is_open(window, zones, closes - timedelta(seconds=1))
    assert not is_open(window, zones, closes) or closes.astimezone(ZoneInfo(zones[0])).minute == 0  # 24:00
    if opens > moment:
        assert not is_open(window, zones, opens - timedelta(seconds=1))
        step = max(timedelta(minutes=1), (opens - moment) / 50)
        for n in range(50):
            probe = moment + n * step
            assert probe >= opens or not is_open(window, zones, probe)


def test_an_hour_that_the_clocks_skip_begins_at_the_jump():
    assert day_instant(date(2026, 3, 8), 150, ("America/New_York",)) == at("2026-03-08T03:00-04:00")
    assert day_instant(date(2026, 4, 24), 0, ("Africa/Cairo",)) == at("2026-04-24T01:00+03:00")


def test_an_hour_that_the_clocks_repeat_is_used_once():
    window = Window(60, 90)
    closed_again = at("2026-11-01T01:10-05:00")
    assert opening(window, ("America/New_York",), closed_again) == (
        at("2026-11-02T01:00-05:00"),
        at("2026-11-02T01:30-05:00"),
    )


def test_a_window_that_is_never_open_everywhere_is_none():
    assert opening(Window(570, 1080), ("Asia/Shanghai", "America/New_York"), at("2026-06-01T00:00Z")) is None


@pytest.mark.parametrize(
    ("zones", "today"),
    [
        (("Asia/Shanghai",), date(2026, 6, 2)),
        (("Asia/Shanghai", "America/New_York"), date(2026, 6, 1)),
        ((), date(2026, 6, 1)),
    ],
)
def test_today_is_the_day_that_has_begun_everywhere(zones: tuple[str, ...], today: date):
    assert local_today(zones, at("2026-06-01T22:00Z")) == today


def test_the_debtors_own_zones_come_before_those_of_numbers_and_no_zone_is_unknown():
    points = [PointFacts("p", PointKind.MOBILE, ("America/Chicago",))]
    assert zones_of(DebtorFacts(), points) == ("America/Chicago",)
    assert zones_of(DebtorFacts(places=(Place("CN", timezone="Asia/Shanghai"),)), points) == ("Asia/Shanghai",)
    assert zones_of(DebtorFacts(places=(Place("US", "MA"),)), points) == ("America/New_York",)
    assert zones_of(DebtorFacts(timezones=("Asia/Shanghai",), places=(Place("US"),)), points) == ("Asia/Shanghai",)
    assert len(zones_of(DebtorFacts(places=(Place("US"),)), points)) > 5
    assert zones_of(DebtorFacts(timezones=("Asia/Shanghai", "Mars/Olympus")), points) == ()
    assert zones_of(DebtorFacts(), []) == ()
