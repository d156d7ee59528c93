"""Templates as functions. The nodes of `campaigns/grammar.py` become closures once; a rendering is then a few calls.

python-liquid renders the same in five times the time (docs/templates.md); tests hold the two to the same output.
Whatever comes from a variable is made inert on its way out: control characters, line ends and marks that turn the
direction of writing become spaces, and in HTML everything is escaped.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from campaigns.filters import FILTERS
from campaigns.formats import Style
from campaigns.grammar import Both, Compare, For, If, Node, Output, Test, Text, Value, parse
from campaigns.source import Source
from domain.errors import BadInput

Values = Mapping[str, Any]
_Part = str | Callable[[Values], str]
_Holds = Callable[[Values], bool]

_MARKUP = re.compile("[&<>\"']")
_JOINERS = "\u200c\u200d"
"""Letters of some scripts are written wrong without them."""
MAX_ITEMS = 1_000
"""Accounts in one message."""
MAX_TEXT = 400
"""Characters of one variable's text; longer ones are cut. Addresses and names are far shorter."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """One text of a template. `names` are the variables that it needs, whichever branch is taken."""

    names: frozenset[str]
    item_names: frozenset[str]
    parts: tuple[_Part, ...]
    most: int

    def render(self, values: Values) -> str:
        """The text with `values` filled in.

        Raises BadInput where a variable is missing, there are too many accounts, or the text becomes longer than
        `most` characters. The error names the variable, never its value.
        """
        if not self.names <= values.keys():
            missing = ", ".join(f"`{name}`" for name in sorted(self.names - values.keys()))
            raise BadInput(f"the template needs {missing}.", remedy="Fill every variable that it names.")
        text = _join(self.parts, values)
        if len(text) > self.most:
            raise BadInput(f"the message is longer than {self.most:,} characters.", remedy="Shorten the template.")
        return text


def compile_source(source: Source, style: Style, *, is_html: bool = False, most: int = 100_000) -> Compiled:
    """The function of a text that passes the linter. Raises BadInput where it is not of the language."""
    nodes, problems = parse(source)
    if problems:
        raise BadInput(f"{problems[0].found}.", where=str(problems[0].spot), remedy=problems[0].would_be_right)
    used = list(_used(nodes))
    items = {node.item for node in _loops(nodes)}
    return Compiled(
        names=frozenset(value.path[0] for value in used if value.path[0] not in items and value.path[0] != "forloop"),
        item_names=frozenset(value.path[1] for value in used if len(value.path) == 2 and value.path[0] in items),
        parts=_compile(nodes, style, is_html),
        most=most,
    )


def inert(text: str) -> str:
    """Text on one line that can steer nothing: no control characters, no line ends, no marks of direction."""
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1] + "…"
    if text.isprintable():
        return text
    return " ".join("".join(c if c.isprintable() or c in _JOINERS else " " for c in text).split())


def _join(parts: tuple[_Part, ...], values: Values) -> str:
    return "".join([part if part.__class__ is str else part(values) for part in parts])  # type: ignore[operator]


def _compile(nodes: Sequence[Node], style: Style, is_html: bool) -> tuple[_Part, ...]:
    made: list[_Part] = []
    for node in nodes:
        match node:
            case Text():
                made.append(node.text)
            case Output():
                made.append(_shown(node, style, is_html))
            case If():
                made.append(_choice(node, style, is_html))
            case For():
                made.append(_loop(node, style, is_html))
    return tuple(made)


def _shown(node: Output, style: Style, is_html: bool) -> Callable[[Values], str]:
    get, write = _getter(node.value), _writer(node, style, is_html)
    if len(node.value.path) > 1:
        return lambda values: write(get(values))
    name = node.value.path[0]  # the usual case, one call less
    return lambda values: write(values[name])


def _writer(node: Output, style: Style, is_html: bool) -> Callable[[Any], str]:
    if not node.calls:
        return _inert_html if is_html else _inert_text
    call = node.calls[0]
    made = FILTERS[call.name]
    apply = made.make(style, *call.arguments)
    if is_html and made.quotes:
        return lambda value: _inert_html(apply(value))
    if is_html:
        return lambda value: _escaped(apply(value))
    return (lambda value: inert(apply(value))) if made.quotes else apply


def _inert_text(value: object) -> str:
    return inert(value if value.__class__ is str else str(value))


def _inert_html(value: object) -> str:
    return _escaped(_inert_text(value))


def _escaped(text: str) -> str:
    """For HTML; most of what is filled in needs nothing, which one look tells, where `escape` looks five times."""
    return text if _MARKUP.search(text) is None else escape(text)


def _getter(value: Value) -> Callable[[Values], Any]:
    if len(value.path) == 1:
        name = value.path[0]
        return lambda values: values[name]
    item, part = value.path
    return lambda values: values[item][part]


def _choice(node: If, style: Style, is_html: bool) -> Callable[[Values], str]:
    branches = tuple((_holds(test), _compile(inside, style, is_html)) for test, inside in node.branches)
    otherwise = _compile(node.otherwise, style, is_html)

    def write(values: Values) -> str:
        for holds, inside in branches:
            if holds(values):
                return _join(inside, values)
        return _join(otherwise, values)

    return write


def _loop(node: For, style: Style, is_html: bool) -> Callable[[Values], str]:
    name, item, body = node.source.path[0], node.item, _compile(node.body, style, is_html)
    needed = frozenset(value.path[1] for value in _used(node.body) if value.path[0] == item)

    def write(values: Values) -> str:
        accounts = values[name]
        if len(accounts) > MAX_ITEMS:
            raise BadInput(f"the message is about more than {MAX_ITEMS:,} accounts.", remedy="Send them apart.")
        scope = dict(values)
        texts = []
        for number, account in enumerate(accounts, start=1):
            if not needed <= account.keys():
                missing = ", ".join(f"`{item}.{part}`" for part in sorted(needed - account.keys()))
                raise BadInput(f"the template needs {missing}.", remedy="Fill every variable that it names.")
            scope[item] = account
            scope["forloop"] = {"first": number == 1, "last": number == len(accounts), "index": number}
            texts.append(_join(body, scope))
        return "".join(texts)

    return write


def _holds(test: Test) -> _Holds:
    match test:
        case Value():
            get = _getter(test)
            return lambda values: get(values) is True
        case Both():
            left, right = _holds(test.left), _holds(test.right)
            if test.is_either:
                return lambda values: left(values) or right(values)
            return lambda values: left(values) and right(values)
        case Compare():
            return _comparison(test)


def _comparison(test: Compare) -> _Holds:
    get, literal = _getter(test.value), test.literal
    match test.operator:
        case "==":
            return lambda values: bool(get(values) == literal)
        case "!=":
            return lambda values: bool(get(values) != literal)
        case "<":
            return lambda values: bool(get(values) < literal)
        case "<=":
            return lambda values: bool(get(values) <= literal)
        case ">":
            return lambda values: bool(get(values) > literal)
        case _:
            return lambda values: bool(get(values) >= literal)


def _used(nodes: Iterable[Node]) -> Iterator[Value]:
    for node in nodes:
        match node:
            case Output():
                yield node.value
            case If():
                for test, inside in node.branches:
                    yield from _tested(test)
                    yield from _used(inside)
                yield from _used(node.otherwise)
            case For():
                yield node.source
                yield from _used(node.body)


def _tested(test: Test) -> Iterator[Value]:
    match test:
        case Value():
            yield test
        case Compare():
            yield test.value
        case Both():
            yield from _tested(test.left)
            yield from _tested(test.right)


def _loops(nodes: Iterable[Node]) -> Iterator[For]:
    for node in nodes:
        match node:
            case For():
                yield node
                yield from _loops(node.body)
            case If():
                for _, inside in node.branches:
                    yield from _loops(inside)
                yield from _loops(node.otherwise)
