"""The packs' own YAML, read as it stands: slow, obvious, and apart from the engine."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil, floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

CONFIG = Path(__file__).resolve().parents[1] / "config"
DAY_NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
LONG_NAMES = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
VOICE = {"call", "ai_call", "ringless_voicemail"}
CHANNELS = {
    "any": {"call", "ai_call", "ringless_voicemail", "sms", "email", "letter", "in_app", "im", "visit", "social"},
    "voice": VOICE,
    "text": {"sms", "im", "in_app"},
    "electronic": {"sms", "email", "im", "in_app"},
    "remote": {"call", "ai_call", "ringless_voicemail", "sms", "email", "letter", "in_app", "im", "social"},
}
PERSONS = {
    "liable": {"debtor", "co_debtor", "guarantor"},
    "third": {"spouse", "household", "neighbour", "emergency_contact", "employer", "stranger"},
}
POINTS = {"personal": {"mobile", "landline", "email", "address"}, "workplace": {"work", "work_email"}}
SECOND = timedelta(seconds=1)


@cache
def documents(folder: str) -> list[dict[str, Any]]:
    """The first document of every YAML file of a folder under config."""
    found = []
    for path in sorted((CONFIG / folder).glob("*.yaml")):
        text = path.read_text(encoding="utf-8").partition("\n---\n")[0]
        found.append(YAML(typ="safe", pure=True).load(text))
    return found


@cache
def place_table() -> dict[str, Any]:
    table: dict[str, Any] = YAML(typ="safe", pure=True).load((CONFIG / "places.yaml").read_text(encoding="utf-8"))
    return table


def packs(ids: Iterable[str]) -> list[dict[str, Any]]:
    wanted = {*ids, "debtor-wishes"}
    return [pack for pack in documents("packs") if pack["id"] in wanted]


def whole(at: datetime, up: bool) -> datetime:
    seconds = ceil(at.timestamp()) if up else floor(at.timestamp())
    return datetime.fromtimestamp(seconds, UTC)


def names(value: Any, groups: dict[str, set[str]] | None = None) -> set[str]:
    listed = value if isinstance(value, list) else [value]
    return {name for item in listed for name in (groups or {}).get(item, {item})}


@cache
def time_zone(name: str) -> ZoneInfo:
    """A time zone; read once, for the library itself keeps only the last eight."""
    return ZoneInfo(name)
