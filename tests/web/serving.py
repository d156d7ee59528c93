"""The application on a real server in a thread, for what only a socket shows."""

import contextlib
import datetime as dt
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn

from web.server import listening, serve
from web.services import Services


@dataclass
class Clock:
    """A clock that stands until it is set."""

    at: dt.datetime

    def now(self) -> dt.datetime:
        """The instant it was set to."""
        return self.at


@contextlib.contextmanager
def serving(services: Services) -> Iterator[str]:
    """Serve until the block ends; its address."""
    began: queue.Queue[uvicorn.Server] = queue.Queue()
    with listening("127.0.0.1", 0) as door:
        thread = threading.Thread(target=serve, args=(services, door, 5, began.put))
        thread.start()
        server = began.get(timeout=10)
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()
