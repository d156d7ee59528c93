"""A worker process's threads: for each queue a number of its own, so that a slow channel starves no other."""

import gc
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from config.settings import Settings
from workers.actors import declare
from workers.broker import DISPATCH, LOOK, QUEUES, open_broker
from workers.workshop import Workshop

POLL_MS = 100
"""How long a thread without work waits for some; also how long it may take to notice that it should end."""


def threads_of(settings: Settings) -> dict[str, int]:
    """How many threads each queue has in one worker process.

    A channel's threads mostly wait for a provider. Looks wait for nothing: two at once would only take the interpreter
    from each other, and from those who deliver.
    """
    threads = settings.worker_threads
    return dict.fromkeys(QUEUES, threads) | {LOOK: 1, DISPATCH: max(1, threads // 2)}


def spare_the_collector() -> None:
    """Have Python's collector leave alone what stays for good, such as packs, templates and zones, and come seldom.

    Batches hold no cycles, and looking for some took a third of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@contextmanager
def consuming(settings: Settings, shop: Workshop) -> Iterator[None]:
    """Take messages from all queues for as long as the block lasts; then finish what was begun, and take nothing new.

    What was fetched and not begun goes back to its queue.
    """
    spare_the_collector()
    # Read when dramatiq's worker is imported: how many messages each queue fetches ahead.
    os.environ["dramatiq_queue_prefetch"] = str(settings.worker_prefetch)  # noqa: SIM112 -- its own spelling
    from dramatiq import Worker

    with ExitStack() as running:
        for queue, count in threads_of(settings).items():
            broker = open_broker(str(settings.redis_url), queue)
            running.callback(broker.close)
            declare(broker, shop)
            worker = Worker(broker, queues={queue}, worker_threads=count, worker_timeout=POLL_MS)
            worker.start()
            running.callback(worker.stop, settings.shutdown_seconds * 1000)
        yield
