"""What time it is: the system's clock, or one accelerated clock for all processes of this machine.

The accelerated clock is a small file in the state folder that every process maps into memory:

    now = min(limit, simulated_anchor + rate × (monotonic − real_anchor))

A `Conductor` (the demo) changes rate and limit. Each change is anchored at the instant that the clock shows just then,
under a lock that readers share, so that time neither jumps nor runs backwards for anyone. The file has two slots with
a generation and a checksum: a conductor killed in mid-write leaves the older slot in force.
"""

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from config.settings import Settings
from domain.errors import BadSettings

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

SLOT = struct.Struct("<QqqdqI")
"""generation, real anchor (ns of the monotonic clock), simulated anchor (µs since 1970), rate, limit (µs), checksum."""

CHECKED = SLOT.size - 4
SIZE = 2 * SLOT.size


class Clock(Protocol):
    """Tells the time. Deciding functions take an instant; only shells hold a clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Course:
    """How simulated time runs from one change to the next. Instants in µs since 1970, `rate` in simulated per real."""

    generation: int
    real_anchor_ns: int
    simulated_anchor: int
    rate: float
    limit: int

    def at(self, monotonic_ns: int) -> int:
        """Simulated µs since 1970 at an instant of the monotonic clock; never beyond the limit."""
        elapsed = max(0, monotonic_ns - self.real_anchor_ns)
        return max(self.simulated_anchor, min(self.limit, self.simulated_anchor + int(elapsed * self.rate / 1000)))

    def pack(self) -> bytes:
        """One slot of the file."""
        fields = (self.generation, self.real_anchor_ns, self.simulated_anchor, self.rate, self.limit)
        return SLOT.pack(*fields, zlib.crc32(SLOT.pack(*fields, 0)[:CHECKED]))


def unpack(slots: bytes) -> Course | None:
    """The course in force: the newest slot whose checksum holds; None if neither does."""
    valid = []
    for slot in (slots[: SLOT.size], slots[SLOT.size : SIZE]):
        *fields, checksum = SLOT.unpack(slot)
        if fields[0] and checksum == zlib.crc32(slot[:CHECKED]):
            valid.append(Course(*fields))
    return max(valid, key=lambda course: course.generation, default=None)


class AcceleratedClock:
    """Reads the shared clock; safe to use from many threads. Raises `BadSettings` where no conductor has begun one."""

    def __init__(self, path: Path, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._threads = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BadSettings(
                "there is no accelerated clock.",
                where=str(path),
                remedy="`forbear demo` runs one; or unset FORBEAR_CLOCK.",
            ) from None
        try:
            self._map = mmap.mmap(self._file, SIZE)
        except ValueError:
            os.close(self._file)
            raise _damaged(path) from None
        if unpack(self._map[:]) is None:
            self.close()
            raise _damaged(path)

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        with self._locked(fcntl.LOCK_SH):
            return EPOCH + self._now_us() * MICROSECOND

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        os.close(self._file)

    def _course(self) -> Course:
        course = unpack(self._map[:])
        if course is None:
            raise BadSettings("the accelerated clock's file was damaged while in use.", remedy="Start the demo again.")
        return course

    def _now_us(self) -> int:
        return self._course().at(self._monotonic_ns())

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        with self._threads:
            fcntl.flock(self._file, kind)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)


class Conductor(AcceleratedClock):
    """The accelerated clock, with the right to change how it runs. One at a time: the demo."""

    @classmethod
    def begin(
        cls,
        path: Path,
        start: datetime,
        *,
        rate: float,
        limit: datetime,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> "Conductor":
        """Begin a new clock that shows `start` now. A clock that ran before in the same file is replaced."""
        course = Course(1, monotonic_ns(), _us(start), rate, _us(limit))
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_bytes(course.pack() + bytes(SLOT.size))
        draft.chmod(0o600)
        draft.replace(path)
        return cls(path, monotonic_ns)

    def change(self, *, rate: float | None = None, limit: datetime | None = None) -> datetime:
        """Run on from now at another rate, or up to another limit; the instant of the change, for all processes.

        A limit that has passed already stops the clock where it is.
        """
        with self._locked(fcntl.LOCK_EX):
            course = self._course()
            real = self._monotonic_ns()
            simulated = course.at(real)
            changed = Course(
                generation=course.generation + 1,
                real_anchor_ns=real,
                simulated_anchor=simulated,
                rate=course.rate if rate is None else rate,
                limit=course.limit if limit is None else _us(limit),
            )
            offset = SLOT.size * (course.generation % 2)
            self._map[offset : offset + SLOT.size] = changed.pack()
            return EPOCH + simulated * MICROSECOND


def clock_path(settings: Settings) -> Path:
    """The accelerated clock's file."""
    return settings.state_dir / "clock"


def open_clock(settings: Settings) -> Clock:
    """The clock that the settings ask for. Raises `BadSettings` where it is accelerated and sending is live."""
    if settings.clock == "system":
        return SystemClock()
    if settings.live:
        raise BadSettings(
            "an accelerated clock would contact people at hours that only the clock believes in.",
            where="FORBEAR_CLOCK",
            remedy="Unset FORBEAR_CLOCK, or unset FORBEAR_LIVE.",
        )
    return AcceleratedClock(clock_path(settings))


def _us(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def _damaged(path: Path) -> BadSettings:
    return BadSettings(
        "this is no accelerated clock, or a damaged one.", where=str(path), remedy="Remove it and start the demo again."
    )
