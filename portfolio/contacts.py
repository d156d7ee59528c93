"""How to reach a debtor, where he is, and what stops contact: the part of a record that is not about the loan."""

import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from domain.facts import Place, PointKind
from portfolio import places
from portfolio.emails import email
from portfolio.fields import Columns, Look
from portfolio.mapping import AddressColumns, Mapping, PointColumn, Proof, Source
from portfolio.phones import phone
from portfolio.rows import Point, Stop
from portfolio.values import BadCell, free_text

DIALLED = frozenset({PointKind.MOBILE, PointKind.LANDLINE, PointKind.WORK})
_NO_DIGITS = re.compile("[^0-9]+")
_NO_KEYS = re.compile("[^0-9*]+")


class Contacts(NamedTuple):
    """What a record says beside its loan."""

    place: Place | None
    points: tuple[Point, ...]
    proofs: tuple[str, ...]
    stops: tuple[Stop, ...]
    notices: tuple[tuple[str, date], ...]


class ContactReader:
    """Reads contact points, place, proofs, stops and notices by one mapping."""

    def __init__(self, mapping: Mapping, columns: Columns, read_date: Callable[[str], date]) -> None:
        self._country, self._drops = mapping.country, mapping.drops_bad_points
        self._points = [(columns.at(each.column), each) for each in mapping.points]
        self._address = _Address(mapping.address, columns) if mapping.address else None
        self._proofs = [columns.named(each.column, _proof_reader(each.kind, read_date)) for each in mapping.proofs]
        self._stops = [
            (each, columns.at(each.column), columns.field(Source(each.since), read_date) if each.since else None)
            for each in mapping.stops
        ]
        self._notices = [(each.kind, columns.named(each.column, read_date)) for each in mapping.notices]

    def read(self, look: Look, as_of: date | None) -> Contacts:
        """What the record says; problems are noted on the look."""
        place = self._address.place(look) if self._address else None
        points: dict[str, Point] = {}
        for point in self._read_points(look, place.country if place else self._country):
            points.setdefault(point.value, point)
        if self._address and place and (postal := self._address.letter(look, place, len(self._points))):
            points[postal.value] = postal
        proofs = tuple(proof for field in self._proofs if (proof := look.get(field)))
        stops = tuple(self._read_stops(look, as_of)) if self._stops else ()
        notices = tuple((kind, day) for kind, field in self._notices if (day := look.get(field)))
        return Contacts(place, tuple(points.values()), proofs, stops, notices)

    def _read_points(self, look: Look, country: str | None) -> list[Point]:
        found: list[Point] = []
        for rank, (position, column) in enumerate(self._points):
            cell = look.text(position)
            if not cell:
                continue
            for text in cell.split(column.separator) if column.separator else (cell,):
                try:
                    found.append(_point(rank, text.strip(), column, country))
                except BadCell as bad:
                    look.note(column.column, text, str(bad), is_fatal=not self._drops)
        return found

    def _read_stops(self, look: Look, as_of: date | None) -> list[Stop]:
        found = []
        for column, position, since in self._stops:
            text = look.text(position).lower()
            if text in column.values:
                day = look.get(since) or as_of
                found += [Stop(column.kind, day)] if day else []
        return found


def _point(rank: int, text: str, column: PointColumn, country: str | None) -> Point:
    if column.kind in DIALLED:
        found = phone(text, country, column.kind)
        return Point(rank, found.kind, found.e164, found.country, found.zones, column.is_verified)
    return Point(rank, column.kind, email(text), None, (), column.is_verified)


class _Address:
    """Reads a postal address: where the debtor is and, if it has lines, where letters go."""

    def __init__(self, columns: AddressColumns, known: Columns) -> None:
        self._lines = [known.named(name, free_text) for name in columns.lines]
        self._country = known.field(columns.country, places.country_code)
        self._parts = tuple(
            known.field(part, free_text) for part in (columns.region, columns.postcode, columns.timezone)
        )
        self._is_verified = columns.is_verified

    def place(self, look: Look) -> Place | None:
        """The place; None where the country is unknown or something is wrong, which is then noted."""
        country = look.get(self._country)
        texts = [look.get(part) or "" for part in self._parts]
        if country is None:
            for field, text in zip(self._parts, texts, strict=True):
                if text and field and not look.problems:
                    look.note(field.column, text, "a place without its country")
            return None
        try:
            return places.place(country, *texts, is_verified=self._is_verified)
        except BadCell as bad:
            which = 0 if "region" in str(bad) else 2 if "zone" in str(bad) else 1
            field = self._parts[which]
            look.note(field.column if field else "", texts[which], str(bad))
            return None

    def letter(self, look: Look, place: Place, rank: int) -> Point | None:
        """The postal address as a contact point; None where the record has no line of it."""
        lines = [line for field in self._lines if (line := look.get(field))]
        if not lines:
            return None
        region, postcode = (look.get(part) or "" for part in self._parts[:2])
        last = " ".join(part for part in (region, postcode) if part)
        value = "\n".join([*lines, *([last] if last else []), place.country])
        zones = (place.timezone,) if place.timezone else ()
        return Point(rank, PointKind.ADDRESS, value, place.country, zones, place.verified)


def _proof_reader(kind: Proof, read_date: Callable[[str], date]) -> Callable[[str], str]:
    if kind is Proof.BIRTH_DATE:
        return lambda text: read_date(text).isoformat().replace("-", "")
    return _all_digits if kind is Proof.POSTCODE else _last_four


def _all_digits(text: str) -> str:
    digits = _NO_DIGITS.sub("", text)
    if not digits:
        raise BadCell("no digits that could be keyed in")
    return digits


def _last_four(text: str) -> str:
    """The last four digits; an X at the end, as identity cards have it, is keyed as a star."""
    digits = _NO_KEYS.sub("", f"{text[:-1]}*" if text.endswith(("x", "X")) else text)
    if len(digits) < 4:
        raise BadCell("fewer than four digits")
    return digits[-4:]
