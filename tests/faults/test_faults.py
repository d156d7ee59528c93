"""Nothing lost, nothing twice, nothing unlawful, whatever dies: real processes on real servers under injected faults.

    make faults                                   # all of it, a few minutes
    FORBEAR_FAULT_SEED=7 make faults              # the same run again
    FORBEAR_FAULT_ROUNDS=20 make faults           # for longer

Each run has a world of its own. When the faults end, everything must come to rest by itself, and `proof.py` judges.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.faults import injections
from tests.faults.ground import Ground, ground
from tests.faults.injections import Inject
from tests.faults.proof import prove
from tests.faults.report import REPORT

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

SEED = int(os.environ.get("FORBEAR_FAULT_SEED", "1"))
ROUNDS = int(os.environ.get("FORBEAR_FAULT_ROUNDS", "1"))
BREATH = 6.0
"""Seconds after a fault within which the path is expected to go on; without it the next fault comes anyway."""


@contextmanager
def a_run(name: str, *, accounts: int = 400, per_hour: int = 1000, schedulers: int = 1) -> Iterator[Ground]:
    """A world with its processes at work. Afterwards it comes to rest, and every promise must have been kept."""
    began = time.monotonic()
    with ground(SEED, accounts, per_hour=per_hour) as one:
        one.crew.start("web", "web")
        for number in range(schedulers):
            one.crew.start(f"scheduler.{number}", "scheduler")
        for number in range(2):
            one.crew.start(f"worker.{number}", "worker", "--single")
        one.crew.wait_ready()
        yield one
        one.drain()
        one.crew.end()
        proof = prove(one)
        REPORT.add(name, one, proof, time.monotonic() - began)
        assert proof.wrong == [], f"seed {SEED}: " + "\n".join(proof.wrong[:20])
        assert proof.accepted > accounts / 5, "hardly anything was sent, so hardly anything was tried"


def go_on(one: Ground) -> None:
    """Let the path go on for a moment, and somebody say STOP in it."""
    one.wait_for_requests(one.random.randint(3, 10), BREATH)
    if one.random.random() < 0.5:
        one.stop_somebody()


def inject(one: Ground, chosen: Sequence[Inject], times: int) -> None:
    """Inject so many of these faults, at random but each at least once where there is room for it."""
    order = [*chosen, *one.random.choices(chosen, k=max(0, times - len(chosen)))][:times]
    one.random.shuffle(order)
    for fault in order:
        go_on(one)
        fault(one)


def test_kill_any_process_at_any_time() -> None:
    with a_run("kill -9 at random, queue flushed") as one:
        inject(one, (injections.kill_a_process, injections.kill_a_process, injections.flush_the_queue), 12 * ROUNDS)


def test_the_queue_dies_forgets_and_is_full() -> None:
    faults = (
        injections.kill_the_queue,
        injections.flush_the_queue,
        injections.fill_the_queue,
        injections.lose_the_queue,
    )
    with a_run("queue killed, flushed, full, lost") as one:
        inject(one, faults, 8 * ROUNDS)


def test_the_database_dies_and_cuts_connections() -> None:
    faults = (injections.cut_connections, injections.kill_the_database, injections.restart_the_database)
    with a_run("database killed, restarted, cut") as one:
        inject(one, faults, 9 * ROUNDS)
