"""Runs the application on a socket until it is told to stop."""

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace

import uvicorn

from domain.errors import Unavailable
from web.app import create_app
from web.services import Services

BACKLOG = 1024


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises Unavailable where somebody else listens already."""
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such host"
        raise Unavailable(
            f"{host}:{port} cannot be listened on ({reason}).",
            where="FORBEAR_WEB_PORT",
            remedy="End what listens there, or set another port; 0 takes a free one.",
        ) from None
    return door


def serve(
    services: Services,
    door: socket.socket,
    shutdown_seconds: int,
    began: Callable[[uvicorn.Server], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until the server that `began` is told of should exit.

    Live pages end at once; what else was begun may take `shutdown_seconds`.
    """
    servers: list[uvicorn.Server] = []
    app = create_app(replace(services, is_stopping=lambda: servers[0].should_exit))
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=shutdown_seconds,
    )
    servers.append(uvicorn.Server(config))
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again once it has stopped
            signal.signal(number, lambda _number, _frame: None)
    if began:
        began(servers[0])
    gc.collect()
    gc.freeze()  # what lives as long as the server is not looked through again and again
    servers[0].run(sockets=[door])
