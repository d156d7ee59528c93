"""Text that was put together from several files and still knows where each character came from."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in a file; line and column are counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a template: where, what was found, what would be right."""

    spot: Spot
    found: str
    would_be_right: str

    def __str__(self) -> str:
        return f"{self.spot}: {self.found}. {self.would_be_right}".rstrip()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, without its end, from `spot` on."""

    spot: Spot
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Lines joined to one text: `text[starts[i]:]` begins with `lines[i]`."""

    text: str
    starts: tuple[int, ...]
    lines: tuple[Line, ...]

    def spot(self, position: int) -> Spot:
        """Where the character at `position` stands."""
        if not self.lines:
            return Spot("", 1, 1)
        number = max(0, bisect_right(self.starts, max(0, position)) - 1)
        line = self.lines[number]
        return Spot(line.spot.file, line.spot.line, line.spot.column + max(0, position) - self.starts[number])

    def problem(self, position: int, found: str, would_be_right: str) -> Problem:
        """A problem at `position`."""
        return Problem(self.spot(position), found, would_be_right)


def lines_of(file: str, text: str, first_line: int = 1, column: int = 1) -> list[Line]:
    """The lines of a text that begins at `first_line`, each at `column` of its file."""
    return [Line(Spot(file, first_line + number, column), line) for number, line in enumerate(text.split("\n"))]


def joined(lines: Iterable[Line], joint: str = "\n") -> Source:
    """The lines as one text, `joint` between them."""
    kept = tuple(lines)
    starts: list[int] = []
    position = 0
    for line in kept:
        starts.append(position)
        position += len(line.text) + len(joint)
    return Source(joint.join(line.text for line in kept), tuple(starts), kept)


def stripped(line: Line) -> Line:
    """The line without the blanks around it."""
    inner = line.text.lstrip()
    spot = Spot(line.spot.file, line.spot.line, line.spot.column + len(line.text) - len(inner))
    return Line(spot, inner.rstrip())
