"""The application on a real server in a thread, for what only a socket shows."""

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import uvicorn

from forbear.commands.web import listening
from web.app import create_app
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
    servers: list[uvicorn.Server] = []
    app = create_app(replace(services, is_stopping=lambda: servers[0].should_exit))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5)
    servers.append(uvicorn.Server(config))
    with listening("127.0.0.1", 0) as door:
        thread = threading.Thread(target=servers[0].run, kwargs={"sockets": [door]})
        thread.start()
        while not servers[0].started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            servers[0].should_exit = True
            thread.join(10)
            assert not thread.is_alive()
