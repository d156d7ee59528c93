"""`forbear up`: the Procfile's processes after a release, and nothing left when it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import servers
from config.embedded.processes import is_alive, wait_until
from config.embedded.servers import Status
from domain.errors import BadInput
from forbear.commands.up import scaled
from forbear.procfile import PROCFILE, read_procfile

PROCESS = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("gone", flush=True), sys.exit(0)))
print("here", os.getpid(), flush=True)
while True: signal.pause()
"""


@pytest.fixture
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="forbear-up-"))
    folder.chmod(0o711)
    yield folder
    servers.stop(folder)
    shutil.rmtree(folder)


def write_procfile(folder: Path, release: str = "print('released')") -> Path:
    for name, code in (("process.py", PROCESS), ("release.py", release)):
        (folder / name).write_text(code)
    lines = [f"{name}: {sys.executable} {folder}/process.py" for name in ("web", "worker")]
    path = folder / "Procfile"
    path.write_text("\n".join([f"release: {sys.executable} {folder}/release.py", *lines, ""]))
    return path


def start(state: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "forbear", "up", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=os.environ | {"FORBEAR_STATE_DIR": str(state)},
    )


def read_until(up: subprocess.Popen[str], *wanted: str) -> list[str]:
    """Its lines until each of the wanted beginnings was among them."""
    assert up.stdout
    lines: list[str] = []
    for line in up.stdout:
        lines.append(line.rstrip())
        if all(any(line.startswith(beginning) for line in lines) for beginning in wanted):
            return lines
    raise AssertionError(lines)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_ctrl_c_stops_everything(state: Path, tmp_path: Path, how: signal.Signals) -> None:
    up = start(state, "--procfile", str(write_procfile(tmp_path)), "--scale", "worker=2")
    lines = read_until(up, "web      | here", "worker.1 | here", "worker.2 | here")
    assert lines[0] == "released"
    pids = [int(line.split()[-1]) for line in lines if " here " in line]
    assert servers.status(state) == Status(postgres=True, valkey=True)
    up.send_signal(how)
    rest, _ = up.communicate(timeout=60)
    assert up.returncode == 0
    assert rest.count("gone") == 3
    assert not any(map(is_alive, pids))
    assert servers.status(state) == Status(postgres=False, valkey=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_kill_9_leaves_no_crew_behind(state: Path, tmp_path: Path) -> None:
    up = start(state, "--procfile", str(write_procfile(tmp_path)))
    lines = read_until(up, "web    | here", "worker | here")
    pids = [int(line.split()[-1]) for line in lines if " here " in line]
    up.kill()
    assert wait_until(lambda: not any(map(is_alive, pids)), 10)
    up.communicate(timeout=10)


def test_a_failed_release_starts_nothing(state: Path, tmp_path: Path) -> None:
    up = start(state, "--procfile", str(write_procfile(tmp_path, release="raise SystemExit('no room')")))
    shown, _ = up.communicate(timeout=60)
    assert up.returncode == 2
    assert "no room" in shown
    assert "forbear: Procfile: `forbear release` ended with 1." in shown
    assert "here" not in shown
    assert servers.status(state) == Status(postgres=False, valkey=False)


def test_the_shipped_procfile_names_the_four_parts() -> None:
    commands = read_procfile(PROCFILE)
    assert list(commands) == ["release", "web", "scheduler", "worker"]
    for name, words in commands.items():
        assert words == [sys.executable, "-m", "forbear", name]


def test_a_broken_procfile_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# comment\n\nweb: forbear web\nworker forbear worker\n")
    with pytest.raises(BadInput, match=r"Procfile:4: "):
        read_procfile(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_procfile(tmp_path / "none")


@pytest.mark.parametrize("wish", ["worker", "worker=", "worker=-1", "nobody=2", "worker=x"])
def test_a_wrong_scale_is_refused(wish: str) -> None:
    with pytest.raises(BadInput, match="--scale"):
        scaled({"web": ["w"], "worker": ["x"]}, [wish])


def test_scaling_numbers_the_copies() -> None:
    assert list(scaled({"web": ["w"], "worker": ["x"]}, ["worker=2", "web=0"])) == ["worker.1", "worker.2"]
