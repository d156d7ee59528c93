"""A disk of a few hundred megabytes beneath a run's servers, which a fault then fills to the last byte."""

import contextlib
import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

from config.embedded import servers
from tests.faults.ground import Ground

MEGABYTES = 512
BALLAST = "ballast"
FULL_SECONDS = 4.0


@cache
def can_mount() -> bool:
    """Whether this process may make a disk of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() != 0 or _mount(Path(folder), 1) != 0:
            return False
        _unmount(Path(folder))
    return True


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of its own at the folder, for as long as the block lasts; what was on it is gone afterwards."""
    assert _mount(folder, MEGABYTES) == 0
    try:
        yield
    finally:
        _unmount(folder)


def fill_the_disk(ground: Ground) -> None:
    """Have both servers find no byte of room for some seconds; then start again what died of it."""
    ballast = ground.settings.state_dir / BALLAST
    with ballast.open("wb", buffering=0) as out:
        _fill(out.fileno())
        with pytest.raises(psycopg.OperationalError), ground.owner() as connection:
            connection.execute("CREATE TABLE fault AS SELECT repeat('x', 1000) FROM generate_series(1, 100000)")
        ground.wait_for_requests(1000, FULL_SECONDS)
        _fill(out.fileno())  # what was given back meanwhile
        ground.wait_for_requests(1000, FULL_SECONDS)
    ballast.unlink()
    servers.start_database(ground.settings.state_dir)
    servers.start_queue(ground.settings.state_dir)
    ground.injected["disk full under PostgreSQL and Valkey"] += 1


def _fill(file: int) -> None:
    """Write until not one more byte fits."""
    size = 1 << 20
    while size:
        try:
            os.write(file, bytes(size))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            size //= 2


def _mount(folder: Path, megabytes: int) -> int:
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "forbear-faults", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
