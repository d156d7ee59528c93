"""The file of rejected rows: line, column, class of the value and reason; never the value itself."""

import csv
import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from domain.errors import BadInput
from portfolio.rows import Problem

HEADER = ("line", "column", "value_class", "reason", "other_line", "taken")
Written = tuple[int, str, str, str, str, str]


class Rejects:
    """Collects problems in the order of lines, in a file that nobody else sees, until `write` gives it its name.

    `rows` counts the lines that were not taken, `dropped` the contact points that were left out of rows that were.
    """

    def __init__(self) -> None:
        self._draft = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115 -- closed at exit
        self._writer = csv.writer(self._draft)
        self.rows = 0
        self.dropped = 0
        self.first: Problem | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._draft.close()

    def add(self, problems: Iterable[Problem]) -> None:
        """Note the problems of one record."""
        found = list(problems)
        self._writer.writerows(_written(each) for each in found)
        if fatal := [each for each in found if each.is_fatal]:
            self.rows += 1
            self.first = self.first or fatal[0]
        else:
            self.dropped += len(found)

    def write(self, path: Path, later: Iterable[Problem]) -> bool:
        """Write all problems by line; `later` ones were found after reading. False where there are none: no file."""
        lines = heapq.merge(self._early(), self._late(later))
        first = next(lines, None)
        if first is None:
            _remove_older(path)
            return False
        draft = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with open(draft, "w", encoding="utf-8", newline="", opener=_private) as out:
                writer = csv.writer(out)
                writer.writerow(HEADER)
                writer.writerow(first)
                writer.writerows(lines)
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            what = f"the rejected rows cannot be written: {error.strerror}; nothing was imported."
            raise BadInput(what, where=str(path), remedy="Name another file by --rejects.") from None
        return True

    def count(self, later: Iterable[Problem]) -> None:
        """Count problems that were found after reading, where nobody asked for the file."""
        for _ in self._late(later):
            pass

    def _early(self) -> Iterator[Written]:
        self._draft.seek(0)
        for cells in csv.reader(self._draft):
            yield (int(cells[0]), cells[1], cells[2], cells[3], cells[4], cells[5])

    def _late(self, later: Iterable[Problem]) -> Iterator[Written]:
        line = 0
        for each in later:
            self.rows += each.line != line
            self.first = self.first or each
            line = each.line
            yield _written(each)


def _remove_older(path: Path) -> None:
    """Take away what an earlier import of the same file left here, and nothing else."""
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as older:
            is_ours = older.readline().strip() == ",".join(HEADER)
        if is_ours:
            path.unlink()


def _written(each: Problem) -> Written:
    taken = "no" if each.is_fatal else "yes, without it"
    return each.line, each.column, each.value_class, each.reason, str(each.other_line or ""), taken


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
