"""The embedded servers: started once, reachable by their owner alone, and back after anything was killed."""

import itertools
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from config.embedded import postgres, processes, servers, valkey
from config.embedded.servers import Servers, Status
from config.embedded.state import ROOT, is_open_to_all, prepare
from domain.errors import BadSettings, Unavailable


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that the service account can reach, unlike pytest's own; its servers are stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="forbear-state-"))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    yield folder
    servers.stop(folder)
    shutil.rmtree(folder)


def keep(running: Servers) -> None:
    """Leave a row and a key behind."""
    with psycopg.connect(running.owner_url) as connection:
        connection.execute("CREATE TABLE kept (x int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    with redis.Redis.from_url(running.redis_url) as client:
        client.set("kept", 42)
        client.execute_command("WAITAOF", 1, 0, 5000)


def is_kept(running: Servers) -> bool:
    with psycopg.connect(running.owner_url) as connection, redis.Redis.from_url(running.redis_url) as client:
        return connection.execute("SELECT x FROM kept").fetchall() == [(42,)] and client.get("kept") == b"42"


def server_processes(state: Path) -> list[psutil.Process]:
    return [*processes.in_folder(state / "postgres" / "data"), *processes.in_folder(state / "valkey" / "data")]


def test_a_second_start_changes_nothing(state: Path) -> None:
    first = servers.start(state)
    before = {process.pid for process in server_processes(state)}
    assert servers.start(state) == first
    assert {process.pid for process in server_processes(state)} >= before
    assert servers.status(state) == Status(postgres=True, valkey=True)


def test_a_stop_keeps_everything_and_the_addresses(state: Path) -> None:
    first = servers.start(state)
    keep(first)
    servers.stop(state)
    assert servers.status(state) == Status(postgres=False, valkey=False)
    assert server_processes(state) == []
    servers.stop(state)
    assert servers.start(state) == first
    assert is_kept(first)


def test_what_was_committed_outlives_kill_9(state: Path) -> None:
    first = servers.start(state)
    keep(first)
    for process in (postgres._postmaster(state / "postgres" / "data"), valkey._server(state / "valkey" / "data")):
        assert process
        process.kill()
        assert processes.wait_until(lambda pid=process.pid: not processes.is_alive(pid), 10)
    assert servers.start(state) == first
    assert is_kept(first)


@pytest.mark.parametrize("stranger", ["somebody alive", "a zombie"])
def test_a_pid_file_that_names_a_stranger_does_not_matter(state: Path, stranger: str) -> None:
    with subprocess.Popen(["true"]) as unreaped:
        assert processes.wait_until(lambda: not processes.is_alive(unreaped.pid), 10)
        restart_with_pid(state, unreaped.pid if stranger == "a zombie" else os.getpid())


def restart_with_pid(state: Path, pid: int) -> None:
    first = servers.start(state)
    keep(first)
    pid_files = [state / "postgres" / "data" / "postmaster.pid", state / "valkey" / "data" / "valkey.pid"]
    contents = [path.read_text() for path in pid_files]
    servers.stop(state)
    for path, content in zip(pid_files, contents, strict=True):
        path.write_text(content.replace(content.split("\n")[0], str(pid), 1))
        if account := processes.service_account():
            os.chown(path, account.uid, account.gid)
    assert servers.status(state) == Status(postgres=False, valkey=False)
    assert servers.start(state) == first
    assert is_kept(first)


def test_many_starts_at_once_make_one_pair(state: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from config.embedded import servers;"
        "print(servers.start(Path(sys.argv[1])).redis_url)"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", code, str(state)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    urls = {starter.communicate(timeout=60)[0] for starter in starters}
    assert len(urls) == 1
    assert "redis://" in urls.pop()
    postmasters = [process for process in server_processes(state) if "-D" in process.cmdline()]
    assert len(postmasters) == 1


def test_a_port_that_was_taken_meanwhile_is_left_with_its_password(state: Path) -> None:
    first = servers.start(state)
    servers.stop(state)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", redis.connection.parse_url(first.redis_url)["port"]))
        squatter.listen()
        second = servers.start(state)
    old, new = (redis.connection.parse_url(url) for url in (first.redis_url, second.redis_url))
    assert old["port"] != new["port"]
    assert old["password"] != new["password"]
    assert second.database_url == first.database_url


def test_a_half_made_database_is_made_again(state: Path) -> None:
    draft = state / "postgres" / "data.new"
    draft.mkdir(parents=True)
    (state / "postgres").chmod(0o755)
    (draft / "PG_VERSION").write_text("18\n")
    running = servers.start(state)
    with psycopg.connect(running.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_passwords_are_for_the_owner_alone(state: Path) -> None:
    running = servers.start(state)
    access = state / "access.json"
    assert stat.S_IMODE(access.stat().st_mode) == 0o600
    secrets = [value for value in json.loads(access.read_text()).values() if isinstance(value, str)]
    assert len(secrets) == 3
    for process in server_processes(state):
        assert not any(secret in " ".join(process.cmdline()) for secret in secrets)
    for path in state.rglob("*"):
        if path.is_file() and path != access and "data" not in path.relative_to(state).parts:
            assert not any(secret.encode() in path.read_bytes() for secret in secrets), path
    assert not any(secret in repr(running) for secret in secrets)


def test_nobody_gets_in_without_the_password(state: Path) -> None:
    running = servers.start(state)
    database = psycopg.conninfo.conninfo_to_dict(running.database_url)
    access = json.loads((state / "access.json").read_text())
    attempts = [
        *itertools.product(("forbear_owner", "forbear_app", "forbear_admin", "postgres"), ("", "wrong")),
        ("forbear_admin", access["owner_password"]),
        ("forbear_owner", access["app_password"]),
    ]
    for role, password in attempts:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://{role}:{password}@127.0.0.1:{database['port']}/forbear")
    queue = redis.connection.parse_url(running.redis_url)
    for password in (None, "wrong"):
        with (
            redis.Redis(port=queue["port"], password=password) as client,
            pytest.raises((redis.AuthenticationError, redis.ResponseError)),
        ):
            client.ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_cannot_read_or_connect(state: Path) -> None:
    servers.start(state)
    account = processes.service_account()
    assert account
    stranger = next(p for p in pwd.getpwall() if p.pw_uid not in (0, account.uid) and p.pw_name in ("daemon", "bin"))
    for path in [
        state / "access.json",
        state / "lock",
        state / "users",
        state / "postgres" / "data",
        state / "valkey" / "data",
    ]:
        probe = subprocess.run(
            ["/bin/ls", str(path / "." if path.is_dir() else path)], user=stranger.pw_uid, check=False
        )
        reading = subprocess.run(
            ["/bin/cat", str(path)],
            user=stranger.pw_uid,
            group=stranger.pw_gid,
            extra_groups=[],
            check=False,
            capture_output=True,
        )
        assert reading.returncode != 0, path
        assert probe.returncode != 0 or path.is_file()
    assert not any(stat.S_ISSOCK(path.lstat().st_mode) for path in state.rglob("*"))


def test_a_hold_stops_the_servers_only_when_nobody_else_uses_them(state: Path) -> None:
    with servers.hold(state):
        with servers.hold(state):
            pass
        assert servers.status(state) == Status(postgres=True, valkey=True)
    assert servers.status(state) == Status(postgres=False, valkey=False)


def test_a_killed_holder_does_not_keep_the_servers_up(state: Path) -> None:
    code = (
        "import sys, signal; from pathlib import Path; from config.embedded import servers;"
        "held = servers.hold(Path(sys.argv[1])); held.__enter__(); print('up', flush=True); signal.pause()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(state)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "up\n"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with servers.hold(state):
        pass
    assert servers.status(state) == Status(postgres=False, valkey=False)


def test_the_log_shows_no_statement_and_no_row(state: Path) -> None:
    running = servers.start(state)
    with psycopg.connect(running.owner_url) as connection:
        connection.execute("CREATE TABLE people (name text UNIQUE)")
        connection.execute("INSERT INTO people VALUES ('Zhang San')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES (%s)", ["Zhang San"])
    assert "Zhang San" not in (state / "postgres" / "server.log").read_text()


def test_a_damaged_access_file_is_an_error_not_a_new_password(state: Path) -> None:
    servers.start(state)
    servers.stop(state)
    (state / "access.json").write_text("{")
    with pytest.raises(BadSettings, match=r"access\.json"):
        servers.start(state)
    (state / "access.json").unlink()


def test_a_database_of_another_version_is_left_alone(state: Path) -> None:
    servers.start(state)
    servers.stop(state)
    version = state / "postgres" / "data" / "PG_VERSION"
    kept = version.read_text()
    version.write_text("15\n")
    with pytest.raises(Unavailable, match="made by PostgreSQL 15"):
        servers.start(state)
    version.write_text(kept)


def test_a_strict_umask_does_not_lock_the_servers_out(state: Path) -> None:
    before = os.umask(0o077)
    try:
        with servers.hold(state / "a" / "b") as running, psycopg.connect(running.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        os.umask(before)


def test_a_full_disk_is_named_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    monkeypatch.setattr("config.embedded.state.is_open_to_all", lambda _path: True)
    with pytest.raises(Unavailable, match="only 0 MiB are free"):
        prepare(tmp_path / "state")


@pytest.mark.skipif(os.geteuid() != 0, reason="root's rule")
def test_root_needs_a_folder_that_the_service_account_can_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(BadSettings, match="closed to the unprivileged account"):
        prepare(closed / "state")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_made_is_an_error() -> None:
    with pytest.raises(BadSettings, match="FORBEAR_STATE_DIR"):
        prepare(Path("/proc/forbear"))


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(BadSettings, match="File exists"):
        prepare(tmp_path / "state")


def test_programs_that_the_account_cannot_reach_are_copied_once(state: Path) -> None:
    account = processes.service_account()
    if account is None:
        pytest.skip("only root steps down to another account")
    hidden = Path(tempfile.mkdtemp())
    try:
        package = hidden / "package"
        package.mkdir()
        (package / "program").write_text("#!/bin/sh\n")
        (package / "program").chmod(0o755)
        assert not is_open_to_all(hidden)
        copies = state / "programs" / "package-1"
        copies.parent.mkdir()
        reached = processes.reachable_programs(package, [], account, copies)
        assert reached == copies / "package"
        assert os.access(reached / "program", os.X_OK)
        made = (reached / "program").stat().st_ino
        assert processes.reachable_programs(package, [], account, copies) == reached
        assert (reached / "program").stat().st_ino == made
    finally:
        shutil.rmtree(hidden)
