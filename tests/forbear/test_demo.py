"""The demo, end to end: what a script reads, what a kill -9 of each process changes (nothing), what Ctrl-C leaves."""

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.embedded import servers
from config.embedded.servers import Status
from config.settings import Settings
from domain.errors import Unavailable
from forbear.demo.run import Plan, run
from forbear.demo.summary import Summary

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WORDS = [sys.executable, "-m", "forbear", "demo", "--headless", "--json", "--accounts", "80", "--days", "10"]


@pytest.fixture
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="forbear-demo-"))
    folder.chmod(0o711)
    yield folder
    servers.stop(folder / "demo")
    shutil.rmtree(folder)


def environment(state: Path) -> dict[str, str]:
    return os.environ | {"FORBEAR_STATE_DIR": str(state)}


def holds(figures: dict[str, Any]) -> None:
    """What must be true of every run."""
    accounted = figures["accounted"]
    assert accounted["accounts"] == accounted["lines"] - accounted["left_out"] - accounted["rejected"]
    assert accounted["accounts"] == accounted["outside"] + accounted["enrolled"]
    assert accounted["enrolled"] == accounted["waiting"] + accounted["finished"] + accounted["exited"] > 0
    assert accounted["unaccounted"] == 0
    assert figures["violations"] == figures["not_judged"] == 0
    assert figures["contacts_checked"] >= sum(figures["contacts"].values()) > 0
    assert figures["outcomes"].get("in_doubt", 0) == 0


def test_a_script_reads_what_was_done(state: Path) -> None:
    done = subprocess.run(WORDS, capture_output=True, text=True, cwd="/", env=environment(state), check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert {"contacts", "stages", "deferred", "outcomes", "cost", "violations", "accounted"} <= set(figures)
    assert set(figures["contacts"]) == {"sms", "voice", "email"}
    assert figures["accounted"]["lines"] == 80
    assert sum(sum(each.values()) for each in figures["stages"].values()) == sum(figures["contacts"].values())
    holds(figures)
    assert servers.status(state / "demo") == Status(postgres=False, valkey=False)


def members(demo: psutil.Process) -> dict[str, psutil.Process]:
    """The demo's own processes by their command: looked for among its children only, and those that live."""
    found = {}
    for child in demo.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended, or is a zombie
            words = child.cmdline()
            found.update({name: child for name in KINDS if name in words})
    return found


KINDS = ("scheduler", "worker", "web")


def test_a_kill_of_each_process_changes_nothing(state: Path) -> None:
    """Each is killed -9 once, at a different time of the run, and the crew starts it again."""
    wanted = dict(zip(("worker", "scheduler", "web"), (0.1, 0.2, 0.3), strict=True))
    killed: list[int] = []
    replaced: set[str] = set()

    def progress(_now: dt.datetime, share: float) -> None:
        found = members(psutil.Process())
        replaced.update(name for name, process in found.items() if name not in wanted and process.pid not in killed)
        for name in [name for name, at in wanted.items() if share >= at and name in found]:
            found[name].kill()
            killed.append(found[name].pid)
            del wanted[name]

    plan = Plan(accounts=120, days=10, seconds=20.0, port=18080)
    summary = run(Settings(state_dir=state), plan, lambda _: None, progress)
    assert (wanted, len(killed), replaced) == ({}, 3, set(KINDS))
    holds(summary.as_json())
    assert not any(psutil.pid_exists(pid) for pid in killed)


def test_a_second_demo_is_refused_while_one_runs(state: Path) -> None:
    def begin_another(_summary: Summary) -> None:
        with pytest.raises(Unavailable, match="runs already"):
            run(Settings(state_dir=state), plan, lambda _: None, lambda *_: None)

    plan = Plan(accounts=20, days=1, seconds=0.0, is_watched=False)
    run(Settings(state_dir=state), plan, lambda _: None, lambda *_: None, begin_another)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_behind(state: Path, number: signal.Signals) -> None:
    demo, left = interrupt(state, number)
    assert demo.returncode not in (0, None)
    assert psutil.wait_procs(left, timeout=1)[1] == []
    assert servers.status(state / "demo") == Status(postgres=False, valkey=False)


def test_a_demo_that_was_killed_does_not_stand_in_the_way_of_the_next(state: Path) -> None:
    _, left = interrupt(state, signal.SIGKILL)
    assert psutil.wait_procs(left, timeout=30)[1] == [], "the processes end with the demo that held them"
    assert servers.status(state / "demo").postgres, "nobody was left to stop the servers"
    again = subprocess.run(WORDS, capture_output=True, text=True, cwd="/", env=environment(state), check=False)
    assert again.returncode == 0, again.stderr
    holds(json.loads(again.stdout))


def interrupt(state: Path, number: signal.Signals) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A demo that got a signal while it ran, and the processes that it had."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    demo = subprocess.Popen(
        [*WORDS, "--days", "120", "--accounts", "2000"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd="/",
        env=environment(state),
    )
    assert demo.stderr
    with demo.stderr:
        assert any("are on it" in line for line in demo.stderr)
        had = list(members(psutil.Process(demo.pid)).values())
        demo.send_signal(number)
        demo.stderr.read()
        demo.wait()
    return demo, had
