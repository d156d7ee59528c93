"""Postal addresses as places with the time zone that is known, and the zones of a number; unknown stays unknown.

Zones of regions and countries come from `throttling/places.py`; those of US postcodes from the package zipcodes. A
place whose law leaves more than one zone keeps its region and no zone: the engine then holds to all of them.
"""

import functools
import re
from collections import Counter, defaultdict
from zoneinfo import available_timezones

import zipcodes

from domain.facts import Place
from portfolio.values import BadCell
from throttling import places

RARE = 0.03
"""An area code's share of postcodes below which a zone counts as a slip of the data."""

_POSTCODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z -]{1,9}")
_US_POSTCODE = re.compile(r"([0-9]{3,5})(?:-?([0-9]{4}))?")
_COUNTRY_NAMES = {"UK": "GB"}


@functools.lru_cache(maxsize=4096)
def country_code(text: str) -> str:
    """An ISO 3166-1 alpha-2 code."""
    code = _COUNTRY_NAMES.get(text.upper(), text.upper())
    if code not in places.countries():
        raise BadCell("no ISO 3166 country")
    return code


@functools.lru_cache(maxsize=16384)
def place(country: str, region: str, postcode: str, timezone: str, *, is_verified: bool) -> Place:
    """The place of an address; an empty text is unknown.

    Raises BadCell where region or postcode cannot be in the country, where they contradict each other, or where the
    zone does not exist.
    """
    code = region.upper().removeprefix(f"{country}-") or None
    if code and not places.is_region(country, code):
        raise BadCell(f"no region (ISO 3166-2) of {country}")
    postal = _us_postcode(postcode) if country == "US" else _any_postcode(postcode)
    zone = _named_zone(timezone)
    if country == "US" and postal:
        state, by_postcode = us_postcode(postal)
        if code and state and state != code:
            raise BadCell(f"the postcode is not in {country}-{code}")
        code, zone = code or state, zone or by_postcode
    if zone is None:
        zones = places.zones_of(country, code)
        zone = zones[0] if len(zones) == 1 else None
    return Place(country, code, _coarse(country, postal), zone, "address", is_verified)


def _coarse(country: str, postcode: str | None) -> str | None:
    """As much of a postcode as tells a district: places are kept unsealed, and some codes are one house."""
    if postcode is None:
        return None
    if country in ("GB", "CA", "IE"):
        return postcode.split(" ")[0] if " " in postcode else postcode[:-3] or None
    return {"US": postcode[:5], "SG": postcode[:2], "NL": postcode[:4]}.get(country, postcode)


def _named_zone(name: str) -> str | None:
    if name and name not in zone_names():
        raise BadCell("no IANA time zone")
    return name or None


@functools.cache
def zone_names() -> frozenset[str]:
    """All names of the time zone database."""
    return frozenset(available_timezones())


def _any_postcode(text: str) -> str | None:
    if text and _POSTCODE.fullmatch(text) is None:
        raise BadCell("no postcode")
    return text.upper() or None


def _us_postcode(text: str) -> str | None:
    """Five digits, or nine; zeros that a spreadsheet took off the front are put back."""
    if not text:
        return None
    found = _US_POSTCODE.fullmatch(text)
    if found is None:
        raise BadCell("no US postcode of five or nine digits")
    return found[1].zfill(5) + (f"-{found[2]}" if found[2] else "")


@functools.lru_cache(maxsize=16384)
def us_postcode(postcode: str) -> tuple[str | None, str | None]:
    """State and time zone of a US postcode, None where unknown."""
    found = zipcodes.matching(postcode[:5])  # type: ignore[no-untyped-call]
    if not found:
        return None, None
    zone = found[0]["timezone"]
    return found[0]["state"], zone if zone in zone_names() else None


@functools.cache
def _zones_by_area_code() -> dict[str, tuple[str, ...]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in zipcodes.list_all():  # type: ignore[no-untyped-call]
        if each["timezone"] in zone_names():
            for area_code in each["area_codes"]:
                counts[area_code][each["timezone"]] += 1
    return {
        area_code: tuple(zone for zone, n in found.most_common() if n >= RARE * found.total())
        for area_code, found in counts.items()
    }


def us_area_code_zones(area_code: str) -> tuple[str, ...]:
    """The time zones in which postcodes with this area code lie; empty where it has none."""
    return _zones_by_area_code().get(area_code, ())


def country_zones(country: str) -> tuple[str, ...]:
    """All zones of a country."""
    return places.zones_of(country, None)
