"""Health, readiness, metrics."""

from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from domain.errors import Unavailable
from tests.web.book import Book
from tests.web.conftest import TOKEN, Queue
from web.app import create_app
from web.services import Services


def unreachable() -> str:
    raise Unavailable("away.")


async def test_health_asks_nobody(stranger: httpx.AsyncClient, queue: Queue) -> None:
    queue.is_away = True
    answer = await stranger.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("changes", "is_away", "says"),
    [
        ({}, False, {"status": "ready", "database": "ok", "queue": "ok"}),
        ({}, True, {"status": "not ready", "database": "ok", "queue": "not reached"}),
        ({"revision": lambda: None}, False, {"database": "not migrated: run `forbear release`"}),
        ({"revision": unreachable}, False, {"database": "not reached"}),
    ],
)
async def test_ready_says_what_is_missing(
    services: Services, queue: Queue, changes: dict[str, object], is_away: bool, says: dict[str, str]
) -> None:
    queue.is_away = is_away
    transport = httpx.ASGITransport(create_app(replace(services, **changes)))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://forbear.test") as client:
        answer = await client.get("/ready")
    assert answer.json().items() >= says.items()
    assert answer.status_code == (200 if answer.json()["status"] == "ready" else 503)


async def test_metrics_count_and_name_nobody(client: httpx.AsyncClient, book: Book) -> None:
    await client.post("/webhooks/nobody/x/y")
    text = (await client.get("/metrics")).text
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["forbear_attempts_total", "delivered", "sms"] > 0
    assert found["forbear_contacts_held_total", "cn-consumer-credit", "deferred", "hours"] > 0
    assert found["forbear_queue_messages", "dead", "sms"] == 2
    assert found["forbear_queue_clients",] == 2
    assert found["forbear_up", "database"] == found["forbear_up", "queue"] == 1
    assert found["forbear_callbacks_total", "not_found", "unknown"] == 1
    assert found["forbear_debtors_due",] >= 0
    assert found["forbear_dead_letters",] == 0
    assert found["forbear_cost_total", "sms"] > 0
    assert not any(str(debtor) in text for debtor in book.debtors)
    assert "HB-" not in text


async def test_metrics_go_on_where_a_part_is_away(client: httpx.AsyncClient, queue: Queue, book: Book) -> None:
    queue.is_away = True
    text = (await client.get("/metrics")).text
    assert 'forbear_up{part="queue"} 0.0' in text
    assert 'forbear_up{part="database"} 1.0' in text
    assert "forbear_attempts_total{" in text


async def test_metrics_take_the_token_as_a_bearer_alone(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/metrics")).status_code == 401
    assert (await stranger.get("/metrics", headers={"authorization": f"bearer {TOKEN}"})).status_code == 200
