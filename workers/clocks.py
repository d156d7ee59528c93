"""Whether this machine's clock can be trusted with permitted hours: it is compared with the database's.

All workers judge windows by their own clocks and share one database: a worker whose clock differs from the database's
by more than a bound, or whose difference cannot be told so precisely, sends nothing until they agree again.
"""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from config.clock import Clock
from config.logging import get_logger
from domain.errors import Unavailable
from storage.session import Database

EVERY = 10.0
"""Seconds for which one comparison holds, unless the clock is seen to be set meanwhile."""
SAMPLES = 3
"""How often a comparison is repeated before it is believed that the clocks differ: one answer may have come slowly."""
log = get_logger(__name__)


class Skew(NamedTuple):
    """How far this clock is ahead of the database's, give or take half of the round trip."""

    ahead: dt.timedelta
    error: dt.timedelta

    @property
    def most(self) -> dt.timedelta:
        """The largest difference that fits."""
        return abs(self.ahead) + self.error


def measure(db: Database, now: Callable[[], dt.datetime], monotonic: Callable[[], float]) -> Skew:
    """Compare once; the database is taken to have looked at its clock in the middle. Raises Unavailable."""
    with db.system() as connection:
        started, at = monotonic(), now()
        theirs: dt.datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        half = dt.timedelta(seconds=(monotonic() - started) / 2)
    return Skew(at + half - theirs, half)


@dataclass(slots=True)
class ClockCheck:
    """Compares now and then; safe in threads, which at worst compare twice. `monotonic` in seconds."""

    db: Database
    clock: Clock
    bound: dt.timedelta
    monotonic: Callable[[], float] = time.monotonic
    agreed: tuple[float, dt.datetime] | None = None

    def agree(self) -> None:
        """Raises Unavailable where the clocks differ by more than the bound, or the database cannot be asked."""
        if self.agreed is not None and self._still_holds(*self.agreed):
            return
        self.agreed = None
        skews: list[Skew] = []
        while len(skews) < SAMPLES:
            skews.append(measure(self.db, self.clock.now, self.monotonic))
            if skews[-1].most <= self.bound:
                self.agreed = self.monotonic(), self.clock.now()
                return
        best = min(skews, key=lambda one: one.error)
        log.error(
            "clocks_differ", ms=round(best.ahead / dt.timedelta(milliseconds=1)), limit=self.bound.total_seconds()
        )
        raise Unavailable(
            f"this machine's clock and the database's differ by {best.ahead.total_seconds():+.3f} s, "
            f"known to {best.error.total_seconds():.3f} s, so nothing is sent.",
            where="FORBEAR_MOST_CLOCK_SKEW_MS",
            remedy="Let both machines follow a time server (chrony, systemd-timesyncd).",
        )

    def _still_holds(self, since: float, at: dt.datetime) -> bool:
        """Whether the last comparison is recent, and the clock has gone on as it should: it was not set since."""
        elapsed = self.monotonic() - since
        return elapsed < EVERY and abs(self.clock.now() - at - dt.timedelta(seconds=elapsed)) <= self.bound / 2
