"""Do the work that is on the queues: dispatch, send, receive."""

import os
import signal
import sys
import threading
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
    """Be one worker process."""
    from workers.consuming import consuming, threads_of
    from workers.workshop import open_workshop

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    pool_size = sum(threads_of(settings).values()) + 2
    with open_workshop(settings, pool_size=pool_size) as shop, consuming(settings, shop):
        get_logger(__name__).info("worker_started", pid=os.getpid())
        ended.wait()
