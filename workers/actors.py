"""What workers do with the messages on the queues. Each actor ends quickly, states its limits, and may be repeated.

An actor that finds a server away leaves its work to the next tick. One that fails for an unknown reason is not tried
again by the queue: it becomes a dead letter that a person sees, and the tables still hold the work.
"""

import time
from collections.abc import Callable
from functools import wraps
from itertools import groupby
from typing import Any
from uuid import UUID

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from channels.sandbox_plan import SandboxPayment
from config.logging import get_logger
from domain.errors import Unavailable
from domain.event import ProviderEvent
from storage import campaigns as campaign_rows
from storage import dead_letters, rollups, sandbox_payments
from storage import dispatch as rows
from workers import campaigns
from workers.broker import DELIVER, DISPATCH, LOOK, send, send_attempts, waiting
from workers.points import reach
from workers.receive import Paid
from workers.workshop import Workshop

LOOK_SECONDS = 5.0
"""How long one message looks at debtors before it makes room for others."""
OUTSTANDING = 20_000
"""Attempts of a creditor that may be reserved and not yet sent: beyond it dispatch waits for the workers."""
SANDBOX_EVENTS = 500
log = get_logger(__name__)


def declare(broker: RedisBroker, shop: Workshop) -> None:
    """Give the broker its actors."""
    for name, work in (
        ("look", _look),
        ("apply", _apply),
        ("sweep", _sweep),
        ("settle", _settle),
        ("enrol", _enrol),
        ("fold", _fold),
        ("sandbox", _sandbox),
        (DELIVER, _deliver),
    ):
        function = _guarded(name, work, broker, shop)
        dramatiq.Actor(function, broker=broker, actor_name=name, queue_name=DISPATCH, priority=0, options={})


Work = Callable[..., None]


def _guarded(name: str, work: Work, broker: RedisBroker, shop: Workshop) -> Callable[..., None]:
    """The work, with its failures seen to."""

    @wraps(work)
    def run(*arguments: Any) -> None:
        try:
            work(broker, shop, *arguments)
        except Unavailable as error:
            log.warning("work_put_off", task=name, reason=type(error).__name__)
        except Exception as error:
            log.exception("work_failed", task=name)
            _bury(shop, name, arguments, error)

    return run


def _bury(shop: Workshop, name: str, arguments: tuple[Any, ...], error: Exception) -> None:
    """Keep an unknown failure where people see it."""
    if not arguments:
        return
    try:
        creditor_id = UUID(str(arguments[0]))
        with shop.db.tenant(creditor_id) as connection:
            detail = {"error": f"{type(error).__module__}.{type(error).__qualname__}"}
            dead_letters.add(connection, creditor_id, None, name, "unknown_error", detail, shop.clock.now())
    except (Unavailable, ValueError):
        log.error("dead_letter_not_kept", task=name)


def _look(broker: RedisBroker, shop: Workshop, creditor: str) -> None:
    """Look at the debtors who are due, a batch after the other."""
    creditor_id, limit = UUID(creditor), shop.settings.claim_debtors
    until = time.monotonic() + LOOK_SECONDS
    while time.monotonic() < until:
        with shop.db.tenant(creditor_id) as connection:
            if rows.outstanding(connection, creditor_id, OUTSTANDING) >= OUTSTANDING:
                return
        looked = shop.dispatcher.look(creditor_id, shop.clock.now(), limit)
        reach("queueing")
        send_attempts(broker, creditor_id, looked.reserved, shop.settings.batch_attempts)
        if looked.debtors < limit:
            return


def _deliver(_broker: RedisBroker, shop: Workshop, creditor: str, attempts: list[str]) -> None:
    """Send a batch of attempts."""
    started = time.monotonic()
    done = shop.deliverer.deliver(UUID(creditor), [*map(UUID, attempts)], shop.loop.wait)
    took = round((time.monotonic() - started) * 1000)
    log.info("batch_delivered", creditor=creditor, attempts=len(attempts), sent=done.sent, failed=done.failed, ms=took)


def _apply(_broker: RedisBroker, shop: Workshop, creditor: str) -> None:
    """Apply what was received."""
    while shop.receiver.apply(UUID(creditor)):
        pass


def _sweep(broker: RedisBroker, shop: Workshop, creditor: str) -> None:
    """Find what was left lying."""
    lengths = waiting(broker.client)
    swept = shop.sweeper.sweep(UUID(creditor), [queue for queue, length in lengths.items() if not length])
    send_attempts(broker, UUID(creditor), swept.queued, shop.settings.batch_attempts)


def _settle(_broker: RedisBroker, shop: Workshop, creditor: str) -> None:
    """Ask providers about what is in doubt."""
    shop.asker.settle(UUID(creditor), shop.loop.wait)


def _enrol(broker: RedisBroker, shop: Workshop, creditor: str) -> None:
    """Enrol what has come to fit a running campaign since, and finish stops that were cut short."""
    creditor_id, now = UUID(creditor), shop.clock.now()
    with shop.db.tenant(creditor_id) as connection:
        known = campaign_rows.versions(connection, creditor_id)
    for campaign in known:
        if campaign.state == "running":
            cadence = campaigns.cadence_of(campaign)
            if campaigns.enrol(shop.db, creditor_id, campaign.campaign_id, cadence, now):
                send(broker, "look", creditor, queue=LOOK)
        elif campaign.state == "stopped":
            campaigns.finish_stop(shop.db, creditor_id, campaign.campaign_id, now)


def _fold(_broker: RedisBroker, shop: Workshop, creditor: str) -> None:
    """Fold changes of counts into the counts."""
    with shop.db.tenant(UUID(creditor)) as connection:
        rollups.fold(connection)


def _sandbox(broker: RedisBroker, shop: Workshop) -> None:
    """Hand on what the sandbox's debtors and carriers do by now, as their callbacks would."""
    while due := shop.sandbox.take_due(shop.clock.now(), SANDBOX_EVENTS):
        due.sort(key=lambda one: one.creditor_id)
        for creditor_id, found in groupby(due, key=lambda one: one.creditor_id):
            events: list[ProviderEvent] = []
            paying: list[SandboxPayment] = []
            for one in found:
                if isinstance(one.event, SandboxPayment):
                    paying.append(one.event)
                else:
                    events.append(one.event)
            shop.asker.keep(creditor_id, events)
            while shop.receiver.apply(creditor_id):
                pass
            if paying:
                shop.receiver.pay(creditor_id, _payments(shop, creditor_id, paying))
            send(broker, "look", str(creditor_id), queue=LOOK)
        shop.sandbox.done(due)


def _payments(shop: Workshop, creditor_id: UUID, paying: list[SandboxPayment]) -> list[Paid]:
    """The sandbox's payments, each on the first account that its attempt spoke of."""
    with shop.db.tenant(creditor_id) as connection:
        found = sandbox_payments.accounts_of(connection, [one.attempt_id for one in paying])
    return [
        Paid(one.key, *found[one.attempt_id], one.at, fraction=one.fraction)
        for one in paying
        if one.attempt_id in found
    ]
