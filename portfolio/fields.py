"""Fields of a record: where each is found and how it is read; and one look at one record, which notes every problem."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.errors import BadInput
from portfolio.mapping import SYNTHETIC_COLUMNS, Mapping, Source
from portfolio.rows import Problem
from portfolio.values import BadCell, value_class

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """One field: a column's `position`, or None for a `constant`. `read` makes a value of text that is not empty."""

    column: str
    position: int | None
    read: Callable[..., T]
    constant: str = ""
    values: dict[str, str] | None = None
    default: str = ""
    is_needed: bool = False

    def meant(self, text: str) -> str:
        """What a cell's text, empty or not, stands for. Raises BadCell."""
        said = text or self.default
        if not said:
            raise BadCell("empty")
        if text and self.values is not None:
            meant = self.values.get(text.lower())
            if meant is None:
                raise BadCell("none of the values that the mapping lists")
            return meant
        return said


class Columns:
    """The positions of a file's columns. Raises BadInput where the mapping names one that is not there, or twice."""

    def __init__(self, header: Sequence[str], mapping: Mapping, file: str) -> None:
        self._positions = {name: index for index, name in reversed(list(enumerate(header)))}
        wanted = mapping.columns()
        if missing := [name for name in wanted if name not in self._positions]:
            remedy = f"Say in the mapping `{mapping.name}` how the file names it, or leave it out there."
            raise BadInput(_missing(missing, header), where=f"{file}:1", remedy=remedy)
        if twice := [name for name in wanted if list(header).count(name) > 1]:
            raise BadInput(f"the column `{twice[0]}` is there twice.", where=f"{file}:1", remedy="Rename one of them.")
        apart = {*wanted, *mapping.protected, *SYNTHETIC_COLUMNS, ""}
        self.unread = tuple(name for name in header if name not in apart)
        """Columns that the mapping does not mention: they are not imported."""

    def at(self, name: str) -> int:
        """Where a column is."""
        return self._positions[name]

    def field(self, source: Source | None, read: Callable[..., T], *, is_needed: bool = False) -> Field[T] | None:
        """The field of a source; None where there is none."""
        if source is None:
            return None
        return Field(
            column=source.column or "",
            position=self.at(source.column) if source.column is not None else None,
            read=read,
            constant=source.value or "",
            values=dict(source.values) if source.values is not None else None,
            default=source.default or "",
            is_needed=is_needed,
        )

    def named(self, column: str, read: Callable[..., T]) -> Field[T]:
        """The field of a column."""
        return Field(column, self.at(column), read)


def _missing(missing: Sequence[str], header: Sequence[str]) -> str:
    near = {name: difflib.get_close_matches(name, header, 1) for name in missing}
    said = [f"`{name}`" + (f" (is it `{near[name][0]}`?)" if near[name] else "") for name in missing]
    return f"the file has no column {', '.join(said)}."


class Look:
    """One look at one record: fetches values by fields, and notes what is wrong instead of raising it."""

    __slots__ = ("_cells", "line", "problems")

    def __init__(self, line: int, cells: Sequence[str]) -> None:
        self.line = line
        self._cells = cells
        self.problems: list[Problem] = []

    def text(self, position: int) -> str:
        """What stands in a cell, without the space around it."""
        return self._cells[position].strip()

    def get(self, field: Field[T] | None, beside: str | None = None) -> T | None:
        """The field's value; None where it is empty, absent or bad. `beside` is handed on to its reader."""
        if field is None:
            return None
        position = field.position
        # Thirty times a record: no call that isn't needed.
        text = field.constant if position is None else self._cells[position].strip()
        if not text and not field.default and not field.is_needed:
            return None
        try:
            said = text if text and field.values is None else field.meant(text)
            return field.read(said) if beside is None else field.read(said, beside)
        except BadCell as bad:
            self.note(field.column, text, str(bad))
        return None

    def note(self, column: str, text: str, reason: str, *, is_fatal: bool = True) -> None:
        """Note a problem of one cell."""
        self.problems.append(Problem(self.line, column, value_class(text), reason, is_fatal=is_fatal))
