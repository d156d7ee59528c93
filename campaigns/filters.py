"""The filters of the template language: what each takes, and how it writes that in a style.

A filter is made once for a style and its arguments, and then called for each value. The linter knows from `takes` what
it may follow; so at run time nothing can be of the wrong kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns import wording
from campaigns.amounts import Growth
from campaigns.formats import Style, day, listed, money, percent
from campaigns.variables import Kind
from domain.money import Money

Apply = Callable[[Any], str]
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """`takes`: the kinds of variable; `make(style, *arguments)` gives the function; `most` whole numbers as arguments.

    `quotes`: what it writes holds text that others wrote, which has to be made inert.
    """

    name: str
    takes: frozenset[Kind]
    meaning: str
    make: Callable[..., Apply]
    most: int = 0
    quotes: bool = False


def _money(style: Style) -> Apply:
    def write(amount: Money | tuple[Money, ...]) -> str:
        if isinstance(amount, Money):
            return money(amount, style)
        if len(amount) == 1:
            return money(amount[0], style)
        return listed([money(one, style) for one in amount], style)

    return write


def _date(style: Style) -> Apply:
    return lambda on: day(on, style)


def _percent(style: Style) -> Apply:
    return lambda rate: percent(rate, style)


def _days(style: Style) -> Apply:
    one, several = wording.DAYS[style.language]
    return lambda number: (one if number == 1 else several).format(number)


def _product(style: Style) -> Apply:
    return wording.PRODUCTS[style.language].__getitem__


def _digits(style: Style) -> Apply:
    """Heard, each digit by itself; read, as it stands."""
    if not style.is_spoken:
        return str
    return lambda text: " ".join(character for character in text if character.isalnum())


def _named(style: Style, most: int = 3) -> Apply:
    tails, more = wording.TAILS[style.language], wording.MORE[style.language]
    products = wording.PRODUCTS[style.language]
    tail = _digits(style)

    def write(accounts: Sequence[Item]) -> str:
        names = [
            tails.format(product=products[account["product"]], tail=tail(account["tail"]))
            for account in accounts[:most]
        ]
        rest = len(accounts) - len(names)
        if rest == 0:
            return listed(names, style)
        joint = "、" if style.is_chinese else ", "
        return more.format(named=joint.join(names), rest=rest, count=len(accounts))

    return write


def _penalty_name(style: Style) -> Apply:
    names = wording.PENALTY_NAMES[style.language]
    return lambda country: names.get(country, names[""])


def _formula(style: Style) -> Apply:
    frame, stood, days = wording.FORMULA[style.language], wording.STOOD[style.language], _days(style)

    def write(growth: Growth) -> str:
        added = frame.format(rate=percent(growth.rate, style), days=days(growth.days), base=money(growth.base, style))
        if growth.standing.minor:
            before = stood.format(amount=money(growth.standing, style), on=day(growth.standing_on, style))
            added = f"{before} + {added}"
        written = f"{added} = {money(growth.result, style)}"
        return written.replace("×", "x") if style.is_plain else written

    return write


def _asked(style: Style) -> Apply:
    table = wording.ASKED[style.language]
    return lambda choices: listed([table[choice] for choice in choices], style, "or")


FILTERS: Mapping[str, Filter] = {
    made.name: made
    for made in (
        Filter("money", frozenset({Kind.MONEY}), "an amount with its currency; in calls, in words", _money),
        Filter("date", frozenset({Kind.DATE}), "a date that cannot be misread", _date),
        Filter("percent", frozenset({Kind.RATE}), "a rate in percent, with all its digits", _percent),
        Filter("days", frozenset({Kind.NUMBER}), "a number of days", _days),
        Filter("product", frozenset({Kind.CHOICE}), "the name of a product", _product),
        Filter("digits", frozenset({Kind.TEXT}), "in calls, digit by digit", _digits, quotes=True),
        Filter(
            "named", frozenset({Kind.ACCOUNTS}), "the accounts by name, at most so many (3)", _named, 1, quotes=True
        ),
        Filter("formula", frozenset({Kind.GROWTH}), "penalty interest as days × rate × base", _formula),
        Filter("penalty_name", frozenset({Kind.TEXT}), "what penalty interest is called in a country", _penalty_name),
        Filter("asked", frozenset({Kind.CHOICES}), "what a caller is asked to key in", _asked),
    )
}
PLAIN = frozenset({Kind.TEXT, Kind.LINK, Kind.NUMBER})
"""Kinds that may be shown without a filter."""
