"""Cells as values: exact amounts, real days, whole numbers, languages, words. Pure; nothing is rounded or guessed.

Every reader takes the cell's text, already stripped, and raises `BadCell` with a reason that never repeats the text.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from domain.money import CURRENCIES, minor_digits

LONGEST_TEXT = 400
LONGEST_WORD = 60
MOST_DAYS = 36_500
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""

_PLAIN = re.compile(r"([+-]?)([0-9]{1,15})(?:\.([0-9]+))?")
_USUAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]+)?")
_SHORT = re.compile(r"[+-]?[0-9](?:\.[0-9]{1,15})?[eE]\+?[0-9]{1,2}")
_WHOLE = re.compile(r"[0-9]{1,9}(?:\.0+)?")
_RATE = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,20})?")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")
_WORD = re.compile(r"[\w.:/-]{1,60}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SCRIPTS = dict.fromkeys(("CN", "SG", "MY"), "Hans") | dict.fromkeys(("TW", "HK", "MO"), "Hant")
_DAILY = Decimal("0.0000000001")


class BadCell(ValueError):
    """A cell does not hold what it should; the message is the reason, without the value."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How numbers are written: the decimal mark, and the mark between thousands or an empty text.

    `reads_short`: a spreadsheet's short form, 1.00E+05, is read as what it says, though digits may have been lost.
    """

    decimal: str = "."
    thousands: str = ""
    reads_short: bool = False


def amount(text: str, currency: str, marks: Marks) -> int:
    """Exact minor units of `currency`. More decimals than the currency has are an error unless they are zeros."""
    digits = minor_digits(currency)
    if marks.decimal == "." and _USUAL.fullmatch(text) and len(text.partition(".")[2]) == digits:
        return int(text.replace(".", ""))
    found = _PLAIN.fullmatch(_plain(text, marks)) or _written_out(text, marks)
    if found is None:
        raise BadCell("no plain amount")
    sign, whole, decimals = found.groups("")
    kept, beyond = decimals[:digits], decimals[digits:]
    if beyond.strip("0"):
        raise BadCell(f"more decimals than {currency} has ({digits})")
    minor = int(whole + kept.ljust(digits, "0"))
    return -minor if sign == "-" else minor


def _written_out(text: str, marks: Marks) -> re.Match[str] | None:
    if _SHORT.fullmatch(text) is None:
        return None
    if not marks.reads_short:
        raise BadCell("a spreadsheet's short form, in which digits may be lost")
    return _PLAIN.fullmatch(format(Decimal(text), "f"))


def _plain(text: str, marks: Marks) -> str:
    """The number with a point and without marks between thousands, which must stand where they belong."""
    if marks.thousands and marks.thousands in text:
        whole, point, decimals = text.partition(marks.decimal)
        first, *groups = whole.split(marks.thousands)
        if not 1 <= len(first.lstrip("+-")) <= 3 or any(len(group) != 3 for group in groups):
            raise BadCell("marks between thousands stand where none belongs")
        text = first + "".join(groups) + point + decimals
    return text.replace(marks.decimal, ".") if marks.decimal != "." else text


def currency_code(text: str) -> str:
    """An ISO 4217 code of a circulating currency."""
    code = text.upper()
    if code not in CURRENCIES:
        raise BadCell("no ISO 4217 currency")
    return code


def whole_number(text: str) -> int:
    """A whole number of days or months, such as days past due; `30.0`, as spreadsheets write it, is 30."""
    if _WHOLE.fullmatch(text) is None:
        raise BadCell("no whole number, or below zero")
    number = int(text.partition(".")[0])
    if number > MOST_DAYS:
        raise BadCell("more than a hundred years")
    return number


@functools.lru_cache(maxsize=4096)
def daily_rate(text: str, *, percent: bool, days: int, marks: Marks) -> Decimal:
    """A rate over `days` days as a fraction a day, to ten decimals (half to even)."""
    plain = _plain(text.rstrip("%").rstrip() if percent else text, marks)
    if _RATE.fullmatch(plain) is None:
        raise BadCell("no plain rate, or below zero")
    rate = Decimal(plain) / (100 if percent else 1) / days
    if rate >= 1:
        raise BadCell("a rate of 100 % a day or more")
    return rate.quantize(_DAILY, rounding=ROUND_HALF_EVEN)


@functools.cache
def date_reader(formats: tuple[str, ...]) -> Callable[[str], date]:
    """A reader of dates in any of these formats, made of YYYY, MM, DD, M, D and other signs; ISO is always read."""
    patterns = [_date_pattern(each) for each in formats]

    @functools.lru_cache(maxsize=32_768)  # days of birth: all of a lifetime
    def read(text: str) -> date:
        for pattern in patterns:
            found = pattern.fullmatch(text)
            if found is not None:
                return _day(int(found["year"]), int(found["month"]), int(found["day"]))
        raise BadCell(f"no date such as {' or '.join(formats)}")

    patterns.append(_date_pattern("YYYY-MM-DD"))
    return read


def _day(year: int, month: int, day: int) -> date:
    try:
        found = date(year, month, day)
    except ValueError:
        raise BadCell("there is no such day") from None
    if not 1900 <= found.year <= 2200:
        raise BadCell("a day outside 1900 to 2200")
    return found


_DATE_PARTS = {
    "YYYY": "(?P<year>[0-9]{4})",
    "MM": "(?P<month>[0-9]{2})",
    "DD": "(?P<day>[0-9]{2})",
    "M": "(?P<month>[0-9]{1,2})",
    "D": "(?P<day>[0-9]{1,2})",
}


def is_date_format(text: str) -> bool:
    """Whether a format has a year, a month and a day, each once."""
    parts = re.findall("YYYY|MM|DD|M|D", text)
    return sorted(part[0] for part in parts) == ["D", "M", "Y"]


def _date_pattern(text: str) -> re.Pattern[str]:
    pieces = re.split("(YYYY|MM|DD|M|D)", text)
    return re.compile("".join(_DATE_PARTS.get(piece) or re.escape(piece) for piece in pieces))


@functools.lru_cache(maxsize=1024)
def language_tag(text: str) -> str:
    """A BCP 47 language as Forbear's templates name it: a language and, for Chinese, its script (zh-Hans, zh-Hant)."""
    found = _LANGUAGE.fullmatch(text)
    if found is None:
        raise BadCell("no language such as zh-Hans, zh-Hant or en")
    language, script, region = found.groups()
    language = language.lower()
    script = script.title() if script else (_SCRIPTS.get((region or "").upper()) if language == "zh" else None)
    if language == "zh" and script is None:
        raise BadCell("Chinese without its script: say zh-Hans or zh-Hant")
    return f"{language}-{script}" if script else language


def free_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """Text of people: no control characters, and nothing that a spreadsheet would run as a formula."""
    if text.startswith(FORMULA):
        raise BadCell("begins like a formula")
    if len(text) > longest:
        raise BadCell(f"more than {longest} characters")
    if not text.isprintable() and _CONTROL.search(text):
        raise BadCell("has a line break or another control character")
    return text


def words(text: str, separator: str) -> tuple[str, ...]:
    """Flags or tags, in order and without repetition."""
    found = dict.fromkeys(word.strip() for word in text.split(separator) if word.strip())
    for word in found:
        if word.startswith(FORMULA):
            raise BadCell("begins like a formula")
        if _WORD.fullmatch(word) is None:
            raise BadCell(f"a flag or tag is not one word of up to {LONGEST_WORD} letters, digits, `_.:/-`")
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def choice(text: str, known: tuple[str, ...]) -> str:
    """One of the known words, whatever its case."""
    word = text.lower().replace(" ", "_")
    if word not in known:
        raise BadCell(f"none of {', '.join(known)}")
    return word


def value_class(text: str) -> str:
    """What kind of value stands in a cell, for a report that must not repeat it."""
    if not text.strip():
        return "empty"
    if text.startswith(("=", "@")) or (text[0] in "+-\t\r" and not re.fullmatch(r"[+-][0-9 ()./-]+", text)):
        return "formula"
    if re.fullmatch("[0-9]+", text):
        return f"{len(text)} digits"
    if re.fullmatch(r"[+-]?[0-9.,' ]*[0-9]", text):
        return "number"
    if re.fullmatch(r"[0-9]{1,4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,4}日?", text):
        return "date"
    if "@" in text:
        return "text with @"
    return f"text of {len(text)} characters"
