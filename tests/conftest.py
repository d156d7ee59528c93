"""Fixtures that all tests share: real servers, fresh databases, settings, a browser. No test leaves the machine."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
import redis

from config import logging as logs
from config import zones
from config.embedded.servers import Servers, hold
from config.settings import PREFIX, TEST_PREFIX, Settings
from tests import databases
from tests.databases import Database

# The same examples each time, so that a red run can be repeated anywhere; `thorough` looks for new ones.
hypothesis.settings.register_profile("default", max_examples=60, deadline=None, derandomize=True)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("FORBEAR_TEST_PROFILE", "default"))

FAULT_PREFIX = "FORBEAR_FAULT_"
"""What `tests/faults/seed.py` reads, and then takes out of the environment too."""
for name in [name for name in os.environ if name.startswith(PREFIX)]:
    if not name.startswith((TEST_PREFIX, FAULT_PREFIX)):
        del os.environ[name]

zones.use_newest()

CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


@pytest.fixture(autouse=True, scope="session")
def _strict_logs() -> None:
    """A log line with a field that is not listed fails the test that writes it."""
    logs.configure("warning", strict=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and Valkey, shared by all test processes; the last one to end stops them."""
    with hold(databases.shared_state(), durable=False) as running:
        databases.drop_orphans(running)
        yield running


@pytest.fixture(scope="module")
def database(servers: Servers) -> Iterator[Database]:
    """A migrated, empty database for one test module: `database.url`, `database.owner_url`."""
    with databases.fresh(servers) as made:
        yield made


@pytest.fixture
def fresh_database(servers: Servers) -> Iterator[Database]:
    """A migrated, empty database for one test."""
    with databases.fresh(servers) as made:
        yield made


@pytest.fixture(scope="session")
def _queue_url(servers: Servers) -> Iterator[str]:
    with databases.queue_number() as number:
        yield urlsplit(servers.redis_url)._replace(path=f"/{number}").geturl()


@pytest.fixture
def redis_url(_queue_url: str) -> str:
    """An empty numbered Valkey database of this test process."""
    with redis.Redis.from_url(_queue_url) as client:
        client.flushdb()
    return _queue_url


@pytest.fixture
def settings(database: Database, redis_url: str, tmp_path: Path) -> Settings:
    """Settings for the module's database and an empty queue, with a state folder of the test's own."""
    return Settings(
        state_dir=tmp_path,
        database_url=database.url,
        database_owner_url=database.owner_url,
        redis_url=redis_url,
    )


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's chromium, for Playwright's `executable_path`. Missing: skipped, but never in CI."""
    path = shutil.which("chromium")
    if path is None:
        if CI:
            pytest.fail("chromium is not installed, and CI never skips a browser test")
        pytest.skip("chromium is not installed: `apt-get install chromium fonts-wqy-zenhei`")
    return path
