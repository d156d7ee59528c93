"""The queues: which there are, and how messages get onto them. A message carries ids, never what is sent.

Tables are the truth and queues only carry work, so messages are never tried again by the queue: what a message did not
do, the next tick or the sweeper finds.
"""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from config.logging import get_logger
from domain.channel import Channel
from domain.errors import Unavailable

LOOK = "look"
"""Looks at debtors: they keep a processor busy, so a process makes one at a time."""
DISPATCH = "dispatch"
"""All other work that is not sending; some of it waits for servers and providers."""
QUEUES = (LOOK, DISPATCH, *(channel.value for channel in Channel))
DELIVER = "deliver"
NAMESPACE = "dramatiq"
HEARTBEAT_MS = 15_000
"""After so long without a sign of life a worker's messages go back to their queues."""
log = get_logger(__name__)


class Straightened(dramatiq.Middleware):
    """Sees messages as of the queue that they were taken from, whatever they say of themselves.

    Dramatiq looks for the queue that a message names and for its number there, and the thread that finds neither dies:
    one strange message after the other, until a worker stands still.
    """

    def __init__(self, queue: str) -> None:
        self._queue = queue

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:  # noqa: ARG002
        """Put the message right before anything is done with it."""
        if message.queue_name != self._queue or "redis_message_id" not in message.options:
            log.error("strange_message", queue=self._queue)
            options = {"redis_message_id": message.message_id, **message.options}
            message._message = message._message.copy(queue_name=self._queue, options=options)


def open_broker(url: str, queue: str | None = None) -> RedisBroker:
    """A broker on the Redis or Valkey at `url`, with all queues; connects when it is first used.

    `queue` is the one that messages are taken from, if any are.
    """
    client = redis.Redis.from_url(
        url,
        socket_timeout=20,
        socket_connect_timeout=5,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 3),
    )
    broker: RedisBroker = RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        middleware=[Straightened(queue)] if queue else [],
        heartbeat_timeout=HEARTBEAT_MS,
        namespace=NAMESPACE,
    )
    for queue in QUEUES:
        broker.declare_queue(queue)
    return broker


def send(broker: dramatiq.Broker, actor: str, *arguments: object, queue: str = DISPATCH) -> None:
    """Put one message on a queue. Raises Unavailable where the broker is away, out of memory or refuses."""
    try:
        broker.enqueue(dramatiq.Message(queue_name=queue, actor_name=actor, args=arguments, kwargs={}, options={}))
    except (redis.RedisError, dramatiq.ConnectionError) as error:
        raise Unavailable(
            f"the queue takes nothing ({type(error).__name__}).",
            where="FORBEAR_REDIS_URL",
            remedy="See that Redis or Valkey runs, can be reached and has memory; what is reserved is queued then.",
        ) from error


def send_attempts(
    broker: dramatiq.Broker, creditor_id: UUID, attempts: Mapping[str, Sequence[UUID]], size: int
) -> None:
    """Put attempts on the queues of their channels, `size` a message. Raises Unavailable."""
    for channel, ids in attempts.items():
        for batch in in_batches(ids, size):
            send(broker, DELIVER, str(creditor_id), [*map(str, batch)], queue=channel)


def in_batches(ids: Sequence[UUID], size: int) -> Iterator[Sequence[UUID]]:
    """The ids, `size` at a time."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


def waiting(client: "redis.Redis", queues: Sequence[str] = QUEUES) -> dict[str, int]:
    """How many messages wait on each queue. Raises Unavailable."""
    try:
        with client.pipeline(transaction=False) as pipeline:
            for queue in queues:
                pipeline.llen(f"{NAMESPACE}:{queue}")
            return dict(zip(queues, map(int, pipeline.execute()), strict=True))
    except redis.RedisError as error:
        raise Unavailable(
            f"the queue cannot be read ({type(error).__name__}).",
            where="FORBEAR_REDIS_URL",
            remedy="See that Redis or Valkey runs and can be reached.",
        ) from error
