"""Problem details (RFC 9457): what machines are told when a request cannot be served. They never quote the request."""

from http import HTTPStatus

import orjson
from starlette.responses import Response


def problem(status: int, detail: str = "", **more: str) -> Response:
    """A problem of the standard kind `about:blank`: its title is the status's own phrase."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, **more}
    if detail:
        body["detail"] = detail
    return Response(orjson.dumps(body), status, media_type="application/problem+json")
