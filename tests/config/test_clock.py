"""One clock for all processes: it never runs backwards, whatever its conductor does, and all agree on it."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import SIZE, SLOT, AcceleratedClock, Conductor, Course, SystemClock, open_clock, unpack
from config.embedded.state import ROOT
from config.settings import Settings
from domain.errors import BadSettings

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Ticks:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000

    def __call__(self) -> int:
        return self.ns


changes = st.lists(
    st.tuples(
        st.integers(0, 10**12),  # real nanoseconds that pass before the change
        st.none() | st.floats(0, 1e6),  # the new rate
        st.none() | st.integers(-(10**6), 10**7),  # the new limit, in seconds from the start
    ),
    max_size=30,
)


@given(changes)
def test_it_never_runs_backwards_over_changes_and_never_passes_its_limit(changes: list[tuple]) -> None:
    ticks = Ticks()
    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / f"forbear-clock-{os.getpid()}"
    conductor = Conductor.begin(path, START, rate=60, limit=START + timedelta(days=1), monotonic_ns=ticks)
    reader = AcceleratedClock(path, ticks)
    limit, seen = START + timedelta(days=1), [reader.now()]
    assert seen == [START]
    for nanoseconds, rate, seconds in changes:
        ticks.ns += nanoseconds
        before = reader.now()
        if seconds is not None:
            limit = START + timedelta(seconds=seconds)
        changed = conductor.change(rate=rate, limit=None if seconds is None else limit)
        assert before == changed == reader.now() == conductor.now()
        seen.append(changed)
        ticks.ns += nanoseconds
        seen.append(reader.now())
        assert seen[-1] <= max(limit, changed)
    assert all(earlier <= later for earlier, later in pairwise(seen))
    reader.close()
    conductor.close()
    path.unlink()


@given(st.binary(min_size=SIZE, max_size=SIZE))
def test_no_damage_is_taken_for_a_course(damaged: bytes) -> None:
    assert unpack(damaged) is None


@given(st.integers(0, SLOT.size - 1), st.integers(1, 255))
def test_a_change_that_was_cut_short_leaves_the_course_before_it(position: int, flip: int) -> None:
    before = Course(7, 10, 20, 30.0, 40)
    after = bytearray(Course(8, 11, 21, 31.0, 41).pack())
    assert unpack(before.pack() + bytes(after)) == Course(8, 11, 21, 31.0, 41)
    after[position] ^= flip
    assert unpack(before.pack() + bytes(after)) == before


def test_threads_and_processes_see_time_in_one_order(tmp_path: Path) -> None:
    """Readers note what they saw in a shared file under their own lock: its lines must never go back."""
    path = tmp_path / "clock"
    conductor = Conductor.begin(path, START, rate=1e5, limit=START + timedelta(days=10_000))
    code = (
        "import sys, fcntl; from pathlib import Path; from config.clock import AcceleratedClock\n"
        "clock = AcceleratedClock(Path(sys.argv[1]))\n"
        "with open(sys.argv[2], 'a') as notes:\n"
        "    for _ in range(400):\n"
        "        fcntl.flock(notes, fcntl.LOCK_EX)\n"
        "        notes.write(clock.now().isoformat(timespec='microseconds') + '\\n'); notes.flush()\n"
        "        fcntl.flock(notes, fcntl.LOCK_UN)\n"
    )
    notes = tmp_path / "notes"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(notes)], cwd=ROOT, env=os.environ | {"PYTHONPATH": "."}
        )
        for _ in range(3)
    ]
    rate = 0
    while any(reader.poll() is None for reader in readers):
        rate = (rate + 1) % 7
        conductor.change(rate=10.0**rate)
    assert [reader.returncode for reader in readers] == [0, 0, 0]
    seen = notes.read_text().splitlines()
    assert len(seen) == 1200
    assert seen == sorted(seen)
    conductor.close()


def test_threads_share_one_clock(tmp_path: Path) -> None:
    conductor = Conductor.begin(tmp_path / "clock", START, rate=1e5, limit=START + timedelta(days=10_000))
    backwards = []

    def read() -> None:
        times = [conductor.now() for _ in range(500)]
        backwards.extend(1 for earlier, later in pairwise(times) if later < earlier)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for rate in range(200):
        conductor.change(rate=float(rate % 5))
    for thread in threads:
        thread.join()
    assert backwards == []
    conductor.close()


def test_the_settings_choose_the_clock(tmp_path: Path) -> None:
    assert isinstance(open_clock(Settings()), SystemClock)
    settings = Settings(clock="accelerated", state_dir=tmp_path)
    with pytest.raises(BadSettings, match="there is no accelerated clock"):
        open_clock(settings)
    (tmp_path / "clock").write_bytes(b"")
    with pytest.raises(BadSettings, match="damaged"):
        open_clock(settings)
    (tmp_path / "clock").write_bytes(bytes(SIZE))
    with pytest.raises(BadSettings, match="damaged"):
        open_clock(settings)
    Conductor.begin(tmp_path / "clock", START, rate=0, limit=START).close()
    clock = open_clock(settings)
    assert clock.now() == START
    assert isinstance(clock, AcceleratedClock)
    clock.close()


def test_real_people_are_never_contacted_by_an_accelerated_clock(tmp_path: Path) -> None:
    Conductor.begin(tmp_path / "clock", START, rate=0, limit=START).close()
    live = Settings(state_dir=tmp_path).model_copy(update={"clock": "accelerated", "live": True})
    with pytest.raises(BadSettings, match="FORBEAR_CLOCK"):
        open_clock(live)


def test_the_system_clock_tells_aware_time_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
