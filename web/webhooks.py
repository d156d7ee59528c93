"""Callbacks of providers: found, verified, parsed, stored, answered, in that order and within milliseconds.

What a provider signs is the address that it called, so the public address is rebuilt from the setting and never from
what a proxy passed on. Nothing of a request is logged or quoted. What is stored is worked on by workers.
"""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from channels.protocol import Adapter, CallbackRequest, callback_request
from config import logging as logs
from domain.errors import Tampered, Unavailable
from domain.message import Content
from web.intake import Intake
from web.metrics import Requests
from web.problems import problem
from web.services import Services

INBOUND = "inbound"
"""Stands in the address in place of an attempt, for what debtors send of their own accord."""
KNOWN_FOR = 5.0
"""Seconds for which the list of creditors is kept; a creditor that is not on it is looked for at most once a second."""

log = logs.get_logger(__name__)


class Creditors:
    """Which creditors there are, without a query a callback; used on the event loop alone."""

    def __init__(self, ask: Callable[[], dict[str, UUID]], now: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._now = now
        self._known: frozenset[UUID] = frozenset()
        self._asked = float("-inf")

    async def has(self, creditor_id: UUID) -> bool:
        """Whether there is such a creditor."""
        age = self._now() - self._asked
        if age > KNOWN_FOR or (creditor_id not in self._known and age > 1):
            self._asked = self._now()
            self._known = frozenset((await asyncio.to_thread(self._ask)).values())
        return creditor_id in self._known


def routes(services: Services, intake: Intake, requests: Requests) -> APIRouter:
    """`POST /webhooks/{provider}/{creditor}/{attempt or inbound}`."""
    router = APIRouter(include_in_schema=False)
    known = Creditors(services.db.creditors)

    async def webhook(request: Request) -> Response:
        provider = request.path_params["provider"]
        adapter = services.adapters.get(provider)
        if adapter is None:
            requests.add("unknown", "not_found")
            return problem(404, "There is no such provider.")
        outcome, response = await _answer(services, known, intake, adapter, request)
        requests.add(provider, outcome)
        return response

    router.add_route("/webhooks/{provider}/{creditor}/{attempt}", webhook, methods=["POST"], include_in_schema=False)
    return router


async def _answer(
    services: Services, known: Creditors, intake: Intake, adapter: Adapter, request: Request
) -> tuple[str, Response]:
    """What came of a callback, in one word, and the answer."""
    try:
        creditor_id, attempt_id = _ids(request.path_params["creditor"], request.path_params["attempt"])
    except ValueError:
        return "not_found", problem(404, "There is no such address.")
    address = _public_address(services.public_url, request)
    asked = callback_request(request.method, address, request.headers, await request.body(), attempt_id)
    try:
        adapter.verify(asked)
        if not await known.has(creditor_id):
            return "not_found", problem(404, "There is no such address.")
        events = adapter.parse_events(asked, services.clock.now())
        if events:
            await intake.store(creditor_id, events)
        return "stored", await _reply(services, adapter, asked, creditor_id)
    except Tampered:
        return "not_signed", problem(403, "The signature does not fit.")
    except Unavailable:
        return "turned_away", _later()


def _ids(creditor: str, attempt: str) -> tuple[UUID, UUID | None]:
    """The ids in an address. Raises ValueError."""
    return UUID(creditor), None if attempt == INBOUND else UUID(attempt)


def _public_address(public_url: str, request: Request) -> str:
    """The address as the provider called it."""
    if not public_url:
        return str(request.url)
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{public_url}{path}?{query}" if query else f"{public_url}{path}"


async def _reply(services: Services, adapter: Adapter, asked: CallbackRequest, creditor_id: UUID) -> Response:
    """What the adapter has to say to its provider, such as the next step of a call; nothing, where nothing is asked."""
    content: Content | None = None
    if asked.attempt_id is not None and adapter.awaits_answer(asked):
        content = await asyncio.to_thread(services.content_of, creditor_id, asked.attempt_id)
    reply = adapter.respond(asked, content)
    if reply is None:
        return Response(status_code=204)
    return Response(reply.body, media_type=reply.media_type)


def _later() -> Response:
    response = problem(503, "It could not be stored. Send it again.")
    response.headers["retry-after"] = "2"
    return response
