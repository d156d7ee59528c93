"""YAML whose every value knows its line and column, so that all mistakes of a file can be told at once, each in place.

Readers take a node and give a value, or note a problem and give None; nothing is raised until the file was read.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from domain.errors import BadInput

MAX_CHARACTERS = 1_000_000
_TAG = "tag:yaml.org,2002:"
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_KINDS = {"str": "a text", "int": "a number", "float": "a decimal", "bool": "true or false", "null": "nothing"}


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where, what was found, what would be right."""

    mark: Mark
    what: str
    remedy: str = ""


class BadFile(BadInput):
    """A file does not say what it should: `problems`, in the order of the file, each with file:line:column."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(set(problems)))
        first = self.problems[0]
        super().__init__(first.what, where=f"{file}:{first.mark.line}:{first.mark.column}", remedy=first.remedy)

    def describe(self) -> str:
        """One line for each problem: `file:line:column: what. remedy`."""
        return "\n".join(
            f"{self.file}:{problem.mark.line}:{problem.mark.column}: {problem.what}. {problem.remedy}".rstrip()
            for problem in self.problems
        )


@dataclass(slots=True)
class Report:
    """The problems of one file, as they are found."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, at: Node | Mark, what: str, remedy: str = "") -> None:
        """Note one problem at a node or place."""
        self.problems.append(Problem(at if isinstance(at, Mark) else mark_of(at), what, remedy))

    def raise_if_any(self) -> None:
        """Raise BadFile where anything was noted."""
        if self.problems:
            raise BadFile(self.file, self.problems)


def mark_of(node: Node) -> Mark:
    """Where a node begins."""
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


def compose(text: str, report: Report) -> Node:
    """The file's root node. Raises BadFile where the text is no YAML document at all."""
    start = Mark(1, 1)
    if len(text) > MAX_CHARACTERS:
        report.add(start, f"the file has more than {MAX_CHARACTERS:,} characters")
    else:
        try:
            root = YAML(typ="safe", pure=True).compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            at = Mark(mark.line + 1, mark.column + 1) if mark else start
            report.add(at, f"this is not YAML: {error.problem or error.context}", "Indent by spaces; quote odd text.")
        except RecursionError:
            report.add(start, "the file is nested too deeply")
        except YAMLError as error:
            report.add(start, f"this is not YAML: {type(error).__name__}", "Save the file as UTF-8 text.")
        else:
            if isinstance(root, Node):
                return root
            report.add(start, "the file is empty")
    raise BadFile(report.file, report.problems)


def mapping(
    node: Node, report: Report, what: str, known: Iterable[str], required: Iterable[str] = ()
) -> dict[str, Node]:
    """The entries of a mapping by key; unknown, repeated and missing keys are noted. `what` names it to people."""
    if not isinstance(node, MappingNode):
        report.add(node, f"{what} is {_shown(node)}", f"Write keys and values: {', '.join(known)}.")
        return {}
    names = tuple(known)
    found: dict[str, Node] = {}
    for key, value in node.value:
        name = str(key.value)
        if not isinstance(key, ScalarNode) or name not in names:
            report.add(key, f"{what} has no key `{_short(name)}`", did_you_mean(name, names))
        elif name in found:
            report.add(key, f"`{name}` is given twice", "Keep one of them.")
        else:
            if _is_empty(value):  # an empty value has no place of its own
                report.add(key, f"`{name}` is empty", "Give it a value, or drop the line.")
            found[name] = value
    for name in required:
        if name not in found:
            report.add(node, f"{what} lacks `{name}`", f"Add `{name}: …`.")
    return {name: value for name, value in found.items() if not _is_empty(value)}


def items(node: Node | None, report: Report, what: str) -> list[Node]:
    """The items of a list; a single scalar stands for a list of one."""
    if node is None:
        return []
    if isinstance(node, SequenceNode):
        return list(node.value)
    if isinstance(node, ScalarNode) and str(node.tag) != f"{_TAG}null":
        return [node]
    report.add(node, f"{what} is {_shown(node)}", "Write a list: [one, two].")
    return []


def text(node: Node | None, report: Report, what: str) -> str | None:
    """A text that is not empty."""
    if node is None:
        return None
    if isinstance(node, ScalarNode) and str(node.tag) == f"{_TAG}str" and node.value.strip():
        return str(node.value)
    report.add(node, f"{what} is {_shown(node)}", "Write a text, in quotes where it looks like something else.")
    return None


def whole(node: Node | None, report: Report, what: str, least: int, most: int) -> int | None:
    """A whole number from `least` to `most`."""
    if node is None:
        return None
    if isinstance(node, ScalarNode) and str(node.tag) == f"{_TAG}int":
        try:
            number = int(node.value, 10)
        except ValueError:
            number = least - 1
        if least <= number <= most:
            return number
    report.add(node, f"{what} is {_shown(node)}", f"Write a whole number from {least} to {most:,}.")
    return None


def decimal_text(node: Node | None, report: Report, what: str) -> str | None:
    """A plain decimal as it is written, such as 99.50."""
    if node is None:
        return None
    if isinstance(node, ScalarNode) and node.style is None and _AMOUNT.fullmatch(str(node.value)):
        return str(node.value)
    report.add(node, f"{what} is {_shown(node)}", "Write a plain amount, such as 100 or 99.50.")
    return None


def truth(node: Node | None, report: Report, what: str) -> bool:
    """true or false; left out, false."""
    if node is None:
        return False
    if isinstance(node, ScalarNode) and str(node.tag) == f"{_TAG}bool":
        return str(node.value).lower() == "true"
    report.add(node, f"{what} is {_shown(node)}", "Write true or false.")
    return False


def choice(node: Node | None, report: Report, what: str, known: Iterable[str]) -> str | None:
    """One of the known words."""
    if node is None:
        return None
    names = tuple(known)
    if isinstance(node, ScalarNode) and node.value in names:
        return str(node.value)
    value = str(node.value) if isinstance(node, ScalarNode) else ""
    report.add(node, f"{what} is {_shown(node)}", did_you_mean(value, names))
    return None


def choices(node: Node | None, report: Report, what: str, known: Iterable[str]) -> frozenset[str]:
    """A list of known words."""
    names = tuple(known)
    found = (choice(item, report, what, names) for item in items(node, report, what))
    return frozenset(name for name in found if name is not None)


def texts(node: Node | None, report: Report, what: str) -> tuple[str, ...]:
    """A list of texts, in order."""
    found = (text(item, report, what) for item in items(node, report, what))
    return tuple(name for name in found if name is not None)


def did_you_mean(name: str, known: Iterable[str] | Mapping[str, object]) -> str:
    """What the writer probably meant or, where nothing is near, all that there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1, cutoff=0.6)
    if near:
        return f"Did you mean `{near[0]}`?"
    return f"Known: {', '.join(names)}." if names else ""


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and str(node.tag) == f"{_TAG}null" and not node.value


def _shown(node: Node) -> str:
    """What stands there, for people, shortened."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    kind = str(node.tag).removeprefix(_TAG)
    if not str(node.value):
        return "empty"
    return f"{_KINDS.get(kind, 'something else')} (`{_short(str(node.value))}`)"


def _short(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= 60 else f"{line[:57]}…"
