"""Processes of a benchmark: they say a line once they are ready, begin at a line, and end when their input does."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

READY = "ready"


@contextmanager
def children(module: str, arguments: Sequence[Sequence[object]], environment: Mapping[str, object]) -> Iterator["Crew"]:
    """One process of `python -m MODULE` for each list of arguments, ready, for as long as the block lasts."""
    given = os.environ | {name: str(value) for name, value in environment.items()}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, *map(str, own)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=given,
        )
        for own in arguments
    ]
    try:
        yield Crew(started, [_said(process) for process in started])
    finally:
        for process in started:
            if process.stdin:
                process.stdin.close()
        for process in started:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()


class Crew:
    """Processes that are ready. `said` is what each said with it."""

    def __init__(self, processes: Sequence["subprocess.Popen[str]"], said: Sequence[str]) -> None:
        self.processes = processes
        self.said = said

    def begin(self) -> None:
        """Have them begin."""
        for process in self.processes:
            if process.stdin:
                process.stdin.write("\n")
                process.stdin.flush()

    def results(self) -> list[str]:
        """A line of each."""
        return [_line(process) for process in self.processes]


def is_ready(said: object = "") -> None:
    """In a child: say so."""
    print(READY, said, flush=True)


def wait_for_line() -> bool:
    """In a child: wait until told to begin (True), or to end (False)."""
    return bool(sys.stdin.readline())


def _said(process: "subprocess.Popen[str]") -> str:
    word, _, said = _line(process).partition(" ")
    if word != READY:
        raise SystemExit(f"bench: a process of the benchmark ended with {process.wait()}")
    return said.strip()


def _line(process: "subprocess.Popen[str]") -> str:
    return process.stdout.readline() if process.stdout else ""
