"""Conditions of steps: a small closed language over documented facts, such as `balance >= 100 and not has_flag("vip")`.

    or, and, not, ( )      == != < <= > >=      in ("a", "b")
    numbers 100, 99.50     text "en"            the facts and functions listed below

Nothing else exists: no attributes, no calls into Python, no loops. Types are checked when a cadence is read, so a
condition that was accepted cannot fail later; a fact that is unknown makes every comparison with it false.
"""

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Value = Decimal | str | bool | None

NUMBERS: Mapping[str, str] = {
    "balance": "everything owed on the account, in major units",
    "principal": "overdue principal, in major units",
    "interest": "interest, in major units",
    "penalty": "penalty interest as of the balances, in major units",
    "fees": "fees, in major units",
    "days_past_due": "days past due today",
    "days_enrolled": "whole days since the account was enrolled",
    "days_since_contact": "whole days since the campaign's last contact on the account; unknown before the first",
    "accounts": "how many open accounts the debtor has",
}
TEXTS: Mapping[str, str] = {
    "product": "the account's product, such as credit_card",
    "currency": "ISO 4217 code",
    "kind": "person or company",
    "language": "the debtor's language, such as zh-Hans",
    "stage": "the stage that the step belongs to",
}
FUNCTIONS: Mapping[str, str] = {
    "has_flag": "whether the debtor has this flag",
    "has_tag": "whether the account has this tag",
    "reaches": "whether a live contact point takes this channel (sms, voice, email, letter)",
}


class BadCondition(ValueError):
    """The text is not a condition; `column` (from 0) is where, `remedy` what would be right."""

    def __init__(self, what: str, column: int, remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.column, self.remedy = what, column, remedy


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition may ask: facts by name, and what the three functions look into."""

    values: Mapping[str, Value]
    flags: frozenset[str]
    tags: frozenset[str]
    channels: frozenset[str]


_Holds = Callable[[Scope], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition: its text, which is its identity, and what evaluates it."""

    source: str
    holds: _Holds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)


_TOKENS = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>\"[^\"]*\"|'[^']*')|(?P<word>[A-Za-z_]\w*)|(?P<mark>[=!<>]=|[<>(),]))"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS = ("and", "or", "not", "in")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


@dataclass(frozen=True, slots=True)
class _Operand:
    type: str
    column: int
    read: Callable[[Scope], Value]


def parse_condition(source: str) -> Condition:
    """The condition that `source` states. Raises BadCondition for anything that is not in the language."""
    parser = _Parser(_tokens(source))
    holds = parser.either()
    parser.end()
    return Condition(source, holds)


def _tokens(source: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    while source[position:].strip():
        match = _TOKENS.match(source, position)
        if match is None or match.lastgroup is None:
            column = position + len(source[position:]) - len(source[position:].lstrip())
            raise BadCondition(f"`{source[column]}` means nothing here", column, 'Texts stand in quotes: "vip".')
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return [*found, _Token("end", "", len(source))]


class _Parser:
    """Recursive descent; each method reads one level of precedence and leaves `self.at` behind it."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def either(self) -> _Holds:
        terms = [self.both()]
        while self.took("or"):
            terms.append(self.both())
        return terms[0] if len(terms) == 1 else lambda scope: any(term(scope) for term in terms)

    def both(self) -> _Holds:
        terms = [self.negated()]
        while self.took("and"):
            terms.append(self.negated())
        return terms[0] if len(terms) == 1 else lambda scope: all(term(scope) for term in terms)

    def negated(self) -> _Holds:
        if self.took("not"):
            inner = self.negated()
            return lambda scope: not inner(scope)
        if self.took("("):
            inner = self.either()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> _Holds:
        token = self.tokens[self.at]
        if token.kind == "word" and token.text in FUNCTIONS:
            return self.call()
        left = self.operand()
        mark = self.tokens[self.at]
        if mark.text in _COMPARE:
            self.at += 1
            right = self.operand()
            self.same_type(left, right)
            if left.type == "text" and mark.text not in ("==", "!="):
                raise BadCondition("texts have no order", mark.column, "Use == or !=.")
            return _compared(_COMPARE[mark.text], left.read, right.read)
        if self.took("in"):
            return self.membership(left)
        raise BadCondition(f"a comparison is missing after `{token.text}`", mark.column, "Compare it: balance >= 100.")

    def membership(self, left: _Operand) -> _Holds:
        self.expect("(")
        choices = [self.operand()]
        while self.took(","):
            choices.append(self.operand())
        self.expect(")")
        for choice in choices:
            self.same_type(left, choice)
        return lambda scope: left.read(scope) in [choice.read(scope) for choice in choices]

    def call(self) -> _Holds:
        name = self.next().text
        self.expect("(")
        token = self.next()
        if token.kind != "text":
            raise BadCondition(f"{name} asks for a text in quotes", token.column, f'Write {name}("…").')
        self.expect(")")
        wanted = token.text[1:-1]
        if name == "reaches" and wanted not in ("sms", "voice", "email", "letter"):
            raise BadCondition(f"there is no channel `{wanted}`", token.column, "Channels: sms, voice, email, letter.")
        where = {"has_flag": "flags", "has_tag": "tags", "reaches": "channels"}[name]
        return lambda scope: wanted in getattr(scope, where)

    def operand(self) -> _Operand:
        token = self.next()
        if token.kind == "number":
            return _Operand("number", token.column, _constant(Decimal(token.text)))
        if token.kind == "text":
            return _Operand("text", token.column, _constant(token.text[1:-1]))
        name = token.text
        if token.kind == "word" and (name in NUMBERS or name in TEXTS):
            kind = "number" if name in NUMBERS else "text"
            return _Operand(kind, token.column, lambda scope: scope.values.get(name))
        if token.kind == "word" and name not in _WORDS:
            raise BadCondition(f"there is no fact `{name}`", token.column, _near(name))
        shown = f"`{name}`" if name else "nothing"
        raise BadCondition(f"a fact, a number or a text is needed, not {shown}", token.column, _near(name))

    def same_type(self, left: _Operand, right: _Operand) -> None:
        if left.type != right.type:
            raise BadCondition(
                f"a {left.type} is compared with a {right.type}",
                right.column,
                'Numbers stand bare (100), texts in quotes ("en").',
            )

    def took(self, text: str) -> bool:
        if self.tokens[self.at].text == text and self.tokens[self.at].kind != "text":
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.took(text):
            token = self.tokens[self.at]
            raise BadCondition(f"`{text}` is missing" + (f" before `{token.text}`" if token.text else ""), token.column)

    def next(self) -> _Token:
        token = self.tokens[self.at]
        self.at += token.kind != "end"
        return token

    def end(self) -> None:
        token = self.tokens[self.at]
        if token.kind != "end":
            raise BadCondition(
                f"`{token.text}` is one word too many", token.column, "Join conditions by `and` or `or`."
            )


def _constant(value: Value) -> Callable[[Scope], Value]:
    return lambda _: value


def _compared(
    test: Callable[[Any, Any], bool], left: Callable[[Scope], Value], right: Callable[[Scope], Value]
) -> _Holds:
    def holds(scope: Scope) -> bool:
        a, b = left(scope), right(scope)
        return a is not None and b is not None and test(a, b)

    return holds


def _near(name: str) -> str:
    known = [*NUMBERS, *TEXTS, *FUNCTIONS]
    near = difflib.get_close_matches(name, known, 1, cutoff=0.6)
    return f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(known)}."
