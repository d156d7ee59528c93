"""The JSON of `forbear policy decide`, read strictly into facts and written back.

An unknown key is an error that names the case and the key: a fact that is not understood could be a reason not to
contact. So are facts that contradict each other. Nothing is guessed.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.errors import BadInput
from domain.facts import (
    AccountFacts,
    Collector,
    Consent,
    ContactChannel,
    DebtorFacts,
    Direction,
    Facts,
    InconvenientTime,
    Notice,
    Outcome,
    PastContact,
    Person,
    Place,
    PointFacts,
    PointKind,
    Proposal,
    Purpose,
    Stop,
    StopKind,
)
from throttling import places
from throttling.json_values import (
    Wrong,
    country,
    enum,
    flag,
    hours,
    instant,
    list_of,
    minute,
    object_of,
    one_of,
    optional,
    text,
    whole,
    zone,
)
from throttling.terms import DAYS

BASES = ("address", "number", "declared", "believed")
SPOTS = ("home", "work")


def parse_facts(value: object, number: int = 0) -> Facts:
    """One case. Raises BadInput that names the case (its id, or its place counted from one) and the key."""
    name = value.get("id") if isinstance(value, Mapping) else None
    case = f"case {name!r}" if isinstance(name, str) else f"case {number + 1}"
    try:
        facts: Facts = object_of(Facts, FACTS)(value, "")
        _refuse_contradictions(facts)
    except Wrong as wrong:
        path, what = wrong.args
        remedy = "docs/policies.md and `forbear policy decide --help` name the keys."
        raise BadInput(what, where=f"{case}: {path}" if path else case, remedy=remedy) from None
    return facts


def parse_cases(text: str) -> tuple[list[Facts | BadInput], bool]:
    """All cases of a JSON array or of JSON lines, and whether it was an array; an error in the place of a wrong case.

    Raises BadInput where the text as a whole is neither.
    """
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text, object_pairs_hook=_without_repeats)
        except (json.JSONDecodeError, Wrong) as error:
            raise BadInput(f"not JSON: {error}.", where="facts") from error
        return [_try_parse(value, number) for number, value in enumerate(values)], True
    lines = [line for line in text.splitlines() if line.strip()]
    return [_try_line(line, number) for number, line in enumerate(lines)], False


def _try_line(line: str, number: int) -> Facts | BadInput:
    try:
        return _try_parse(json.loads(line, object_pairs_hook=_without_repeats), number)
    except (json.JSONDecodeError, Wrong) as error:
        return BadInput(f"not JSON: {error}.", where=f"case {number + 1}", remedy="One object a line, or one array.")


def _try_parse(value: object, number: int) -> Facts | BadInput:
    try:
        return parse_facts(value, number)
    except BadInput as error:
        return error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        again = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Wrong(again, f"the key {again!r} is there twice")
    return found


def _caps(value: Any, path: str) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, Mapping):
        raise Wrong(path, "is not an object.")
    found = [(key, whole(number, f"{path}.{key}")) for key, number in value.items()]
    if any(number < 0 for _, number in found):
        raise Wrong(path, "holds a negative number.")
    return tuple(sorted(found))


_BASIS = one_of(*BASES)
_CHANNEL, _PERSON, _PURPOSE = enum(ContactChannel), enum(Person), enum(Purpose)
_WEEKDAYS = list_of(one_of(*DAYS))
_MAYBE_TEXT, _MAYBE_FLAG, _MAYBE_INSTANT = optional(text), optional(flag), optional(instant)
_ACCOUNT = one_of("official", "private")

PLACE = {
    "country": country,
    "region": _MAYBE_TEXT,
    "postcode": _MAYBE_TEXT,
    "timezone": optional(zone),
    "basis": _BASIS,
    "verified": flag,
}
INCONVENIENT = {"days": _WEEKDAYS, "from": minute, "to": minute, "source": one_of("consumer", "creditor_file")}
CONSENT = {
    "at": instant,
    "channels": list_of(_CHANNEL),
    "days": _WEEKDAYS,
    "hours": optional(hours),
    "direct": flag,
    "until": _MAYBE_INSTANT,
    "during": _MAYBE_TEXT,
}
STOP = {
    "kind": enum(StopKind),
    "at": instant,
    "until": _MAYBE_INSTANT,
    "form": one_of("oral", "written"),
    "accounts": list_of(text),
    "answered_at": _MAYBE_INSTANT,
}
DEBTOR = {
    "timezones": list_of(zone),
    "places": list_of(object_of(Place, PLACE)),
    "location_known": _MAYBE_FLAG,
    "reachable": _MAYBE_FLAG,
    "inconvenient": list_of(object_of(InconvenientTime, INCONVENIENT, {"from": "start", "to": "end"})),
    "inconvenient_places": list_of(one_of(*SPOTS)),
    "requested_hours": optional(hours),
    "agreed_hours": optional(hours),
    "agreed_caps": _caps,
    "consents": list_of(object_of(Consent, CONSENT)),
    "banned_channels": list_of(_CHANNEL),
    "banned_points": list_of(text),
    "stops": list_of(object_of(Stop, STOP)),
    "notices": list_of(object_of(Notice, {"kind": text, "at": instant})),
}
POINT = {
    "id": text,
    "kind": enum(PointKind),
    "timezones": list_of(zone),
    "country": optional(country),
    "reassigned_check_at": _MAYBE_INSTANT,
    "used_by_debtor": _MAYBE_FLAG,
}
ACCOUNT = {
    "id": text,
    "product": _MAYBE_TEXT,
    "days_past_due": optional(whole),
    "due_at": _MAYBE_INSTANT,
    "group": _MAYBE_TEXT,
}
CONTACT = {
    "at": instant,
    "channel": _CHANNEL,
    "direction": enum(Direction),
    "outcome": optional(enum(Outcome)),
    "accounts": list_of(text),
    "contact_point": _MAYBE_TEXT,
    "person": _PERSON,
    "by": _MAYBE_TEXT,
    "purpose": _PURPOSE,
    "in_reply": flag,
    "text": optional(lambda value, path: value if value == "" else text(value, path)),
    "collector_account": _ACCOUNT,
}
PROPOSAL = {
    "at": instant,
    "channel": _CHANNEL,
    "accounts": list_of(text),
    "contact_point": _MAYBE_TEXT,
    "person": _PERSON,
    "by": _MAYBE_TEXT,
    "purpose": _PURPOSE,
    "in_reply": flag,
    "automated": _MAYBE_FLAG,
    "has_opt_out_notice": _MAYBE_FLAG,
    "discloses_debt": _MAYBE_FLAG,
    "limited_content": _MAYBE_FLAG,
    "expected_delivery": _MAYBE_INSTANT,
    "collector_account": _ACCOUNT,
}
FACTS = {
    "id": _MAYBE_TEXT,
    "packs": optional(list_of(text)),
    "collector": object_of(Collector, {"first_party": _MAYBE_FLAG, "name": _MAYBE_TEXT}),
    "debtor": object_of(DebtorFacts, DEBTOR),
    "contact_points": list_of(object_of(PointFacts, POINT)),
    "accounts": list_of(object_of(AccountFacts, ACCOUNT)),
    "history": list_of(object_of(PastContact, CONTACT)),
    "proposal": object_of(Proposal, PROPOSAL),
}
"""The readers of every key. Tests hold them equal to the fields of `domain.facts`."""


def _refuse_contradictions(facts: Facts) -> None:
    _refuse_repeats("contact_points", [each.id for each in facts.contact_points])
    _refuse_repeats("accounts", [each.id for each in facts.accounts])
    for index, stop in enumerate(facts.debtor.stops):
        for name, end in (("until", stop.until), ("answered_at", stop.answered_at)):
            _refuse_before(f"debtor.stops[{index}].{name}", end, stop.at)
    for index, consent in enumerate(facts.debtor.consents):
        _refuse_before(f"debtor.consents[{index}].until", consent.until, consent.at)
    _refuse_before("proposal.expected_delivery", facts.proposal.expected_delivery, facts.proposal.at)
    for index, span in enumerate(facts.debtor.inconvenient):
        if span.start == span.end:
            raise Wrong(f"debtor.inconvenient[{index}]", "starts and ends at the same time.")
    for index, place in enumerate(facts.debtor.places):
        _refuse_impossible_place(f"debtor.places[{index}]", place)


def _refuse_repeats(path: str, ids: Sequence[str]) -> None:
    if len(set(ids)) < len(ids):
        raise Wrong(path, "two entries have the same id.")


def _refuse_before(path: str, later: datetime | None, earlier: datetime) -> None:
    if later is not None and later < earlier:
        raise Wrong(path, "contradicts `at`: it is earlier.")


def _refuse_impossible_place(path: str, place: Place) -> None:
    if place.region is not None and not places.is_region(place.country, place.region):
        raise Wrong(f"{path}.region", f"{place.region!r} is no region of {place.country} (ISO 3166-2 part).")
    if place.timezone is not None and not places.is_zone_of(place.timezone, place.country):
        raise Wrong(f"{path}.timezone", f"{place.timezone} contradicts `country`: it is no zone of {place.country}.")
