"""The loop on which calls run: what becomes of those who wait for it when the process ends."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.errors import Unavailable
from workers.loop import Loop


def test_whoever_waits_when_the_process_ends_is_told_so() -> None:
    loop, has_begun = Loop(), threading.Event()

    async def call_a_provider_that_never_answers() -> None:
        has_begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop.wait, call_a_provider_that_never_answers())
        assert has_begun.wait(10)
        loop.close()
        with pytest.raises(Unavailable):
            waiting.result(10)
