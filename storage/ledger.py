"""The ledger: what was done to and by each debtor, append-only, each entry chained to the one before by its hash.

The hash of an entry is SHA-256 over seven lines of text: the hash before it (hex; empty for the first), creditor,
debtor, sequence number, instant (UTC, microseconds), kind, and the body as it is stored, canonical JSON. Whoever has
the entries can check them with common tools. Bodies never hold personal data.

Entries are written in the transaction that they describe, under the debtor's lane lock: the lane keeps the head.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection

from domain.errors import BadInput, Tampered
from storage import arrays
from storage import copy_binary as binary

Heads = Mapping[UUID, tuple[int, bytes]]
"""For each debtor, the sequence number and hash of the last entry; `(0, b"")` where there is none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written down of one debtor. `at` is aware; `body` is JSON without personal data, ids as text."""

    debtor_id: UUID
    kind: str
    at: dt.datetime
    body: Mapping[str, Any]


class Link(NamedTuple):
    """One entry packed for the table, its columns in their order, each a field of `storage/copy_binary.py`."""

    debtor_id: bytes
    seq: bytes
    at: bytes
    creditor_id: bytes
    kind: bytes
    body: bytes
    previous: bytes
    hash: bytes


class Written(NamedTuple):
    """One entry as it is stored; `body` is its text."""

    debtor_id: UUID
    seq: int
    at: dt.datetime
    creditor_id: UUID
    kind: str
    body: str
    previous: bytes
    hash: bytes


def entry_hash(
    previous: bytes, creditor_id: UUID, debtor_id: UUID, seq: int, at: dt.datetime, kind: str, body_text: str
) -> bytes:
    """The hash of an entry, from the hash before it and all that it says."""
    lines = (previous.hex(), str(creditor_id), str(debtor_id), str(seq), instant_text(at), kind, body_text)
    return hashlib.sha256("\n".join(lines).encode()).digest()


def instant_text(at: dt.datetime) -> str:
    """An instant as it is hashed, such as `2026-11-24T10:42:00.000000Z`."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def body_text(body: Mapping[str, Any]) -> bytes:
    """Canonical JSON: keys sorted, no spaces, UTF-8."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def chain(
    heads: Heads, creditor_id: UUID, entries: Sequence[Entry]
) -> tuple[list[Link], dict[UUID, tuple[int, bytes]]]:
    """Chain entries to the heads of their debtors, in the order given: packed rows, and the heads that changed.

    Raises KeyError where `heads` lacks a debtor.
    """
    rows: list[Link] = []
    moved: dict[UUID, tuple[int, bytes]] = {}
    creditor, creditor_field = str(creditor_id), binary.raw(creditor_id.bytes)
    last_at, at_text, at_field = None, "", b""
    for entry in entries:
        debtor_id = entry.debtor_id
        seq, previous = moved.get(debtor_id) or heads[debtor_id]
        seq += 1
        if entry.at is not last_at:
            last_at, at_text, at_field = entry.at, instant_text(entry.at), binary.instant(entry.at)
        body = body_text(entry.body)
        lines = f"{previous.hex()}\n{creditor}\n{debtor_id}\n{seq}\n{at_text}\n{entry.kind}\n"
        digest = hashlib.sha256(lines.encode() + body).digest()
        rows.append(
            Link(
                binary.raw(debtor_id.bytes),
                binary.int8(seq),
                at_field,
                creditor_field,
                binary.word(entry.kind),
                binary.raw(body),
                binary.raw(previous),
                binary.raw(digest),
            )
        )
        moved[debtor_id] = seq, digest
    return rows, moved


def append(connection: Connection, creditor_id: UUID, entries: Sequence[Entry], heads: Heads | None = None) -> None:
    """Write entries at the ends of their debtors' chains, locking the lanes in order of debtor.

    `heads`: of a caller who holds the locks of all these lanes and has read them since. Raises BadInput where the
    creditor has no such debtor.
    """
    if not entries:
        return
    if heads is None:
        heads = lock_heads(connection, {entry.debtor_id for entry in entries})
    try:
        rows, moved = chain(heads, creditor_id, entries)
    except KeyError as error:
        raise BadInput("the creditor has no such debtor, so nothing was written.", where=f"debtor {error}") from None
    insert(connection, creditor_id, rows)
    connection.exec_driver_sql(
        """UPDATE lanes l SET ledger_seq = n.seq, ledger_hash = n.hash
           FROM unnest(%(d)s::uuid[], %(s)s::bigint[], %(h)s::bytea[]) AS n(id, seq, hash) WHERE l.debtor_id = n.id""",
        {
            "d": arrays.ids(moved),
            "s": arrays.numbers(seq for seq, _ in moved.values()),
            "h": arrays.blobs(digest for _, digest in moved.values()),
        },
    )


def insert(connection: Connection, creditor_id: UUID, rows: Sequence[Link]) -> None:
    """Write entries that `chain` linked; the caller moves the lanes' heads in the same transaction."""
    if not rows:
        return
    debtors, seqs, ats, _, kinds, bodies, befores, hashes = zip(*rows, strict=True)
    connection.exec_driver_sql(
        """INSERT INTO ledger (debtor_id, seq, at, creditor_id, kind, body, previous, hash)
           SELECT d, s, a, %(creditor)s, k, b, p, h
           FROM unnest(%(d)s::uuid[], %(s)s::bigint[], %(a)s::timestamptz[], %(k)s::text[], %(b)s::json[],
                %(p)s::bytea[], %(h)s::bytea[]) AS n(d, s, a, k, b, p, h)""",
        {
            "creditor": creditor_id,
            "d": arrays.packed(arrays.ID, debtors),
            "s": arrays.packed(arrays.INT8, seqs),
            "a": arrays.packed(arrays.INSTANT, ats),
            "k": arrays.packed(arrays.TEXT, kinds),
            "b": arrays.packed(arrays.JSON, bodies),
            "p": arrays.packed(arrays.BYTEA, befores),
            "h": arrays.packed(arrays.BYTEA, hashes),
        },
    )


def lock_heads(connection: Connection, debtor_ids: set[UUID]) -> dict[UUID, tuple[int, bytes]]:
    """Lock the lanes of these debtors, in order of id, and read the heads of their chains."""
    rows = connection.exec_driver_sql(
        """SELECT debtor_id, ledger_seq, ledger_hash FROM lanes WHERE debtor_id = ANY(%(ids)s::uuid[])
           ORDER BY debtor_id FOR UPDATE""",
        {"ids": arrays.ids(debtor_ids)},
    )
    return {debtor_id: (seq, digest) for debtor_id, seq, digest in rows.all()}


def read(connection: Connection, debtor_id: UUID) -> Iterator[Written]:
    """The entries of one debtor, in order."""
    rows = connection.exec_driver_sql(
        """SELECT debtor_id, seq, at, creditor_id, kind, body::text, previous, hash FROM ledger
           WHERE debtor_id = %(id)s ORDER BY seq, at""",
        {"id": debtor_id},
    )
    return (Written._make(row) for row in rows)


def verify(connection: Connection, debtor_id: UUID) -> int:
    """Check one debtor's chain, its entries and the head in the lane; how many entries there are.

    Raises Tampered at the first entry that was altered, taken out, put in or moved.
    """
    rows = connection.exec_driver_sql(_chains("SELECT * FROM lanes WHERE debtor_id = %(id)s"), {"id": debtor_id}).all()
    if rows:
        return _check(rows)
    for entry in read(connection, debtor_id):
        raise _tampered(debtor_id, entry.seq, "no such debtor is known")
    return 0


def verify_all(connection: Connection, debtors: int = 1_000) -> Iterator[tuple[int, int, list[Tampered]]]:
    """Check every chain of the creditor, `debtors` at a time: how many chains and entries were read, and what is wrong.

    Ends with entries whose debtor is not known at all.
    """
    after, lanes = UUID(int=0), "SELECT * FROM lanes WHERE debtor_id > %(after)s ORDER BY debtor_id LIMIT %(limit)s"
    while rows := connection.exec_driver_sql(_chains(lanes), {"after": after, "limit": debtors}).all():
        chains = [list(chain_rows) for _, chain_rows in groupby(rows, key=lambda row: row.debtor_id)]
        found = [_fault(chain_rows) for chain_rows in chains]
        yield len(chains), sum(row.seq is not None for row in rows), [fault for fault in found if fault]
        after = rows[-1].debtor_id
    strangers = connection.exec_driver_sql(
        """SELECT DISTINCT debtor_id FROM ledger e
           WHERE NOT EXISTS (SELECT FROM lanes l WHERE l.debtor_id = e.debtor_id)"""
    )
    yield 0, 0, [_tampered(row.debtor_id, 1, "no such debtor is known") for row in strangers]


def check_chain(debtor_id: UUID, entries: Iterable[Written]) -> tuple[int, bytes]:
    """The sequence number and hash of the last of these entries, which are one debtor's from the first on.

    Raises Tampered at the first entry that does not follow from the one before.
    """
    seq, previous = 0, b""
    for entry in entries:
        if entry.seq != seq + 1:
            what = "an entry is missing" if entry.seq > seq + 1 else "an entry was put in"
            raise _tampered(debtor_id, seq + 1, what)
        if entry.previous != previous:
            raise _tampered(debtor_id, entry.seq, "it does not follow from the entry before it")
        if entry.hash != entry_hash(
            previous, entry.creditor_id, debtor_id, entry.seq, entry.at, entry.kind, entry.body
        ):
            raise _tampered(debtor_id, entry.seq, "it was altered")
        seq, previous = entry.seq, entry.hash
    return seq, previous


def _chains(lanes: str) -> str:
    """Lanes with their entries, in one statement: so that none is written between the one look and the other."""
    return f"""SELECT e.debtor_id AS entry_of, e.seq, e.at, e.creditor_id, e.kind, e.body::text, e.previous, e.hash,
                   l.debtor_id, l.ledger_seq, l.ledger_hash
               FROM ({lanes}) l LEFT JOIN ledger e ON e.debtor_id = l.debtor_id
               ORDER BY l.debtor_id, e.seq, e.at"""  # noqa: S608 -- constants


def _check(rows: Sequence[Any]) -> int:
    """Check the rows of one lane."""
    lane = rows[0]
    last = check_chain(lane.debtor_id, (Written(*row[:8]) for row in rows if row.seq is not None))
    if last != (lane.ledger_seq, lane.ledger_hash):
        raise _tampered(lane.debtor_id, last[0] + 1, "the chain does not end where the debtor's lane says")
    return last[0]


def _fault(rows: Sequence[Any]) -> Tampered | None:
    try:
        _check(rows)
    except Tampered as fault:
        return fault
    return None


def _tampered(debtor_id: UUID, seq: int, what: str) -> Tampered:
    return Tampered(
        f"{what}.",
        where=f"ledger of debtor {debtor_id}, entry {seq}",
        remedy="Keep the database as it is, and compare it with a backup.",
    )
