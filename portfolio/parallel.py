"""Some work on each of many things, in order: here, or in several processes where it pays."""

import contextlib
import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_PROCESSES = 8
_SELDOM = (200_000, 50, 50)


def processes() -> int:
    """How many processes this machine can use for one import."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_PROCESSES, allowed)


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """Let the garbage collector run seldom: an import makes millions of values, none of them in circles.

    A third of the time would go into looking at them again and again.
    """
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def in_order(
    work: Callable[[T], R], things: Iterable[T], count: int, begin: Callable[..., None], start: tuple[object, ...]
) -> Iterator[R]:
    """The results of `work` in the order of `things`; no more of them in memory than the processes need.

    Each process calls `begin(*start)` first; `work`, what it takes and what it gives must pickle. One: it is this one.
    """
    if count < 2:
        begin(*start)
        yield from map(work, things)
        return
    context = multiprocessing.get_context("spawn")  # a fork would take along locks and database connections
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(begin, start)) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for thing in things:
                waiting.append(pool.submit(work, thing))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


def _start(begin: Callable[..., None], start: tuple[object, ...]) -> None:
    gc.set_threshold(*_SELDOM)
    begin(*start)
