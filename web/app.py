"""The web application, put together: pages, feed, webhooks, links in messages, metrics, health."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from config import logging as logs
from domain.errors import ForbearError, Unavailable
from web import api, health, metrics, pages, public
from web.feed import Feed
from web.intake import Intake
from web.pages import NotFound
from web.problems import problem
from web.render import STATIC, VERSION, page
from web.services import Services
from web.shield import Shield
from web.webhooks import Webhooks

MACHINES = ("/webhooks/", "/api/", "/metrics", "/live")
"""Paths whose callers are programs: they get problem details, people get a page."""

NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)
"""The framework's own would export addresses, and with them tokens, wherever the environment tells it to."""

log = logs.get_logger(__name__)


def create_app(services: Services) -> FastAPI:
    """The application over these services; it opens nothing and closes nothing."""
    app = FastAPI(title="Forbear", openapi_url=None, docs_url=None, redoc_url=None, telemetry=NO_TELEMETRY)
    counted, intake = metrics.Requests(), Intake(services.receive)
    app.include_router(pages.routes(services, Feed(services.is_stopping)))
    app.include_router(public.routes(services, intake))
    app.include_router(api.routes(services))
    app.include_router(metrics.routes(services, counted))
    app.include_router(health.routes(services))
    app.mount(f"/static/{VERSION}", Kept(directory=STATIC))
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.add_middleware(Webhooks, services=services, intake=intake, requests=counted)
    app.add_middleware(Shield, token=services.token)
    return app


class Kept(StaticFiles):
    """Files that are kept for a year: their address changes whenever they do."""

    def file_response(self, *args: object, **options: object) -> Response:
        """A file with the header that says so."""
        response = super().file_response(*args, **options)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def _say(request: Request, status: int, title: str, detail: str) -> Response:
    if request.url.path.startswith(MACHINES):
        return problem(status, detail)
    return page("error.html", {"title": title, "detail": detail, "back": "/" if status != 503 else None}, status)


async def _not_found(request: Request, _error: Exception) -> Response:
    return _say(request, 404, "Not found", "There is nothing here, or nothing of this creditor.")


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return await _not_found(request, error)
    return _say(request, status, "This cannot be served", "The request is not one that this address takes.")


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("request_failed", exc_info=error)
    response = _say(request, 503, "Not available", "A server does not answer. Nothing was lost; try again soon.")
    response.headers["retry-after"] = "5"
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    return _say(request, 500, "Something went wrong", "It was noted in the log, without what you entered.")


_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    NotFound: _not_found,
    RequestValidationError: _not_found,
    HTTPException: _http,
    Unavailable: _unavailable,
    ForbearError: _unexpected,
    Exception: _unexpected,
}
