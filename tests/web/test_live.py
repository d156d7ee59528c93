"""The feed over a socket: what changed and nothing else, from where the reader left, until the server stops."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from storage.rollups import count
from storage.session import Database
from tests.web.book import Book
from tests.web.conftest import NOW, TOKEN
from tests.web.serving import serving
from web.pages import REGIONS
from web.services import Services

PATH = "/live?creditor=harbour&range=day"


def events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event's id and data."""
    found = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            found = value
        elif name == "data":
            yield found, json.loads(value)


def add(db: Database, book: Book) -> None:
    with db.tenant(book.creditor_id) as connection:
        hour = NOW.replace(minute=0)
        count(connection, book.creditor_id, [(book.campaign_id, hour, "state", "sms/early/accepted", 1)])


@pytest.fixture
def reader() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}, timeout=20) as made:
        yield made


def test_a_reader_gets_everything_then_changes_alone(
    reader: httpx.Client, address: str, db: Database, book: Book
) -> None:
    with reader.stream("GET", address + PATH) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        told = events(answer.iter_lines())
        first, everything = next(told)
        assert set(everything["regions"]) == set(REGIONS)
        add(db, book)
        second, changed = next(told)
        assert second != first
        assert {"figures", "throughput", "states"} <= set(changed["regions"]) < set(REGIONS)
    add(db, book)
    with reader.stream("GET", address + PATH, headers={"last-event-id": second}) as answer:
        _, missed = next(events(answer.iter_lines()))
        assert "figures" in missed["regions"]


def test_events_come_once_a_second_at_most(reader: httpx.Client, address: str, db: Database, book: Book) -> None:
    with reader.stream("GET", address + PATH) as answer:
        told = events(answer.iter_lines())
        next(told)
        times = []
        for _ in range(3):
            add(db, book)
            next(told)
            times.append(time.monotonic())
    assert all(later - earlier > 0.8 for earlier, later in itertools.pairwise(times))


def test_a_server_with_readers_stops_at_once(services: Services, book: Book) -> None:
    ended = threading.Event()

    def read(address: str) -> None:
        with httpx.stream("GET", address + PATH, headers={"authorization": f"Bearer {TOKEN}"}, timeout=20) as answer:
            for _ in events(answer.iter_lines()):
                ready.set()
        ended.set()

    ready = threading.Event()
    with serving(services) as address:
        thread = threading.Thread(target=read, args=[address])
        thread.start()
        assert ready.wait(10)
        began = time.monotonic()
    assert time.monotonic() - began < 4
    assert ended.wait(5)
    thread.join(5)


def test_a_stranger_hears_nothing(address: str, book: Book) -> None:
    assert httpx.get(address + PATH).status_code == 401


def test_an_unknown_creditor_is_not_found(reader: httpx.Client, address: str, book: Book) -> None:
    answer = reader.get(f"{address}/live?creditor=nobody")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_simulated_clock_makes_the_page_move(services: Services, reader: httpx.Client, book: Book) -> None:
    class Running:
        def now(self) -> Any:
            return NOW.fromtimestamp(NOW.timestamp() + time.monotonic() * 600 % 3000, NOW.tzinfo)

    with (
        serving(replace(services, clock=Running(), is_simulated=True)) as address,
        reader.stream("GET", address + PATH) as answer,
    ):
        told = events(answer.iter_lines())
        next(told)
        assert "scope" in next(told)[1]["regions"]
