"""Fresh databases for tests: each a copy of one migrated template, on a server that all test runs here share."""

import contextlib
import fcntl
import hashlib
import importlib
import importlib.util
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg import sql

from config.embedded import valkey
from config.embedded.servers import Servers
from config.embedded.state import ROOT

NUMBERS = itertools.count()
CLEANING_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Database:
    """One database: `url` as the role of the processes, `owner_url` as the role that owns the tables."""

    name: str
    url: str
    owner_url: str


def shared_state() -> Path:
    """The state folder of all test runs of this user and checkout; a run takes over what a killed one left."""
    digest = hashlib.sha256(bytes(ROOT)).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"forbear-tests-{os.geteuid()}-{digest}"


@contextlib.contextmanager
def fresh(servers: Servers) -> Iterator[Database]:
    """A migrated database of its own, dropped at the end."""
    name = f"t_{os.getpid()}_{next(NUMBERS)}"
    with _locked("template.lock"):
        template = _template(servers)
        _execute(servers, "CREATE DATABASE {} TEMPLATE {}", name, template)
    try:
        yield Database(name, _in_database(servers.database_url, name), _in_database(servers.owner_url, name))
    finally:
        _execute(servers, "DROP DATABASE {} WITH (FORCE)", name)


def drop_orphans(servers: Servers) -> None:
    """Drop the databases of test runs that were killed."""
    for name in _names(servers, r"t\_%"):
        if not psutil.pid_exists(int(name.split("_")[1])):
            _execute(servers, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@contextlib.contextmanager
def queue_number() -> Iterator[int]:
    """A numbered Valkey database that no other test process uses meanwhile."""
    for number in range(1, valkey.DATABASES):
        with (shared_state() / f"queue-{number}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    raise RuntimeError("all numbered Valkey databases are taken by test runs")


def _template(servers: Servers) -> str:
    """The migrated template for the storage package as it stands, made if need be. Older ones are dropped."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "storage").rglob("*")):
        if path.suffix in (".py", ".sql"):
            digest.update(path.read_bytes())
    name = f"template_{digest.hexdigest()[:16]}"
    known = _names(servers, r"template\_%")
    if name in known:
        return name
    for old in known:
        _execute(servers, "DROP DATABASE {} WITH (FORCE)", old)
    draft = f"template_draft_{os.getpid()}"
    _execute(servers, "CREATE DATABASE {}", draft)
    if importlib.util.find_spec("storage.migrate"):
        importlib.import_module("storage.migrate").upgrade(_in_database(servers.owner_url, draft))
    _execute(servers, "ALTER DATABASE {} RENAME TO {}", draft, name)
    return name


def _names(servers: Servers, pattern: str) -> list[str]:
    with psycopg.connect(servers.owner_url, autocommit=True) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [pattern]).fetchall()
    return [row[0] for row in rows]


def _execute(servers: Servers, statement: str, *names: str) -> None:
    """One statement. A database in which the server cleans up is waited for: only a superuser may end that."""
    query = sql.SQL(statement).format(*map(sql.Identifier, names))
    with psycopg.connect(servers.owner_url, autocommit=True) as connection:
        for _ in range(CLEANING_SECONDS * 10):
            try:
                connection.execute(query)
                return
            except psycopg.errors.InsufficientPrivilege:
                time.sleep(0.1)
        connection.execute(query)


def _in_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    with (shared_state() / name).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
