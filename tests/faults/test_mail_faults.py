"""Nothing lost, nothing twice, nothing unlawful by email either: a relay that misbehaves, while processes die.

SMTP has nobody to ask: what is in doubt is settled by the relay's report, and else stays on the list for people.
"""

import datetime as dt

import pytest

from tests.faults import injections
from tests.faults.ground import Ground
from tests.faults.seed import ROUNDS, SEED
from tests.faults.test_faults import CLOSE, a_run, die_at, inject

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

POINTS = ("sending", "calling", "answered", "recording")
"""Between the commit before a mail leaves and the record of what the relay said."""
FAULTS = (
    injections.kill_a_process,
    injections.kill_a_process,
    injections.flush_the_queue,
    injections.cut_connections,
    injections.cut_connections,
)


def test_mails_through_a_relay_that_misbehaves() -> None:
    name = "email: processes killed -9, queue flushed, connections cut"
    with a_run(name, accounts=500, per_hour=600, is_mail=True) as one:
        for _ in range(ROUNDS):
            inject(one, FAULTS, 5)
            points = [*POINTS]
            one.random.shuffle(points)
            died = {point for start in (0, 2) for point in die_at(one, points[start : start + 2])}
            assert died == set(POINTS), f"seed {SEED}: nobody came to some of these points"
            inject(one, FAULTS, 3)


def test_the_hours_close_while_the_relay_takes_its_time() -> None:
    with a_run("email: hours close, relay slow", is_mail=True) as one:
        one.wait_for_requests(60, 20)
        close_the_hours(one)
        one.drain()
        one.next_day(1)
        one.wait_for_requests(40, 15)


def close_the_hours(one: Ground) -> None:
    """Go to the last two minutes of the permitted hours, of which a slow answer of the relay takes one.

    No worker is alive while the clock jumps: it would have told the relay how much of the window had been left before.
    """
    assert one.relay
    one.relay.slow = 3.0
    workers = [member.name for member in one.crew.members.values() if member.kind == "worker"]
    for name in workers:
        one.crew.kill(name)
    one.injected["kill -9 of a worker"] += len(workers)
    one.clock.change(rate=1.0)
    one.clock.step(CLOSE - dt.timedelta(minutes=2) - one.clock.now())
    one.crew.revive()
    one.crew.wait_ready()
    one.clock.change(rate=20.0)
    one.wait_for_requests(1000, 9)
    assert one.clock.now() > CLOSE
    one.injected["hours closed while the relay was slow"] += 1
