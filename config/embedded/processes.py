"""Launching a server so that it outlives its starter, as an account that may run it, and finding it again.

A server is told apart from a stranger who was given the same process id by its working folder, which is its data
folder; and from a zombie, which a container's first process may leave unreaped for long.
"""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from domain.errors import Unavailable

LAUNCH = 'exec 3<&0; "$@" <&3 3<&- >&2 & echo $!'
"""Start a command in the background with our input and log, and print its process id: its parent ends at once, so that
the server becomes a child of the system and no starter has to wait for it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a server runs as: None for oneself, else an unprivileged account that root steps down to."""

    name: str
    uid: int
    gid: int


def service_account() -> Account | None:
    """The account for the servers: oneself, or as root `postgres` or `nobody`, since PostgreSQL refuses root.

    Raises `Unavailable` where root finds neither.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Unavailable(
        "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it as.",
        remedy="Run Forbear as an ordinary user, or set FORBEAR_DATABASE_URL and FORBEAR_REDIS_URL.",
    )


def own_folder(path: Path, account: Account | None) -> Path:
    """Make a folder that only the server's account may enter."""
    path.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(path, account.uid, account.gid)
    return path


def run(command: Sequence[str], account: Account | None, *, log: Path, text: str = "") -> int:
    """Run a command to its end as the account, with `text` as input and its output appended to `log`; its exit code."""
    with log.open("ab") as output:
        return _run_as(account, command, text, stdout=output, stderr=output).returncode


def launch(command: Sequence[str], account: Account | None, *, log: Path, text: str = "") -> int:
    """Start a server as the account, detached from us, with `text` as input; its process id."""
    with log.open("ab") as output:
        starter = ["/bin/sh", "-c", LAUNCH, "sh", *command]
        return int(_run_as(account, starter, text, stdout=subprocess.PIPE, stderr=output, check=True).stdout)


def _run_as(
    account: Account | None,
    command: Sequence[str],
    text: str = "",
    *,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
    check: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command apart from our terminal, our folder and our variables (PGPORT and the like)."""
    return subprocess.run(
        command,
        input=text.encode(),
        stdout=stdout,
        stderr=stderr,
        check=check,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def find(pid: int, folder: Path) -> psutil.Process | None:
    """The live process `pid` if it works in `folder`, else None."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder:
            return process
    except psutil.Error:
        pass
    return None


def is_alive(pid: int) -> bool:
    """Whether a process of that id runs and is no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def in_folder(folder: Path) -> list[psutil.Process]:
    """All live processes that work in `folder`: what a killed server may have left behind."""
    return [process for process in psutil.process_iter() if find(process.pid, folder)]


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def choose_port(wished: int) -> int:
    """`wished` if it is free on 127.0.0.1, else one that is; a server that was just killed frees it in a moment."""
    if wished and wait_until(lambda: _bind(wished) == wished, 1):
        return wished
    return _bind(0)


def _bind(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return int(probe.getsockname()[1])


def reachable_programs(package: Path, beside: Sequence[Path], account: Account | None, copies: Path) -> Path:
    """`package`, or where the account cannot reach it (a home closed to others) a copy of it under `copies`.

    `beside` are folders that the programs find by a relative path and that move along. `copies` is named after the
    version, so that an upgrade is copied anew.
    """
    if account is None or _may_reach(package, account):
        return package
    target = copies / package.name
    if not target.exists():
        draft = copies.with_name(f"{copies.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        for source in (package, *beside):
            shutil.copytree(source, draft / source.name, symlinks=True, copy_function=shutil.copy)
        for folder in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        draft.rename(copies)
    return target


def _may_reach(folder: Path, account: Account) -> bool:
    probe = ["/bin/sh", "-c", 'test -r "$1" && test -x "$1"', "sh", str(folder)]
    return _run_as(account, probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def last_words(log: Path) -> str:
    """The last line of a server's log, for an error. The servers are told not to log statements or values."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][-300:] if lines else ""
