"""The main job on servers by URL: Debian's PostgreSQL and Redis, TLS, passwords, and a provider that misbehaves."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from config.embedded.processes import wait_until
from tests.config.test_real_servers import Real, real, running
from tests.faults.ground import Ground, ground
from tests.faults.injections import LEADS
from tests.faults.proof import prove
from tests.faults.report import REPORT

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

GONE_SECONDS = 60
"""Within this time the database must have noticed that a host is gone, and let go of what it held."""
__all__ = ["real"]


def settings_of(real: Real) -> dict[str, object]:
    """The settings that name these servers."""
    return {
        "database_url": real.database("forbear_app", "apps"),
        "database_owner_url": real.database("owner_of_all", "owners"),
        "redis_url": f"rediss://:queues@{real.address}:{real.redis_port}/3",
        "redis_ca": real.certificate,
    }


def judge(name: str, one: Ground, began: float) -> None:
    """Let the run come to rest, and see that every promise was kept."""
    one.drain()
    one.crew.end()
    proof = prove(one)
    REPORT.add(name, one, proof, time.monotonic() - began)
    assert proof.wrong == []
    assert proof.accepted > 30


def test_the_main_job_by_url(real: Real) -> None:
    began = time.monotonic()
    with ground(1, 150, servers=settings_of(real)) as one:
        one.crew.start("web", "web")
        one.crew.start("scheduler", "scheduler")
        for number in range(2):
            one.crew.start(f"worker.{number}", "worker", "--single")
        one.crew.wait_ready()
        assert one.wait_for_requests(20, 60)
        one.crew.kill("worker.1")
        one.stop_somebody()
        judge("real servers by URL", one, began)


@dataclass(frozen=True)
class Network:
    """Two hosts of our own making on a network with this machine, whose address there is `address`."""

    address: str
    hosts: tuple[str, str]

    def cut_off(self, host: str) -> None:
        """Take a host off the network without a word to anybody."""
        ip("link", "set", f"v{host}", "down")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def network() -> Iterator[Network]:
    tag = f"{os.getpid() % 100_000:05d}"
    made = Network("10.203.113.1", (f"fa{tag}", f"fb{tag}"))
    bridge = f"fr{tag}"
    try:
        ip("link", "add", bridge, "type", "bridge")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"hosts cannot be made here: {error}")
    try:
        ip("addr", "add", f"{made.address}/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for number, host in enumerate(made.hosts, start=2):
            ip("netns", "add", host)
            ip("link", "add", f"v{host}", "type", "veth", "peer", "name", "eth0", "netns", host)
            ip("link", "set", f"v{host}", "master", bridge, "up")
            ip("-n", host, "addr", "add", f"10.203.113.{number}/24", "dev", "eth0")
            ip("-n", host, "link", "set", "eth0", "up")
        yield made
    finally:
        for words in (*(["netns", "del", host] for host in made.hosts), ["link", "del", bridge]):
            subprocess.run(["ip", *words], check=False, capture_output=True)


def test_one_of_two_hosts_dies_in_the_middle(network: Network) -> None:
    began = time.monotonic()
    with (
        running(network.address) as real,
        ground(2, 250, address=network.address, per_hour=500, servers=settings_of(real)) as one,
    ):
        one.crew.start("web", "web")
        for host in network.hosts:
            one.crew.start(f"scheduler.{host}", "scheduler", host=host)
            one.crew.start(f"worker.{host}", "worker", "--single", host=host)
        one.crew.wait_ready()
        assert one.wait_for_requests(20, 60)
        leads = next(host for host in network.hosts if LEADS in one.crew.members[f"scheduler.{host}"].log.read_bytes())
        other = next(host for host in network.hosts if host != leads)
        network.cut_off(leads)
        for kind in ("scheduler", "worker"):
            one.crew.kill(f"{kind}.{leads}")
            del one.crew.members[f"{kind}.{leads}"]
        one.injected["host cut off and dead"] += 1
        took_over = one.crew.members[f"scheduler.{other}"].log
        assert wait_until(lambda: LEADS in took_over.read_bytes(), GONE_SECONDS), "nobody leads"
        judge("one of two hosts dies", one, began)
