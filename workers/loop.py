"""One event loop in a thread of its own, on which a process's calls to providers run together."""

import asyncio
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from domain.errors import Unavailable

Result = TypeVar("Result")


class Loop:
    """An event loop that runs until `close`; other threads hand it coroutines."""

    def __init__(self) -> None:
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="calls", daemon=True)
        self._thread.start()

    def wait(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop; its result, or what it raised. Not to be called on the loop itself.

        Raises Unavailable where the loop is closed first: the process ends, and the sweeper finds what it had begun.
        """
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except CancelledError:
            raise Unavailable("the process ends, and with it what it waited for.") from None

    def close(self) -> None:
        """End the loop; what still runs on it is cancelled."""
        self.wait(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
