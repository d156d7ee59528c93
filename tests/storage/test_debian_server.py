"""Debian's PostgreSQL, older than the embedded: by one address, the owner's, from nothing to a checked ledger."""

import datetime as dt
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from config.embedded import processes
from domain.errors import BadSettings, Unavailable
from storage import ledger, migrate, rollups, vault
from storage.creditors import ensure_creditor, profile
from storage.crypto import KeyRing
from storage.ledger import Entry
from storage.partitions import ensure_partitions
from storage.session import Database
from tests.conftest import CI
from tests.storage.conftest import NOW
from tests.storage.rows import add, add_lanes, add_one_of_each

pytestmark = pytest.mark.servers

SQL = """
CREATE ROLE lender LOGIN CREATEROLE;
CREATE ROLE plain LOGIN;
CREATE DATABASE collections OWNER lender;
CREATE DATABASE modest OWNER plain;
"""


@dataclass(frozen=True)
class Real:
    """A server that trusts everyone; `address` is of a role and database."""

    port: int

    def address(self, role: str, database: str) -> str:
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"


@pytest.fixture
def real() -> Iterator[Real]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not programs:
        if CI:
            pytest.fail("postgresql is not installed, and CI never skips")
        pytest.skip("postgresql is not installed")
    folder = Path(tempfile.mkdtemp(prefix="forbear-storage-"))
    folder.chmod(0o755)
    account, log = processes.service_account(), folder / "log"
    data = processes.own_folder(folder / "data", account)
    initdb = [
        str(programs[0] / "initdb"),
        "-D",
        str(data),
        "-U",
        "admin",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-sync",
    ]
    assert processes.run(initdb, account, log=log) == 0, log.read_text()
    single = [str(programs[0] / "postgres"), "--single", "-D", str(data), "template1"]
    assert processes.run(single, account, log=log, text=SQL) == 0, log.read_text()
    found = Real(processes.choose_port(0))
    options = {"port": found.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    pid = processes.launch([str(programs[0] / "postgres"), "-D", str(data), *words], account, log=log)
    assert processes.wait_until(lambda: is_up(found), 30), log.read_text()
    yield found
    os.kill(pid, signal.SIGINT)
    assert processes.wait_until(lambda: not processes.is_alive(pid), 30)
    shutil.rmtree(folder)


def is_up(real: Real) -> bool:
    try:
        psycopg.connect(real.address("admin", "template1")).close()
    except psycopg.OperationalError:
        return False
    return True


def test_from_nothing_to_a_checked_ledger(real: Real, tmp_path: Path) -> None:
    url = real.address("lender", "collections")
    db = Database(url)
    with pytest.raises(Unavailable, match="forbear release"):
        db.creditors()
    migrate.upgrade(url)
    migrate.downgrade(url, "base")
    migrate.upgrade(url)
    one, other = (ensure_creditor(db, code, {"name": code}, NOW, code.encode() * 10) for code in "ab")
    with db.system() as connection:
        assert connection.exec_driver_sql("SELECT current_user").scalar_one() == "forbear_app"
        assert ensure_partitions(connection, NOW.date(), NOW.date() + dt.timedelta(days=40)) == 3
    debtors = [uuid4() for _ in range(20)]
    for tenant in (one, other):
        with db.tenant(tenant) as connection:
            add_one_of_each(connection, tenant)
    with db.tenant(one) as connection:
        add_lanes(connection, one, debtors)
        ledger.append(connection, one, [Entry(debtor_id, "looked", NOW, {"n": 1}) for debtor_id in debtors * 3])
        assert [ledger.verify(connection, debtor_id) for debtor_id in debtors] == [3] * 20
        assert rollups.fold(connection) == 2
        assert profile(connection) == {"name": "a"}
        assert connection.exec_driver_sql("SELECT count(DISTINCT creditor_id) FROM debtors").scalar_one() == 1
    with pytest.raises(DBAPIError, match="permission denied"), db.tenant(one) as connection:
        connection.exec_driver_sql("DELETE FROM ledger")
    ring = KeyRing.open(tmp_path / "keys.json", create=True)
    with db.tenant(one) as connection:
        connection.exec_driver_sql("DELETE FROM debtor_keys")
        ring_key, wrapped = ring.wrap(debtors[0], bytes(32))
        add(connection, one, "debtor_keys", debtor_id=debtors[0], ring_key=ring_key, wrapped=wrapped)
        ring.rotate()
        assert vault.rewrap(connection, ring, 10) == 1
    db.close()


def test_who_may_not_make_the_role_is_told(real: Real) -> None:
    modest = real.address("plain", "modest")
    with pytest.raises(BadSettings, match="may not make the role"):
        migrate.upgrade(modest)
    assert migrate.current(modest) is None
    with psycopg.connect(real.address("admin", "template1"), autocommit=True) as admin:
        admin.execute("CREATE ROLE forbear_app LOGIN")
    migrate.upgrade(modest)
    assert migrate.current(modest) == migrate.head()
    with pytest.raises(Unavailable, match="may not become the role forbear_app"):
        Database(modest).creditors()
    db = Database(real.address("forbear_app", "modest"))
    assert db.creditors() == {}
    db.close()


def test_a_role_that_keeps_nobody_apart_is_refused(real: Real) -> None:
    with psycopg.connect(real.address("admin", "template1"), autocommit=True) as admin:
        admin.execute("CREATE ROLE forbear_app LOGIN BYPASSRLS")
    with pytest.raises(BadSettings, match="NOBYPASSRLS"):
        migrate.upgrade(real.address("lender", "collections"))
    assert migrate.current(real.address("lender", "collections")) is None
