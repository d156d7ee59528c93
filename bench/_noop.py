"""Raw dramatiq: messages that do nothing, all queued before the clock starts, taken by processes with threads.

Each process is what dramatiq's own documentation starts with: its Redis broker, its worker, its middleware.
"""

import sys
import time
from uuid import uuid4

import redis

from bench._children import children, is_ready, wait_for_line

QUEUE = "noop"
DEFAULTS, TUNED = 0, (64, 200)
"""Messages that each process fetches ahead; 0 leaves it to dramatiq."""


def noop_rate(url: str, *, processes: int, threads: int, prefetch: int, messages: int) -> float:
    """Messages a second, from the start of the workers to the last acknowledgement."""
    environment = {"dramatiq_queue_prefetch": prefetch} if prefetch else {}
    with (
        redis.Redis.from_url(url) as client,
        children("bench._noop", [(url, threads)] * processes, environment) as crew,
    ):
        enqueue(client, messages)
        begin = time.perf_counter()
        crew.begin()
        while client.hlen(f"dramatiq:{QUEUE}.msgs"):
            time.sleep(0.005)
        return messages / (time.perf_counter() - begin)


def tuned_rate(url: str, *, processes: int, threads: int, messages: int) -> float:
    """The best that prefetching makes of it."""
    return max(
        noop_rate(url, processes=processes, threads=threads, prefetch=prefetch, messages=messages) for prefetch in TUNED
    )


def enqueue(client: "redis.Redis", messages: int) -> None:
    """Put messages on the queue as dramatiq's `enqueue` does, many at a time."""
    import dramatiq

    for start in range(0, messages, 500):
        with client.pipeline(transaction=False) as pipeline:
            for _ in range(min(500, messages - start)):
                id_ = str(uuid4())
                message: dramatiq.Message[None] = dramatiq.Message(
                    queue_name=QUEUE, actor_name=QUEUE, args=(), kwargs={}, options={"redis_message_id": id_}
                )
                pipeline.hset(f"dramatiq:{QUEUE}.msgs", id_, message.encode())
                pipeline.rpush(f"dramatiq:{QUEUE}", id_)
            pipeline.execute()


def _nothing() -> None:
    """What is called."""


def main(url: str, threads: int) -> None:
    """Be one process."""
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker

    broker = RedisBroker(url=url)  # type: ignore[no-untyped-call]
    dramatiq.Actor(_nothing, broker=broker, actor_name=QUEUE, queue_name=QUEUE, priority=0, options={})
    worker = dramatiq.Worker(broker, worker_threads=threads)
    is_ready()
    if wait_for_line():
        worker.start()
        wait_for_line()
        worker.stop()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
