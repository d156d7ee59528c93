"""Draws values as HTML with the templates beside this file. Everything is escaped; a missing value is an error."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from web import wording

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


def _version() -> str:
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


VERSION = _version()
"""Changes with any static file, and stands in their addresses: so they can be kept for a year."""


def link(path: str, **query: object) -> str:
    """An address with the parts of the query that say something."""
    known = {key: _plain(value) for key, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(known)}" if known else path


def _plain(value: object) -> str:
    return str(value) if isinstance(value, str | int | UUID) else repr(value)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "number": wording.number,
        "span": wording.span,
        "utc": wording.utc,
        "iso": lambda at: at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "channel": lambda key: wording.label(wording.CHANNELS, key),
        "state": lambda key: wording.label(wording.STATES, key),
        "product": lambda key: wording.label(wording.PRODUCTS, key),
        "point": lambda key: wording.label(wording.POINTS, key),
        "stop": lambda key: wording.label(wording.STOPS, key),
        "outcome": lambda key: wording.label(wording.OUTCOMES, key),
        "failure": lambda key: wording.label(wording.FAILURES, key),
        "percent": lambda share: f"{100 * share:.1f}\u202f%",
    }
    made.globals |= {
        "asset": lambda name: f"/static/{VERSION}/{name}",
        "link": link,
        "short_time": wording.short_time,
        "day_and_time": wording.day_and_time,
        "day": wording.day,
        "cost": wording.cost,
        "money": wording.money,
        "STATE_MEANINGS": wording.STATE_MEANINGS,
        "timedelta": dt.timedelta,
    }
    return made


ENVIRONMENT = _environment()


def text(template: str, values: Mapping[str, object]) -> str:
    """A template, drawn."""
    return ENVIRONMENT.get_template(template).render(values)


def page(template: str, values: Mapping[str, object], status: int = 200) -> HTMLResponse:
    """A template as a response."""
    return HTMLResponse(text(template, values), status)
