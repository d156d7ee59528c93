"""Callbacks of providers: found, verified, parsed, stored, answered, in that order and within milliseconds.

What a provider signs is the address that it called, so the public address is rebuilt from the setting and never from
what a proxy passed on. Nothing of a request is logged or quoted. What is stored is worked on by workers.

It stands in front of the framework, as plain ASGI: routing and its request and response objects would cost as much as
all that is done here.
"""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from channels.protocol import Adapter, CallbackRequest, callback_request
from domain.errors import Tampered, Unavailable
from domain.message import Content
from web.intake import Intake
from web.metrics import Requests
from web.problems import problem
from web.services import Services
from web.shield import App, Receive, Scope, Send

PREFIX = "/webhooks/"
INBOUND = "inbound"
"""Stands in the address in place of an attempt, for what debtors send of their own accord."""
KNOWN_FOR = 5.0
"""Seconds for which the list of creditors is kept; a creditor that is not on it is looked for at most once a second."""


class Creditors:
    """Which creditors there are, without a query a callback; used on the event loop alone."""

    def __init__(self, ask: Callable[[], dict[str, UUID]], now: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._now = now
        self._known: frozenset[UUID] = frozenset()
        self._asked = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def has(self, creditor_id: UUID) -> bool:
        """Whether there is such a creditor. Raises Unavailable."""
        age = self._now() - self._asked
        if self._asking is None and (age > KNOWN_FOR or (creditor_id not in self._known and age > 1)):
            self._asking = asyncio.create_task(self._look())
            self._asking.add_done_callback(_hear)
        if self._asking is not None and creditor_id not in self._known:
            await asyncio.shield(self._asking)
        return creditor_id in self._known

    async def _look(self) -> None:
        try:
            self._known = frozenset((await asyncio.to_thread(self._ask)).values())
            self._asked = self._now()
        finally:
            self._asking = None


def _hear(task: asyncio.Task[None]) -> None:
    """Take note of how a look ended that nobody waits for: the creditors that were known stay known."""
    if not task.cancelled():
        task.exception()


class Webhooks:
    """Answers `POST /webhooks/{provider}/{creditor}/{attempt or inbound}` and hands everything else on."""

    def __init__(self, app: App, services: Services, intake: Intake, requests: Requests) -> None:
        self._app = app
        self._services = services
        self._intake = intake
        self._requests = requests
        self._creditors = Creditors(services.db.creditors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        provider, outcome, response = await self._answer(scope, receive)
        self._requests.add(provider, outcome)
        if response is None:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
        else:
            await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[str, str, Response | None]:
        """The provider, what came of its callback in one word, and the answer; None: an empty one."""
        provider, creditor, attempt = _parts(scope["path"])
        adapter = self._services.adapters.get(provider)
        if adapter is None:
            return "unknown", "not_found", problem(404, "There is no such address.")
        if scope["method"] != "POST":
            return provider, "not_found", problem(405, "Callbacks are posted.")
        try:
            creditor_id, attempt_id = UUID(creditor), None if attempt == INBOUND else UUID(attempt)
        except ValueError:
            return provider, "not_found", problem(404, "There is no such address.")
        outcome, response = await self._take(scope, receive, adapter, creditor_id, attempt_id)
        return provider, outcome, response

    async def _take(
        self, scope: Scope, receive: Receive, adapter: Adapter, creditor_id: UUID, attempt_id: UUID | None
    ) -> tuple[str, Response | None]:
        """Verify, parse, store; what came of it, and the answer."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _body(receive)
        asked = callback_request(scope["method"], self._address(scope), headers, body, attempt_id)
        try:
            adapter.verify(asked)
            if not await self._creditors.has(creditor_id):
                return "not_found", problem(404, "There is no such address.")
            events = adapter.parse_events(asked, self._services.clock.now())
            if events:
                await self._intake.store(creditor_id, events)
            return "stored", await self._reply(adapter, asked, creditor_id)
        except Tampered:
            return "not_signed", problem(403, "The signature does not fit.")
        except Unavailable:
            response = problem(503, "It could not be stored. Send it again.")
            response.headers["retry-after"] = "2"
            return "turned_away", response

    def _address(self, scope: Scope) -> str:
        """The address as the provider called it."""
        if not self._services.public_url:
            return str(Request(scope).url)
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        return f"{self._services.public_url}{path}?{query}" if query else f"{self._services.public_url}{path}"

    async def _reply(self, adapter: Adapter, asked: CallbackRequest, creditor_id: UUID) -> Response | None:
        """What the adapter has to say to its provider, such as the next step of a call; mostly nothing."""
        content: Content | None = None
        if asked.attempt_id is not None and adapter.awaits_answer(asked):
            content = await asyncio.to_thread(self._services.content_of, creditor_id, asked.attempt_id)
        reply = adapter.respond(asked, content)
        if reply is None:
            return None
        return Response(reply.body, media_type=reply.media_type)


def _parts(path: str) -> tuple[str, str, str]:
    """Provider, creditor and attempt of an address; empty texts where it has too few parts or too many."""
    parts = path[len(PREFIX) :].split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", "")


async def _body(receive: Receive) -> bytes:
    """The whole body. A caller that leaves before its end has sent what can't be verified."""
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return body
