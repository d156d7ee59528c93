"""Data keys: each creditor's own, wrapped anew while in use, and gone when they are destroyed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.errors import BadSettings, Tampered
from storage import ledger, vault
from storage.crypto import KeyRing, seal, unseal
from storage.ledger import Entry
from storage.session import Database
from storage.vault import Vault
from tests.storage.conftest import NOW
from tests.storage.rows import add, add_lanes

NAME = "debtors.name_cipher"


def keep(db: Database, creditor: UUID, opened: Vault, n: int) -> dict[UUID, bytes]:
    """Make debtors' keys and store them wrapped."""
    made = {}
    with db.tenant(creditor) as connection:
        for _ in range(n):
            debtor_id = uuid4()
            made[debtor_id], ring_key, wrapped = opened.new_key(debtor_id)
            add(connection, creditor, "debtor_keys", debtor_id=debtor_id, ring_key=ring_key, wrapped=wrapped)
    return made


@pytest.fixture(autouse=True)
def _empty(db: Database, creditor: UUID, other_creditor: UUID) -> None:
    for tenant in (creditor, other_creditor):
        with db.tenant(tenant) as connection:
            connection.exec_driver_sql("DELETE FROM debtor_keys")


@pytest.mark.parametrize("size", [0, 1, 100])
def test_keys_come_back_whatever_is_remembered(db: Database, creditor: UUID, ring: KeyRing, size: int) -> None:
    opened = Vault(ring, size)
    made = keep(db, creditor, opened, 5)
    for _ in range(2):
        with db.tenant(creditor) as connection:
            assert opened.keys(connection, list(made)) == made
            assert opened.keys(connection, []) == {}


def test_what_is_remembered_is_nobody_else_s(db: Database, creditor: UUID, other_creditor: UUID, ring: KeyRing) -> None:
    opened = Vault(ring, 100)
    made = keep(db, creditor, opened, 3)
    with db.tenant(creditor) as connection:
        opened.keys(connection, list(made))
    with db.tenant(other_creditor) as connection:
        assert opened.keys(connection, list(made)) == {}


def test_erasure_holds_at_once_and_the_ledger_still_verifies(db: Database, creditor: UUID, ring: KeyRing) -> None:
    opened = Vault(ring, 100)
    ((debtor_id, key),) = keep(db, creditor, opened, 1).items()
    name = seal(key, NAME, debtor_id, b"Sofia Marin")
    with db.tenant(creditor) as connection:
        add_lanes(connection, creditor, [debtor_id])
        ledger.append(connection, creditor, [Entry(debtor_id, "looked", NOW, {"who": "a"})] * 3)
        assert unseal(opened.keys(connection, [debtor_id])[debtor_id], NAME, debtor_id, name) == b"Sofia Marin"
    with db.tenant(creditor) as connection:
        assert vault.erase(connection, debtor_id)
        ledger.append(connection, creditor, [Entry(debtor_id, "looked", NOW, {"what": "erased"})])
    with db.tenant(creditor) as connection:
        assert opened.keys(connection, [debtor_id]) == {}
        assert not vault.erase(connection, debtor_id)
        assert ledger.verify(connection, debtor_id) == 4


def test_another_creditor_erases_nobody(db: Database, creditor: UUID, other_creditor: UUID, ring: KeyRing) -> None:
    opened = Vault(ring, 100)
    made = keep(db, creditor, opened, 1)
    with db.tenant(other_creditor) as connection:
        assert not vault.erase(connection, *made)
    with db.tenant(creditor) as connection:
        assert opened.keys(connection, list(made)) == made


def test_wrapping_anew_goes_on_until_all_is_done(
    db: Database, creditor: UUID, other_creditor: UUID, ring: KeyRing
) -> None:
    opened = Vault(ring, 0)
    mine, others = keep(db, creditor, opened, 5), keep(db, other_creditor, opened, 2)
    old, new = ring.current, ring.rotate()
    with db.tenant(creditor) as connection:
        assert [vault.rewrap(connection, ring, 3) for _ in range(3)] == [3, 2, 0]
        assert vault.wrapped_by(connection) == {new: 5}
    assert vault.wrapped_by_all(db) == {new: 5, old: 2}
    for tenant, made in ((creditor, mine), (other_creditor, others)):
        with db.tenant(tenant) as connection:
            assert opened.keys(connection, list(made)) == made


def test_readers_and_writers_go_on_while_the_ring_rotates(db: Database, creditor: UUID, ring: KeyRing) -> None:
    made = keep(db, creditor, Vault(ring, 0), 30)
    start = threading.Barrier(4)

    def rotate() -> None:
        start.wait()
        for _ in range(4):
            ring.rotate()
            with db.tenant(creditor) as connection:
                while vault.rewrap(connection, ring, 7):
                    pass

    def use() -> None:
        opened = Vault(KeyRing.open(ring.path), 10)
        start.wait()
        for _ in range(20):
            keep(db, creditor, opened, 1)
            with db.tenant(creditor) as connection:
                assert opened.keys(connection, list(made)) == made

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(rotate), *(pool.submit(use) for _ in range(3))]:
            done.result()
    with db.tenant(creditor) as connection:
        while vault.rewrap(connection, ring, 1000):
            pass
        assert vault.wrapped_by(connection) == {ring.current: 30 + 60}
        assert Vault(ring, 0).keys(connection, list(made)) == made


def test_a_wrong_ring_and_a_moved_wrap_are_found(db: Database, creditor: UUID, ring: KeyRing, tmp_path: Path) -> None:
    one, other = keep(db, creditor, Vault(ring, 0), 2)
    stranger = Vault(KeyRing.open(tmp_path / "other.json", create=True), 0)
    with db.tenant(creditor) as connection:
        with pytest.raises(BadSettings, match="no key"):
            stranger.keys(connection, [one])
        connection.exec_driver_sql(
            """UPDATE debtor_keys SET wrapped = (SELECT wrapped FROM debtor_keys WHERE debtor_id = %(other)s)
               WHERE debtor_id = %(one)s""",
            {"one": one, "other": other},
        )
        with pytest.raises(Tampered):
            Vault(ring, 10).keys(connection, [one])
