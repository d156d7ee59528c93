"""Running several processes as one: their lines prefixed, the dead restarted, all stopped together.

Each process leads a session of its own, so that Ctrl-C reaches only us and we decide the order: everyone is asked to
end (SIGTERM), has a bounded time for it, and is then killed with whatever it started.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Say = Callable[[str, str], None]
"""Shows one line of a process: its name and the line."""

TETHER = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); os.execvp(sys.argv[2], sys.argv[2:])"
)
"""Linux: have the kernel send SIGTERM (15) when our parent dies (PR_SET_PDEATHSIG, 1), then become the command. So a
crew whose leader was killed -9 ends in good order, too."""

LOOK_EVERY = 0.05
LONGEST_LINE = 2**16


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, is waited: for the end after SIGTERM, and before a restart, doubling up to `longest`.

    A process that lived for `settled` counts as healthy again; one that died `tries` times before that is given up.
    """

    stopping: float = 25
    first: float = 1
    longest: float = 15
    settled: float = 30
    tries: int = 5


@dataclass(slots=True)
class Member:
    """One process of the crew and its past: when it began, how often it died since it was last healthy."""

    name: str
    words: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    began: float = 0
    deaths: int = 0
    start_at: float = 0


@dataclass(slots=True)
class Crew:
    """The processes that run together."""

    commands: Mapping[str, Sequence[str]]
    say: Say
    patience: Patience = field(default_factory=Patience)
    environment: Mapping[str, str] | None = None
    _asked_to_stop: int = 0

    def run(self) -> int:
        """Start all and keep them running until `stop` is called: 0; or until one keeps dying: all are ended, 1."""
        members = [Member(name, words) for name, words in self.commands.items()]
        given_up = False
        try:
            while not self._asked_to_stop and not given_up:
                for member in members:
                    given_up = not self._look_after(member) or given_up
                time.sleep(LOOK_EVERY)
        finally:
            self._end(members)
        return int(given_up)

    def stop(self) -> None:
        """Ask all to end; called again, kill them at once. May be called from a signal handler."""
        self._asked_to_stop += 1

    def _look_after(self, member: Member) -> bool:
        """Start the process if it is due, bury it if it died; False if it died too often."""
        now = time.monotonic()
        if member.process is None:
            if now >= member.start_at:
                self._start(member)
            return True
        code = member.process.poll()
        if code is None:
            return True
        _bury(member)
        member.deaths = 1 if now - member.began > self.patience.settled else member.deaths + 1
        if member.deaths >= self.patience.tries:
            self.say(member.name, f"ended {member.deaths} times in a row ({describe_exit(code)}); stopping everything")
            return False
        pause = min(self.patience.longest, self.patience.first * 2 ** (member.deaths - 1))
        self.say(member.name, f"ended ({describe_exit(code)}); starting it again in {pause:g} s")
        member.start_at = now + pause
        return True

    def _start(self, member: Member) -> None:
        member.began = time.monotonic()
        member.process = subprocess.Popen(
            tethered(member.words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
        )
        member.reader = threading.Thread(target=self._show, args=(member.name, member.process), daemon=True)
        member.reader.start()

    def _show(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Say what a process writes, a line at a time, until it and all its children closed their end."""
        if process.stdout:
            with process.stdout as output:
                while line := output.readline(LONGEST_LINE):
                    self.say(name, line.decode(errors="replace").rstrip())

    def _end(self, members: Sequence[Member]) -> None:
        running = [member for member in members if member.process]
        for member in running:
            _signal(member, signal.SIGTERM)
        end = time.monotonic() + self.patience.stopping
        while _alive(running) and time.monotonic() < end and self._asked_to_stop < 2:
            time.sleep(LOOK_EVERY)
        for member in _alive(running):
            self.say(member.name, "did not end in time; killing it")
        for member in running:
            _bury(member)


def tethered(words: Sequence[str]) -> list[str]:
    """The command, made to end when this process does, where the system can do that."""
    if sys.platform != "linux":
        return list(words)
    return [sys.executable, "-I", "-S", "-c", TETHER, str(os.getpid()), *words]


def _alive(members: Sequence[Member]) -> list[Member]:
    return [member for member in members if member.process and member.process.poll() is None]


def _bury(member: Member) -> None:
    """Kill what is left of a process and its children, hear its last lines, and forget it."""
    if member.process and member.reader:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(member.process.pid, signal.SIGKILL)
        member.process.wait()
        member.reader.join(timeout=5)
    member.process = member.reader = None


def _signal(member: Member, number: signal.Signals) -> None:
    if member.process:
        member.process.send_signal(number)


def describe_exit(code: int) -> str:
    """How a process ended, in words: `exit 1`, `signal SIGKILL`."""
    return f"exit {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
