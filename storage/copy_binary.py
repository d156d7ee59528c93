"""PostgreSQL's binary COPY format (documentation, COPY, "Binary Format"): values that are already bytes, in rows.

Faster than handing values one by one to the driver, and independent of a connection: another process can pack rows.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
SEPARATOR = "\x1f"
"""Parts the items of a list that is staged as text; no control character passes the import."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_NULL = b"\xff\xff\xff\xff"
_length = struct.Struct(">i").pack
_count = struct.Struct(">h").pack

int8 = struct.Struct(">q").pack
int2 = struct.Struct(">h").pack
TRUE, FALSE = b"\x01", b"\x00"


def day(value: date) -> bytes:
    """A date."""
    return _length(value.toordinal() - _EPOCH_DAY)


def instant(value: datetime) -> bytes:
    """A timestamptz, exact to the microsecond."""
    since = value - _EPOCH
    return int8((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def listed(values: Sequence[str]) -> bytes:
    """A list of words, staged as one text that SQL cuts at `SEPARATOR`."""
    return SEPARATOR.join(values).encode()


def decimal(value: Decimal) -> bytes:
    """A number, staged as text that SQL casts."""
    return str(value).encode()


def row(fields: Sequence[bytes | None]) -> bytes:
    """One row; None is NULL."""
    parts = [_count(len(fields))]
    for each in fields:
        parts.append(_NULL if each is None else _length(len(each)) + each)
    return b"".join(parts)
