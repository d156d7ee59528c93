"""Do the work that is on the queues: dispatch, send, receive."""

import os
import signal
import sys
import threading
from contextlib import ExitStack
from typing import Annotated

import typer

from config.logging import configure, get_logger
from config.settings import Settings, load_settings, resolve
from forbear.commands.up import run_crew
from forbear.supervise import Patience


def command(
    single: Annotated[
        bool, typer.Option("--single", help="One process, whatever FORBEAR_WORKER_PROCESSES says.")
    ] = False,
) -> None:
    """Do the work that is on the queues, until SIGTERM or Ctrl-C: what was begun is finished, nothing new is taken.

    It starts FORBEAR_WORKER_PROCESSES processes and starts again those that die.
    """
    settings = resolve(load_settings())
    configure(settings.log_level)
    if single or settings.worker_processes == 1:
        work(settings)
        return
    words = [sys.executable, "-m", "forbear", "worker", "--single"]
    crew = {f"process.{number}": words for number in range(1, settings.worker_processes + 1)}
    raise typer.Exit(run_crew(crew, Patience(stopping=settings.shutdown_seconds)))


def work(settings: Settings) -> None:
    """Be one worker process: for each queue threads of its own, so that a slow channel starves no other."""
    # Read when dramatiq's worker is imported: how many messages each queue fetches ahead.
    os.environ["dramatiq_queue_prefetch"] = str(settings.worker_prefetch)  # noqa: SIM112 -- its own spelling
    from dramatiq import Worker

    from workers.actors import declare
    from workers.broker import DISPATCH, QUEUES, open_broker
    from workers.workshop import open_workshop

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    threads = {queue: max(1, settings.worker_threads // 2) for queue in QUEUES} | {DISPATCH: settings.worker_threads}
    with open_workshop(settings, pool_size=sum(threads.values()) + 2) as shop, ExitStack() as running:
        for queue, count in threads.items():
            broker = open_broker(str(settings.redis_url))
            running.callback(broker.close)
            declare(broker, shop)
            worker = Worker(broker, queues={queue}, worker_threads=count, worker_timeout=100)
            worker.start()
            running.callback(worker.stop, settings.shutdown_seconds * 1000)
        get_logger(__name__).info("worker_started", pid=os.getpid())
        ended.wait()
