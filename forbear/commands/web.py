"""Serve the pages, the webhooks, the links in messages and the metrics."""

import sys

import typer

from config.logging import configure, get_logger
from config.settings import Settings, load_settings, resolve
from web.access import web_token
from web.composition import open_services
from web.server import listening, serve

LOCAL = ("127.0.0.1", "::1", "localhost")


def command() -> None:
    """Serve the pages, the webhooks, the links in messages and the metrics, until SIGTERM or Ctrl-C.

    It listens where FORBEAR_WEB_HOST and FORBEAR_WEB_PORT say and prints the address that opens the pages.
    """
    settings = resolve(load_settings())
    configure(settings.log_level)
    with listening(settings.web_host, settings.web_port) as door, open_services(settings) as services:
        host, port = door.getsockname()[:2]
        announce(settings, host, port)
        serve(services, door, settings.shutdown_seconds)


def announce(settings: Settings, host: str, port: int) -> None:
    """Say where the pages are: with the token to a person at a terminal, without it to a log."""
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    if sys.stdout.isatty():
        typer.echo(f"The pages are at {address}?token={web_token(settings)}")
    else:
        typer.echo(f"The pages are at {address} (the token: FORBEAR_WEB_TOKEN, or `web-token` in the state folder)")
    if host not in LOCAL and not settings.public_url.startswith("https://"):
        get_logger(__name__).warning("web_without_tls", port=port)
