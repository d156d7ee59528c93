"""Fictional numbers are nobody's, can be told from real ones, and are cheap to choose from."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType, carrier

from channels.fiction import (
    RANGES,
    FictionalRange,
    country_of,
    fictional_countries,
    fictional_numbers,
    is_fictional,
    is_fictional_address,
)
from domain.errors import BadInput


@given(st.sampled_from(fictional_countries()), st.integers(0, 10**9))
def test_every_number_is_known_as_its_countrys(country: str, index: int) -> None:
    numbers = fictional_numbers(country)
    number = numbers[index % len(numbers)]
    assert is_fictional(number)
    assert country_of(number) == country
    assert phonenumbers.is_possible_number(phonenumbers.parse(number))


@given(st.sampled_from(RANGES))
def test_the_edges_of_a_range_belong_to_it_and_their_neighbours_do_not(range_: FictionalRange) -> None:
    for index in (0, len(range_) - 1):
        assert is_fictional(range_.number(index))
    if range_.first == 0 and range_.last == 10**range_.width - 1 and range_.country != "CN":
        after = str(int(range_.number(len(range_) - 1)[1:]) + 1)
        assert not is_fictional(f"+{after}") or country_of(f"+{after}") == range_.country


@pytest.mark.parametrize("country", fictional_countries())
def test_the_mobile_ranges_of_a_country_are_of_one_size(country: str) -> None:
    ranges = [range_ for range_ in RANGES if range_.country == country and range_.is_mobile]
    assert len({len(range_) for range_ in ranges}) == 1
    numbers = fictional_numbers(country)
    head = numbers[:2000]
    assert len(set(head)) == min(2000, len(numbers))
    assert numbers[-1] == numbers[len(numbers) - 1]
    with pytest.raises(IndexError):
        numbers[len(numbers)]


@pytest.mark.parametrize("range_", [range_ for range_ in RANGES if not range_.is_official], ids=lambda r: r.country)
def test_a_range_without_a_regulators_word_is_held_by_no_operator(range_: FictionalRange) -> None:
    for index in range(0, len(range_), max(1, len(range_) // 997)):
        number = phonenumbers.parse(range_.number(index))
        assert not carrier.name_for_number(number, "en")
        if range_.country != "TW":
            assert phonenumbers.number_type(number) == PhoneNumberType.UNKNOWN


def test_the_us_is_spread_over_its_states() -> None:
    assert len({number[2:5] for number in fictional_numbers("US")[:300]}) == 300


@pytest.mark.parametrize(
    "number", ["+13125550100", "+18005550199", "+447700900000", "+442079460999", "+8615412345678", "+61491570156"]
)
def test_fiction_is_recognised(number: str) -> None:
    assert is_fictional(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "+1",
        "+13125550200",
        "+13125550099",
        "+447700901000",
        "+8613800000000",
        "13125550100",
        "+1312555010",
        "+１３",
    ],
)
def test_what_may_be_real_is_not_fiction(number: str) -> None:
    assert not is_fictional(number)


@pytest.mark.parametrize(
    ("address", "fiction"),
    [
        ("a@example.com", True),
        ("a@mail.EXAMPLE.org", True),
        ("a@lender.example", True),
        ("a@b.test", True),
        ("a@x.invalid.", True),
        ("a@localhost", True),
        ("a@example.de", False),
        ("a@notexample.com", False),
        ("a@example.com.attacker.net", False),
    ],
)
def test_reserved_names_are_told_from_real_ones(address: str, fiction: bool) -> None:
    assert is_fictional_address(address) is fiction


def test_an_unknown_country_says_which_are_known() -> None:
    with pytest.raises(BadInput, match="Known: US"):
        fictional_numbers("XX")
