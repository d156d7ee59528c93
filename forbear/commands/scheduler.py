"""Send the ticks: plan, dispatch, sweep. Several may run; one leads."""

import datetime as dt
import logging
import signal
import threading

from config.logging import configure, get_logger
from config.settings import load_settings, resolve
from workers.scheduler import open_scheduler, started


def command() -> None:
    """Send the ticks that set workers to work, until SIGTERM or Ctrl-C. Several may run; one leads."""
    settings = resolve(load_settings())
    configure(settings.log_level)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it would say twice a second that it ran
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    with open_scheduler(settings) as scheduler:
        running = started(scheduler, dt.timedelta(milliseconds=settings.scheduler_tick_ms))
        get_logger(__name__).info("scheduler_started")
        ended.wait()
        running.shutdown(wait=True)
