"""Which packs hold for a debtor, worked out by code of its own: at least these must have been applied."""

from datetime import datetime
from typing import Any

from audit.days import local_day
from audit.places import lawful
from audit.rulebook import documents
from domain.facts import Facts


def required(facts: Facts) -> set[str]:
    """The packs that place, collector and products bring with them for certain."""
    return {pack["id"] for pack in documents("packs") if _holds(pack, facts) and _is_in_force(pack, facts)}


def version_in_force(pack_id: str, at: datetime) -> str | None:
    """The version of a pack that is in force at an instant; None where none is."""
    for pack in documents("packs"):
        if pack["id"] == pack_id:
            day, until = local_day(at, pack["zone"]), pack.get("effective_until")
            if pack["effective_from"] <= day and (until is None or day < until):
                return str(pack["version"])
    return None


def _is_in_force(pack: dict[str, Any], facts: Facts) -> bool:
    day = facts.proposal.at.date()
    until = pack.get("effective_until")
    return bool(pack["effective_from"] <= day and (until is None or day < until))


def _holds(pack: dict[str, Any], facts: Facts) -> bool:
    country = pack.get("country")
    if country is None:
        return bool(pack.get("always"))
    if not _covers(pack, facts):
        return False
    members = set(pack.get("countries") or ()) | {country}
    return any(
        place.country in members
        and (pack.get("region") is None or (place.region == pack["region"] and bool(lawful(country, place.region))))
        for place in facts.debtor.places
    )


def _covers(pack: dict[str, Any], facts: Facts) -> bool:
    """Whether the pack certainly covers this collector and these products."""
    covers = pack.get("covers") or {}
    parties = _listed(covers.get("parties"))
    own = {True: "first_party", False: "third_party", None: None}[facts.collector.first_party]
    if parties and own not in parties:
        return False
    named = {account.product for account in facts.accounts if account.id in facts.proposal.accounts}
    wanted, barred = _listed(covers.get("products")), _listed(covers.get("except_products"))
    if wanted and not named & wanted:
        return False
    return not (barred and named <= barred)


def _listed(value: Any) -> set[str]:
    if value is None:
        return set()
    return set(value) if isinstance(value, list) else {value}
