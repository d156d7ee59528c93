"""A local day begins at its own midnight, also on the days on which clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throttling import zonetime

EPOCH = date(1970, 1, 1).toordinal()
ZONES = ("America/New_York", "America/Los_Angeles", "Europe/London", "Australia/Lord_Howe", "Asia/Shanghai",
         "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns")  # fmt: skip


def midnight(zone: str, day: date) -> datetime:
    second = zonetime.clock(zone).midnight(day.toordinal() - EPOCH)
    return datetime.fromtimestamp(second, UTC)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/New_York", date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("America/New_York", date(2026, 3, 8), datetime(2026, 3, 8, 5, tzinfo=UTC)),
        ("America/Los_Angeles", date(2026, 11, 1), datetime(2026, 11, 1, 7, tzinfo=UTC)),
        ("Europe/London", date(2026, 10, 25), datetime(2026, 10, 24, 23, tzinfo=UTC)),
    ],
)
def test_a_day_on_which_clocks_are_set_back_begins_before_that(zone: str, day: date, begins: datetime) -> None:
    assert midnight(zone, day) == begins


@given(st.sampled_from(ZONES), st.dates(date(2015, 1, 1), date(2030, 12, 31)))
def test_before_it_is_another_day_and_from_it_on_never_again(zone: str, day: date) -> None:
    begins, info = midnight(zone, day), ZoneInfo(zone)
    assert (begins - timedelta(seconds=1)).astimezone(info).date() < day
    for minutes in (0, 1, 30, 60, 61, 90, 120, 180, 240):
        assert (begins + timedelta(minutes=minutes)).astimezone(info).date() >= day
