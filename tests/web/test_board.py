"""The live page's values from what was read: what is open now, what was so far, shares, ranges, what holds."""

import datetime as dt
from uuid import UUID

import pytest

from storage.screens import Due, Holding, InHour, Open, Running, Total
from web.board import RANGES, RuleWords, Scope, Snapshot, shape

NOW = dt.datetime(2026, 11, 24, 10, 42, tzinfo=dt.UTC)
HOUR = NOW.replace(minute=0)
CAMPAIGN = UUID(int=7)
SCOPE = Scope(UUID(int=1), "harbour", "Harbour", "Asia/Shanghai", RANGES["day"])
EMPTY = Snapshot(NOW, [], [], [], [], None, [], 0, [], [], [])


def snapshot(**changes: object) -> Snapshot:
    return Snapshot(**{name: changes.get(name, getattr(EMPTY, name)) for name in Snapshot.__slots__})


def test_an_empty_book_has_an_empty_page() -> None:
    board = shape(EMPTY, SCOPE, {})
    assert [line.channel for line in board.channels] == ["sms", "voice", "email"]
    assert (board.top, board.due_now, board.held, board.cost) == (0, 0, (), 0)
    assert board.overall.failing == 0
    assert not board.overall.is_alarming


def test_open_states_are_counted_as_they_are_and_the_others_so_far() -> None:
    totals = [
        Total(CAMPAIGN, "state", f"sms/early/{state}", n)
        for state, n in (("reserved", 90), ("sending", 80), ("delivered", 70))
    ]
    board = shape(
        snapshot(totals=totals, open=[Open(CAMPAIGN, "sms", "early", "reserved", 4, NOW - dt.timedelta(minutes=3))]),
        SCOPE,
        {},
    )
    assert board.overall.counts == {"reserved": 4, "delivered": 70}
    assert board.queues[0].n == 4
    assert board.queues[0].age == dt.timedelta(minutes=3)


@pytest.mark.parametrize(("bad", "is_alarming"), [(3, False), (4, True)])
def test_failures_above_three_in_a_hundred_are_marked(bad: int, is_alarming: bool) -> None:
    totals = [
        Total(CAMPAIGN, "state", "sms/early/delivered", 100 - bad),
        Total(CAMPAIGN, "state", "sms/mid/undelivered", bad),
    ]
    assert shape(snapshot(totals=totals), SCOPE, {}).overall.is_alarming is is_alarming


def test_throughput_lies_in_the_bucket_of_its_hour() -> None:
    made = [
        InHour(HOUR, "sms", "accepted", 5),
        InHour(HOUR - dt.timedelta(hours=23), "sms", "accepted", 2),
        InHour(HOUR, "sms", "undelivered", 1),
        InHour(HOUR, "sms", "reserved", 9),
    ]
    lane = shape(snapshot(made=made), SCOPE, {}).lanes[0]
    assert lane.values == (2, *[0] * 22, 5)
    assert (lane.total, lane.failed, lane.last) == (7, 1, 5)


@pytest.mark.parametrize(
    ("name", "begins"), [("day", "2026-11-23T19:00"), ("week", "2026-11-18T00:00"), ("month", "2026-10-26T00:00")]
)
def test_ranges_begin_on_the_round_hours_of_the_local_clock(name: str, begins: str) -> None:
    start = RANGES[name].start(NOW, "Asia/Shanghai")
    assert start.astimezone(dt.timezone(dt.timedelta(hours=8))).isoformat().startswith(begins)
    assert start + RANGES[name].count * RANGES[name].bucket > NOW


def test_a_rule_that_holds_has_its_clause_its_count_and_the_next_release() -> None:
    words = {("cn", "hours"): RuleWords("GB/T 1", "No contact at night.")}
    held = shape(
        snapshot(
            totals=[
                Total(CAMPAIGN, "deferred", "cn/hours", 8),
                Total(CAMPAIGN, "deferred", "cn/old", 3),
                Total(CAMPAIGN, "refused", "wishes/dispute", 2),
            ],
            holding=[
                Holding("cn", "hours", "seen", "defers", 5, NOW),
                Holding("card", "known-place", "the cadence", "refuses", 1, None),
            ],
        ),
        SCOPE,
        words,
    ).held
    assert [(one.rule, one.now, one.times, one.refuses) for one in held] == [
        ("hours", 5, 8, False),
        ("known-place", 1, 0, True),
        ("old", 0, 3, False),
        ("dispute", 0, 2, True),
    ]
    assert (held[0].cite, held[0].meaning, held[0].next_at, held[0].share) == (
        "GB/T 1",
        "No contact at night.",
        NOW,
        100,
    )
    assert held[1].cite == "the cadence"


def test_stages_stand_in_the_order_of_a_debtors_way_and_old_versions_last() -> None:
    running = Running(CAMPAIGN, "card", 2, "running", 1, 0, 0)
    totals = [
        Total(campaign, "state", f"sms/{stage}/delivered", 1)
        for campaign in (UUID(int=6), CAMPAIGN)
        for stage in ("late", "early", "mid")
    ]
    lines = shape(snapshot(totals=totals, campaigns=[running]), SCOPE, {}).stages
    assert [(line.campaign and line.campaign.name, line.stage) for line in lines] == [
        *(("card", stage) for stage in ("early", "mid", "late")),
        *((None, stage) for stage in ("early", "mid", "late")),
    ]


def test_the_hours_ahead_begin_now_and_hold_what_is_overdue() -> None:
    board = shape(
        snapshot(due=[Due(HOUR, 3), Due(HOUR + dt.timedelta(hours=2), 4)], oldest_due=NOW - dt.timedelta(hours=1)),
        SCOPE,
        {},
    )
    assert board.due_now == 3
    assert [n for _, n in board.ahead_values[:4]] == [3, 0, 4, 0]
    assert board.due_age == dt.timedelta(hours=1)
