"""Cells are read exactly or not at all, and reasons never repeat what stands there."""

import contextlib
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import CURRENCIES, minor_digits, parse_money
from portfolio import values
from portfolio.values import BadCell, Marks

PLAIN = Marks()


@given(st.integers(-(10**14), 10**14), st.sampled_from(sorted(CURRENCIES)))
def test_every_amount_comes_back_exactly(minor: int, currency: str) -> None:
    text = format(Decimal(minor).scaleb(-minor_digits(currency)), "f")
    assert values.amount(text, currency, PLAIN) == minor == parse_money(text, currency).minor


@given(st.text("0123456789.-+eE, _٣１%$NaIfinity\n", max_size=12), st.sampled_from(["USD", "JPY", "KWD"]))
def test_nothing_but_plain_amounts_is_read(text: str, currency: str) -> None:
    with contextlib.suppress(BadCell):
        assert values.amount(text, currency, PLAIN) == parse_money(text, currency).minor
        assert set(text) <= set("0123456789.-+")


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1.234", "USD"),
        ("0.5", "JPY"),
        ("1.0001", "KWD"),
        ("１２", "USD"),
        ("1_000", "USD"),
        ("", "USD"),
        ("12,50", "USD"),
    ],
)
def test_amounts_that_are_refused(text: str, currency: str) -> None:
    with pytest.raises(BadCell):
        values.amount(text, currency, PLAIN)


@pytest.mark.parametrize(
    ("text", "marks", "minor"),
    [
        ("1.234.567,89", Marks(",", "."), 123456789),
        ("-1,234.50", Marks(".", ","), -123450),
        ("1234.50", Marks(".", ","), 123450),
        ("12 345", Marks(",", " "), 1234500),
        ("10.500", PLAIN, 1050),
        ("1.00E+05", Marks(reads_short=True), 10_000_000),
    ],
)
def test_marks_of_numbers(text: str, marks: Marks, minor: int) -> None:
    assert values.amount(text, "USD", marks) == minor


@pytest.mark.parametrize("text", ["1,23", "12,34,567", ",123", "1234,567"])
def test_marks_between_thousands_stand_where_they_belong(text: str) -> None:
    with pytest.raises(BadCell):
        values.amount(text, "USD", Marks(".", ","))


def test_short_form_is_refused_unless_asked_for() -> None:
    with pytest.raises(BadCell, match="digits may be lost"):
        values.amount("1.00E+05", "TWD", PLAIN)


@given(st.dates(date(1900, 1, 1), date(2200, 12, 31)))
def test_every_day_comes_back(day: date) -> None:
    for written, text in {
        "YYYY-MM-DD": f"{day:%Y-%m-%d}",
        "YYYYMMDD": f"{day:%Y%m%d}",
        "DD/MM/YYYY": f"{day:%d/%m/%Y}",
        "M/D/YYYY": f"{day.month}/{day.day}/{day.year}",
        "YYYY年M月D日": f"{day.year}年{day.month}月{day.day}日",
    }.items():
        read = values.date_reader((written,))
        assert values.is_date_format(written)
        assert read(text) == day == read(day.isoformat())


@given(st.text(max_size=12))
def test_no_text_makes_a_date_fail_oddly(text: str) -> None:
    with contextlib.suppress(BadCell):
        values.date_reader(("YYYY-MM-DD", "DD.MM.YYYY"))(text)


@pytest.mark.parametrize("text", ["2026-02-30", "2025-02-29", "2026-13-01", "1899-12-31", "2026-00-10"])
def test_impossible_days(text: str) -> None:
    with pytest.raises(BadCell, match=r"no such day|outside"):
        values.date_reader(("YYYY-MM-DD",))(text)


@pytest.mark.parametrize("text", ["YYYY-MM", "DD-MM", "YYYY-MM-DD-DD", "hello", "YYYY-M-MM"])
def test_date_formats_need_each_part_once(text: str) -> None:
    assert not values.is_date_format(text)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("zh-CN", "zh-Hans"),
        ("zh_TW", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("ZH-hans", "zh-Hans"),
        ("zh-Hant-HK", "zh-Hant"),
        ("EN-us", "en"),
        ("en", "en"),
    ],
)
def test_languages(text: str, tag: str) -> None:
    assert values.language_tag(text) == tag


def test_chinese_needs_its_script() -> None:
    with pytest.raises(BadCell, match="script"):
        values.language_tag("zh")


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\tx", "a\nb", "a\x00b", "x" * 401])
def test_free_text_is_no_formula_and_has_no_control_characters(text: str) -> None:
    with pytest.raises(BadCell):
        values.free_text(text)


@given(st.integers(0, 10**6), st.sampled_from([1, 30, 360, 365]))
def test_rates_are_fractions_a_day(basis: int, days: int) -> None:
    text = format(Decimal(basis).scaleb(-4), "f")
    if Decimal(text) / 100 / days < 1:
        rate = values.daily_rate(text, percent=True, days=days, marks=PLAIN)
        assert abs(rate - Decimal(text) / 100 / days) <= Decimal("0.00000000005")
        assert -rate.as_tuple().exponent == 10  # type: ignore[operator]


@pytest.mark.parametrize("text", ["-1", "x", "101", "1e5"])
def test_rates_that_are_refused(text: str) -> None:
    with pytest.raises(BadCell):
        values.daily_rate(text, percent=True, days=1, marks=PLAIN)


@pytest.mark.parametrize(("text", "days"), [("0", 0), ("30", 30), ("30.0", 30), ("36500", 36_500)])
def test_whole_numbers(text: str, days: int) -> None:
    assert values.whole_number(text) == days


@pytest.mark.parametrize("text", ["-1", "1.5", "36501", "９", "1e3", "999999999"])
def test_whole_numbers_that_are_refused(text: str) -> None:
    with pytest.raises(BadCell):
        values.whole_number(text)


@given(st.text(max_size=40))
def test_the_class_of_a_value_does_not_tell_the_value(text: str) -> None:
    said = values.value_class(text)
    if len(text.strip()) > 3:
        assert text.strip() not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("4111111111111111", "16 digits"),
        ("1,234.50", "number"),
        ("=HYPERLINK(1)", "formula"),
        ("+cmd", "formula"),
        ("+44 7700 900123", "number"),
        ("2026-02-30", "date"),
        ("a@example", "text with @"),
        ("某人", "text of 2 characters"),
    ],
)
def test_classes_of_values(text: str, said: str) -> None:
    assert values.value_class(text) == said


def test_words_keep_their_order_and_come_once() -> None:
    assert values.words("b; a;b ;", ";") == ("b", "a")
    for bad in ("a b", "=a", "x" * 61):
        with pytest.raises(BadCell):
            values.words(bad, ";")
