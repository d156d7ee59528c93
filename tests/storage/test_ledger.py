"""Chains: every alteration is found, whoever makes it, and any number of writers leaves them whole."""

import datetime as dt
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from domain.errors import BadInput, Tampered
from storage import copy_binary as binary
from storage import ledger
from storage.creditors import ensure_creditor
from storage.ledger import Entry, Written
from storage.session import Database
from tests.storage.conftest import NOW
from tests.storage.rows import add_lanes

Harm = Callable[[psycopg.Connection[Any], UUID], None]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('abcé\u0000"\n', max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
BODIES = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), JSON, max_size=4)
INSTANTS = st.timedeltas(dt.timedelta(), dt.timedelta(days=50_000)).map(
    lambda since: dt.datetime(2001, 1, 1, tzinfo=dt.UTC) + since
)


def entries_of(debtor_id: UUID, n: int) -> list[Entry]:
    return [Entry(debtor_id, "looked", NOW + dt.timedelta(hours=hour), {"who": str(hour)}) for hour in range(n)]


def written(db: Database, creditor: UUID, debtor_id: UUID) -> list[Written]:
    with db.tenant(creditor) as connection:
        return list(ledger.read(connection, debtor_id))


def verified(db: Database, creditor: UUID, debtor_id: UUID) -> int:
    with db.tenant(creditor) as connection:
        return ledger.verify(connection, debtor_id)


@pytest.fixture
def debtor(db: Database, creditor: UUID) -> UUID:
    """A debtor with six entries, over two months."""
    debtor_id = uuid4()
    with db.tenant(creditor) as connection:
        add_lanes(connection, creditor, [debtor_id])
        ledger.append(connection, creditor, entries_of(debtor_id, 3))
        later = [Entry(debtor_id, "looked", NOW + dt.timedelta(days=40, hours=n), {"who": "x"}) for n in range(3)]
        ledger.append(connection, creditor, later)
    return debtor_id


def test_an_entry_is_hashed_as_seven_lines() -> None:
    creditor, debtor = UUID(int=1), UUID(int=2)
    text = (
        "00ff\n00000000-0000-0000-0000-000000000001\n00000000-0000-0000-0000-000000000002\n7\n"
        '2026-11-24T10:42:00.000000Z\nlooked\n{"who":"a"}'
    )
    in_shanghai = NOW.astimezone(dt.timezone(dt.timedelta(hours=8)))
    for at in (NOW, in_shanghai):
        found = ledger.entry_hash(b"\x00\xff", creditor, debtor, 7, at, "looked", '{"who":"a"}')
        assert found == hashlib.sha256(text.encode()).digest()


@given(bodies=st.lists(st.tuples(st.integers(0, 2), INSTANTS, BODIES), min_size=1, max_size=8))
def test_what_is_written_is_read_back_to_the_letter_and_verifies(
    db: Database, creditor: UUID, bodies: list[tuple[int, dt.datetime, dict[str, Any]]]
) -> None:
    debtors = [uuid4() for _ in range(3)]
    entries = [Entry(debtors[which], f"kind {which}", at, body) for which, at, body in bodies]
    with db.tenant(creditor) as connection:
        add_lanes(connection, creditor, debtors)
        ledger.append(connection, creditor, entries)
        for debtor_id in debtors:
            mine = [entry for entry in entries if entry.debtor_id == debtor_id]
            found = list(ledger.read(connection, debtor_id))
            assert [(one.kind, one.at, json.loads(one.body)) for one in found] == [
                (one.kind, one.at, json.loads(orjson.dumps(one.body))) for one in mine
            ]
            assert [one.body for one in found] == [ledger.body_text(one.body).decode() for one in mine]
            assert [one.seq for one in found] == list(range(1, len(mine) + 1))
            assert ledger.verify(connection, debtor_id) == len(mine)
        connection.rollback()


def test_keys_are_sorted_so_that_equal_bodies_have_equal_hashes() -> None:
    assert ledger.body_text({"b": 1, "a": {"d": 1, "c": "é"}}) == '{"a":{"c":"é","d":1},"b":1}'.encode()


def test_chains_are_the_same_however_they_are_cut() -> None:
    debtor = uuid4()
    entries = entries_of(debtor, 5)
    whole, heads = ledger.chain({debtor: (0, b"")}, UUID(int=9), entries)
    first, between = ledger.chain({debtor: (0, b"")}, UUID(int=9), entries[:2])
    rest, end = ledger.chain(between, UUID(int=9), entries[2:])
    assert (whole, heads) == (first + rest, end)
    assert all(one.hash == two.previous for one, two in pairwise(whole))
    assert whole[0].debtor_id == binary.raw(debtor.bytes)


def test_an_unknown_debtor_is_an_error_and_writes_nothing(
    db: Database, creditor: UUID, other_creditor: UUID, debtor: UUID
) -> None:
    for acting, stranger in ((creditor, uuid4()), (other_creditor, debtor)):
        with pytest.raises(BadInput, match="no such debtor"), db.tenant(acting) as connection:
            ledger.append(connection, acting, [Entry(stranger, "looked", NOW, {})])
    assert verified(db, creditor, debtor) == 6


def test_heads_that_the_caller_read_are_taken(db: Database, creditor: UUID, debtor: UUID) -> None:
    with db.tenant(creditor) as connection:
        heads = ledger.lock_heads(connection, {debtor})
        ledger.append(connection, creditor, entries_of(debtor, 2), heads)
        ledger.append(connection, creditor, [])
    assert verified(db, creditor, debtor) == 8


def test_nothing_is_left_of_a_transaction_that_fails(db: Database, creditor: UUID, debtor: UUID) -> None:
    with pytest.raises(ZeroDivisionError), db.tenant(creditor) as connection:  # noqa: PT012
        ledger.append(connection, creditor, entries_of(debtor, 2))
        raise ZeroDivisionError
    assert verified(db, creditor, debtor) == 6


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET kind = 'x'",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "TRUNCATE {table} CASCADE",
        "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT (debtor_id, seq, at) DO UPDATE SET kind = 'x'",
    ],
)
@pytest.mark.parametrize("table", ["ledger", "ledger_default"])
def test_its_owner_cannot_change_it_either(
    owner: psycopg.Connection[Any], creditor: UUID, debtor: UUID, statement: str, table: str
) -> None:
    with owner.transaction(force_rollback=True):
        owner.execute("SELECT set_config('forbear.creditor', %s, true)", [str(creditor)])
        owner.execute("ALTER TABLE ledger_default NO FORCE ROW LEVEL SECURITY")
        with pytest.raises(psycopg.errors.RestrictViolation, match="refuses"):
            owner.execute(statement.format(table=table).encode())


def alter(column: str, value: object, seq: int = 3) -> Harm:
    def harm(owner: psycopg.Connection[Any], debtor_id: UUID) -> None:
        owner.execute(
            f"UPDATE ledger SET {column} = %s WHERE debtor_id = %s AND seq = %s".encode(), [value, debtor_id, seq]
        )

    return harm


def delete(*seqs: int) -> Harm:
    def harm(owner: psycopg.Connection[Any], debtor_id: UUID) -> None:
        owner.execute("DELETE FROM ledger WHERE debtor_id = %s AND seq = ANY(%s)", [debtor_id, list(seqs)])

    return harm


def insert(owner: psycopg.Connection[Any], debtor_id: UUID) -> None:
    """A third entry twice, the second with an instant of its own."""
    owner.execute(
        """INSERT INTO ledger SELECT debtor_id, seq, at + interval '1 minute', creditor_id, kind, body, previous, hash
           FROM ledger WHERE debtor_id = %s AND seq = 3""",
        [debtor_id],
    )


def forge_after(owner: psycopg.Connection[Any], debtor_id: UUID) -> None:
    """One more entry that follows well, without the lane's knowledge."""
    row = owner.execute("SELECT * FROM ledger WHERE debtor_id = %s AND seq = 6", [debtor_id]).fetchone()
    assert row
    digest = ledger.entry_hash(row[7], row[3], debtor_id, 7, NOW, "looked", "{}")
    owner.execute(
        "INSERT INTO ledger VALUES (%s, 7, %s, %s, 'looked', '{}', %s, %s)", [debtor_id, NOW, row[3], row[7], digest]
    )


def swap(owner: psycopg.Connection[Any], debtor_id: UUID) -> None:
    """The second and third entry in each other's place."""
    for old, new in ((2, 99), (3, 2), (99, 3)):
        owner.execute("UPDATE ledger SET seq = %s WHERE debtor_id = %s AND seq = %s", [new, debtor_id, old])


def rewrite(owner: psycopg.Connection[Any], debtor_id: UUID) -> None:
    """Another body with a hash that fits it: the next entry gives it away."""
    row = owner.execute("SELECT * FROM ledger WHERE debtor_id = %s AND seq = 3", [debtor_id]).fetchone()
    assert row
    digest = ledger.entry_hash(row[6], row[3], debtor_id, 3, row[2], row[4], "{}")
    owner.execute("UPDATE ledger SET body = '{}', hash = %s WHERE debtor_id = %s AND seq = 3", [digest, debtor_id])


HARMS: dict[str, tuple[Harm, str]] = {
    "another body": (alter("body", '{"who":"nobody"}'), "entry 3: it was altered"),
    "a space in the body": (alter("body", '{"who": "2"}'), "entry 3: it was altered"),
    "another kind": (alter("kind", "paid"), "entry 3: it was altered"),
    "a microsecond earlier": (alter("at", NOW + dt.timedelta(hours=2, microseconds=-1)), "entry 3: it was altered"),
    "another month": (alter("at", NOW - dt.timedelta(days=365)), "entry 3: it was altered"),
    "another previous": (alter("previous", b"x"), "entry 3: it does not follow"),
    "another hash": (alter("hash", b"x"), "entry 3: it was altered"),
    "the first gone": (delete(1), "entry 1: an entry is missing"),
    "one in the middle gone": (delete(4), "entry 4: an entry is missing"),
    "the last gone": (delete(6), "entry 6: the chain does not end"),
    "all gone": (delete(1, 2, 3, 4, 5, 6), "entry 1: the chain does not end"),
    "one put in": (insert, "entry 4: an entry was put in"),
    "one put at the end": (forge_after, "entry 8: the chain does not end"),
    "two swapped": (swap, "entry 2: it does not follow"),
    "rewritten with its hash": (rewrite, "entry 4: it does not follow"),
}


@pytest.mark.parametrize("name", sorted(HARMS))
def test_what_somebody_with_all_rights_does_is_found(
    db: Database, owner: psycopg.Connection[Any], creditor: UUID, debtor: UUID, name: str
) -> None:
    harm, found = HARMS[name]
    owner.execute("SELECT set_config('forbear.creditor', %s, false)", [str(creditor)])
    owner.execute("ALTER TABLE ledger DISABLE TRIGGER ledger_keeps")
    for part in parts(owner):
        owner.execute(f"ALTER TABLE {part} DISABLE TRIGGER ledger_keeps".encode())
    harm(owner, debtor)
    with db.tenant(creditor) as connection:
        with pytest.raises(Tampered, match=found):
            ledger.verify(connection, debtor)
        faults = [fault for _, _, wrong in ledger.verify_all(connection, debtors=7) for fault in wrong]
    assert [fault.describe() for fault in faults if str(debtor) in fault.where] != []


def test_entries_of_nobody_are_found(db: Database, owner: psycopg.Connection[Any], creditor: UUID) -> None:
    stranger = uuid4()
    owner.execute("SELECT set_config('forbear.creditor', %s, false)", [str(creditor)])
    digest = ledger.entry_hash(b"", creditor, stranger, 1, NOW, "looked", "{}")
    owner.execute(
        "INSERT INTO ledger VALUES (%s, 1, %s, %s, 'looked', '{}', '', %s)", [stranger, NOW, creditor, digest]
    )
    with db.tenant(creditor) as connection:
        with pytest.raises(Tampered, match="no such debtor"):
            ledger.verify(connection, stranger)
        *_, (_, _, last) = ledger.verify_all(connection)
        assert any(str(stranger) in fault.where for fault in last)
        assert ledger.verify(connection, uuid4()) == 0


def test_all_chains_are_counted(fresh_database: Any) -> None:
    db = Database(fresh_database.url)
    creditor = ensure_creditor(db, "a", None, NOW, b"0123456789")
    debtors = [uuid4() for _ in range(25)]
    with db.tenant(creditor) as connection:
        add_lanes(connection, creditor, debtors)
        ledger.append(connection, creditor, [entry for one in debtors[:20] for entry in entries_of(one, 3)])
        found = list(ledger.verify_all(connection, debtors=10))
    assert [n for n, _, _ in found] == [10, 10, 5, 0]
    assert sum(n for _, n, _ in found) == 60
    assert [wrong for _, _, wrong in found if wrong] == []
    db.close()


def parts(owner: psycopg.Connection[Any]) -> Sequence[str]:
    rows = owner.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ledger'::regclass")
    return [row[0] for row in rows]


def test_eight_writers_leave_every_chain_whole(db: Database, creditor: UUID) -> None:
    debtors = [uuid4() for _ in range(12)]
    with db.tenant(creditor) as connection:
        add_lanes(connection, creditor, debtors)
    start = threading.Barrier(8)

    def write(writer: int) -> None:
        start.wait()
        for turn in range(15):
            chosen = [debtors[(writer * 5 + turn * step) % 12] for step in (3, 1, 7, 1)]
            entries = [Entry(debtor_id, "looked", NOW, {"writer": writer, "turn": turn}) for debtor_id in chosen]
            with db.tenant(creditor) as connection:
                ledger.append(connection, creditor, entries)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert sum(verified(db, creditor, debtor_id) for debtor_id in debtors) == 8 * 15 * 4


def test_two_heads_of_one_chain_cannot_both_be_written(db: Database, creditor: UUID, debtor: UUID) -> None:
    """A caller who gives heads without holding the locks is stopped by the key."""
    stale = {debtor: (5, b"x" * 32)}
    last = written(db, creditor, debtor)[-1]
    with pytest.raises(IntegrityError), db.tenant(creditor) as connection:
        ledger.append(connection, creditor, [Entry(debtor, "looked", last.at, {})], stale)
