"""What is wrong with a template before it is ever sent: unknown names, wrong filters, tests that can never hold.

A template that passes cannot fail on the kind of a value later; what remains is a variable that is not there, which
`campaigns/compiled.py` refuses.
"""

from collections.abc import Iterator, Mapping, Sequence

from campaigns.filters import FILTERS, PLAIN
from campaigns.grammar import Both, Call, Compare, For, If, Node, Output, Test, Text, Value, parse
from campaigns.located import did_you_mean
from campaigns.source import Problem, Source
from campaigns.variables import BY_NAME, OF_ACCOUNT, OF_LOOP, Kind, Variable

_DOCS = "docs/templates.md lists them all."
Scope = Mapping[str, Mapping[str, Variable]]
"""What the items of the loops around have, by the item's name."""


def lint(source: Source) -> list[Problem]:
    """Every mistake in one text, in the order of the text."""
    nodes, problems = parse(source)
    return sorted({*problems, *_nodes(source, nodes, {})})


def _nodes(source: Source, nodes: Sequence[Node], scope: Scope) -> Iterator[Problem]:
    for node in nodes:
        match node:
            case Output():
                yield from _output(source, node, scope)
            case If():
                for test, inside in node.branches:
                    yield from _test(source, test, scope)
                    yield from _nodes(source, inside, scope)
                yield from _nodes(source, node.otherwise, scope)
            case For():
                yield from _loop(source, node, scope)
            case Text():
                pass


def find(value: Value, scope: Scope) -> Variable | None:
    """The variable that a path names here, or None."""
    if len(value.path) == 1:
        return None if value.path[0] in scope else BY_NAME.get(value.path[0])
    return scope.get(value.path[0], {}).get(value.path[1])


def _known(source: Source, value: Value, scope: Scope) -> Iterator[Problem]:
    if find(value, scope) is not None:
        return
    head = value.path[0]
    if len(value.path) == 2 and head in scope:
        remedy = did_you_mean(value.path[1], scope[head])
    elif len(value.path) == 2:
        remedy = f"`{head}` has no parts here; inside `for account in accounts`, write `account.…`."
    else:
        near = did_you_mean(head, BY_NAME)
        remedy = near if "?" in near else _DOCS
    yield source.problem(value.at, f"there is no variable `{value}`", remedy)


def _output(source: Source, node: Output, scope: Scope) -> Iterator[Problem]:
    yield from _known(source, node.value, scope)
    variable = find(node.value, scope)
    if len(node.calls) > 1:
        yield source.problem(node.calls[1].at, "one filter follows another", "Each gives final text: keep one.")
    for call in node.calls[:1]:
        yield from _call(source, call, variable)
    if variable and not node.calls and variable.kind not in PLAIN:
        fitting = [name for name, made in FILTERS.items() if variable.kind in made.takes]
        remedy = f"Write {{{{ {node.value} | {fitting[0]} }}}}." if fitting else "It can only be tested: {% if … %}."
        yield source.problem(node.value.at, f"`{node.value}` is a {variable.kind} and cannot be shown as it is", remedy)


def _call(source: Source, call: Call, variable: Variable | None) -> Iterator[Problem]:
    made = FILTERS.get(call.name)
    if made is None:
        yield source.problem(call.at, f"there is no filter `{call.name}`", did_you_mean(call.name, FILTERS))
        return
    is_sound = all(isinstance(argument, int) and 0 < argument <= 20 for argument in call.arguments)
    if len(call.arguments) > made.most or not is_sound:
        remedy = "Give it one whole number from 1 to 20, or none." if made.most else "Drop the arguments."
        yield source.problem(call.at, f"`{call.name}` has arguments that it does not take", remedy)
    if variable and variable.kind not in made.takes:
        fitting = [name for name, other in FILTERS.items() if variable.kind in other.takes]
        remedy = f"Use {' or '.join(fitting)}." if fitting else "It takes no filter."
        yield source.problem(call.at, f"`{call.name}` does not take a {variable.kind}", remedy)


def _loop(source: Source, node: For, scope: Scope) -> Iterator[Problem]:
    variable = find(node.source, scope)
    if variable is None:
        yield from _known(source, node.source, scope)
    elif variable.kind is not Kind.ACCOUNTS:
        yield source.problem(node.source.at, f"`{node.source}` is no list", "Loop over `accounts`.")
    if scope:
        yield source.problem(node.at, "a loop stands in a loop", "Close the first one before.")
    if node.item in BY_NAME or node.item == "forloop":
        yield source.problem(node.at, f"`{node.item}` is a variable already", "Name the item `account`.")
    yield from _nodes(source, node.body, {node.item: OF_ACCOUNT, "forloop": OF_LOOP})


def _test(source: Source, test: Test, scope: Scope) -> Iterator[Problem]:
    match test:
        case Both():
            yield from _test(source, test.left, scope)
            yield from _test(source, test.right, scope)
        case Value():
            yield from _known(source, test, scope)
            variable = find(test, scope)
            if variable and variable.kind is not Kind.TRUTH:
                yield source.problem(test.at, f"`{test}` is neither true nor false", "Compare it with something.")
        case Compare():
            yield from _known(source, test.value, scope)
            variable = find(test.value, scope)
            if variable:
                yield from _comparison(source, test, variable)


def _comparison(source: Source, test: Compare, variable: Variable) -> Iterator[Problem]:
    literal = test.literal
    if variable.kind is Kind.NUMBER and isinstance(literal, int) and not isinstance(literal, bool):
        return
    if variable.kind is Kind.TRUTH and isinstance(literal, bool) and test.operator in ("==", "!="):
        return
    if variable.kind in (Kind.TEXT, Kind.CHOICE) and isinstance(literal, str) and test.operator in ("==", "!="):
        if variable.choices and literal not in variable.choices:
            remedy = did_you_mean(literal, variable.choices)
            yield source.problem(test.at, f"`{test.value}` is never {literal!r}", remedy)
        return
    shown = str(literal).lower() if isinstance(literal, bool) else repr(literal)
    yield source.problem(
        test.at,
        f"`{test.value}` is a {variable.kind}; it cannot be compared by {test.operator} with {shown}",
        "Numbers compare with numbers, texts by == and !=.",
    )
