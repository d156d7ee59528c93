"""The real processes of a run: started, killed, stopped and brought back, each with a log of its own."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded.processes import wait_until
from config.settings import PREFIX
from forbear.supervise import tethered

READY = {"worker": "worker_started", "scheduler": "scheduler_started", "web": "The pages are at"}
"""What each kind of process says when it has begun its work."""
BAD = ("work_failed", "tick_failed", "dead_letter_not_kept", "unnamed_event")
"""What no process may ever say: a failure that nobody foresaw."""
PATIENCE = 120.0


@dataclass(slots=True)
class Member:
    """One process: what it is started as, and its present incarnation."""

    name: str
    words: tuple[str, ...]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    host: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or is stopped by a signal and would run again."""
        return self.process is not None and self.process.poll() is None

    @property
    def on_host(self) -> list[str]:
        """What runs a command on the process's host."""
        return ["ip", "netns", "exec", self.host] if self.host else []

    @property
    def kind(self) -> str:
        """Worker, scheduler or web."""
        return self.words[0]


@dataclass(slots=True)
class Crew:
    """The processes of a run, by name."""

    folder: Path
    environment: Mapping[str, str]
    members: dict[str, Member] = field(default_factory=dict)
    starts: Counter[str] = field(default_factory=Counter)

    def start(self, name: str, *words: str, die_at: str = "", host: str = "") -> Member:
        """Start a process, or start it again; it may be told to die at a point. `host` is a network namespace."""
        member = self.members.get(name)
        if member is None:
            member = self.members[name] = Member(name, words, self.folder / name, host=host)
        assert not member.is_alive
        self.starts[name] += 1
        member.log = self.folder / f"{name}.{self.starts[name]}.log"
        with member.log.open("wb") as log:
            member.process = subprocess.Popen(
                tethered([*member.on_host, sys.executable, "-m", "forbear", *member.words]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self.environment, "FORBEAR_TEST_DIE_AT": die_at},
                start_new_session=True,
            )
        return member

    def wait_ready(self, *names: str) -> None:
        """Wait until these have begun their work, or died at their point."""
        for member in [self.members[name] for name in names or self.members]:
            mark = READY[member.kind].encode()

            def is_ready(member: Member = member, mark: bytes = mark) -> bool:
                return mark in member.log.read_bytes() or not member.is_alive

            assert wait_until(is_ready, PATIENCE), f"{member.name} does not start: {member.log.read_text()[-2000:]}"

    def kill(self, name: str) -> None:
        """Kill a process as by `kill -9`."""
        process = self.members[name].process
        assert process
        process.kill()
        process.wait()

    def has_died(self, name: str, seconds: float) -> bool:
        """Whether it ends by itself within the time."""
        return wait_until(lambda: not self.members[name].is_alive, seconds)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process."""
        process = self.members[name].process
        assert process
        process.send_signal(number)

    def revive(self) -> None:
        """Start again all that are dead."""
        for member in self.members.values():
            if not member.is_alive:
                self.start(member.name)

    def end(self) -> None:
        """Ask all to end, in good order; kill those that do not."""
        alive = [member.process for member in self.members.values() if member.process and member.is_alive]
        for process in alive:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        until = time.monotonic() + PATIENCE
        for process in alive:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def bad_lines(self) -> Iterator[str]:
        """The lines in which processes tell of a failure that nobody foresaw."""
        for log in sorted(self.folder.glob("*.log")):
            for line in log.read_text(errors="replace").splitlines():
                if any(word in line for word in BAD) or line.startswith("Traceback"):
                    yield f"{log.name}: {line[:1500]}"


def environment(own: Mapping[str, object]) -> dict[str, str]:
    """The variables of a process: these settings, and none of the caller's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {f"{PREFIX}{name}": str(value) for name, value in own.items()}
