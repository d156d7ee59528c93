"""Facts and decisions as the JSON of `forbear policy decide`."""

from dataclasses import fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from domain.decision import Decision
from domain.facts import Facts, InconvenientTime


def decision_to_json(decision: Decision, name: str | None = None) -> dict[str, Any]:
    """What `policy decide` prints for one case. Offsets as they are in the decision."""
    return {
        "id": name,
        "verdict": decision.verdict.value,
        "until": _written(decision.until),
        "closes": _written(decision.closes),
        "rules": [
            {
                "pack": rule.pack,
                "version": rule.version,
                "rule": rule.rule,
                "cite": rule.cite,
                "effect": rule.effect.value,
                "until": _written(rule.until),
                "counted": list(rule.counted),
                "why": rule.why,
                "presumption": rule.presumption,
            }
            for rule in decision.rules
        ],
        "packs": [{"id": each.id, "version": each.version, "digest": each.digest} for each in decision.packs],
        "local": [{"timezone": zone, "at": _written(at)} for zone, at in decision.local],
    }


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


def _written(at: datetime | date | None) -> str | None:
    return None if at is None else at.isoformat()
