"""`/metrics` for Prometheus: what the database and the queue say at the scrape, so that it is right across processes.

Labels are channels, states, rules, queues and providers: their numbers are bounded and none can name a person. What
this process itself does (callbacks by outcome) is counted here; Prometheus adds processes up.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from fastapi import APIRouter
from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from domain.errors import ForbearError
from storage import screens
from web.services import Services


class Requests:
    """How many callbacks this process answered, by provider and outcome."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, provider: str, outcome: str) -> None:
        """Count one. `provider` must be one that is configured, or `unknown`."""
        self._counts[provider, outcome] += 1

    def items(self) -> list[tuple[tuple[str, str], int]]:
        """All counts so far."""
        return list(self._counts.items())


def routes(services: Services, requests: Requests) -> APIRouter:
    """`/metrics`."""
    router = APIRouter(include_in_schema=False)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything(services, requests))

    @router.get("/metrics")
    def metrics() -> Response:
        """All metrics in Prometheus' text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class _Everything(Collector):
    """Collects at the scrape. Where the database or the queue is away, `forbear_up` says so and the rest is given."""

    def __init__(self, services: Services, requests: Requests) -> None:
        self._services = services
        self._requests = requests

    def describe(self) -> list[Metric]:
        """Nothing: a scrape is not worth its cost at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        up = GaugeMetricFamily("forbear_up", "Whether a part could be asked.", labels=["part"])
        parts: dict[str, Callable[[Services], list[Metric]]] = {"database": _database, "queue": _queue}
        for part, ask in parts.items():
            try:
                yield from ask(self._services)
            except (ForbearError, SQLAlchemyError):
                up.add_metric([part], 0)
            else:
                up.add_metric([part], 1)
        answered = CounterMetricFamily(
            "forbear_callbacks", "Callbacks that this process answered.", labels=["provider", "outcome"]
        )
        for (provider, outcome), n in self._requests.items():
            answered.add_metric([provider, outcome], n)
        yield answered
        yield up


def _database(services: Services) -> list[Metric]:
    now = services.clock.now()
    counts: Counter[tuple[str, ...]] = Counter()
    open_now: Counter[tuple[str, str]] = Counter()
    oldest: dict[tuple[str, str], float] = defaultdict(float)
    due, lag, stored, stored_age, dead = 0, 0.0, 0, 0.0, 0
    for creditor_id in services.db.creditors().values():
        with screens.reading(services.db, creditor_id) as connection:
            for total in screens.totals(connection, creditor_id):
                counts[total.measure, *total.key.split("/")] += total.n
            for one in screens.open_attempts(connection, creditor_id):
                open_now[one.channel, one.state] += one.n
                age = _age(now, one.oldest)
                oldest[one.channel, one.state] = max(oldest[one.channel, one.state], age)
            due += sum(hour.n for hour in screens.due(connection, creditor_id, now, now))
            lag = max(lag, _age(now, screens.oldest_due(connection, creditor_id, now)))
            waiting, since = screens.unapplied_events(connection, creditor_id)
            dead += screens.dead_letters(connection, creditor_id)
            stored, stored_age = stored + waiting, max(stored_age, _age(now, since))
    return [
        _attempts(counts),
        *_decisions(counts),
        _cost(counts),
        _gauges("forbear_attempts_open", "Attempts reserved, being sent or in doubt.", ["channel", "state"], open_now),
        _gauges("forbear_attempts_open_oldest_seconds", "Age of the oldest of these.", ["channel", "state"], oldest),
        GaugeMetricFamily("forbear_debtors_due", "Debtors that are due and were not looked at yet.", due),
        GaugeMetricFamily("forbear_debtors_due_lag_seconds", "Since when the one that waits longest is due.", lag),
        GaugeMetricFamily("forbear_dead_letters", "What could not be done and waits for a person.", dead),
        GaugeMetricFamily("forbear_events_unapplied", "Delivery events stored and not yet applied.", stored),
        GaugeMetricFamily("forbear_events_unapplied_oldest_seconds", "Age of the oldest of these.", stored_age),
    ]


def _attempts(counts: Counter[tuple[str, ...]]) -> Metric:
    by_state: Counter[tuple[str, str]] = Counter()
    for (measure, *key), n in counts.items():
        if measure == "state" and len(key) == 3:
            by_state[key[0], key[2]] += n
    family = CounterMetricFamily("forbear_attempts", "Attempts that entered a state.", labels=["channel", "state"])
    for labels, n in sorted(by_state.items()):
        family.add_metric(labels, n)
    return family


def _decisions(counts: Counter[tuple[str, ...]]) -> list[Metric]:
    """Decisions by verdict, and what held contacts by rule."""
    allowed = sum(n for key, n in counts.items() if key[0] == "state" and key[-1] == "reserved")
    decisions = CounterMetricFamily(
        "forbear_contacts_allowed", "Contacts that the rules allowed and that were reserved."
    )
    decisions.add_metric([], allowed)
    held = CounterMetricFamily(
        "forbear_contacts_held", "Contacts held, by the rule.", labels=["verdict", "pack", "rule"]
    )
    for (measure, *key), n in sorted(counts.items()):
        if measure in ("deferred", "refused") and len(key) == 2:
            held.add_metric([measure, *key], n)
    return [decisions, held]


def _cost(counts: Counter[tuple[str, ...]]) -> Metric:
    family = CounterMetricFamily("forbear_cost", "Cost in units of the price table's currency.", labels=["channel"])
    for (measure, *key), n in sorted(counts.items()):
        if measure == "cost" and len(key) == 1:
            family.add_metric(key, n / 1_000_000)
    return family


def _queue(services: Services) -> list[Metric]:
    depths, clients = services.depths.read()
    family = GaugeMetricFamily("forbear_queue_messages", "Messages on the queues.", labels=["queue", "kind"])
    for depth in depths:
        family.add_metric([depth.queue, "waiting"], depth.waiting)
        family.add_metric([depth.queue, "fetched"], depth.fetched)
        family.add_metric([depth.queue, "dead"], depth.dead)
    return [
        family,
        GaugeMetricFamily("forbear_queue_clients", "Processes that use the queue.", clients),
    ]


def _gauges(
    name: str, help_: str, labels: list[str], values: "dict[tuple[str, str], float] | Counter[tuple[str, str]]"
) -> Metric:
    family = GaugeMetricFamily(name, help_, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _age(now: dt.datetime, since: dt.datetime | None) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
