"""Arrays for `unnest`, in PostgreSQL's binary form, made from fields as `storage/copy_binary.py` packs them.

Several times faster than handing lists to the driver, which looks at each value's type. The statement names the type
of the array by a cast.
"""

import datetime as dt
import struct
from collections.abc import Iterable, Sequence
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

from storage import copy_binary as binary

BYTEA, INT8, TEXT, JSON, INSTANT, ID = 17, 20, 25, 114, 1184, 2950
"""The numbers of element types in PostgreSQL's catalog (pg_type.dat), the same in every version."""

_header = struct.Struct(">iiIii").pack


class PackedArray(bytes):
    """A one-dimensional array as it travels to the server."""

    __slots__ = ()


def packed(element: int, fields: Sequence[bytes]) -> PackedArray:
    """An array of fields of one element type; `copy_binary.NULL` is one, too."""
    return PackedArray(_header(1, 1, element, len(fields), 1) + b"".join(fields))


def ids(values: Iterable[UUID | None]) -> PackedArray:
    """A uuid[]."""
    return packed(ID, [binary.ID_LENGTH + value.bytes if value else binary.NULL for value in values])


def texts(values: Iterable[str | None]) -> PackedArray:
    """A text[] (or json[], jsonb[] by a cast of its elements)."""
    return packed(TEXT, [binary.NULL if value is None else binary.text(value) for value in values])


def instants(values: Iterable[dt.datetime | None]) -> PackedArray:
    """A timestamptz[]."""
    return packed(INSTANT, [binary.NULL if value is None else binary.instant(value) for value in values])


def numbers(values: Iterable[int | None]) -> PackedArray:
    """A bigint[]."""
    return packed(INT8, [binary.NULL if value is None else binary.int8(value) for value in values])


def blobs(values: Iterable[bytes | None]) -> PackedArray:
    """A bytea[]."""
    return packed(BYTEA, [binary.NULL if value is None else binary.raw(value) for value in values])


def register(adapters: AdaptersMap) -> None:
    """Teach a connection to send packed arrays."""
    adapters.register_dumper(PackedArray, _PackedArrayDumper)


class _PackedArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: PackedArray) -> Buffer:
        return obj
