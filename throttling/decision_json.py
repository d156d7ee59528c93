"""Decisions as the JSON of `forbear policy decide`."""

from datetime import datetime
from typing import Any

from domain.decision import Decision


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


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
