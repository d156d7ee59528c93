"""Processor time that processes have used: what a machine that others share cannot stretch. Linux; elsewhere zeros."""

import os
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")


def spent(state: Path, workers: Sequence[int]) -> dict[str, float]:
    """Seconds that the workers, and the servers of a state folder with all their processes, have used so far."""
    found = {"workers": 0.0, "postgres": 0.0, "valkey": 0.0}
    known = [one for path in PROC.glob("[0-9]*") if (one := _read(path))]
    queues = {int(path.read_text()) for path in state.rglob("valkey.pid")}
    names = {pid: name for pid, _, _, name in known}
    for pid, parent, seconds, name in known:
        if pid in workers:
            found["workers"] += seconds
        elif pid in queues:
            found["valkey"] += seconds
        elif str(state) in name or str(state) in names.get(parent, ""):
            found["postgres"] += seconds
    return found


def _read(path: Path) -> tuple[int, int, float, str] | None:
    """A process's id, its parent's, its seconds with those of children that ended, and its command line."""
    try:
        fields = (path / "stat").read_text().rpartition(")")[2].split()
        command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    return int(path.name), int(fields[1]), sum(map(int, fields[11:15])) / TICK, command
