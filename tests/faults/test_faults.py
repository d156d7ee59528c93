"""Nothing lost, nothing twice, nothing unlawful, whatever dies: real processes on real servers under injected faults.

    make faults                                   # all of it, a few minutes
    FORBEAR_FAULT_SEED=7 make faults              # the same run again
    FORBEAR_FAULT_ROUNDS=20 make faults           # for longer

Each run has a world of its own. When the faults end, everything must come to rest by itself, and `proof.py` judges.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.faults import injections
from tests.faults.disk import can_mount, fill_the_disk, small_disk
from tests.faults.ground import START, Ground, ground
from tests.faults.injections import Inject
from tests.faults.proof import prove, tell
from tests.faults.report import REPORT
from tests.faults.seed import ROUNDS, SEED
from workers.points import POINTS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

AT_THE_DOOR = ("receiving", "received")
"""The points that the web process comes to."""
CLOSE = START.replace(hour=11, minute=30)
"""Half past seven in the evening in Shanghai, where the window of every step ends."""
EVERYTHING: tuple[Inject, ...] = (
    injections.kill_a_process,
    injections.flush_the_queue,
    injections.kill_the_queue,
    injections.fill_the_queue,
    injections.cut_connections,
    injections.kill_the_database,
    injections.restart_the_database,
    injections.refuse_commits,
    injections.pause_a_worker,
)
BREATH = 6.0
"""Seconds after a fault within which the path is expected to go on; without it the next fault comes anyway."""


@contextmanager
def a_run(
    name: str,
    *,
    accounts: int = 400,
    workers: int = 2,
    schedulers: int = 1,
    per_hour: int = 1000,
    disk: Callable[[Path], AbstractContextManager[None]] = lambda _: nullcontext(),
    is_mail: bool = False,
) -> Iterator[Ground]:
    """A world with its processes at work. Afterwards it comes to rest, and every promise must have been kept."""
    began = time.monotonic()
    with ground(SEED, accounts, per_hour=per_hour, disk=disk, is_mail=is_mail) as one:
        one.crew.start("web", "web")
        for number in range(schedulers):
            one.crew.start(f"scheduler.{number}", "scheduler")
        for number in range(workers):
            one.crew.start(f"worker.{number}", "worker", "--single")
        one.crew.wait_ready()
        yield one
        one.drain()
        one.crew.end()
        proof = prove(one)
        REPORT.add(name, one, proof, time.monotonic() - began)
        if proof.wrong:
            print(*tell(one, proof.wrong), sep="\n")
        assert proof.wrong == [], f"seed {SEED}: " + "\n".join(proof.wrong[:20])
        assert proof.accepted > accounts / 5, "hardly anything was sent, so hardly anything was tried"


def go_on(one: Ground, *, stops: bool = True) -> None:
    """Let the path go on for a moment, and perhaps somebody say STOP in it."""
    one.wait_for_requests(one.random.randint(3, 10), BREATH)
    if stops and one.random.random() < 0.5:
        one.stop_somebody()


def inject(one: Ground, chosen: Sequence[Inject], times: int, *, stops: bool = True) -> None:
    """Inject so many of these faults, at random but each at least once where there is room for it."""
    order = [*chosen, *one.random.choices(chosen, k=max(0, times - len(chosen)))][:times]
    one.random.shuffle(order)
    for fault in order:
        go_on(one, stops=stops)
        fault(one)


def test_processes_die_at_any_time_and_queues_hold_poison() -> None:
    faults = (injections.kill_a_process, injections.flush_the_queue, injections.poison)
    with a_run("processes killed -9, queue flushed, poison") as one:
        inject(one, (*faults, *[injections.kill_a_process] * 3), 12 * ROUNDS)


def test_the_servers_die_forget_and_are_full() -> None:
    queue = (
        injections.kill_the_queue,
        injections.flush_the_queue,
        injections.fill_the_queue,
        injections.lose_the_queue,
    )
    database = (
        injections.cut_connections,
        injections.kill_the_database,
        injections.restart_the_database,
        injections.refuse_commits,
    )
    with a_run("Valkey and PostgreSQL killed, restarted, lost, full") as one:
        inject(one, (*queue, *database, injections.cut_connections), 12 * ROUNDS)


def test_die_at_each_point_between_two_effects() -> None:
    with a_run("death at each named point", accounts=500, workers=3, per_hour=400) as one:
        died: set[str] = set()
        for _ in range(ROUNDS):
            points = list(POINTS)
            one.random.shuffle(points)
            for start in range(0, len(points), 3):
                died |= die_at(one, points[start : start + 3])
        assert set(POINTS) - died == set(), f"seed {SEED}: nobody came to these points"


def die_at(one: Ground, points: Sequence[str]) -> set[str]:
    """Have processes die at these points, all at once; at which they did."""
    doomed = {"web" if point in AT_THE_DOOR else f"worker.{number}": point for number, point in enumerate(points)}
    for name, point in doomed.items():
        if one.crew.members[name].is_alive:
            one.crew.kill(name)
            one.injected[f"kill -9 of a {one.crew.members[name].kind}"] += 1
        one.crew.start(name, die_at=f"{point}:{one.random.randint(1, 3)}")
    one.crew.wait_ready()
    died = {point for name, point in doomed.items() if one.crew.has_died(name, 40)}
    one.injected.update(f"death at `{point}`" for point in died)
    one.crew.revive()
    return died


def test_pauses_two_schedulers_a_clock_that_jumps_and_hours_that_close() -> None:
    faults = (injections.pause_a_worker, injections.kill_the_leader, injections.step_the_clock)
    with a_run("worker paused, leader killed, clock stepped", schedulers=2) as one:
        inject(one, (*faults, injections.step_the_clock), 8 * ROUNDS, stops=False)
        close_the_hours(one)
        one.drain()
        one.next_day(1)
        go_on(one, stops=False)


def close_the_hours(one: Ground) -> None:
    """Go to the last seconds of the permitted hours, in the middle of batches; then they are over."""
    one.clock.change(rate=1.0)
    one.clock.step(CLOSE - dt.timedelta(seconds=9) - one.clock.now())
    one.wait_for_requests(1000, 12)
    assert one.clock.now() > CLOSE
    one.injected["hours closed in the middle of batches"] += 1


@pytest.mark.skipif(not can_mount(), reason="only root may make a disk of its own, which is then filled")
def test_a_disk_fills_up() -> None:
    with a_run("disk full", disk=small_disk) as one:
        inject(one, (fill_the_disk,), 2 * ROUNDS)


def test_everything_at_once_for_days() -> None:
    with a_run("everything, over days") as one:
        for days in (3, 0):
            inject(one, EVERYTHING, 8 * ROUNDS)
            if days:
                one.drain()
                one.next_day(days)
