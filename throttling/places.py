"""Countries, regions and their time zones: `config/places.yaml` and the time zone database's own tables.

Read once, on first use; the data ships with Forbear and with the `tzdata` package.
"""

import functools
import importlib.resources
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import BadInput
from throttling.yaml_source import parse, read_documents

FOLDER = Path(__file__).resolve().parent.parent / "config"


@functools.cache
def regions() -> dict[str, dict[str, tuple[str, ...]]]:
    """By country, by region: the zones that the region's law gives it."""
    source, _ = read_documents(FOLDER / "places.yaml")
    return {
        country: {region: tuple(zones) for region, zones in table.items()} for country, table in parse(source).items()
    }


@functools.cache
def countries() -> dict[str, tuple[str, ...]]:
    """By ISO 3166-1 code: the zones of the country, from zone.tab; empty for the few that have none."""
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
    if region is not None and region in by_region:
        return by_region[region]
    return countries().get(country, ())


def is_region(country: str, region: str) -> bool:
    """False only where the country's regions are listed and this is none of them."""
    return country not in regions() or region in regions()[country]


@functools.cache
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises BadInput for one that the time zone database does not have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        remedy = "Use an IANA name such as America/New_York."
        raise BadInput(f"{name!r} is no time zone.", remedy=remedy) from error
