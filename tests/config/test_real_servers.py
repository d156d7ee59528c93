"""Servers of one's own: Debian's PostgreSQL and Redis, with TLS and passwords, reached by URL alone."""

import datetime as dt
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import psycopg
import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.embedded import processes
from config.embedded.processes import Account
from config.settings import Settings, resolve
from forbear import checks
from forbear.checks import Verdict
from tests.conftest import CI

pytestmark = pytest.mark.servers

HERE = "127.0.0.1"
NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
SQL = """
CREATE ROLE owner_of_all LOGIN CREATEROLE CREATEDB PASSWORD 'owners';
CREATE ROLE forbear_app LOGIN PASSWORD 'apps';
GRANT forbear_app TO owner_of_all;
CREATE DATABASE collections OWNER owner_of_all;
"""


@dataclass(frozen=True)
class Real:
    """Two servers and the certificate of the authority that vouches for them."""

    certificate: Path
    postgres_port: int
    redis_port: int
    address: str = HERE

    def database(self, role: str, password: str) -> str:
        tls = f"sslmode=verify-full&sslrootcert={self.certificate}"
        return f"postgresql://{role}:{password}@{self.address}:{self.postgres_port}/collections?{tls}"


def need(found: str | None, package: str) -> str:
    if found:
        return found
    if CI:
        pytest.fail(f"{package} is not installed, and CI never skips")
    pytest.skip(f"{package} is not installed")


def certify(folder: Path, address: str = HERE) -> None:
    """A key and a certificate for an address, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forbear tests")])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, secret, serialization.NoEncryption()))
    (folder / "key.pem").chmod(0o600)
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))


@pytest.fixture(scope="module")
def real() -> Iterator[Real]:
    with running(HERE) as made:
        yield made


@contextmanager
def running(address: str) -> Iterator[Real]:
    """Both servers, listening on an address of this machine."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    bin_ = Path(need(str(programs[-1]) if programs else None, "postgresql"))
    redis_server = need(shutil.which("redis-server"), "redis-server")
    folder = Path(tempfile.mkdtemp(prefix="forbear-real-"))
    folder.chmod(0o755)
    account = processes.service_account()
    certify(folder, address)
    if account:
        os.chown(folder / "key.pem", account.uid, account.gid)
    ports = processes.choose_port(0), processes.choose_port(0)
    pids = [
        start_postgres(bin_, folder, account, ports[0], address),
        start_redis(redis_server, folder, account, ports[1], address),
    ]
    made = Real(folder / "certificate.pem", *ports, address)
    assert processes.wait_until(lambda: is_up(made), 30), (folder / "log").read_text()
    yield made
    for pid in pids:
        os.kill(pid, 15)
    assert processes.wait_until(lambda: not any(map(processes.is_alive, pids)), 30)
    shutil.rmtree(folder)


def start_postgres(bin_: Path, folder: Path, account: Account | None, port: int, address: str) -> int:
    data = processes.own_folder(folder / "pg", account)
    log = folder / "log"
    (folder / "password").write_text("admins\n")
    passwords = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]
    initdb = [str(bin_ / "initdb"), "-D", str(data), "-U", "admin", *passwords, "--encoding=UTF8", "--no-sync"]
    assert processes.run(initdb, account, log=log) == 0, log.read_text()
    single = [str(bin_ / "postgres"), "--single", "-D", str(data), "template1"]
    assert processes.run(single, account, log=log, text=SQL) == 0, log.read_text()
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("hostssl all all samenet scram-sha-256\n")
    options = {
        "port": port,
        "listen_addresses": address,
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": folder / "certificate.pem",
        "ssl_key_file": folder / "key.pem",
    }
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return processes.launch([str(bin_ / "postgres"), "-D", str(data), *words], account, log=log)


def start_redis(program: str, folder: Path, account: Account | None, port: int, address: str) -> int:
    data = processes.own_folder(folder / "redis", account)
    configuration = (
        f'port 0\ntls-port {port}\nbind {address}\nrequirepass queues\ndir "{data}"\nsave ""\n'
        f"tls-cert-file {folder}/certificate.pem\ntls-key-file {folder}/key.pem\n"
        f"tls-ca-cert-file {folder}/certificate.pem\ntls-auth-clients no\n"
    )
    return processes.launch([program, "-"], account, log=folder / "log", text=configuration)


def is_up(real: Real) -> bool:
    try:
        psycopg.connect(real.database("forbear_app", "apps")).close()
        with socket.create_connection((real.address, real.redis_port), 1):
            return True
    except (psycopg.OperationalError, OSError):
        return False


@pytest.fixture
def settings(real: Real) -> Settings:
    return resolve(
        Settings(
            database_url=real.database("forbear_app", "apps"),
            database_owner_url=real.database("owner_of_all", "owners"),
            redis_url=f"rediss://:queues@127.0.0.1:{real.redis_port}/3",
            redis_ca=real.certificate,
        )
    )


def test_doctor_finds_them_whole(settings: Settings) -> None:
    findings = [*checks.check_database(settings, NOW), *checks.check_queue(settings, NOW)]
    assert [finding.verdict for finding in findings] == [Verdict.OK, Verdict.OK]
    assert "PostgreSQL" in findings[0].found
    assert "Redis" in findings[1].found


def test_what_travels_is_encrypted(settings: Settings) -> None:
    with psycopg.connect(str(settings.database_url)) as connection:
        assert connection.pgconn.ssl_in_use
    with redis.Redis.from_url(str(settings.redis_url)) as client:
        assert client.ping()


def test_a_stranger_s_certificate_is_refused(real: Real, settings: Settings, tmp_path: Path) -> None:
    certify(tmp_path)
    strange = str(settings.database_url).replace(str(real.certificate), str(tmp_path / "certificate.pem"))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(strange)
    other = resolve(
        Settings(
            database_url="postgresql://h/d",
            redis_url=f"rediss://:queues@127.0.0.1:{real.redis_port}/3",
            redis_ca=tmp_path / "certificate.pem",
        )
    )
    with redis.Redis.from_url(str(other.redis_url)) as client, pytest.raises(redis.ConnectionError):
        client.ping()


def test_a_superuser_steps_down(real: Real, settings: Settings) -> None:
    dangerous = settings.model_copy(update={"database_url": real.database("admin", "admins")})
    verdicts = [finding.verdict for finding in checks.check_database(dangerous, NOW)]
    assert verdicts == [Verdict.OK], "a superuser may become forbear_app, and the processes do"


def test_a_queue_that_forgets_is_wrong(settings: Settings) -> None:
    with redis.Redis.from_url(str(settings.redis_url)) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert [finding.verdict for finding in checks.check_queue(settings, NOW)] == [Verdict.OK, Verdict.WRONG]
        client.config_set("maxmemory-policy", "noeviction")
