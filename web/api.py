"""The API of what needs a person: dead letters and attempts in doubt, as JSON, for whoever has the token."""

import datetime as dt
from collections.abc import Callable
from uuid import UUID

import orjson
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from domain.errors import BadInput, Refused
from storage import dead_letters, doubts
from web.pages import NotFound
from web.problems import problem
from web.services import Services
from workers.settling import close_letter, settle_doubt


class Resolution(BaseModel):
    """What was done about a dead letter."""

    resolution: str = "closed"


class Settlement(BaseModel):
    """What became of an attempt in doubt, and who says so."""

    end: str
    who: str


def routes(services: Services) -> APIRouter:
    """`/api/{creditor}/dead-letters` and `/api/{creditor}/doubts`."""
    router = APIRouter(prefix="/api/{code}", include_in_schema=False)
    db = services.db

    def creditor(code: str) -> UUID:
        found = db.creditors().get(code)
        if found is None:
            raise NotFound
        return found

    def done(work: Callable[[dt.datetime], None]) -> Response:
        """What comes of a change: nothing to say, or why it was not made."""
        try:
            work(services.clock.now())
        except BadInput as error:
            return problem(404 if "no such" in error.what else 422, error.what)
        except Refused as error:
            return problem(409, error.what)
        return Response(status_code=204)

    @router.get("/dead-letters")
    def letters(code: str, closed: bool = False) -> Response:
        """What could not be done and needs a person, the newest first."""
        with db.tenant(creditor(code)) as connection:
            found = dead_letters.listed(connection, is_open=not closed)
        return _json([one._asdict() for one in found])

    @router.post("/dead-letters/{letter}/retry")
    def retry(code: str, letter: UUID) -> Response:
        """Have it tried again, through rules and gate."""
        id_ = creditor(code)
        return done(lambda now: close_letter(db, id_, letter, "tried again", now, retry=True))

    @router.post("/dead-letters/{letter}/close")
    def close(code: str, letter: UUID, body: Resolution) -> Response:
        """Close it without trying again."""
        id_ = creditor(code)
        return done(lambda now: close_letter(db, id_, letter, body.resolution, now, retry=False))

    @router.get("/doubts")
    def in_doubt(code: str) -> Response:
        """Attempts in doubt, the oldest first."""
        with db.tenant(creditor(code)) as connection:
            found = doubts.listed(connection)
        return _json([one._asdict() for one in found])

    @router.post("/doubts/{attempt}/settle")
    def settle(code: str, attempt: UUID, body: Settlement) -> Response:
        """Say what became of an attempt in doubt."""
        id_ = creditor(code)
        return done(lambda now: settle_doubt(db, id_, attempt, body.end, body.who, now))

    return router


def _json(found: object) -> Response:
    return Response(orjson.dumps(found), media_type="application/json")
