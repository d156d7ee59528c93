"""Worlds for the tests of the path."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings
from tests.databases import Database
from tests.workers.world import World, world


@pytest.fixture
def own_settings(fresh_database: Database, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of a database of the test's own."""
    return Settings(
        state_dir=tmp_path,
        database_url=fresh_database.url,
        database_owner_url=fresh_database.owner_url,
        redis_url=redis_url,
        sandbox_latency_ms=0,
        clock="accelerated",
    )


@pytest.fixture
def small(own_settings: Settings, tmp_path: Path) -> Iterator[World]:
    """A small world."""
    with world(own_settings, tmp_path) as made:
        yield made
