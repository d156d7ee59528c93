"""Reading values of JSON strictly: each reader takes a value and the path to it, and says what is wrong there."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from inspect import signature
from typing import Any, TypeVar

from domain.errors import BadInput
from throttling import places
from throttling.terms import parse_minute

Reader = Callable[[Any, str], Any]
Name = TypeVar("Name", bound=StrEnum)


class Wrong(Exception):
    """A path inside a case, and what is wrong there."""


def text(value: Any, path: str) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise Wrong(path, "is not a text.")
    return value


def whole(value: Any, path: str) -> int:
    """A whole number; true and false are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Wrong(path, "is not a whole number.")
    return value


def flag(value: Any, path: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong(path, "is neither true nor false.")
    return value


def instant(value: Any, path: str) -> datetime:
    """An aware instant in ISO 8601."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Wrong(path, "is not an ISO 8601 instant such as 2026-06-10T09:00:00-04:00.") from None
    if found.tzinfo is None or found.utcoffset() is None:
        raise Wrong(path, "has no offset; write it as 2026-06-10T09:00:00-04:00.")
    return found


def zone(value: Any, path: str) -> str:
    """The name of an IANA time zone."""
    try:
        places.zone(text(value, path))
    except BadInput:
        raise Wrong(path, f"{value!r} is no IANA time zone.") from None
    return str(value)


def country(value: Any, path: str) -> str:
    """A country code of ISO 3166-1."""
    if value not in places.countries():
        raise Wrong(path, f"{value!r} is no country of ISO 3166-1, such as US.")
    return str(value)


def one_of(*allowed: str) -> Reader:
    """A reader of one of these texts."""

    def read(value: Any, path: str) -> str:
        if value not in allowed:
            raise Wrong(path, f"{value!r} is none of {', '.join(allowed)}.")
        return str(value)

    return read


def enum(kind: type[Name]) -> Reader:
    """A reader of a member of an enumeration, by its value."""

    def read(value: Any, path: str) -> Name:
        try:
            return kind(value)
        except ValueError:
            raise Wrong(path, f"{value!r} is none of {', '.join(kind)}.") from None

    return read


def optional(read: Reader) -> Reader:
    """A reader that lets null through."""
    return lambda value, path: None if value is None else read(value, path)


def list_of(read: Reader) -> Reader:
    """A reader of a list into a tuple, each item by `read`."""

    def read_all(value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong(path, "is not a list.")
        return tuple(read(item, f"{path}[{index}]") for index, item in enumerate(value))

    return read_all


def minute(value: Any, path: str) -> int:
    """A time of day such as 24:00, as minutes."""
    try:
        return parse_minute(value)
    except ValueError as error:
        raise Wrong(path, f"{error}.") from None


def hours(value: Any, path: str) -> tuple[int, int]:
    """A pair of times of day, as minutes."""
    if not isinstance(value, list) or len(value) != 2:
        raise Wrong(path, "is not a pair of times such as ['18:00', '20:00'].")
    start, end = (minute(each, path) for each in value)
    if start == end:
        raise Wrong(path, "starts and ends at the same time.")
    return start, end


def object_of(kind: type[Any], table: Mapping[str, Reader], names: Mapping[str, str] | None = None) -> Reader:
    """A reader of an object into a value with named fields; `names` maps keys to fields where they differ."""
    fields_of = {key: (names or {}).get(key, key) for key in table}
    needed = {each.name for each in signature(kind).parameters.values() if each.default is each.empty}

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise Wrong(path, "is not an object.")
        prefix = f"{path}." if path else ""
        found = {}
        for key, item in value.items():
            if key not in table:
                raise Wrong(prefix + str(key), f"unknown key {key!r}.")
            found[fields_of[key]] = table[key](item, prefix + key)
        for key, name in fields_of.items():
            if name in needed and name not in found:
                raise Wrong(prefix + key, "is missing.")
        return kind(**found)

    return read
