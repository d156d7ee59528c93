"""The template language: a small part of Liquid, read by python-liquid and checked down to its last word.

Text, `{{ variable | filter }}`, `if`/`elsif`/`else`, `unless`, `for … in accounts`, `{% # comment %}`. No assignments,
no arithmetic, no ranges, no partials at run time: what a template can do is bounded by what it is given. Templates are
turned into the nodes below once; `campaigns/compiled.py` makes functions of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from liquid import Environment, Mode
from liquid.ast import Node as LiquidNode
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path, StringLiteral
from liquid.builtin.expressions import logical as logic
from liquid.builtin.expressions.arguments import PositionalArgument
from liquid.builtin.expressions.primitive import FalseLiteral, IntegerLiteral, TrueLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import LiquidError
from liquid.expression import Expression

from campaigns.source import Problem, Source

TAGS = ("if", "unless", "for", "#")
_SYNTAX = ("content", "output", "illegal")
_OPERATORS: dict[type[Expression], str] = {
    logic.EqExpression: "==",
    logic.NeExpression: "!=",
    logic.LtExpression: "<",
    logic.LeExpression: "<=",
    logic.GtExpression: ">",
    logic.GeExpression: ">=",
}
_PIECE = re.compile(r"\{\{.*?\}\}|\{%-?\s*(#|\w*)(.*?)-?%\}", re.DOTALL)
_STRAY = re.compile(r"\{\{|\}\}|\{%|%\}")
DEPTH = 8
"""How deep blocks may stand in each other."""


@dataclass(frozen=True, slots=True)
class Value:
    """A variable: `path` is (name,), or (item, name) inside a loop. `at` is its position in the source."""

    path: tuple[str, ...]
    at: int

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Call:
    """A filter with its arguments."""

    name: str
    arguments: tuple[str | int, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it stands."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Output:
    """A variable shown through filters."""

    value: Value
    calls: tuple[Call, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Compare:
    """A variable against a literal."""

    value: Value
    operator: str
    literal: str | int | bool
    at: int


@dataclass(frozen=True, slots=True)
class Both:
    """Holds where both hold (`is_either` False), or where at least one does."""

    left: "Test"
    right: "Test"
    is_either: bool


Test = Value | Compare | Both


@dataclass(frozen=True, slots=True)
class If:
    """The first branch whose test holds, else `otherwise`. `unless` is an If with an empty first branch."""

    branches: tuple[tuple[Test, tuple["Node", ...]], ...]
    otherwise: tuple["Node", ...]
    at: int


@dataclass(frozen=True, slots=True)
class For:
    """`body` for each item of a list."""

    item: str
    source: Value
    body: tuple["Node", ...]
    at: int


Node = Text | Output | If | For


def environment() -> Environment:
    """python-liquid with the tags of the language and no filters: those are ours, and known only to the linter."""
    made = Environment(tolerance=Mode.STRICT)
    made.suppress_blank_control_flow_blocks = False
    made.tags = {name: tag for name, tag in made.tags.items() if name in (*TAGS, *_SYNTAX)}
    made.filters = {}
    return made


_ENVIRONMENT = environment()


def parse(source: Source) -> tuple[tuple[Node, ...], list[Problem]]:
    """The nodes of a template, and whatever is not of the language, each in its place."""
    problems: list[Problem] = []
    for piece in _PIECE.finditer(source.text):
        if piece[1] == "else" and piece[2].strip():
            problems.append(source.problem(piece.start(), "`else` takes no condition", "Write elsif."))
    try:
        tree = _ENVIRONMENT.from_string(source.text).nodes
    except LiquidError as error:
        at = error.token.start_index if error.token is not None and error.token.start_index >= 0 else None
        place = _first_broken(source.text) if at is None else at
        problems.append(source.problem(place, f"this is not of the template language: {_said(error)}", _remedy(error)))
        return (), problems
    except RecursionError:
        return (), [source.problem(0, "blocks stand too deep in each other", f"At most {DEPTH} deep.")]
    reader = _Reader(source, problems)
    return reader.nodes(tree, 0), problems


@dataclass(slots=True)
class _Reader:
    """Turns python-liquid's tree into ours, and notes what the language lacks."""

    source: Source
    problems: list[Problem]

    def note(self, at: int, found: str, would_be_right: str) -> None:
        self.problems.append(self.source.problem(at, found, would_be_right))

    def nodes(self, tree: Iterable[LiquidNode], depth: int, at: int = 0) -> tuple[Node, ...]:
        if depth > DEPTH:
            self.note(at, "blocks stand too deep in each other", f"At most {DEPTH} deep.")
            return ()
        found = (self.node(node, depth) for node in tree)
        return tuple(node for node in found if node is not None)

    def node(self, node: LiquidNode, depth: int) -> Node | None:
        at = node.token.start_index
        if isinstance(node, ContentNode):
            for stray in _STRAY.finditer(node.text):
                self.note(at + stray.start(), f"`{stray[0]}` stands alone", "Close it, or leave it out.")
            return Text(node.text, at)
        if isinstance(node, OutputNode):
            return self.output(node.expression, at)
        if isinstance(node, IfNode):
            pairs = [(node.condition, node.consequence.nodes)]
            pairs += [(other.expression, other.block.nodes) for other in node.alternatives]
            return self.choice(pairs, node.default.nodes if node.default else (), at, depth)
        if isinstance(node, UnlessNode):
            return self.unless(node, at, depth)
        if isinstance(node, ForNode):
            return self.loop(node, at, depth)
        if not isinstance(node, CommentNode):
            self.note(at, f"`{node.token.value}` is not of the template language", f"There are {', '.join(TAGS)}.")
        return None

    def output(self, expression: Expression, at: int) -> Output | None:
        if not isinstance(expression, FilteredExpression):
            self.note(at, "this is no variable with filters", "Write {{ variable | filter }}.")
            return None
        value = self.value(expression.left)
        calls = []
        for call in expression.filters or []:
            arguments: list[str | int] = []
            for argument in call.args:
                literal = argument.value
                if isinstance(argument, PositionalArgument) and isinstance(literal, StringLiteral | IntegerLiteral):
                    arguments.append(literal.value)
                else:
                    self.note(call.token.start_index, f"`{call.name}` takes plain numbers and texts", "Write them so.")
            calls.append(Call(call.name, tuple(arguments), call.token.start_index))
        return Output(value, tuple(calls), at) if value else None

    def value(self, expression: Expression) -> Value | None:
        at = expression.token.start_index
        if isinstance(expression, Path):
            steps = [step for step in expression.path if isinstance(step, str)]
            if len(steps) == len(expression.path) and len(steps) <= 2:
                return Value(tuple(steps), at)
        self.note(at, f"`{expression}` is no variable", "Write the name of a variable; text needs no braces.")
        return None

    def choice(
        self, pairs: list[tuple[Expression, list[LiquidNode]]], default: Iterable[LiquidNode], at: int, depth: int
    ) -> If | None:
        branches = [(self.test(condition), self.nodes(block, depth + 1, at)) for condition, block in pairs]
        otherwise = self.nodes(default, depth + 1, at)
        sound = tuple((test, nodes) for test, nodes in branches if test is not None)
        return If(sound, otherwise, at) if len(sound) == len(branches) else None

    def unless(self, node: UnlessNode, at: int, depth: int) -> If | None:
        if node.alternatives:
            self.note(at, "`unless` takes no elsif", "Write if, elsif, else.")
        test = self.test(node.condition)
        inside = self.nodes(node.consequence.nodes, depth + 1, at)
        instead = self.nodes(node.default.nodes, depth + 1, at) if node.default else ()
        return If(((test, instead),), inside, at) if test else None

    def loop(self, node: ForNode, at: int, depth: int) -> For | None:
        told = node.expression
        if told.limit or told.offset or told.reversed or node.default:
            self.note(at, "`for` takes no limit, offset, reversed or else", "Write {% for account in accounts %}.")
        source = self.value(told.iterable)
        body = self.nodes(node.block.nodes, depth + 1, at)
        return For(str(told.identifier), source, body, at) if source else None

    def test(self, expression: Expression) -> Test | None:
        if isinstance(expression, logic.BooleanExpression):
            return self.test(expression.expression)
        if isinstance(expression, logic.LogicalAndExpression | logic.LogicalOrExpression):
            left, right = self.test(expression.left), self.test(expression.right)
            is_either = isinstance(expression, logic.LogicalOrExpression)
            return Both(left, right, is_either) if left and right else None
        operator = _OPERATORS.get(type(expression))
        if operator is None and not isinstance(expression, Path):
            self.note(expression.token.start_index, f"`{expression}` is no test", "There are == != < <= > >= and or.")
            return None
        if operator is None:
            return self.value(expression)
        left_side, right_side = expression.children()
        value = self.value(left_side)
        if not isinstance(right_side, StringLiteral | IntegerLiteral | TrueLiteral | FalseLiteral):
            self.note(right_side.token.start_index, f"`{right_side}` is no literal", 'Compare with "text" or a number.')
            return None
        return Compare(value, operator, right_side.value, expression.token.start_index) if value else None


def _first_broken(text: str) -> int:
    """Where the piece stands that python-liquid could not place: alone it breaks, too; or it is never closed."""
    open_blocks: list[tuple[str, int]] = []
    for piece in _PIECE.finditer(text):
        name, alone = piece[1], piece[0]
        if name in ("if", "unless", "for"):
            open_blocks.append((name, piece.start()))
            alone += f"{{% end{name} %}}"
        elif name == "elsif":
            alone = f"{{% if truth %}}{alone}{{% endif %}}"
        elif name and name.startswith("end") and open_blocks:
            if open_blocks.pop()[0] != name[3:]:
                return piece.start()
            continue
        elif name == "else":
            continue
        try:
            _ENVIRONMENT.from_string(alone)
        except LiquidError:
            return piece.start()
    return open_blocks[-1][1] if open_blocks else 0


def _said(error: LiquidError) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


def _remedy(error: LiquidError) -> str:
    return f"There are {{{{ variable | filter }}}} and the tags {', '.join(TAGS)}." if "tag" in _said(error) else ""
