"""What every response gets and every request is held to: security headers, a limit on bodies, the token.

Plain ASGI, because it stands before every callback: frameworks' middleware would cost more than the callback itself.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse

from channels.protocol import MOST_BODY
from web.access import is_known, is_open
from web.problems import problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = MOST_BODY
"""Bytes: a body that is longer is refused before it is read."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
PRIVATE = [*HEADERS, (b"cache-control", b"no-store")]


class BodyTooLarge(Exception):
    """The body grew beyond the limit while it was read."""


class Shield:
    """The outermost layer of the application."""

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = HEADERS if scope["path"].startswith("/static/") else PRIVATE
        started = False

        async def shielded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        if _declared(scope) > MAX_BODY:
            await problem(413, "The body is too large.")(scope, receive, shielded)
            return
        if not is_open(scope["path"]):
            request = Request(scope)
            if not is_known(request, self._token) and not _brings_token(request):
                await _refuse(request)(scope, receive, shielded)
                return
        try:
            await self._app(scope, _limited(receive), shielded)
        except BodyTooLarge:
            if started:
                raise
            await problem(413, "The body is too large.")(scope, receive, shielded)


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else MAX_BODY + 1
    return 0


def _limited(receive: Receive) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY:
            raise BodyTooLarge
        return message

    return limited


def _brings_token(request: Request) -> bool:
    """Whether this is the first call with the token in the address, which the page itself checks."""
    return request.url.path == "/" and "token" in request.query_params


def _refuse(request: Request) -> Any:
    """People are led to the form, programs are told."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(wanted)}", 303)
    return problem(401, "Give the token of FORBEAR_WEB_TOKEN as a bearer.")
