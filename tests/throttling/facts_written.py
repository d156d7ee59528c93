"""Facts written down as JSON: what the reader is held against."""

from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.facts import Facts, InconvenientTime


def facts_to_json(facts: Facts) -> dict[str, Any]:
    """Facts as JSON that `parse_facts` reads back to the same; keys at their defaults are left out."""
    return dict(_plain(facts))


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if name in ("start", "end"):
        return f"{value // 60:02}:{value % 60:02}"
    if name == "agreed_caps":
        return dict(value)
    if hasattr(value, "_field_defaults"):
        return {
            field: _plain(found, field)
            for field, found in value._asdict().items()
            if field not in value._field_defaults or found != value._field_defaults[field]
        }
    if isinstance(value, tuple):
        times = name in ("hours", "requested_hours", "agreed_hours")
        return [f"{item // 60:02}:{item % 60:02}" if times else _plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        keys = {"start": "from", "end": "to"} if isinstance(value, InconvenientTime) else {}
        return {
            keys.get(each.name, each.name): _plain(found, each.name)
            for each in fields(value)
            if (found := getattr(value, each.name)) != each.default and not _is_default(each, found)
        }
    return value


def _is_default(field: Any, found: object) -> bool:
    return callable(field.default_factory) and bool(found == field.default_factory())
