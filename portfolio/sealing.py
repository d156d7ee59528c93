"""Rows as they are stored: personal data sealed under each debtor's own key, ids given, packed for COPY.

A debtor's rows may lie anywhere in a file, and must get one id and one key without anybody remembering which debtors
came before: both are drawn from the debtor's reference by a keyed hash whose secret lives as long as the import.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from storage.crypto import KeyRing, blind, seal

from domain.facts import Place
from domain.identity import new_id
from portfolio.rows import Point, Row, Stop
from storage import copy_binary as binary

NAME = "debtors.name_cipher"
POINT = "contact_points.value_cipher"
FIRST_PRIORITY = 100


class Known(NamedTuple):
    """A debtor who was handed over before: the id and key, and what is compared with the file."""

    debtor_id: UUID
    key: bytes
    name: str
    salt: str


@dataclass(frozen=True, slots=True)
class Seals:
    """What sealing rests on. `secret` is random and never kept; `zone` is the creditor's, for days without hours."""

    ring: KeyRing
    creditor_id: UUID
    secret: bytes
    at: datetime
    zone: ZoneInfo


class Identity(NamedTuple):
    """What a debtor is given, the same for all rows of one import."""

    debtor_id: UUID
    key: bytes
    salt: str
    known: Known | None


def identity(seals: Seals, reference: str, known: Known | None) -> Identity:
    """The id, key and salt of a debtor: those that are known, or drawn from the reference."""
    if known is not None:
        return Identity(known.debtor_id, known.key, known.salt, known)
    drawn = hashlib.blake2b(reference.encode(), key=seals.secret, digest_size=58).digest()
    return Identity(new_id(seals.at, drawn[:10]), drawn[10:42], drawn[42:58].hex(), None)


def pack(
    seals: Seals, rows: Sequence[Row], known: Mapping[str, Known], random: bytes, seen: Sequence[str]
) -> tuple[bytes, bytes, bytes, bytes]:
    """Rows for the tables of `storage.import_portfolio.STAGED`. `random` has six bytes for each id (`ids_needed`)."""
    ids = _Ids(seals.at, random)
    accounts, points, stops = [], [], []
    for row in rows:
        who = identity(seals, row.debtor, known.get(row.debtor))
        accounts.append(_account(seals, row, who, ids))
        points += [_point(seals, row, who, ids, rank, each) for rank, each in enumerate(row.points)]
        stops += [
            binary.row(
                (
                    binary.int8(row.line),
                    who.debtor_id.bytes,
                    stop.kind.encode(),
                    binary.instant(_begin(seals, stop.since)),
                )
            )
            for stop in row.stops
        ]
    return (
        b"".join(accounts),
        b"".join(points),
        b"".join(stops),
        b"".join(binary.row((each.encode(),)) for each in seen),
    )


def ids_needed(rows: Sequence[Row]) -> int:
    """How many ids these rows take."""
    return len(rows) + sum(len(row.points) for row in rows)


class _Ids:
    """Ids that sort by line, so that what is written together lies together; 48 random bits tell them apart."""

    def __init__(self, at: datetime, random: bytes) -> None:
        self._at, self._random, self._next = at, random, 0

    def __call__(self, line: int) -> UUID:
        mixed = (line >> 14 & 0xFFF) << 64 | (line & 0x3FFF) << 48
        mixed |= int.from_bytes(self._random[self._next : self._next + 6])
        self._next += 6
        return new_id(self._at, mixed.to_bytes(10))


def _account(seals: Seals, row: Row, who: Identity, ids: _Ids) -> bytes:
    known = who.known
    name = row.name.encode()
    is_renamed = known is None or known.name != row.name
    ring_key, wrapped = seals.ring.wrap(who.debtor_id, who.key) if known is None else ("", None)
    return binary.row(
        (
            binary.int8(row.line),
            row.reference.encode(),
            ids(row.line).bytes,
            row.product.encode(),
            row.currency.encode(),
            binary.int8(row.principal),
            binary.int8(row.interest),
            binary.int8(row.penalty),
            binary.int8(row.fees),
            binary.decimal(row.penalty_daily),
            binary.day(row.as_of),
            binary.day(row.due_on) if row.due_on else None,
            binary.int8(row.days_past_due),
            row.group.encode() if row.group else None,
            binary.listed(row.tags),
            row.debtor.encode(),
            who.debtor_id.bytes,
            binary.FALSE if known else binary.TRUE,
            row.kind.encode(),
            row.language.encode(),
            seal(who.key, NAME, who.debtor_id, name) if is_renamed else None,
            hashlib.blake2b(name, key=seals.secret, digest_size=16).digest(),
            binary.listed(row.flags),
            orjson.dumps(facts(seals, row)),
            row.place.country.encode() if row.place else None,
            who.salt.encode(),
            binary.listed(sorted(digest(who.salt, proof) for proof in row.proofs)),
            ring_key.encode(),
            wrapped,
        )
    )


def _point(seals: Seals, row: Row, who: Identity, ids: _Ids, rank: int, point: Point) -> bytes:
    point_id = ids(row.line)
    return binary.row(
        (
            binary.int8(row.line),
            point_id.bytes,
            who.debtor_id.bytes,
            point.kind.encode(),
            seal(who.key, POINT, point_id, point.value.encode()),
            blind(seals.ring, seals.creditor_id, point.value),
            point.country.encode() if point.country else None,
            binary.listed(point.zones),
            binary.TRUE if point.is_verified else binary.FALSE,
            binary.int2(max(0, FIRST_PRIORITY - rank)),
        )
    )


def _stop(seals: Seals, row: Row, who: Identity, stop: Stop) -> bytes:
    since = binary.instant(_begin(seals, stop.since))
    return binary.row((binary.int8(row.line), who.debtor_id.bytes, stop.kind.encode(), since))


def digest(salt: str, digits: str) -> str:
    """The salted SHA-256 digest (hex) of what the right person can key in."""
    return hashlib.sha256((salt + digits).encode()).hexdigest()


def facts(seals: Seals, row: Row) -> dict[str, object]:
    """What the row says of its debtor, in the shape of `forbear policy decide`'s `debtor`."""
    found: dict[str, object] = {}
    if row.place:
        found["places"] = [place_facts(row.place)]
    if row.notices:
        found["notices"] = [
            {"kind": kind, "at": _begin(seals, day + timedelta(days=1)).isoformat()} for kind, day in row.notices
        ]
    return found


def place_facts(place: Place) -> dict[str, object]:
    """A place as JSON; what is unknown is left out."""
    found = {
        "country": place.country,
        "region": place.region,
        "postcode": place.postcode,
        "timezone": place.timezone,
        "basis": place.basis,
        "verified": place.verified,
    }
    return {name: value for name, value in found.items() if value is not None}


def _begin(seals: Seals, day: date) -> datetime:
    """Where a day begins in the creditor's place. A notice counts from its day's end, a stop from its beginning."""
    return datetime.combine(day, time(), seals.zone)
