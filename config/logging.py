"""Structured logs in JSON, one line each, that personal data cannot enter.

An event is a name (`attempts_recorded`), and its fields are on a list: counts, durations, ids, codes. A field that is
not on the list is dropped and named in `dropped` (in tests it raises, so that it is put on the list or removed). Values
that look like a number, an address or free text are replaced. Of an exception the log keeps the type and the place,
never its message; of a library's line the template, never what was filled in.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TextIO
from uuid import UUID

import structlog

from domain.errors import ForbearError

OWN_FIELDS = frozenset({"event", "level", "at", "logger", "dropped", "template", "error", "error_at"})
"""What the pipeline itself writes."""

FORMATTER_FIELDS = frozenset({"_record", "_from_structlog"})
"""What structlog's formatter adds for itself and takes out again."""

FIELDS = OWN_FIELDS | {
    # who and what, by identity alone
    *("creditor", "campaign", "campaign_version", "debtor", "account", "enrolment", "attempt", "batch", "reservation"),
    *("message_id", "provider", "channel", "queue", "step", "stage", "template_id", "pack", "rule", "clause", "kind"),
    # what happened
    *(
        "state",
        "outcome",
        "reason",
        "code",
        "status",
        "signal",
        "exit_code",
        "process",
        "pid",
        "port",
        "task",
        "version",
    ),
    *("until", "due", "now", "lag_s", "seconds", "ms", "took_ms", "rate", "limit", "generation"),
    # how many
    *("count", "total", "size", "rows", "bytes", "debtors", "accounts", "attempts", "events", "batches", "enrolled"),
    *("claimed", "allowed", "deferred", "refused", "reserved", "sent", "failed", "in_doubt", "requeued", "expired"),
    *("added", "updated", "unchanged", "rejected", "missing", "cancelled", "skipped", "retries", "revision"),
}
"""The fields that may be logged. Add a field here only if no value of it can name a person or what was said to one."""

NAME = re.compile(r"[a-z][a-z0-9_.]*")
SAFE_TEXT = re.compile(r"[\w.:/+\-]{0,100}", re.ASCII)
LIKE_A_NUMBER = re.compile(r"\+\d{5,}|^\d{7,}$")
WITHHELD = "(withheld)"

LIBRARIES = ("uvicorn", "dramatiq", "apscheduler", "alembic", "psycopg.pool", "fastapi", "py.warnings")
"""Loggers whose templates are known to hold no personal data; of all others only the logger and level are kept."""


class UnlistedField(ForbearError):
    """A log line had a field that is not on the list of fields that may be logged."""


def configure(level: str = "info", *, strict: bool = False, stream: TextIO | None = None) -> None:
    """Send this process's logs, and its libraries', as JSON lines to `stream` (standard error).

    With `strict` a field that is not listed raises `UnlistedField` instead of being dropped.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    written_by_all: list[structlog.types.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    made_harmless: list[structlog.types.Processor] = [_exception_without_message, AllowList(strict=strict)]
    structlog.configure(
        processors=[*written_by_all, *made_harmless, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_keep_template)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*written_by_all, _library_line, *made_harmless],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            use_get_message=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "dramatiq"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)


def get_logger(name: str) -> Any:
    """A logger: `get_logger(__name__).info("attempts_recorded", count=100, took_ms=12)`."""
    return structlog.stdlib.get_logger(name)


class AllowList:
    """The processor that lets through only listed fields with harmless values."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """The line as it may be written. Raises `UnlistedField` if strict."""
        dropped = sorted(line.keys() - FIELDS - FORMATTER_FIELDS)
        if dropped and self._strict:
            raise UnlistedField(
                f"the log line {line.get('event')!r} has unlisted fields: {', '.join(dropped)}.",
                where="config/logging.py",
                remedy="List them in FIELDS if they can never hold personal data, else log an id or a count.",
            )
        kept = {key: _fitting(key, value) for key, value in line.items() if key not in dropped}
        if not NAME.fullmatch(str(kept.get("event"))):
            kept["event"] = "unnamed_event"
        if dropped:
            kept["dropped"] = dropped
        return kept


def _fitting(key: str, value: object) -> object:
    """What the pipeline wrote itself is fit as it is."""
    return value if key in OWN_FIELDS | FORMATTER_FIELDS else harmless(value)


def harmless(value: object) -> object:
    """The value if it is a number, an instant, an id or a short code, else a mark that it was withheld."""
    match value:
        case None | bool() | int() | float():
            return value
        case Decimal() | UUID():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case Enum():
            return harmless(value.value)
        case list() | tuple() | set() | frozenset():
            return [harmless(item) for item in value]
        case str() if SAFE_TEXT.fullmatch(value) and not LIKE_A_NUMBER.search(value):
            return value
    return WITHHELD


def _library_line(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A line of a library: its template if the library is known, never its arguments."""
    record: logging.LogRecord = line["_record"]
    if record.name.split(".")[0] in LIBRARIES or record.name in LIBRARIES:
        line["template"] = getattr(record, "template", "(no template)")
    line["event"] = "library_line"
    return line


def _keep_template(record: logging.LogRecord) -> bool:
    """Note the template while the arguments are still apart from it. A message without arguments may be filled in."""
    if record.args and isinstance(record.msg, str):
        record.template = record.msg[:200]
    return True


def _exception_without_message(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    info = line.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if info is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line["error"] = " < ".join(_types(error))
        frames = traceback.extract_tb(error.__traceback__)
        line["error_at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
    return line


def _types(error: BaseException) -> Iterator[str]:
    """The type of an error and of what caused it."""
    current: BaseException | None = error
    while current is not None:
        yield f"{type(current).__module__}.{type(current).__qualname__}"
        current = current.__cause__ or current.__context__
