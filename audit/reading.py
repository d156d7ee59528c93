"""Facts as the ledger writes them, key for key as `forbear policy decide` takes them, read by code of its own."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from domain.facts import (
    AccountFacts,
    Consent,
    ContactChannel,
    DebtorFacts,
    Direction,
    InconvenientTime,
    Notice,
    Outcome,
    PastContact,
    Person,
    Place,
    PointFacts,
    PointKind,
    Purpose,
    Stop,
    StopKind,
)


def instant(text: Any) -> datetime:
    """An instant from its text."""
    return datetime.fromisoformat(str(text))


def _maybe(text: Any) -> datetime | None:
    return instant(text) if text else None


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _span(value: Any) -> tuple[int, int] | None:
    return (_minutes(value[0]), _minutes(value[1])) if value else None


def debtor_facts(said: Mapping[str, Any]) -> DebtorFacts:
    """What is known of a debtor."""
    return DebtorFacts(
        timezones=tuple(said.get("timezones") or ()),
        places=tuple(Place(**place) for place in said.get("places") or ()),
        location_known=said.get("location_known"),
        reachable=said.get("reachable"),
        inconvenient=tuple(
            InconvenientTime(
                tuple(one["days"]), _minutes(one["from"]), _minutes(one["to"]), one.get("source", "consumer")
            )
            for one in said.get("inconvenient") or ()
        ),
        inconvenient_places=tuple(said.get("inconvenient_places") or ()),
        requested_hours=_span(said.get("requested_hours")),
        agreed_hours=_span(said.get("agreed_hours")),
        agreed_caps=tuple(sorted((said.get("agreed_caps") or {}).items())),
        consents=tuple(_consent(one) for one in said.get("consents") or ()),
        banned_channels=tuple(ContactChannel(name) for name in said.get("banned_channels") or ()),
        banned_points=tuple(said.get("banned_points") or ()),
        stops=tuple(_stop(one) for one in said.get("stops") or ()),
        notices=tuple(Notice(one["kind"], instant(one["at"])) for one in said.get("notices") or ()),
    )


def _consent(one: Mapping[str, Any]) -> Consent:
    return Consent(
        instant(one["at"]),
        tuple(ContactChannel(name) for name in one.get("channels") or ()),
        tuple(one.get("days") or ()),
        _span(one.get("hours")),
        bool(one.get("direct")),
        _maybe(one.get("until")),
        one.get("during"),
    )


def _stop(one: Mapping[str, Any]) -> Stop:
    return Stop(
        StopKind(one["kind"]),
        instant(one["at"]),
        _maybe(one.get("until")),
        one.get("form") or "written",
        tuple(one.get("accounts") or ()),
        _maybe(one.get("answered_at")),
    )


def point_facts(said: Mapping[str, Any]) -> PointFacts:
    """One contact point."""
    return PointFacts(
        said["id"],
        PointKind(said["kind"]),
        tuple(said.get("timezones") or ()),
        said.get("country"),
        _maybe(said.get("reassigned_check_at")),
        said.get("used_by_debtor"),
    )


def account_facts(said: Mapping[str, Any], today: date) -> AccountFacts:
    """One account as of the debtor's day: days past due grow from the day of its balances."""
    days = said.get("days_past_due")
    if days is not None and said.get("as_of"):
        days += max(0, (today - date.fromisoformat(said["as_of"])).days)
    return AccountFacts(said["id"], said.get("product"), days, _maybe(said.get("due_at")), said.get("group"))


def outside(said: Mapping[str, Any], at: datetime) -> PastContact:
    """A contact made elsewhere."""
    return PastContact(
        _maybe(said.get("at")) or at,
        ContactChannel(said["channel"]),
        Direction(said.get("direction") or "out"),
        Outcome(said["outcome"]) if said.get("outcome") else None,
        tuple(said.get("accounts") or ()),
        said.get("contact_point"),
        Person(said.get("person") or "debtor"),
        said.get("by"),
        Purpose(said.get("purpose") or "collect"),
        bool(said.get("in_reply")),
    )
