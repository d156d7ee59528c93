"""Debtors who are certainly new, packed as they will lie in the tables, with the first entries of their ledgers.

Most of a first file, and of a new one. Nothing is left to compare in the database: it only takes the rows in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import orjson

from domain.facts import Collector, StopKind
from portfolio import bodies
from portfolio.rows import Point, Row
from portfolio.sealing import (
    NAME,
    Identity,
    Kit,
    Seals,
    account_fields,
    begin,
    digests,
    facts,
    identity,
    kit,
    name_token,
    point_fields,
)
from storage import copy_binary as binary
from storage.ledger import Entry, chain

Group = Sequence[Row]
"""The rows of one debtor."""


class Packed(NamedTuple):
    """Rows for the tables `storage.import_portfolio.FRESH`, in their order."""

    debtors: bytes
    points: bytes
    accounts: bytes
    stops: bytes
    ledger: bytes


@dataclass(slots=True)
class _Pack:
    """What is packed so far."""

    tools: Kit
    source: str
    collector: Collector
    points: list[bytes] = field(default_factory=list)
    accounts: list[bytes] = field(default_factory=list)
    stops: list[bytes] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def pack_fresh(seals: Seals, groups: Sequence[Group], random: bytes, source: str, collector: Collector) -> Packed:
    """Pack new debtors, each with all of his rows. `random` has six bytes for each id (`ids_needed`)."""
    pack = _Pack(kit(seals, random), source, collector)
    people = []
    for rows in groups:
        who = identity(seals, rows[0].debtor)
        said = facts(seals, rows)
        points, accounts = _points(pack, who, rows), [_account(pack, who, row) for row in rows]
        body = bodies.imported_body(said, points, accounts, collector)
        pack.entries.append(Entry(who.debtor_id, bodies.IMPORTED, seals.at, body))
        _stops(pack, who, rows)
        people.append((who, rows, orjson.dumps(said)))
    ledger, heads = chain({who.debtor_id: (0, b"") for who, _, _ in people}, seals.creditor_id, pack.entries)
    debtors = [_debtor(pack.tools, who, rows, said, *heads[who.debtor_id]) for who, rows, said in people]
    parts = (debtors, pack.points, pack.accounts, pack.stops, map(binary.row, ledger))
    return Packed(*map(b"".join, parts))


def _points(pack: _Pack, who: Identity, rows: Group) -> list[bodies.Body]:
    """All contact points of a debtor, each once, in the order in which they are tried."""
    found = []
    for line, point in _each_once(rows):
        point_id = pack.tools.ids(line)
        pack.points.append(binary.row(point_fields(pack.tools, who, point, point_id)))
        found.append(bodies.point_body(_text(point_id), point.kind, point.zones, point.country))
    return found


def _each_once(rows: Group) -> Iterable[tuple[int, Point]]:
    """The points with their lines; of one that comes several times, the first of those that are tried first."""
    if len(rows) == 1:
        return [(rows[0].line, point) for point in rows[0].points]
    ordered = sorted(((row.line, point) for row in rows for point in row.points), key=lambda each: each[1].rank)
    found: dict[str, tuple[int, Point]] = {}
    for line, point in ordered:
        found.setdefault(point.value, (line, point))
    return found.values()


def _account(pack: _Pack, who: Identity, row: Row) -> bodies.Body:
    account_id = pack.tools.ids(row.line)
    pack.accounts.append(binary.row((binary.int8(row.line), who.field, *account_fields(row, account_id))))
    total = row.principal + row.interest + row.penalty + row.fees
    due_at = bodies.due_instant(row.due_on, pack.tools.seals.zone)
    return bodies.account_body(
        _text(account_id),
        row.product,
        row.days_past_due,
        due_at,
        row.group,
        row.currency,
        total,
        row.as_of,
        "open" if total else "paid",
    )


def _text(value: bytes) -> str:
    """An id as `str` shows a UUID, without making one."""
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _stops(pack: _Pack, who: Identity, rows: Group) -> None:
    seals = pack.tools.seals
    since: dict[StopKind, date] = {}
    for row in rows:
        for stop in row.stops:
            since[stop.kind] = min(stop.since, since.get(stop.kind, stop.since))
    for kind, day in sorted(since.items()):
        at = binary.instant(min(begin(seals.zone, day), seals.at))
        pack.stops.append(binary.row((who.field, binary.word(kind), at)))
        pack.entries.append(
            Entry(who.debtor_id, bodies.SUPPRESSED, seals.at, bodies.suppressed_body(kind, pack.source))
        )


def _debtor(tools: Kit, who: Identity, rows: Group, said: bytes, seq: int, head: bytes) -> bytes:
    first = rows[0]
    ring_key, wrapped = tools.wrap(who.debtor_id, who.key)
    flags = first.flags if len(rows) == 1 else {flag for row in rows for flag in row.flags}
    proofs = first.proofs if len(rows) == 1 else {proof for row in rows for proof in row.proofs}
    return binary.row(
        (
            binary.int8(first.line),
            who.field,
            binary.text(first.debtor),
            binary.word(first.kind),
            binary.word(first.language),
            binary.raw(who.sealer.seal(NAME, who.debtor_id.bytes, first.name.encode())),
            binary.raw(name_token(tools.seals, first.name)),
            binary.listed(tuple(sorted(flags))),
            binary.raw(said),
            binary.text(who.salt),
            digests(who.salt, proofs),
            binary.word(ring_key),
            binary.raw(wrapped),
            binary.int8(seq),
            binary.raw(head),
        )
    )
