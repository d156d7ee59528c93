"""Countries, regions and their time zones: `config/places.yaml` and the time zone database's own tables.

Read once, on first use; the data ships with Forbear and with the `tzdata` package.
"""

import functools
import importlib.resources
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import BadInput
from throttling.yaml_source import parse, read_documents

FOLDER = Path(__file__).resolve().parent.parent / "config"


@functools.cache
def _tables() -> dict[str, dict[str, tuple[str, ...]]]:
    source, _ = read_documents(FOLDER / "places.yaml")
    return {name: {key: tuple(zones) for key, zones in table.items()} for name, table in parse(source).items()}


@functools.cache
def regions() -> dict[str, dict[str, tuple[str, ...]]]:
    """By country, by region: the zones that the region's law gives it."""
    return {country: table for country, table in _tables().items() if country != "_legal"}


@functools.cache
def countries() -> dict[str, tuple[str, ...]]:
    """By ISO 3166-1 code: the zones of the country's law; empty for the few that have none."""
    return customary() | _tables()["_legal"]


@functools.cache
def customary() -> dict[str, tuple[str, ...]]:
    """By ISO 3166-1 code: every zone that zone.tab lists, custom or law."""
    files = importlib.resources.files("tzdata.zoneinfo")
    found: dict[str, list[str]] = {}
    for line in files.joinpath("iso3166.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            found[line.split("\t")[0]] = []
    for line in files.joinpath("zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            code, _, zone = line.split("\t")[:3]
            found[code].append(zone)
    return {code: tuple(zones) for code, zones in found.items()}


def zones_of(country: str, region: str | None) -> tuple[str, ...]:
    """The zones where a place may be; those of the whole country where the region is unknown or has no table."""
    by_region = regions().get(country, {})
    region = CITIES.get((country, region or ""), region)
    if region is not None and region in by_region:
        return by_region[region]
    return countries().get(country, ())


def statutory_zones(country: str, region: str | None, stated: str) -> tuple[str, ...]:
    """The zone or zones that the law gives a place of which `stated` is said: that one, if the law knows it there."""
    lawful = zones_of(country, region)
    alike = tuple(name for name in lawful if name == stated or keep_the_same_time(name, stated))
    return alike or lawful or (stated,)


@functools.cache
def keep_the_same_time(a: str, b: str) -> bool:
    """True where two zones, such as one and its alias, show the same time all year."""
    months = [datetime(year, month, 15, tzinfo=UTC) for year in (2024, 2026) for month in range(1, 13)]
    return all(month.astimezone(zone(a)).utcoffset() == month.astimezone(zone(b)).utcoffset() for month in months)


@functools.cache
def country_of(name: str) -> str | None:
    """The one country that zone.tab lists a zone, or one that keeps the same time, under; None if there is none."""
    listed = [code for code, zones in customary().items() if name in zones]
    if not listed and "/" in name and not name.startswith("Etc/"):
        listed = [code for code, zones in customary().items() if any(keep_the_same_time(name, z) for z in zones)]
    return listed[0] if len(listed) == 1 else None


def is_zone_of(name: str, country: str) -> bool:
    """False where no part of the country keeps that time."""
    listed = customary().get(country, ())
    return not listed or name in listed or any(keep_the_same_time(name, each) for each in listed)


def is_region(country: str, region: str) -> bool:
    """False only where the country's regions are listed and this is none of them."""
    return country not in regions() or region in regions()[country] or (country, region) in CITIES


CITIES = {("US", "NYC"): "NY"}
"""Named cities that may stand in the place of a region, and the region that they lie in."""


@functools.cache
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises BadInput for one that the time zone database does not have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        remedy = "Use an IANA name such as America/New_York."
        raise BadInput(f"{name!r} is no time zone.", remedy=remedy) from error
