"""The JSON of `forbear policy decide`, read strictly into facts and written back.

An unknown key is an error that names the case and the key: a fact that is not understood could be a reason not to
contact. So are facts that contradict each other. Nothing is guessed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from domain.decision import Decision
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
from throttling.terms import DAYS, parse_minute

Reader = Callable[[Any, str], Any]
Name = TypeVar("Name", bound=StrEnum)
BASES = ("address", "number", "declared", "believed")
SPOTS = ("home", "work")


def parse_facts(value: object, number: int = 0) -> Facts:
    """One case. Raises BadInput that names the case (its id, or its place counted from one) and the key."""
    name = value.get("id") if isinstance(value, Mapping) else None
    case = f"case {name!r}" if isinstance(name, str) else f"case {number + 1}"
    try:
        facts: Facts = _object(Facts, FACTS)(value, "")
        _refuse_contradictions(facts)
    except _Wrong as wrong:
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
        except (json.JSONDecodeError, _Wrong) as error:
            raise BadInput(f"not JSON: {error}.", where="facts") from error
        return [_try_parse(value, number) for number, value in enumerate(values)], True
    lines = [line for line in text.splitlines() if line.strip()]
    return [_try_line(line, number) for number, line in enumerate(lines)], False


def _try_line(line: str, number: int) -> Facts | BadInput:
    try:
        return _try_parse(json.loads(line, object_pairs_hook=_without_repeats), number)
    except (json.JSONDecodeError, _Wrong) as error:
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
        raise _Wrong(again, f"the key {again!r} is there twice")
    return found


class _Wrong(Exception):
    """A path inside a case, and what is wrong there."""


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise _Wrong(path, "is not a text.")
    return value


def _whole(value: Any, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Wrong(path, "is not a whole number.")
    return value


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(path, "is neither true nor false.")
    return value


def _instant(value: Any, path: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Wrong(path, "is not an ISO 8601 instant such as 2026-06-10T09:00:00-04:00.") from None
    if found.tzinfo is None or found.utcoffset() is None:
        raise _Wrong(path, "has no offset; write it as 2026-06-10T09:00:00-04:00.")
    return found


def _zone(value: Any, path: str) -> str:
    try:
        places.zone(_text(value, path))
    except BadInput:
        raise _Wrong(path, f"{value!r} is no IANA time zone.") from None
    return str(value)


def _country(value: Any, path: str) -> str:
    if value not in places.countries():
        raise _Wrong(path, f"{value!r} is no country of ISO 3166-1, such as US.")
    return str(value)


def _one_of(*allowed: str) -> Reader:
    def read(value: Any, path: str) -> str:
        if value not in allowed:
            raise _Wrong(path, f"{value!r} is none of {', '.join(allowed)}.")
        return str(value)

    return read


def _enum(kind: type[Name]) -> Reader:
    def read(value: Any, path: str) -> Name:
        try:
            return kind(value)
        except ValueError:
            raise _Wrong(path, f"{value!r} is none of {', '.join(kind)}.") from None

    return read


def _optional(read: Reader) -> Reader:
    return lambda value, path: None if value is None else read(value, path)


def _list(read: Reader) -> Reader:
    def read_all(value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _Wrong(path, "is not a list.")
        return tuple(read(item, f"{path}[{index}]") for index, item in enumerate(value))

    return read_all


def _minute(value: Any, path: str) -> int:
    try:
        return parse_minute(value)
    except ValueError as error:
        raise _Wrong(path, f"{error}.") from None


def _hours(value: Any, path: str) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise _Wrong(path, "is not a pair of times such as ['18:00', '20:00'].")
    start, end = (_minute(each, path) for each in value)
    if start == end:
        raise _Wrong(path, "starts and ends at the same time.")
    return start, end


def _object(kind: type[Any], table: Mapping[str, Reader], names: Mapping[str, str] | None = None) -> Reader:
    """A reader of an object into a dataclass; `names` maps keys to fields where they differ."""
    fields_of = {key: (names or {}).get(key, key) for key in table}
    needed = {each.name for each in fields(kind) if each.default is each.default_factory}

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise _Wrong(path, "is not an object.")
        prefix = f"{path}." if path else ""
        found = {}
        for key, item in value.items():
            if key not in table:
                raise _Wrong(prefix + str(key), f"unknown key {key!r}.")
            found[fields_of[key]] = table[key](item, prefix + key)
        for key, name in fields_of.items():
            if name in needed and name not in found:
                raise _Wrong(prefix + key, "is missing.")
        return kind(**found)

    return read


def _caps(value: Any, path: str) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, Mapping):
        raise _Wrong(path, "is not an object.")
    found = [(key, _whole(number, f"{path}.{key}")) for key, number in value.items()]
    if any(number < 0 for _, number in found):
        raise _Wrong(path, "holds a negative number.")
    return tuple(sorted(found))


_BASIS = _one_of(*BASES)
_CHANNEL, _PERSON, _PURPOSE = _enum(ContactChannel), _enum(Person), _enum(Purpose)
_WEEKDAYS = _list(_one_of(*DAYS))
_MAYBE_TEXT, _MAYBE_FLAG, _MAYBE_INSTANT = _optional(_text), _optional(_flag), _optional(_instant)
_ACCOUNT = _one_of("official", "private")

PLACE = {
    "country": _country,
    "region": _MAYBE_TEXT,
    "postcode": _MAYBE_TEXT,
    "timezone": _optional(_zone),
    "basis": _BASIS,
    "verified": _flag,
}
INCONVENIENT = {"days": _WEEKDAYS, "from": _minute, "to": _minute, "source": _one_of("consumer", "creditor_file")}
CONSENT = {
    "at": _instant,
    "channels": _list(_CHANNEL),
    "days": _WEEKDAYS,
    "hours": _optional(_hours),
    "direct": _flag,
    "until": _MAYBE_INSTANT,
    "during": _MAYBE_TEXT,
}
STOP = {
    "kind": _enum(StopKind),
    "at": _instant,
    "until": _MAYBE_INSTANT,
    "form": _one_of("oral", "written"),
    "accounts": _list(_text),
    "answered_at": _MAYBE_INSTANT,
}
DEBTOR = {
    "timezones": _list(_zone),
    "places": _list(_object(Place, PLACE)),
    "location_known": _MAYBE_FLAG,
    "reachable": _MAYBE_FLAG,
    "inconvenient": _list(_object(InconvenientTime, INCONVENIENT, {"from": "start", "to": "end"})),
    "inconvenient_places": _list(_one_of(*SPOTS)),
    "requested_hours": _optional(_hours),
    "agreed_hours": _optional(_hours),
    "agreed_caps": _caps,
    "consents": _list(_object(Consent, CONSENT)),
    "banned_channels": _list(_CHANNEL),
    "banned_points": _list(_text),
    "stops": _list(_object(Stop, STOP)),
    "notices": _list(_object(Notice, {"kind": _text, "at": _instant})),
}
POINT = {
    "id": _text,
    "kind": _enum(PointKind),
    "timezones": _list(_zone),
    "country": _optional(_country),
    "reassigned_check_at": _MAYBE_INSTANT,
    "used_by_debtor": _MAYBE_FLAG,
}
ACCOUNT = {
    "id": _text,
    "product": _MAYBE_TEXT,
    "days_past_due": _optional(_whole),
    "due_at": _MAYBE_INSTANT,
    "group": _MAYBE_TEXT,
}
CONTACT = {
    "at": _instant,
    "channel": _CHANNEL,
    "direction": _enum(Direction),
    "outcome": _optional(_enum(Outcome)),
    "accounts": _list(_text),
    "contact_point": _MAYBE_TEXT,
    "person": _PERSON,
    "by": _MAYBE_TEXT,
    "purpose": _PURPOSE,
    "in_reply": _flag,
    "text": _optional(lambda value, path: value if value == "" else _text(value, path)),
    "collector_account": _ACCOUNT,
}
PROPOSAL = {
    "at": _instant,
    "channel": _CHANNEL,
    "accounts": _list(_text),
    "contact_point": _MAYBE_TEXT,
    "person": _PERSON,
    "by": _MAYBE_TEXT,
    "purpose": _PURPOSE,
    "in_reply": _flag,
    "automated": _MAYBE_FLAG,
    "has_opt_out_notice": _MAYBE_FLAG,
    "discloses_debt": _MAYBE_FLAG,
    "limited_content": _MAYBE_FLAG,
    "expected_delivery": _MAYBE_INSTANT,
    "collector_account": _ACCOUNT,
}
FACTS = {
    "id": _MAYBE_TEXT,
    "packs": _optional(_list(_text)),
    "collector": _object(Collector, {"first_party": _MAYBE_FLAG, "name": _MAYBE_TEXT}),
    "debtor": _object(DebtorFacts, DEBTOR),
    "contact_points": _list(_object(PointFacts, POINT)),
    "accounts": _list(_object(AccountFacts, ACCOUNT)),
    "history": _list(_object(PastContact, CONTACT)),
    "proposal": _object(Proposal, PROPOSAL),
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
            raise _Wrong(f"debtor.inconvenient[{index}]", "starts and ends at the same time.")
    for index, place in enumerate(facts.debtor.places):
        _refuse_impossible_place(f"debtor.places[{index}]", place)


def _refuse_repeats(path: str, ids: Sequence[str]) -> None:
    if len(set(ids)) < len(ids):
        raise _Wrong(path, "two entries have the same id.")


def _refuse_before(path: str, later: datetime | None, earlier: datetime) -> None:
    if later is not None and later < earlier:
        raise _Wrong(path, "contradicts `at`: it is earlier.")


def _refuse_impossible_place(path: str, place: Place) -> None:
    if place.region is not None and not places.is_region(place.country, place.region):
        raise _Wrong(f"{path}.region", f"{place.region!r} is no region of {place.country} (ISO 3166-2 part).")
    if place.timezone is not None and not places.is_zone_of(place.timezone, place.country):
        raise _Wrong(f"{path}.timezone", f"{place.timezone} contradicts `country`: it is no zone of {place.country}.")


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
