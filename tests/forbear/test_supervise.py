"""The crew of `forbear up`: prefixed lines, restarts with patience, one stop for all, nobody left behind."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

import psutil
import pytest

from config.embedded.processes import is_alive, wait_until
from forbear.supervise import Crew, Patience, describe_exit

HASTY = Patience(stopping=5, first=0.05, longest=0.2, settled=30, tries=4)

STEADY = "import signal; print('up', flush=True); signal.pause()"
GRACEFUL = (
    "import signal, sys\n"
    "signal.signal(signal.SIGTERM, lambda *_: (print('finished what I had', flush=True), sys.exit(0)))\n"
    "print('up', flush=True)\n"
    "while True: signal.pause()"
)
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"
)
PARENT = (
    "import subprocess, sys, signal\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
    "print(child.pid, flush=True); signal.pause()"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


class Show:
    """Runs a crew in a thread and remembers what it said."""

    def __init__(self, patience: Patience = HASTY, **codes: str) -> None:
        self.lines: list[tuple[str, str]] = []
        self.crew = Crew(
            {name: python(code) for name, code in codes.items()}, lambda *line: self.lines.append(line), patience
        )
        self.result: int | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.result = self.crew.run()

    def wait_for(self, condition: Callable[[Sequence[tuple[str, str]]], bool]) -> None:
        assert wait_until(lambda: condition(self.lines), 30), self.lines

    def end(self, times: int = 1) -> int | None:
        for _ in range(times):
            self.crew.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self.result


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True) if is_alive(child.pid)}


def test_all_start_and_one_stop_ends_all_in_good_order() -> None:
    before = children()
    show = Show(web=GRACEFUL, worker=GRACEFUL)
    show.wait_for(lambda lines: lines.count(("web", "up")) == lines.count(("worker", "up")) == 1)
    assert show.end() == 0
    assert ("web", "finished what I had") in show.lines
    assert ("worker", "finished what I had") in show.lines
    assert children() == before


def test_the_dead_are_started_again() -> None:
    show = Show(web=STEADY, worker="print('up', flush=True); raise SystemExit(3)")
    show.wait_for(lambda lines: lines.count(("worker", "up")) >= 2)
    assert ("worker", "ended (exit 3); starting it again in 0.05 s") in show.lines
    show.end()
    assert show.lines.count(("web", "up")) == 1


def test_kill_9_is_survived_and_what_the_killed_one_had_started_is_ended() -> None:
    show = Show(web=STEADY, worker=PARENT)
    show.wait_for(lambda lines: any(name == "worker" for name, _ in lines))
    grandchild = next(int(line) for name, line in show.lines if name == "worker")
    parent = psutil.Process(grandchild).ppid()
    os.kill(parent, signal.SIGKILL)
    show.wait_for(lambda lines: sum(name == "worker" and line.isdecimal() for name, line in lines) == 2)
    assert not is_alive(grandchild)
    assert ("worker", "ended (signal SIGKILL); starting it again in 0.05 s") in show.lines
    assert show.end() == 0


def test_who_keeps_dying_is_given_up_and_all_are_stopped() -> None:
    before = children()
    show = Show(web=STEADY, worker="raise SystemExit(1)")
    show.thread.join(30)
    assert show.result == 1
    assert ("worker", "ended 4 times in a row (exit 1); stopping everything") in show.lines
    assert children() == before


def test_who_does_not_end_is_killed_after_a_while() -> None:
    show = Show(Patience(stopping=0.3), web=DEAF, worker=GRACEFUL)
    show.wait_for(lambda lines: len(lines) == 2)
    assert show.end() == 0
    assert ("web", "did not end in time; killing it") in show.lines
    assert ("worker", "finished what I had") in show.lines


def test_a_second_ctrl_c_does_not_wait() -> None:
    show = Show(Patience(stopping=600), web=DEAF)
    show.wait_for(lambda lines: len(lines) == 1)
    assert show.end(times=2) == 0


def test_a_line_without_end_comes_in_pieces() -> None:
    show = Show(worker="print('x' * 200_000, flush=True); import signal; signal.pause()")
    show.wait_for(lambda lines: sum(len(line) for _, line in lines) == 200_000)
    assert len(show.lines) == 4
    show.end()


@pytest.mark.parametrize(("code", "words"), [(0, "exit 0"), (1, "exit 1"), (-9, "signal SIGKILL")])
def test_an_end_is_described(code: int, words: str) -> None:
    assert describe_exit(code) == words
