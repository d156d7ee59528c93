"""Money, dates, rates and names as people of each language read them, or hear them.

The patterns are those of the Unicode CLDR through Babel; they are taken apart once, as formatting through Babel costs
thirty times as much. Digits are grouped by thousands, which all languages listed here do.
"""

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from babel import Locale
from babel.core import get_global
from babel.dates import format_date
from babel.numbers import get_currency_name, get_currency_symbol

from campaigns.segments import ALPHABET
from domain.channel import Channel
from domain.money import Money, minor_digits

LOCALES = {"en": "en_US", "zh-Hans": "zh_Hans_CN", "zh-Hant": "zh_Hant_HK"}
"""The locale whose patterns a language is written by. For zh-Hant that of Hong Kong: it tells NT$ from HK$ and US$."""

_SAID_WELL = {"en": frozenset({"$", "£", "€"}), "zh-Hans": frozenset(), "zh-Hant": frozenset()}
"""Symbols that speech engines turn into the right words, by language."""


class Style(NamedTuple):
    """How a message is written: in what language, and whether it is read (within GSM-7 or not) or heard."""

    language: str
    is_spoken: bool = False
    is_plain: bool = False

    @property
    def is_chinese(self) -> bool:
        """Whether words follow each other without spaces."""
        return self.language.startswith("zh")


def style_for(channel: Channel, language: str) -> Style:
    """The style of a channel's messages. An English SMS keeps to GSM-7, so that no symbol makes it dearer."""
    return Style(language, channel is Channel.VOICE, channel is Channel.SMS and not language.startswith("zh"))


class _Currency(NamedTuple):
    before: str
    after: str
    digits: int
    is_often_whole: bool


@lru_cache(maxsize=1024)
def _currency(style: Style, code: str) -> _Currency:
    locale = LOCALES[style.language]
    cash_digits = get_global("currency_fractions").get(code, (2, 0, 2, 0))[2]
    digits, is_often_whole = minor_digits(code), cash_digits == 0
    symbol = get_currency_symbol(code, locale)
    if style.is_spoken and symbol not in _SAID_WELL[style.language]:
        name = get_currency_name(code, count=2, locale=locale)
        if style.is_chinese:
            # 人民币, 新台币 name the money, not its unit: 人民币5元; 港元, 美元 are units: 5港元.
            is_unit = not name.endswith(("币", "幣"))
            return _Currency("" if is_unit else name, name if is_unit else "元", digits, is_often_whole)
        return _Currency("", f" {name}", digits, is_often_whole)
    if style.is_plain and not ALPHABET.issuperset(symbol):
        symbol = code
    pattern = Locale.parse(locale).currency_formats["standard"]
    # CLDR: between letters and digits stands a space.
    gap = "\N{NO-BREAK SPACE}" if symbol[-1].isalpha() and not style.is_plain else " " if symbol[-1].isalpha() else ""
    before, after = (part.replace("¤", symbol) for part in (pattern.prefix[0], pattern.suffix[0]))
    return _Currency(before + gap if before else "", gap + after if after else "", digits, is_often_whole)


def money(amount: Money, style: Style) -> str:
    """An amount with its currency, such as ¥1,234.50. Currencies without coins in use drop zero decimals."""
    before, after, digits, is_often_whole = _currency(style, amount.currency)
    minor = amount.minor
    sign = "-" if minor < 0 else ""
    if digits == 0:
        return f"{sign}{before}{abs(minor):,}{after}"
    whole, part = divmod(abs(minor), 10**digits)
    if part == 0 and (is_often_whole or style.is_spoken):
        return f"{sign}{before}{whole:,}{after}"
    return f"{sign}{before}{whole:,}.{part:0{digits}d}{after}"


@lru_cache(maxsize=4096)
def day(on: date, style: Style) -> str:
    """A date that nobody can take for another: Nov 3, 2026; in full where it is spoken or written at length."""
    return format_date(on, "medium" if style.is_plain else "long", LOCALES[style.language])


@lru_cache(maxsize=1024)
def percent(rate: Decimal, style: Style) -> str:
    """A rate in percent with all its digits: 0.05%."""
    written = f"{(rate * 100).normalize():f}%"
    return written.replace("%", " percent") if style.is_spoken and not style.is_chinese else written


def listed(names: list[str], style: Style, joint: str = "and") -> str:
    """Names as a list in words: a, b and c; 甲、乙和丙. `joint` is `and` or `or`."""
    if style.is_chinese:
        last = {"and": "和", "or": "或"}[joint]
        return last.join(["、".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
