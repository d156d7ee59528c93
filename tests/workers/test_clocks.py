"""A worker whose clock differs from the database's sends nothing, says so, and goes on once they agree."""

import datetime as dt
import json
import logging
from dataclasses import dataclass, field

import pytest

from config.clock import SystemClock
from config.settings import Settings
from domain.errors import Unavailable
from storage.session import Database
from tests.databases import Database as Made
from tests.workers.test_path import answering
from tests.workers.world import World
from workers.clocks import EVERY, ClockCheck, measure
from workers.workshop import agreement

BOUND = dt.timedelta(seconds=2)


@dataclass
class Skewed:
    """The machine's clock, so much ahead."""

    ahead: dt.timedelta = dt.timedelta(0)

    def now(self) -> dt.datetime:
        return SystemClock().now() + self.ahead


@dataclass
class Ticking:
    """A monotonic clock, and a wall clock that goes with it unless it is set."""

    seconds: float = 0.0
    began: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    set_by: dt.timedelta = dt.timedelta(0)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> dt.datetime:
        return self.began + dt.timedelta(seconds=self.seconds) + self.set_by


class Counting(Database):
    asked = 0

    def system(self):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super().system()


@pytest.mark.parametrize("ahead", [-3600.0, -2.5, 0.0, 2.5, 3600.0])
def test_the_difference_is_measured(database: Made, ahead: float) -> None:
    db = Database(database.url)
    ticks = iter([10.0, 10.0])
    found = measure(db, Skewed(dt.timedelta(seconds=ahead)).now, lambda: next(ticks))
    db.close()
    assert found.ahead.total_seconds() == pytest.approx(ahead, abs=0.5)
    assert found.error == dt.timedelta(0)


@pytest.mark.parametrize(("ahead", "agrees"), [(-3.0, False), (-1.0, True), (0.0, True), (1.0, True), (3.0, False)])
def test_beyond_the_bound_nothing_is_sent(database: Made, ahead: float, agrees: bool) -> None:
    db = Database(database.url)
    check = ClockCheck(db, Skewed(dt.timedelta(seconds=ahead)), BOUND)
    if agrees:
        check.agree()
    else:
        with pytest.raises(Unavailable, match="differ by"):
            check.agree()
    db.close()


def test_a_database_that_answers_too_slowly_to_tell_holds_too(database: Made) -> None:
    db = Database(database.url)
    ticks = iter(range(0, 1000, 5))
    with pytest.raises(Unavailable, match=r"known to 2\.500 s"):
        ClockCheck(db, Skewed(), BOUND, monotonic=lambda: float(next(ticks))).agree()
    db.close()


def test_it_is_asked_every_ten_seconds_and_at_once_when_the_clock_was_set(database: Made) -> None:
    db, clock = Counting(database.url), Ticking()
    check = ClockCheck(db, clock, dt.timedelta(minutes=1), clock.monotonic)
    for _ in range(5):
        check.agree()
    assert db.asked == 1
    clock.seconds += EVERY - 0.1
    check.agree()
    assert db.asked == 1
    clock.seconds += 0.1
    check.agree()
    assert db.asked == 2
    clock.set_by = dt.timedelta(hours=1)
    with pytest.raises(Unavailable):
        check.agree()
    clock.set_by = dt.timedelta(0)
    check.agree()
    db.close()


def test_a_skewed_worker_sends_nothing_and_goes_on_once_it_is_right(
    small: World, caplog: pytest.LogCaptureFixture
) -> None:
    provider = answering(small)
    reserved = small.look()
    clock = Skewed(dt.timedelta(hours=-3))
    object.__setattr__(small.shop.deliverer, "agree", ClockCheck(small.shop.db, clock, BOUND).agree)
    with caplog.at_level(logging.ERROR), pytest.raises(Unavailable):
        small.deliver(reserved)
    assert provider.asked == []
    assert set(small.states()) == {"reserved"}
    assert "clocks_differ" in json.dumps([str(record.msg) for record in caplog.records])
    clock.ahead = dt.timedelta(0)
    assert small.deliver(reserved) > 0


def test_only_the_systems_clock_is_compared(small: World, own_settings: Settings) -> None:
    agreement(own_settings, small.shop.db, small.clock)()
    assert agreement(own_settings, small.shop.db, SystemClock()).__name__ == "agree"
