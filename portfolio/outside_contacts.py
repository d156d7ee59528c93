"""Contacts made elsewhere (by agents, dialers, agencies), read from a file: what was done to whom, checked row by row.

Columns, or keys of a line of JSON: `key` names the contact once and for all; `at` is ISO 8601 with offset; `channel`;
one of `debtor`, `account` (the creditor's references) and `number` (a number or mailbox). Left out means not known:
`direction` (out), `outcome`, `person`, `by`, `purpose`, `in_reply`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.errors import BadInput
from domain.facts import ContactChannel, Direction, Outcome, Person, PointKind, Purpose
from portfolio.mapping_file import find_mapping
from portfolio.phones import phone
from portfolio.read import LONGEST_LINE, open_table
from portfolio.rows import Problem
from portfolio.values import BadCell, value_class

WHO = ("debtor", "account", "number")
NEEDED = ("key", "at", "channel")
COLUMNS = (*NEEDED, *WHO, "direction", "outcome", "person", "by", "purpose", "in_reply")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "channel": tuple(ContactChannel),
    "direction": tuple(Direction),
    "outcome": tuple(outcome for outcome in Outcome if outcome is not Outcome.PENDING),
    "person": tuple(Person),
    "purpose": tuple(Purpose),
}
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


@dataclass(frozen=True, slots=True)
class MadeElsewhere:
    """One contact: its line and key, whom it concerns, and the JSON of a `history` entry without ids of ours."""

    line: int
    key: str
    at: datetime
    fact: dict[str, Any]
    debtor: str = ""
    account: str = ""
    number: str = field(default="", repr=False)


def read_contacts(path: Path, columns: Mapping[str, str], country: str | None) -> Iterator[MadeElsewhere | Problem]:
    """The contacts in a file, and what is wrong with the rows that hold none.

    `columns` gives the file's own names for ours; `country` (ISO 3166-1) completes numbers without a code. Raises
    BadInput where the file cannot be read or lacks a column.
    """
    for unknown in sorted(set(columns) - set(COLUMNS)):
        raise BadInput(f"there is no `{unknown}` to name.", where="--column", remedy=f"Known: {', '.join(COLUMNS)}.")
    with _records(path, columns) as records:
        for line, values in records:
            yield _contact(line, values, country)


@contextmanager
def _records(path: Path, columns: Mapping[str, str]) -> Iterator[Iterator[tuple[int, Mapping[str, str]]]]:
    """The records of a file as values by our names."""
    if path.suffix in (".jsonl", ".ndjson", ".json"):
        yield _lines_of_json(path, columns)
        return
    with open_table(path, find_mapping("default")) as table:
        places = {
            name: table.header.index(columns.get(name, name))
            for name in COLUMNS
            if columns.get(name, name) in table.header
        }
        missing = [columns.get(name, name) for name in NEEDED if name not in places]
        if not any(name in places for name in WHO):
            missing.append(f"one of {', '.join(WHO)}")
        if missing:
            raise BadInput(f"no column {', '.join(missing)}.", where=f"{path}:1", remedy="Name it by --column.")
        yield ((line, _cells(places, cells)) for line, cells in table.records)


def _cells(places: Mapping[str, int], cells: Sequence[str]) -> dict[str, str]:
    return {name: cells[place].strip() for name, place in places.items() if place < len(cells)}


def _lines_of_json(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    names = {columns.get(name, name): name for name in COLUMNS}
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE + 1), ""), start=1):
                if len(line) > LONGEST_LINE:
                    raise BadInput("a line without an end.", where=f"{path}:{number}", remedy="One object a line.")
                if not line.strip():
                    continue
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise BadInput("this is no object.", where=f"{path}:{number}", remedy="One object a line.")
                yield number, {names[key]: _text(item) for key, item in value.items() if key in names}
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}.", where=str(path)) from None
    except (UnicodeDecodeError, ValueError) as error:
        what = f"this is no JSON in UTF-8 ({type(error).__name__})."
        raise BadInput(what, where=str(path), remedy="One object a line.") from None


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _contact(line: int, values: Mapping[str, str], country: str | None) -> MadeElsewhere | Problem:
    column = ""
    try:
        for column in NEEDED:
            if not values.get(column):
                raise BadCell("is empty")
        column = "who"
        if sum(bool(values.get(name)) for name in WHO) != 1:
            raise BadCell(f"exactly one of {', '.join(WHO)} says whom it concerns")
        column = "at"
        at = _instant(values["at"])
        fact: dict[str, Any] = {"at": at.isoformat()}
        for column, known in _CHOICES.items():
            if values.get(column):
                if values[column] not in known:
                    raise BadCell(f"is none of {', '.join(known)}")
                fact[column] = values[column]
        column = "in_reply"
        if values.get(column, "").lower() not in _TRUTHS:
            raise BadCell("is neither true nor false")
        fact["in_reply"] = _TRUTHS[values.get(column, "").lower()]
        column = "by"
        if values.get(column):
            fact["by"] = values[column]
        column = "number"
        number = values.get(column, "")
        if number and "@" not in number:
            number = phone(number, country, PointKind.MOBILE).e164
    except BadCell as error:
        return Problem(line, column, value_class(values.get(column, "")), str(error))
    return MadeElsewhere(line, values["key"], at, fact, values.get("debtor", ""), values.get("account", ""), number)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadCell("is no instant, such as 2026-11-24T10:42:00+08:00") from None
    if found.tzinfo is None:
        raise BadCell("has no offset from UTC, such as +08:00")
    return found
