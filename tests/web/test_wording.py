"""Every state, outcome, failure, intent and stop has words; instants and sums read well; masks hide enough."""

import datetime as dt
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import Intent
from domain.facts import Outcome, PointKind, StopKind
from domain.message import Failure
from web import wording
from web.masking import masked_name, masked_value

NOON = dt.datetime(2026, 11, 24, 4, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (AttemptState, wording.STATES),
        (AttemptState, wording.STATE_MEANINGS),
        (Channel, wording.CHANNELS),
        (Outcome, wording.OUTCOMES),
        (Failure, wording.FAILURES),
        (Intent, wording.INTENTS),
        (PointKind, wording.POINTS),
    ],
)
def test_every_kind_has_words(kinds: type[StrEnum], words: dict[str, str]) -> None:
    assert set(words) == {kind.value for kind in kinds}


def test_every_stop_has_words() -> None:
    assert set(wording.STOPS) == {"opt_out", *(kind.value for kind in StopKind)}


def test_instants_are_shown_on_the_debtors_clocks() -> None:
    assert wording.day_and_time(NOON, "Asia/Shanghai") == "Tue 24 Nov 2026, 12:00"
    assert wording.utc(NOON) == "2026-11-24 04:00 UTC"
    assert wording.short_time(NOON, "Asia/Shanghai", NOON) == "12:00"
    assert wording.short_time(NOON, "Asia/Shanghai", NOON + dt.timedelta(days=1)) == "24 Nov 12:00"
    assert wording.short_time(NOON, "Asia/Shanghai", NOON + dt.timedelta(days=90)) == "24 Nov 2026 12:00"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7500, "2 h 5 min"), (7200, "2 h"), (277_000, "3 d 4 h"), (-5, "0 s")],
)
def test_spans_have_two_units(seconds: int, shown: str) -> None:
    assert wording.span(dt.timedelta(seconds=seconds)) == shown


def test_sums() -> None:
    assert wording.money(964_815, "CNY") == "CNY 9\u202f648.15"
    assert wording.money(964_815, "JPY") == "JPY 964\u202f815"
    assert wording.cost(101_800, "USD") == "USD 0.1018"
    assert wording.cost(249_480_000, "USD") == "USD 249.48"
    assert wording.percent(1, 0) == "–"


def test_a_zone_that_is_none_is_passed_over() -> None:
    assert wording.zone_of(None, "", "Mars/Base", "../etc/passwd", "Asia/Tokyo") == "Asia/Tokyo"
    assert wording.zone_of("nowhere") == "UTC"


def test_masks() -> None:
    assert masked_name("Chan Tai Man") == "C•• T•• M••"
    assert masked_name("王小明") == "王••"
    assert masked_value("mobile", "+447700900123") == "•••• 23"
    assert masked_value("email", "amy@example.com") == "a••••@••••.com"
    assert masked_value("address", "1 Harbour Road") == "••••"


@given(value=st.text(min_size=6, max_size=40), kind=st.sampled_from([kind.value for kind in PointKind]))
def test_no_mask_shows_a_value_whole(value: str, kind: str) -> None:
    assert value not in masked_value(kind, value)
