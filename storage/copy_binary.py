"""PostgreSQL's binary COPY format (documentation, COPY, "Binary Format"): values as they travel, and rows of them.

Faster than handing values one by one to the driver, and independent of a connection: another process can pack rows.
Each function gives a whole field, its length before its bytes.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
SEPARATOR = "\x1f"
"""Parts the items of a list that is staged as text; no control character passes the import."""

NULL = b"\xff\xff\xff\xff"
TRUE, FALSE = b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00"
ID_LENGTH = b"\x00\x00\x00\x10"
"""Before the 16 bytes of a UUID."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_length = struct.Struct(">i").pack
_int8 = struct.Struct(">iq").pack
_int4 = struct.Struct(">ii").pack
_int2 = struct.Struct(">ih").pack
_count = struct.Struct(">h").pack


def row(fields: Sequence[bytes]) -> bytes:
    """One row."""
    return _count(len(fields)) + b"".join(fields)


def raw(value: bytes) -> bytes:
    """Bytes as they are."""
    return _length(len(value)) + value


def text(value: str) -> bytes:
    """A text."""
    data = value.encode()
    return _length(len(data)) + data


@lru_cache(maxsize=8192)
def word(value: str | None) -> bytes:
    """A text that comes again and again, or NULL."""
    return NULL if value is None else text(value)


@lru_cache(maxsize=8192)
def listed(values: tuple[str, ...]) -> bytes:
    """A list of words that comes again, staged as one text that SQL cuts at `SEPARATOR`."""
    return text(SEPARATOR.join(values))


@lru_cache(maxsize=8192)
def decimal(value: Decimal) -> bytes:
    """A number that comes again, staged as text that SQL casts."""
    return text(str(value))


@lru_cache(maxsize=8192)
def day(value: date | None) -> bytes:
    """A date, or NULL."""
    return NULL if value is None else _int4(4, value.toordinal() - _EPOCH_DAY)


def instant(value: datetime) -> bytes:
    """A timestamptz, exact to the microsecond."""
    since = value - _EPOCH
    return int8((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def int8(value: int) -> bytes:
    """A bigint."""
    return _int8(8, value)


def int2(value: int) -> bytes:
    """A smallint."""
    return _int2(2, value)


def flag(value: bool) -> bytes:
    """A boolean."""
    return TRUE if value else FALSE
