"""Numbers come out in E.164, once, with every zone where they may ring."""

import contextlib

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from channels.fiction import fictional_numbers
from domain.facts import PointKind
from portfolio import phones
from portfolio.phones import phone
from portfolio.values import BadCell

COUNTRIES = ("CN", "TW", "HK", "US", "GB", "SG")
fiction = st.sampled_from(COUNTRIES).flatmap(
    lambda country: st.tuples(st.just(country), st.sampled_from(fictional_numbers(country)[:500]))
)


@given(fiction)
def test_fictional_numbers_are_read_as_their_countrys(case: tuple[str, str]) -> None:
    country, e164 = case
    found = phone(e164, None, PointKind.MOBILE)
    assert found.e164 == e164
    assert found.country == country
    assert found.zones


@given(fiction, st.sampled_from(["", " ", "-", ".", "\u00a0"]))
def test_however_it_is_written_it_is_the_same_number(case: tuple[str, str], gap: str) -> None:
    country, e164 = case
    plain = phone(e164, country, PointKind.MOBILE)
    assert phone(f"00{gap.join(e164[1:])}" if country != "US" else gap.join(e164), country, PointKind.MOBILE) == plain
    parsed = phonenumbers.parse(e164)
    national = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    assert phone(national, country, PointKind.MOBILE) == plain
    wide = e164.translate(str.maketrans("0123456789+", "０１２３４５６７８９＋"))
    assert phone(wide, country, PointKind.MOBILE) == plain


@given(st.sampled_from(["1", "44", "65", "86", "852", "853", "886"]), st.integers(10**6, 10**12 - 1))
def test_the_short_way_agrees_with_the_long_one(code: str, national: int) -> None:
    text = f"+{code}{national}"
    try:
        parsed = phonenumbers.parse(text)
        valid = phonenumbers.is_valid_number(parsed)
    except phonenumbers.NumberParseException:
        valid = False
    number = phones._DIRECT.fullmatch(text)
    if number and valid:
        dialled, kind = phones._dialled(text, None)
        assert dialled == parsed
        assert kind == phonenumbers.number_type(parsed)


@pytest.mark.parametrize(
    ("e164", "zones"),
    [
        ("+18505550142", {"America/New_York", "America/Chicago"}),
        ("+16055550142", {"America/Chicago", "America/Denver"}),
        ("+16175550142", {"America/New_York"}),
        ("+19155550142", {"America/Denver"}),
        ("+16895550142", {"America/New_York"}),
        ("+447700900142", {"Europe/London"}),
    ],
)
def test_all_zones_where_a_number_may_ring(e164: str, zones: set[str]) -> None:
    assert zones <= set(phone(e164, None, PointKind.MOBILE).zones)


def test_the_plan_decides_what_a_number_is_where_it_can() -> None:
    assert phone("+442079460142", None, PointKind.MOBILE).kind is PointKind.LANDLINE
    assert phone("+442079460142", None, PointKind.WORK).kind is PointKind.WORK
    assert phone("+12125550142", None, PointKind.LANDLINE).kind is PointKind.LANDLINE
    assert phone("+12125550142", None, PointKind.MOBILE).kind is PointKind.MOBILE


@pytest.mark.parametrize(
    ("text", "country", "reason"),
    [
        ("hello", "US", "no phone number"),
        ("212-555-0142", None, "no calling code"),
        ("+1 212 555 0142 ext. 9", None, "extension"),
        ("123456", "US", "plan"),
        ("+999123456789", None, "calling code"),
        ("", "US", "no phone number"),
        ("+1 900 555 0142", None, "nobody is reached"),
    ],
)
def test_what_is_no_number_says_why(text: str, country: str | None, reason: str) -> None:
    with pytest.raises(BadCell, match=reason):
        phone(text, country, PointKind.MOBILE)


@given(st.text(max_size=20))
def test_no_text_makes_it_fail_oddly(text: str) -> None:
    with contextlib.suppress(BadCell):
        assert phone(text, "CN", PointKind.MOBILE).e164.startswith("+")
