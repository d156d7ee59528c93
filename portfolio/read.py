"""Files as records, in bounded memory: CSV, also gzipped, and XLSX. A record is its first line's number and its cells.

A file that cannot be cut into records with certainty (a broken quote, a NUL, a wrong encoding, an endless line) is an
error that names the line; nothing after it could be trusted.
"""

import csv
import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from domain.errors import BadInput
from portfolio import workbook
from portfolio.mapping import Mapping

LONGEST_LINE = 1_000_000
"""Bytes. A customer's record has a few hundred."""
LONGEST_FIELD = 100_000
MOST_COLUMNS = 2_000
Record = tuple[int, Sequence[str]]


@dataclass(slots=True)
class Table:
    """An open file: its header, its records, and how many bytes of `size` were read so far (for a progress bar)."""

    header: list[str]
    records: Iterator[Record]
    size: int
    _position: IO[bytes] | None

    @property
    def done(self) -> int:
        """Bytes of the file, as it lies on the disk, that were read so far."""
        return self._position.tell() if self._position else self.size


@contextmanager
def open_table(path: Path, mapping: Mapping) -> Iterator[Table]:
    """Open a portfolio file; its kind is told from its content. Raises BadInput at once for a bad header."""
    try:
        with path.open("rb") as raw:
            kind = raw.read(4)
            raw.seek(0)
            size = os.fstat(raw.fileno()).st_size
            if kind.startswith(b"PK\x03\x04"):
                header, records = _header(workbook.records(path, mapping.sheet), path)
                yield Table(header, records, size, None)
            else:
                packed = kind.startswith(b"\x1f\x8b")
                with gzip.GzipFile(fileobj=raw) if packed else raw as stream:
                    header, records = _header(_csv(cast(IO[bytes], stream), path, mapping), path)
                    yield Table(header, records, size, raw)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile) or error.filename not in (None, str(path)):
            raise
        raise BadInput(
            f"cannot be read: {error.strerror}.", where=str(path), remedy="Name a CSV or XLSX file."
        ) from None


def _header(records: Iterator[Record], path: Path) -> tuple[list[str], Iterator[Record]]:
    line, cells = next(records, (0, ()))
    header = [cell.strip() for cell in cells]
    if not any(header):
        raise BadInput("the file is empty.", where=str(path), remedy="Its first line must name the columns.")
    if len(header) > MOST_COLUMNS:
        raise BadInput(f"more than {MOST_COLUMNS} columns.", where=f"{path}:{line}", remedy="Look at the delimiter.")
    return header, records


def _csv(stream: IO[bytes], path: Path, mapping: Mapping) -> Iterator[Record]:
    """Records of a CSV stream; blank lines are passed over."""
    lines = _Lines(stream, path, mapping.encoding)
    limit = csv.field_size_limit(LONGEST_FIELD)
    first = 1
    try:
        reader = csv.reader(lines, delimiter=mapping.delimiter, strict=True)
        for cells in reader:
            if cells:
                yield first, cells
            first = lines.number + 1
    except csv.Error as error:
        raise BadInput(
            f"not CSV: {_why(str(error))}, in the record that begins in this line.",
            where=f"{path}:{first}",
            remedy=f"Fields are parted by {mapping.delimiter!r}; quotes within text are doubled.",
        ) from None
    finally:
        csv.field_size_limit(limit)


def _why(message: str) -> str:
    if "field larger" in message or "end of data" in message:
        return "a quote that never ends"
    if "new-line" in message:
        return "a carriage return within a field"
    return "a quote that ends before its field does"


class _Lines:
    """Decoded lines of a byte stream, none longer than `LONGEST_LINE`; `number` is that of the last one."""

    def __init__(self, stream: IO[bytes], path: Path, encoding: str) -> None:
        self.number = 0
        self._stream, self._path, self._encoding = stream, path, encoding

    def __iter__(self) -> Iterator[str]:
        while line := self._next():
            self.number += 1
            if len(line) > LONGEST_LINE:
                raise self._bad(f"a line of more than {LONGEST_LINE:,} bytes.", "Is this a CSV file with line ends?")
            if b"\0" in line:
                raise self._bad("a NUL byte.", "Save the file as CSV in UTF-8; UTF-16 is not read.")
            try:
                text = line.decode(self._encoding)
            except UnicodeDecodeError:
                raise self._bad(f"not {self._encoding}.", "Say `encoding:` in the mapping, such as gb18030.") from None
            yield text.removeprefix("\ufeff") if self.number == 1 else text

    def _next(self) -> bytes:
        try:
            return self._stream.readline(LONGEST_LINE + 1)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            self.number += 1
            raise self._bad("the gzip file is damaged or cut off here.", "Hand it over again.") from None

    def _bad(self, what: str, remedy: str) -> BadInput:
        return BadInput(what, where=f"{self._path}:{self.number}", remedy=remedy)
