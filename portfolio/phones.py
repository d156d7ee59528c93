"""Phone numbers to E.164, with their country, their kind, and the *set* of time zones where they may ring.

Numbering plans come from the package phonenumbers. Its zones for North American area codes are joined with those of the
postcodes that use the code: either alone misses zones (850 is Eastern and Central). A mobile, and a ported number, can
be anywhere; what a number says of a place is evidence, and the engine holds to every zone that remains.
"""

import functools
import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType
from phonenumbers.timezone import time_zones_for_number

from channels.fiction import country_of, is_fictional
from domain.facts import PointKind
from portfolio.places import country_zones, us_area_code_zones
from portfolio.values import BadCell

_SEPARATORS = str.maketrans("", "", " -()./\u00a0\u2011\u2013\u3000")
_WIDE = str.maketrans("０１２３４５６７８９＋（）－　", "0123456789+()- ")
_PLAIN = re.compile(r"\+?[0-9]{5,17}")
_EXTENSION = re.compile(r"(?i)(?:ext|x|#|分机|轉|转)")
_DIRECT = re.compile(r"\+(1|44|65|86|85[23]|886)([1-9][0-9]{6,11})")
"""Calling codes whose numbers need none of the repairs of `phonenumbers.parse`: faster, with the same result."""

_ZONE_PREFIX = 9
_UNKNOWN_ZONE = "Etc/Unknown"
_MOBILE = {PhoneNumberType.MOBILE}
_EITHER = {PhoneNumberType.FIXED_LINE_OR_MOBILE}
_NOBODY = {
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.PAGER,
    PhoneNumberType.VOICEMAIL,
}


@dataclass(frozen=True, slots=True)
class Phone:
    """One number: E.164, its country (None for a number of no country), kind, and candidate zones, maybe none."""

    e164: str
    country: str | None
    kind: PointKind
    zones: tuple[str, ...]


@functools.lru_cache(maxsize=65536)
def phone(text: str, country: str | None, declared: PointKind) -> Phone:
    """The number in `text`, dialled from `country` where it has no calling code, as what the file calls it.

    The numbering plan decides between mobile and landline where it can; where it can't, the file does. A number at
    work stays one. Raises BadCell for what is no number, cannot be dialled, or has an extension.
    """
    plain = text.translate(_WIDE).translate(_SEPARATORS)
    if _PLAIN.fullmatch(plain) is None:
        raise BadCell("an extension, which cannot be dialled" if _EXTENSION.search(plain) else "no phone number")
    if plain.startswith("00") and country not in ("US", "CA", "JP", "KR", "RU"):
        plain = f"+{plain[2:]}"
    number, kind = _dialled(plain, country)
    e164 = f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
    if kind == PhoneNumberType.UNKNOWN:
        if not is_fictional(e164):
            raise BadCell("no number of the country's numbering plan")
        home = country_of(e164)
        return Phone(e164, home, declared, _zones(e164, number, home))
    if kind in _NOBODY:
        raise BadCell("a number at which nobody is reached (premium rate, shared cost, pager or voicemail)")
    region = phonenumbers.region_code_for_number(number)
    home = region if region and region != "001" else None
    return Phone(e164, home, _kind(kind, declared), _zones(e164, number, home))


def _dialled(plain: str, country: str | None) -> tuple[PhoneNumber, int]:
    """The number as the plan has it, and its type there; UNKNOWN for one that the plan does not have."""
    direct = _DIRECT.fullmatch(plain)
    if direct is not None:
        number = PhoneNumber(country_code=int(direct[1]), national_number=int(direct[2]))
        kind = phonenumbers.number_type(number)
        if kind != PhoneNumberType.UNKNOWN or is_fictional(plain):
            return number, kind
    try:
        number = phonenumbers.parse(plain, country)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise BadCell("no calling code, and no country to dial from") from None
        raise BadCell("too short or too long for a phone number") from None
    return number, phonenumbers.number_type(number)


def _kind(plan: int, declared: PointKind) -> PointKind:
    if declared is PointKind.WORK:
        return declared
    if plan in _MOBILE:
        return PointKind.MOBILE
    return declared if plan in _EITHER else PointKind.LANDLINE


def _zones(e164: str, number: PhoneNumber, country: str | None) -> tuple[str, ...]:
    """The zones of the number inside its country; where its plan names none of them, those of the country."""
    if country is None:
        return _plan_zones(e164[: 1 + _ZONE_PREFIX], number)
    return _zones_within(country, _plan_zones(e164[: 1 + _ZONE_PREFIX], number), e164[2:5])


@functools.lru_cache(maxsize=4096)
def _zones_within(country: str, plan: tuple[str, ...], area_code: str) -> tuple[str, ...]:
    within = country_zones(country)
    found = tuple(zone for zone in plan if zone in within)
    if country == "US":
        found = tuple(dict.fromkeys((*us_area_code_zones(area_code), *found)))
    return found or within


_cached: dict[str, tuple[str, ...]] = {}


def _plan_zones(prefix: str, number: PhoneNumber) -> tuple[str, ...]:
    """The zones of the numbering plan, which looks at no more than the first digits."""
    if prefix not in _cached:
        if len(_cached) > 65536:
            _cached.clear()
        _cached[prefix] = tuple(zone for zone in time_zones_for_number(number) if zone != _UNKNOWN_ZONE)
    return _cached[prefix]
