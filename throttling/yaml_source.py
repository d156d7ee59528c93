"""YAML files that tell where a mistake is: read fast, and read again with positions only where something is wrong.

A file may hold two documents: what it is, and, after a line `---`, its worked examples, which are read only on demand.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from domain.errors import BadInput

Model = TypeVar("Model", bound=BaseModel)
SEPARATOR = "\n---\n"
REFERENCE = "docs/policies.md has the reference."
SYNTAX = "Look for a missing bracket, quote or space at that place or just before it."


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one YAML document and where it begins: a file and the number of lines before it."""

    path: str
    text: str
    lines_before: int = 0

    def where(self, line: int, column: int) -> str:
        """`file:line:column`, counted from one; `line` and `column` count from zero within the document."""
        return f"{self.path}:{self.lines_before + line + 1}:{column + 1}"


def read_documents(path: Path) -> tuple[Source, Source | None]:
    """The first document of a file and, where there is one, the second. Raises BadInput where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read ({error})", where=str(path), remedy="It must be a UTF-8 file.") from error
    first, separator, second = text.partition(SEPARATOR)
    if not separator:
        return Source(str(path), text), None
    return Source(str(path), first), Source(str(path), second, first.count("\n") + 2)


def parse(source: Source) -> Any:
    """The document as plain values. Raises BadInput at the line and column where it is not YAML."""
    return _load(source, "safe")


def build(model: type[Model], source: Source) -> Model:
    """The document as `model`. Raises BadInput that names every mistake with its line, column and remedy."""
    try:
        return model.model_validate(parse(source))
    except ValidationError as error:
        raise mistakes(source, error) from error


def mistakes(source: Source, error: ValidationError, inside: Sequence[str | int] = ()) -> BadInput:
    """One error for all that a model complains of; `inside` leads to the part of the document it was given."""
    tree = _load(source, "rt")
    found = [_mistake(source, tree, (*inside, *each["loc"]), each) for each in error.errors(include_url=False)]
    head, *rest = sorted(set(found), key=lambda item: item[0])
    what = head[1] + "".join(f"\n{where}: {text}" for _, where, text in ((k, w, t) for k, t, w in rest))
    return BadInput(what, where=head[2], remedy=REFERENCE)


def complaint(source: Source, path: Sequence[str | int], what: str, remedy: str = REFERENCE) -> BadInput:
    """An error at the place in the document that `path` leads to."""
    line, column = _locate(_load(source, "rt"), path)
    return BadInput(what, where=source.where(line, column), remedy=remedy)


def _load(source: Source, kind: str) -> Any:
    try:
        return YAML(typ=kind, pure=True).load(source.text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = source.where(mark.line, mark.column) if mark else source.path
        raise BadInput(f"not YAML: {error.problem or error.context}.", where=where, remedy=SYNTAX) from error
    except (YAMLError, ValueError) as error:
        raise BadInput(f"not YAML: {error}.", where=source.path, remedy=SYNTAX) from error


def _mistake(
    source: Source, tree: Any, path: Sequence[str | int], found: ErrorDetails
) -> tuple[tuple[int, int], str, str]:
    line, column = _locate(tree, path)
    return (line, column), _sentence(path, found), source.where(line, column)


def _sentence(path: Sequence[str | int], found: ErrorDetails) -> str:
    name = ".".join(str(step) for step in path if not isinstance(step, int)) or "the document"
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key `{path[-1]}`.{_nearest(path)}"
    if kind == "missing":
        return f"`{name}` is missing: add it."
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        return f"`{name}` is {found['input']!r}; it may be {context.get('expected') or context.get('expected_tags')}."
    if kind == "value_error":
        return f"`{name}`: {context['error']}."
    return f"`{name}` is {found['input']!r}: {found['msg'].lower()}."


def _nearest(path: Sequence[str | int]) -> str:
    near = difflib.get_close_matches(str(path[-1]), KNOWN_WORDS, n=1)
    return f" Did you mean `{near[0]}`?" if near else " Remove it or correct it."


KNOWN_WORDS: set[str] = set()
"""The field names of all models that are read from YAML, for the nearest one to a mistyped key."""


def know(*models: type[BaseModel]) -> None:
    """Add the field names of these models, and of those inside them, to the words that a typo is compared with."""
    for model in models:
        KNOWN_WORDS.update(model.model_fields)


def _locate(tree: Any, path: Sequence[str | int]) -> tuple[int, int]:
    place = (0, 0)
    for node, step in _walk(tree, path):
        if isinstance(node, Mapping) and hasattr(node, "lc"):
            place = node.lc.key(step)
        elif hasattr(node, "lc"):
            place = node.lc.item(step)
    return place


def _walk(tree: Any, path: Sequence[str | int]) -> Iterator[tuple[Any, str | int]]:
    node = tree
    for step in path:
        inside_list = isinstance(node, list) and isinstance(step, int) and step < len(node)
        if not (inside_list or (isinstance(node, Mapping) and step in node)):
            continue  # pydantic's own steps, such as the kind of a rule
        yield node, step
        node = node[step]
