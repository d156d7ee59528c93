"""The embedded servers as a pair: start, stop, status, and a hold on them for as long as a run lasts."""

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import postgres, valkey
from config.embedded.state import Use, exclusive, prepare, read_access, write_access


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are: `database_url` for the processes, `owner_url` for migrations, `redis_url` for queues."""

    database_url: str = field(repr=False)
    owner_url: str = field(repr=False)
    redis_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Status:
    """Which of the servers is up."""

    postgres: bool
    valkey: bool


def start(state: Path, *, durable: bool = True) -> Servers:
    """Start both servers unless they run; safe to call from many processes at once. Raises `Unavailable`."""
    database_url, owner_url = start_database(state, durable=durable)
    return Servers(database_url, owner_url, start_queue(state, durable=durable))


def start_database(state: Path, *, durable: bool = True) -> tuple[str, str]:
    """Start PostgreSQL unless it runs; its address for the processes and the one for migrations."""
    state = prepare(state)
    with exclusive(state):
        known = read_access(state)
        access = postgres.start(state, known, durable=durable)
        if access != known:
            write_access(state, access)
    return postgres.url(access, postgres.APP), postgres.url(access, postgres.OWNER)


def start_queue(state: Path, *, durable: bool = True) -> str:
    """Start Valkey unless it runs; its address."""
    state = prepare(state)
    with exclusive(state):
        known = read_access(state)
        access = valkey.start(state, known, durable=durable)
        if access != known:
            write_access(state, access)
    return valkey.url(access)


def stop(state: Path) -> None:
    """Stop both servers, flushed to disk; no-op where they are down. Raises `Unavailable`."""
    if not state.exists():
        return
    state = prepare(state)
    with exclusive(state):
        _stop_both(state)


def status(state: Path) -> Status:
    """Which of the servers is up; changes nothing."""
    return Status(postgres.is_running(state), valkey.is_running(state))


@contextlib.contextmanager
def using(state: Path) -> Iterator[None]:
    """Keep the servers of a state folder from being stopped under us; the last process to leave stops them."""
    state = prepare(state)
    use = Use(state)
    try:
        yield
    finally:
        with exclusive(state):
            if use.release_and_check_last():
                _stop_both(state)


@contextlib.contextmanager
def hold(state: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Both servers for as long as the block lasts; the last process to leave stops them."""
    with using(state):
        yield start(state, durable=durable)


@functools.cache
def claim(state: Path) -> Use:
    """As `using`, for as long as this process lives, and without stopping them at its end."""
    return Use(prepare(state))


def _stop_both(state: Path) -> None:
    valkey.stop(state)
    postgres.stop(state)
