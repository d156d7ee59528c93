"""`forbear release`, `forbear keys` and `forbear ledger`, as they are typed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from config.settings import Settings
from forbear import cli
from storage import ledger
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing
from storage.ledger import Entry
from storage.session import Database
from storage.vault import Vault
from tests import databases
from tests.storage.conftest import NOW
from tests.storage.rows import add, add_lanes


@pytest.fixture
def database(fresh_database: databases.Database) -> databases.Database:
    return fresh_database


@pytest.fixture
def ring_path(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The commands' settings; where their key ring is."""
    for name in ("state_dir", "database_url", "database_owner_url", "redis_url"):
        monkeypatch.setenv(f"FORBEAR_{name.upper()}", str(getattr(settings, name)))
    return settings.keys_path


@pytest.fixture
def db(database: databases.Database) -> Iterator[Database]:
    made = Database(database.url)
    yield made
    made.close()


def keep_debtor(db: Database, ring: KeyRing, code: str = "harbour") -> tuple[UUID, UUID]:
    """A debtor with a key and three entries in the ledger."""
    creditor = ensure_creditor(db, code, None, NOW, code.encode().ljust(10))
    debtor_id = uuid4()
    _, ring_key, wrapped = Vault(ring, 0).new_key(debtor_id)
    with db.tenant(creditor) as connection:
        add(connection, creditor, "debtors", debtor_id=debtor_id, reference="HB-1")
        add(connection, creditor, "debtor_keys", debtor_id=debtor_id, ring_key=ring_key, wrapped=wrapped)
        add_lanes(connection, creditor, [debtor_id])
        ledger.append(connection, creditor, [Entry(debtor_id, "looked", NOW, {"n": n}) for n in range(3)])
    return creditor, debtor_id


def run(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Run a command; what it said on both outputs."""
    found = cli.run(words)
    said = capsys.readouterr()
    assert found == code, said
    return said.out + said.err


def test_release_readies_the_database_and_can_be_repeated(
    ring_path: Path, database: databases.Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "ready" in run(capsys, "release")
    ring = ring_path.read_text()
    with psycopg.connect(database.owner_url) as owner:
        parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'ledger'::regclass"
        months = owner.execute(parts).fetchone()
        assert months
        assert months[0] >= 14
        run(capsys, "release")
        assert owner.execute(parts).fetchone() == months
    assert ring_path.read_text() == ring


def test_release_makes_no_second_ring_where_data_was_sealed(
    ring_path: Path, db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_debtor(db, KeyRing.open(tmp_path / "elsewhere.json", create=True))
    assert "there is no key ring" in run(capsys, "release", code=2)
    assert not ring_path.exists()
    run(capsys, "keys", "init")
    assert "lacks" in run(capsys, "release", code=2)
    said = json.loads(run(capsys, "keys", "status", "--json", code=1))
    assert said["missing"] == list(KeyRing.open(tmp_path / "elsewhere.json").ids)
    assert "MISSING" in run(capsys, "keys", "status", code=1)
    assert "lacks" in run(capsys, "keys", "rotate", code=2)


def test_keys_are_made_once(ring_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert str(ring_path) in run(capsys, "keys", "init").replace("\n", "")
    assert "already" in run(capsys, "keys", "init", code=2)
    assert "current" in run(capsys, "keys", "status")


def test_rotation_wraps_everybody_anew(ring_path: Path, db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "keys", "init")
    ring = KeyRing.open(ring_path)
    people = [keep_debtor(db, ring, code) for code in ("harbour", "quay")]
    assert run(capsys, "keys", "rotate").startswith("2 data keys")
    said = json.loads(run(capsys, "keys", "status", "--json"))
    assert [(key["current"], key["wraps"]) for key in said["keys"]] == [(False, 0), (True, 2)]
    for creditor, debtor_id in people:
        with db.tenant(creditor) as connection:
            assert len(Vault(ring, 0).keys(connection, [debtor_id])) == 1
    assert run(capsys, "keys", "rotate", "--rewrap-only").startswith("0 data keys")
    assert len(KeyRing.open(ring_path).ids) == 2


def test_the_ledger_is_checked_whole_or_for_one(
    ring_path: Path, db: Database, database: databases.Database, capsys: pytest.CaptureFixture[str]
) -> None:
    ring = KeyRing.open(ring_path, create=True)
    creditor, debtor_id = keep_debtor(db, ring)
    keep_debtor(db, ring, "quay")
    assert run(capsys, "ledger", "verify").startswith("6 entries of 2 debtors were checked; 0 debtors")
    assert run(capsys, "ledger", "verify", "-c", "quay").startswith("3 entries of 1 debtors")
    for name in ("HB-1", str(debtor_id)):
        assert "3 entries" in run(capsys, "ledger", "verify", name, "-c", "harbour")
    assert "no debtor" in run(capsys, "ledger", "verify", "HB-2", code=2)
    assert "no creditor" in run(capsys, "ledger", "verify", "-c", "nobody", code=2)
    spoil(database, creditor, debtor_id)
    for words in ((), ("HB-1",), ("-c", "harbour")):
        said = run(capsys, "ledger", "verify", *words, code=1)
        assert f"ledger of debtor {debtor_id}, entry 2: it was altered." in said
    found: dict[str, Any] = json.loads(run(capsys, "ledger", "verify", "--json", code=1))
    assert (found["debtors"], found["entries"], len(found["faults"])) == (2, 6, 1)


def spoil(database: databases.Database, creditor: UUID, debtor_id: UUID) -> None:
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("SELECT set_config('forbear.creditor', %s, false)", [str(creditor)])
        owner.execute("ALTER TABLE ledger_default DISABLE TRIGGER ledger_keeps")
        owner.execute("UPDATE ledger SET body = '{}' WHERE debtor_id = %s AND seq = 2", [debtor_id])
