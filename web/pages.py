"""The pages: the live one, one debtor's timeline, and the lists that the live page's numbers lead to.

Each page works by plain reloading; the live one also listens to the feed. The scope (creditor, campaign, range) is in
the address and stated at the top.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Form, Header, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from domain.attempt import AttemptState
from domain.channel import Channel
from storage import creditors, debtor_screen, screens
from storage.screens import AttemptFilter
from web import access, board, story, wording
from web.board import RANGES, Board, Scope
from web.debtor_view import show
from web.feed import Feed
from web.kept import Kept
from web.render import link, page, text
from web.services import Services

REGIONS = ("scope", "figures", "throughput", "states", "held", "ahead", "doubt", "latest")
"""The parts of the live page that change; each is a template in `templates/board/` and an element of that id."""
LISTED = 50

Code = Annotated[str | None, Query(alias="creditor", max_length=200)]


class NotFound(Exception):
    """There is no such thing, or not for this creditor: the two look the same from outside."""


def routes(services: Services, feed: Feed) -> APIRouter:
    """The pages over these services."""
    router = APIRouter(include_in_schema=False)
    db, kept = services.db, Kept()

    @router.get("/")
    def live(
        request: Request,
        code: Code = None,
        token: str | None = None,
        span: Annotated[str | None, Query(alias="range")] = None,
        campaign: UUID | None = None,
    ) -> Response:
        """The live page; with a token in the address, first the cookie for it."""
        if token is not None:
            return _enter(services, request, token, link("/", creditor=code, range=span, campaign=campaign))
        known = db.creditors()
        if code is None and len(known) != 1:
            return page("creditors.html", {"creditors": sorted(known), "scope": None})
        scope = _scope(services, known, code, span, campaign)
        values = _shown(services, scope, known) | {"board": _board(services, scope, kept)}
        return page("live.html", values | {"regions": _regions(values), "ranges": tuple(RANGES.values())})

    @router.get("/live")
    async def listen(
        code: Code = None,
        span: Annotated[str | None, Query(alias="range")] = None,
        campaign: UUID | None = None,
        last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    ) -> StreamingResponse:
        """The feed of the live page, as server-sent events."""
        scope = _scope(services, db.creditors(), code, span, campaign)

        def look() -> dict[str, str]:
            return _regions(_shown(services, scope, {}) | {"board": _board(services, scope, kept)})

        async def events() -> AsyncIterator[bytes]:
            yield b"retry: 2000\n\n"
            async with aclosing(feed.watch(scope, look, last_event_id)) as changes:
                async for change in changes:
                    data = orjson.dumps({"regions": change.regions, "stale": change.is_stale})
                    yield b"id: %b\nevent: board\ndata: %b\n\n" % (change.id.encode(), data)

        return StreamingResponse(events(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    @router.get("/attempts")
    def attempts(
        code: Code = None,
        channel: Channel | None = None,
        state: AttemptState | None = None,
        stage: Annotated[str | None, Query(max_length=100)] = None,
        campaign: UUID | None = None,
        before: UUID | None = None,
    ) -> Response:
        """The attempts behind a number, the newest first."""
        known = db.creditors()
        scope = _scope(services, known, code, None, campaign)
        wanted = AttemptFilter(channel and channel.value, stage or None, state and state.value, campaign)
        with screens.reading(db, scope.creditor_id) as connection:
            rows = screens.attempts(connection, scope.creditor_id, wanted, before, LISTED + 1)
        more = rows[LISTED - 1].attempt_id if len(rows) > LISTED else None
        return page(
            "attempts.html",
            _shown(services, scope, known) | {"rows": rows[:LISTED], "wanted": wanted, "more": more},
        )

    @router.get("/waiting")
    def waiting(
        code: Code = None,
        pack: Annotated[str, Query(max_length=200)] = "",
        rule: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        """The debtors that a rule holds, or those due next."""
        known, now = db.creditors(), services.clock.now()
        scope = _scope(services, known, code, None, None)
        with screens.reading(db, scope.creditor_id) as connection:
            if rule:
                rows = screens.waiting_by_rule(connection, scope.creditor_id, pack, rule)
            else:
                rows = screens.due_debtors(connection, scope.creditor_id, now + board.AHEAD * RANGES["day"].bucket)
        found = [(row, tuple(story.waiting_items(row.waiting, now))) for row in rows]
        said = {"rows": found, "pack": pack, "rule": rule, "words": services.rules.get((pack, rule))}
        return page("waiting.html", _shown(services, scope, known) | said)

    @router.get("/debtors")
    def find(code: Code = None, reference: Annotated[str, Query(max_length=200)] = "") -> Response:
        """Lead to the debtor of a reference."""
        known = db.creditors()
        scope = _scope(services, known, code, None, None)
        with screens.reading(db, scope.creditor_id) as connection:
            found = debtor_screen.find(connection, scope.creditor_id, reference.strip())
        if found is None:
            return page("no_debtor.html", _shown(services, scope, known), 404)
        return RedirectResponse(link(f"/debtors/{found}", creditor=scope.code), 303)

    @router.get("/debtors/{debtor_id}")
    def debtor(debtor_id: UUID, code: Code = None) -> Response:
        """One debtor: what holds now, what was done, what was not and why, what came back."""
        known = db.creditors()
        scope = _scope(services, known, code, None, None)
        with screens.reading(db, scope.creditor_id) as connection:
            found = debtor_screen.story(connection, scope.creditor_id, debtor_id)
            if found is None:
                raise NotFound
            keys = services.vault.keys(connection, [debtor_id])
        view = show(found, keys.get(debtor_id), services.clock.now())
        return page("debtor.html", _shown(services, scope, known) | {"view": view})

    @router.get("/sign-in")
    def ask(next: Annotated[str, Query(max_length=2000)] = "/") -> Response:
        """The form for the token."""
        return page("sign_in.html", {"next": _local(next), "wrong": False})

    @router.post("/sign-in")
    def sign_in(
        request: Request,
        token: Annotated[str, Form(max_length=500)],
        next: Annotated[str, Form(max_length=2000)] = "/",
    ) -> Response:
        """Let in whoever has the token."""
        return _enter(services, request, token, _local(next))

    return router


def _enter(services: Services, request: Request, token: str, onwards: str) -> Response:
    if not access.is_token(token, services.token):
        return page("sign_in.html", {"next": onwards, "wrong": True}, 403)
    response = RedirectResponse(onwards, 303)
    access.let_in(response, services.token, secure=access.is_secure(request, services.public_url))
    return response


def _local(path: str) -> str:
    """A path on this site, never another site's address."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _scope(
    services: Services, known: Mapping[str, UUID], code: str | None, span: str | None, campaign: UUID | None
) -> Scope:
    """The scope of a request. Raises NotFound for a creditor that there is not."""
    chosen = code or (next(iter(known)) if len(known) == 1 else None)
    if chosen is None or chosen not in known:
        raise NotFound
    creditor_id = known[chosen]
    with screens.reading(services.db, creditor_id) as connection:
        profile = creditors.profile(connection)
    usual = "month" if services.is_simulated else "day"
    return Scope(
        creditor_id,
        chosen,
        str(profile.get("name") or chosen),
        wording.zone_of(profile.get("timezone")),
        RANGES.get(span or usual, RANGES[usual]),
        campaign,
    )


def _board(services: Services, scope: Scope, kept: Kept) -> Board:
    now = services.clock.now()
    with screens.reading(services.db, scope.creditor_id) as connection:
        snapshot = board.read(connection, scope, now, kept)
    return board.shape(snapshot, scope, services.rules)


def _shown(services: Services, scope: Scope, known: Mapping[str, UUID]) -> dict[str, object]:
    """What every page is told."""
    return {
        "scope": scope,
        "now": services.clock.now(),
        "zone": scope.zone,
        "currency": services.currency,
        "creditors": sorted(known),
        "is_simulated": services.is_simulated,
    }


def _regions(values: Mapping[str, object]) -> dict[str, str]:
    return {name: text(f"board/{name}.html", values) for name in REGIONS}
