"""Whether the process lives, and whether it can work: what load balancers and process managers ask."""

import orjson
from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from domain.errors import ForbearError
from web.services import Services


def routes(services: Services) -> APIRouter:
    """`/health` and `/ready`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health")
    async def health() -> Response:
        """The process lives and answers; it asks nothing of anyone."""
        return Response(b'{"status":"ok"}', media_type="application/json")

    @router.get("/ready")
    def ready() -> Response:
        """The database is reached and migrated, the queue is reached; 503 and what is missing otherwise."""
        found = {"database": _database(services), "queue": _queue(services)}
        is_ready = all(answer == "ok" for answer in found.values())
        body = {"status": "ready" if is_ready else "not ready", **found}
        return Response(orjson.dumps(body), 200 if is_ready else 503, media_type="application/json")

    return router


def _database(services: Services) -> str:
    try:
        revision = services.revision()
    except (ForbearError, SQLAlchemyError):
        return "not reached"
    return "ok" if revision == services.head else "not migrated: run `forbear release`"


def _queue(services: Services) -> str:
    try:
        services.depths.read()
    except ForbearError:
        return "not reached"
    return "ok"
