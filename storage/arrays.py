"""Arrays for `unnest`, in PostgreSQL's binary form, made from fields as `storage/copy_binary.py` packs them.

Several times faster than handing lists to the driver, which looks at each value's type. The statement names the type
of the array by a cast.
"""

import struct
from collections.abc import Sequence

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

BYTEA, INT8, TEXT, JSON, INSTANT, UUID = 17, 20, 25, 114, 1184, 2950
"""The numbers of element types in PostgreSQL's catalog (pg_type.dat), the same in every version."""

_header = struct.Struct(">iiIii").pack


class PackedArray(bytes):
    """A one-dimensional array as it travels to the server."""

    __slots__ = ()


def packed(element: int, fields: Sequence[bytes]) -> PackedArray:
    """An array of fields of one element type, none of them NULL."""
    return PackedArray(_header(1, 0, element, len(fields), 1) + b"".join(fields))


def register(adapters: AdaptersMap) -> None:
    """Teach a connection to send packed arrays."""
    adapters.register_dumper(PackedArray, _PackedArrayDumper)


class _PackedArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: PackedArray) -> Buffer:
        return obj
