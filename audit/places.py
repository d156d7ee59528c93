"""Where the debtor may be, and whose clock a rule runs on."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from audit.rulebook import place_table, time_zone
from domain.facts import Facts

# Zones -------------------------------------------------------------------------------------------------------------


def candidates(facts: Facts, legal: list[str]) -> list[tuple[str, str, str | None, str | None]]:
    debtor = facts.debtor
    found: list[tuple[str, str, str | None, str | None]] = [(z, "stated", None, None) for z in debtor.timezones]
    for place in debtor.places:
        if debtor.location_known and place.basis == "number":
            continue
        if place.timezone:
            found.append((place.timezone, place.basis, place.country, place.region))
        elif place.region or not debtor.timezones:
            found += [(z, place.basis, place.country, place.region) for z in lawful(place.country, place.region)]
    if not (debtor.location_known and found):
        for point in facts.contact_points:
            if point.used_by_debtor is not False:
                found += [(z, "number", point.country, None) for z in point.timezones]
    return found or [(z, "law", None, None) for z in legal]


def lawful(country: str, region: str | None) -> list[str]:
    table = place_table()
    region = {("US", "NYC"): "NY"}.get((country, region or ""), region)
    if region in table.get(country, {}):
        return list(table[country][region])
    if country in table["_legal"]:
        return list(table["_legal"][country])
    return [line.split("\t")[2] for line in zone_tab() if line.startswith(country + "\t")]


@cache
def zone_tab() -> tuple[str, ...]:
    import importlib.resources

    text = importlib.resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


@cache
def alike(a: str, b: str) -> bool:
    moments = [datetime(y, m, 15, tzinfo=UTC) for y in (2024, 2026) for m in range(1, 13)]
    return all(m.astimezone(time_zone(a)).utcoffset() == m.astimezone(time_zone(b)).utcoffset() for m in moments)


def zones(facts: Facts, clock: dict[str, Any], legal: list[str]) -> list[str]:
    found = candidates(facts, legal)
    by = clock.get("by", "candidates")
    if by == "legal":
        return [clock["zone"]]
    if by == "presumed":
        better = [c[0] for c in found if c[1] == "stated" or c[1] in clock.get("unless", [])]
        presumed = [c[0] for c in found if c[1] in clock["presume"]]
        return better or presumed or [c[0] for c in found]
    if by == "statutory":
        listed: list[str] = []
        for zone, basis, country, region in found:
            law = lawful(country, region) if country and basis != "number" else []
            listed += [z for z in law if alike(z, zone)] or law or [zone]
        return listed
    return [c[0] for c in found]
