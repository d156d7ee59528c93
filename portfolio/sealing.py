"""Personal data sealed under each debtor's own key, ids given, rows packed for COPY.

A debtor's rows may lie anywhere in a file, and must get one id and one key without anybody remembering which debtors
came before: both are drawn from the debtor's reference by a keyed hash whose secret lives as long as the import.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from domain.facts import Place
from domain.identity import new_id
from portfolio.rows import Point, Row
from storage import copy_binary as binary
from storage.crypto import KeyRing, Sealer, blinder, unseal

NAME = "debtors.name_cipher"
POINT = "contact_points.value_cipher"
FIRST_PRIORITY = 100
ID_RANDOM = 6
"""Random bytes that an id takes."""


class Known(NamedTuple):
    """A debtor who was handed over before: the id and key, and what is compared with the file. No key: erased."""

    debtor_id: UUID
    key: bytes | None
    name_cipher: bytes
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
    """What a debtor is given, the same for all rows of one import. `field` is the id as COPY takes it."""

    debtor_id: UUID
    key: bytes
    salt: str
    field: bytes
    sealer: Sealer


def identity(seals: Seals, reference: str) -> Identity:
    """The id, key and salt of a debtor who is new."""
    drawn = hashlib.blake2b(reference.encode(), key=seals.secret, digest_size=58).digest()
    debtor_id = UUID(int=_first_id(seals.at) | int.from_bytes(drawn[:10]) & _RANDOM_BITS)
    return _identity(debtor_id, drawn[10:42], drawn[42:58].hex())


def _identity(debtor_id: UUID, key: bytes, salt: str) -> Identity:
    return Identity(debtor_id, key, salt, binary.ID_LENGTH + debtor_id.bytes, Sealer(key))


@lru_cache(maxsize=4)
def _first_id(at: datetime) -> int:
    """The id of that instant without anything random."""
    return new_id(at, bytes(10)).int


_RANDOM_BITS = (
    new_id(datetime.fromtimestamp(0, UTC), b"\xff" * 10).int & ~new_id(datetime.fromtimestamp(0, UTC), bytes(10)).int
)


class Ids:
    """Ids that sort by line, so that what is written together lies together; 48 random bits tell them apart."""

    def __init__(self, at: datetime, random: bytes) -> None:
        self._first = _first_id(at)
        self._random, self._next = random, 0

    def __call__(self, line: int) -> bytes:
        """A new id for something of that line, as its 16 bytes."""
        begin, self._next = self._next, self._next + ID_RANDOM
        drawn = int.from_bytes(self._random[begin : self._next])
        return (self._first | (line >> 14 & 0xFFF) << 64 | (line & 0x3FFF) << 48 | drawn).to_bytes(16)


@dataclass(frozen=True, slots=True)
class Kit:
    """What the rows of one part are packed with: the seals, new ids, and what is made of the ring once a part."""

    seals: Seals
    ids: Ids
    wrap: Callable[[UUID, bytes], tuple[str, bytes]]
    blind: Callable[[str], bytes]


def kit(seals: Seals, random: bytes) -> Kit:
    """The kit of one part. `random` has six bytes for each id (`ids_needed`)."""
    ring = seals.ring
    return Kit(seals, Ids(seals.at, random), ring.wrapper(), blinder(ring, seals.creditor_id))


def name_token(seals: Seals, name: str) -> bytes:
    """By which two names are compared without being readable."""
    return hashlib.blake2b(name.encode(), key=seals.secret, digest_size=16).digest()


def digest(salt: str, digits: str) -> str:
    """The salted SHA-256 digest (hex) of what the right person can key in."""
    return hashlib.sha256((salt + digits).encode()).hexdigest()


def facts(seals: Seals, rows: Sequence[Row]) -> dict[str, object]:
    """What rows say of their debtor, in the shape of `forbear policy decide`'s `debtor`."""
    if len(rows) == 1 and not rows[0].notices:
        return {"places": [place_facts(rows[0].place)]} if rows[0].place else {}
    found: dict[str, object] = {}
    if places := {row.place for row in rows if row.place}:
        found["places"] = [place_facts(place) for place in sorted(places, key=_place_order)]
    if notices := {notice for row in rows for notice in row.notices}:
        found["notices"] = [
            {"kind": kind, "at": begin(seals.zone, day + timedelta(days=1)).isoformat()}
            for kind, day in sorted(notices)
        ]
    return found


def _place_order(place: Place) -> tuple[str, str, str, str, bool]:
    """The order that the merge gives places too, so that the same file says the same."""
    return place.country, place.region or "", place.postcode or "", place.timezone or "", place.verified


def place_facts(place: Place) -> dict[str, object]:
    """A place as JSON; what is unknown is left out."""
    found: dict[str, object] = {"country": place.country, "basis": place.basis, "verified": place.verified}
    if place.region:
        found["region"] = place.region
    if place.postcode:
        found["postcode"] = place.postcode
    if place.timezone:
        found["timezone"] = place.timezone
    return found


@lru_cache(maxsize=4096)
def begin(zone: ZoneInfo, day: date) -> datetime:
    """Where a day begins in the creditor's place. A notice counts from its day's end, a stop from its beginning."""
    return datetime.combine(day, time(), zone)


def pack_with_care(
    seals: Seals, rows: Sequence[Row], known: Mapping[str, Known], random: bytes, seen: Sequence[str]
) -> tuple[bytes, bytes, bytes, bytes]:
    """Rows for the tables `storage.import_portfolio.STAGED`, to be judged and merged at the end of the file."""
    tools = kit(seals, random)
    accounts, points, stops = [], [], []
    for row in rows:
        before = known.get(row.debtor)
        who = (before and _before(before)) or identity(seals, row.debtor)
        accounts.append(_row(tools, row, who, before))
        line = binary.int8(row.line)
        points += [binary.row((line, *point_fields(tools, who, point, tools.ids(row.line)))) for point in row.points]
        for stop in row.stops:
            since = binary.instant(begin(seals.zone, stop.since))
            stops.append(binary.row((line, who.field, binary.word(stop.kind), since)))
    references = [binary.row((binary.text(each),)) for each in seen]
    return b"".join(accounts), b"".join(points), b"".join(stops), b"".join(references)


def ids_needed(rows: Sequence[Row]) -> int:
    """How many ids these rows take."""
    return len(rows) + sum(len(row.points) for row in rows)


def _before(known: Known) -> Identity | None:
    if known.key is None:
        return None
    return _identity(known.debtor_id, known.key, known.salt)


def _row(tools: Kit, row: Row, who: Identity, before: Known | None) -> bytes:
    name, seals = row.name.encode(), tools.seals
    is_renamed = before is None or unseal(who.key, NAME, who.debtor_id, before.name_cipher) != name
    ring_key, wrapped = tools.wrap(who.debtor_id, who.key) if before is None else ("", None)
    return binary.row(
        (
            binary.int8(row.line),
            *account_fields(row, tools.ids(row.line)),
            binary.text(row.debtor),
            who.field,
            binary.flag(before is None),
            binary.word(row.kind),
            binary.word(row.language),
            binary.raw(who.sealer.seal(NAME, who.debtor_id.bytes, name)) if is_renamed else binary.NULL,
            binary.raw(name_token(seals, row.name)),
            binary.listed(tuple(sorted(row.flags))),
            binary.raw(orjson.dumps(facts(seals, (row,)))),
            binary.word(row.place.country if row.place else None),
            binary.text(who.salt),
            digests(who.salt, row.proofs),
            binary.word(ring_key),
            binary.raw(wrapped) if wrapped else binary.NULL,
        )
    )


def account_fields(row: Row, account_id: bytes) -> tuple[bytes, ...]:
    """The fields of an account that both ways share, in the order of `storage.import_statements`."""
    return (
        binary.text(row.reference),
        binary.ID_LENGTH + account_id,
        binary.word(row.product),
        binary.word(row.currency),
        binary.int8(row.principal),
        binary.int8(row.interest),
        binary.int8(row.penalty),
        binary.int8(row.fees),
        binary.decimal(row.penalty_daily),
        binary.day(row.as_of),
        binary.day(row.due_on),
        binary.int8(row.days_past_due),
        binary.text(row.group) if row.group else binary.NULL,
        binary.listed(tuple(sorted(row.tags))),
    )


def point_fields(tools: Kit, who: Identity, point: Point, point_id: bytes) -> tuple[bytes, ...]:
    """The fields of a contact point that both ways share, in the order of `storage.import_statements`."""
    return (
        binary.ID_LENGTH + point_id,
        who.field,
        binary.word(point.kind),
        binary.raw(who.sealer.seal(POINT, point_id, point.value.encode())),
        binary.raw(tools.blind(point.value)),
        binary.word(point.country),
        binary.listed(point.zones),
        binary.flag(point.is_verified),
        binary.int2(max(0, FIRST_PRIORITY - point.rank)),
    )


def digests(salt: str, proofs: Iterable[str]) -> bytes:
    """Digests of proofs as one field, each once and in order."""
    return binary.text(binary.SEPARATOR.join(sorted({digest(salt, proof) for proof in proofs})))
