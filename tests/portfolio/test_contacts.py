"""Mail addresses and places: checked, put into one form, and never guessed."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio import places
from portfolio.emails import email
from portfolio.values import BadCell


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Client.One@EXAMPLE.com", "Client.One@example.com"),
        ("a+b@mail.example.org", "a+b@mail.example.org"),
        ("a@bücher.example.net", "a@xn--bcher-kva.example.net"),
    ],
)
def test_addresses(text: str, found: str) -> None:
    assert email(text) == found == email(found)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@", "@example.com", "a b@example.com", "a..b@example.com", ".a@example.com", "a@example..com",
     "a@localhost", "é@example.com", f"{'x' * 65}@example.com", "a@b@example.com", "a@example.com\n", "a@-example.com"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(BadCell, match=r"no mail address|formula") as caught:
        email(text)
    assert len(text) < 3 or text not in str(caught.value)


@given(st.emails(domains=st.sampled_from(["example.com", "example.org"])))
def test_ordinary_addresses_pass_or_are_refused(text: str) -> None:
    with contextlib.suppress(BadCell):
        assert email(text).rpartition("@")[2] in ("example.com", "example.org")


def place(country: str, region: str = "", postcode: str = "", timezone: str = "") -> tuple[str | None, ...]:
    found = places.place(country, region, postcode, timezone, is_verified=False)
    return found.region, found.postcode, found.timezone


def test_a_us_postcode_gives_state_and_zone() -> None:
    assert place("US", "", "02108") == ("MA", "02108", "America/New_York")
    assert place("US", "TX", "79901") == ("TX", "79901", "America/Denver")
    assert place("US", "us-tx", "75201-1234") == ("TX", "75201", "America/Chicago")
    assert place("US", "", "2108") == ("MA", "02108", "America/New_York"), "a spreadsheet took the zero away"


def test_one_legal_zone_is_known_and_several_are_not_guessed() -> None:
    assert place("CN", "XJ", "830002") == ("XJ", "830002", "Asia/Shanghai")
    assert place("SG") == (None, None, "Asia/Singapore")
    assert place("US") == (None, None, None)
    assert place("US", "TX") == ("TX", None, None)
    assert place("US", "MA") == ("MA", None, "America/New_York")


def test_what_a_postcode_tells_of_one_house_is_not_kept() -> None:
    assert place("GB", "ENG", "SW1A 1AA")[1] == "SW1A"
    assert place("SG", "", "018956")[1] == "01"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("US", "ZZ"), "no region"),
        (("US", "MA", "90012"), "not in US-MA"),
        (("US", "", "9001x"), "no US postcode"),
        (("CN", "", "!!"), "no postcode"),
        (("CN", "", "", "Asia/Peking"), "no IANA time zone"),
    ],
)
def test_places_that_cannot_be(arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(BadCell, match=reason):
        place(*arguments)


def test_countries() -> None:
    assert places.country_code("uk") == "GB"
    with pytest.raises(BadCell):
        places.country_code("Freedonia")
