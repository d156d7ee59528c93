"""`forbear web` as a process: says where it is, is ready, keeps its token, and ends at once when told."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from config.embedded.state import ROOT
from config.settings import Settings


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "FORBEAR_DATABASE_URL": str(settings.database_url),
        "FORBEAR_REDIS_URL": str(settings.redis_url),
        "FORBEAR_STATE_DIR": str(settings.state_dir),
        "FORBEAR_WEB_PORT": "0",
    }


@pytest.fixture
def process(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "forbear", "web"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        yield started
        started.kill()


def test_it_serves_until_it_is_told_to_stop(process: subprocess.Popen[str], settings: Settings) -> None:
    assert process.stdout
    said = process.stdout.readline()
    found = re.match(r"The pages are at (http://127\.0\.0\.1:\d+)/ \(the token: ", said)
    assert found, said
    token = (settings.state_dir / "web-token").read_text().strip()
    assert token not in said, "a log is no place for it"
    with httpx.Client(base_url=found[1], headers={"authorization": f"Bearer {token}"}, timeout=20) as client:
        assert client.get("/ready").json()["status"] == "ready"
        assert client.get("/health").headers.get("server") is None
        assert client.get("/", headers={"accept": "text/html"}).status_code == 200
        assert 'forbear_up{part="queue"} 1.0' in client.get("/metrics").text
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert time.monotonic() - began < 5
    assert process.stderr
    assert process.stderr.read() == ""


def test_a_port_that_is_taken_is_told(process: subprocess.Popen[str], environment: dict[str, str]) -> None:
    assert process.stdout
    found = re.search(r":(\d+)/", process.stdout.readline())
    assert found
    second = subprocess.run(
        [sys.executable, "-m", "forbear", "web"],
        env=environment | {"FORBEAR_WEB_PORT": found[1]},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 2
    assert f"127.0.0.1:{found[1]} cannot be listened on" in second.stderr
