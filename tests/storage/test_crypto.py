"""Sealed values open for whoever has the key, in their own place, and nowhere else."""

import json
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadSettings, ForbearError, Tampered, Unavailable
from storage.crypto import KeyRing, Sealer, blind, blinder, seal, unseal

NAME, VALUE = "debtors.name_cipher", "contact_points.value_cipher"
KEYS = st.binary(min_size=32, max_size=32)


@given(key=KEYS, row=st.uuids(), text=st.binary(max_size=200))
def test_what_was_sealed_opens(key: bytes, row: UUID, text: bytes) -> None:
    sealed = seal(key, NAME, row, text)
    assert unseal(key, NAME, row, sealed) == text
    assert len(sealed) == len(text) + 28
    assert not text or len(text) < 4 or text not in sealed


@given(key=KEYS, row=st.uuids(), text=st.binary(max_size=40), place=st.integers(0), flip=st.integers(1, 255))
def test_one_altered_byte_is_found(key: bytes, row: UUID, text: bytes, place: int, flip: int) -> None:
    sealed = bytearray(seal(key, NAME, row, text))
    sealed[place % len(sealed)] ^= flip
    with pytest.raises(Tampered):
        unseal(key, NAME, row, bytes(sealed))


@given(key=KEYS, other=KEYS, row=st.uuids(), stranger=st.uuids())
def test_nothing_opens_in_another_place_or_by_another_key(key: bytes, other: bytes, row: UUID, stranger: UUID) -> None:
    sealed = seal(key, NAME, row, b"Sofia")
    for wrong in [(key, VALUE, row), (key, NAME, stranger), (other, NAME, row)]:
        if wrong != (key, NAME, row):
            with pytest.raises(Tampered, match="altered, moved"):
                unseal(*wrong, sealed)


@pytest.mark.parametrize("short", [b"", b"x" * 11, b"x" * 12, b"x" * 27])
def test_what_is_too_short_is_found(short: bytes) -> None:
    with pytest.raises(Tampered):
        unseal(bytes(32), NAME, uuid4(), short)


def test_equal_values_are_sealed_differently() -> None:
    row = uuid4()
    assert seal(bytes(32), NAME, row, b"a") != seal(bytes(32), NAME, row, b"a")


@given(key=KEYS, rows=st.lists(st.uuids(), min_size=2, max_size=5), text=st.binary(max_size=40))
def test_what_was_sealed_among_many_opens_like_any_other(key: bytes, rows: list[UUID], text: bytes) -> None:
    sealer = Sealer(key)
    sealed = [sealer.seal(NAME, row.bytes, text) for row in rows]
    assert [unseal(key, NAME, row, each) for row, each in zip(rows, sealed, strict=True)] == [text] * len(rows)
    assert len({each[:12] for each in sealed}) == len(rows), "no nonce comes twice"


def test_the_ring_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "made" / "keys.json"
    before = os.umask(0)
    try:
        ring = KeyRing.open(path, create=True)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert ring.ids == (ring.current,)
    path.chmod(0o640)
    with pytest.raises(BadSettings, match="chmod 600"):
        KeyRing.open(path)


def test_opening_again_changes_nothing(ring: KeyRing) -> None:
    text = ring.path.read_text()
    assert KeyRing.open(ring.path, create=True).current == ring.current
    assert ring.path.read_text() == text


def test_processes_that_open_first_at_once_have_one_ring(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def first(_: int) -> str:
        start.wait()
        return KeyRing.open(tmp_path / "keys.json", create=True).current

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first, range(8)))) == 1


def test_wraps_open_by_the_key_that_they_name(ring: KeyRing) -> None:
    debtor, key = uuid4(), os.urandom(32)
    old = ring.wrap(debtor, key)
    other_process = KeyRing.open(ring.path)
    added = ring.rotate()
    new = ring.wrap(debtor, key)
    assert (old[0], new[0]) == (ring.ids[0], added)
    for wrapped in (old, new):
        assert ring.unwrap(debtor, *wrapped) == key
        assert other_process.unwrap(debtor, *wrapped) == key
    assert other_process.wrap(debtor, key)[0] == added


def test_a_wrapper_keeps_the_key_that_was_current_when_it_was_made(ring: KeyRing) -> None:
    debtor, wrap, before = uuid4(), ring.wrapper(), ring.current
    ring.rotate()
    ring_key, wrapped = wrap(debtor, bytes(32))
    assert (ring_key, ring.unwrap(debtor, ring_key, wrapped)) == (before, bytes(32))
    assert ring.wrapper()(debtor, bytes(32))[0] == ring.current


def test_a_wrapped_key_opens_for_its_debtor_alone(ring: KeyRing) -> None:
    ring_key, wrapped = ring.wrap(uuid4(), os.urandom(32))
    with pytest.raises(Tampered):
        ring.unwrap(uuid4(), ring_key, wrapped)


def test_a_wrong_ring_says_which_key_it_lacks(ring: KeyRing, tmp_path: Path) -> None:
    debtor = uuid4()
    ring_key, wrapped = ring.wrap(debtor, os.urandom(32))
    stranger = KeyRing.open(tmp_path / "other.json", create=True)
    with pytest.raises(BadSettings, match=f"no key {ring_key}.*FORBEAR_KEYS_FILE"):
        stranger.unwrap(debtor, ring_key, wrapped)


def test_a_damaged_key_is_found(ring: KeyRing) -> None:
    debtor = uuid4()
    ring_key, wrapped = ring.wrap(debtor, os.urandom(32))
    whole = json.loads(ring.path.read_text())
    whole["keys"][ring_key] = "A" * 43 + "="
    ring.path.write_text(json.dumps(whole))
    with pytest.raises(Tampered):
        KeyRing.open(ring.path).unwrap(debtor, ring_key, wrapped)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", '{"forbear_keys": 2}'),
        '{"forbear_keys": 1, "current": "a", "keys": {}, "root": ""}',
        '{"forbear_keys": 1, "current": "a", "keys": {"a": "AA=="}, "root": "AA=="}',
        '{"forbear_keys": 1, "current": "a", "keys": {"a": 1}, "root": 1}',
    ],
)
def test_what_is_no_ring_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(BadSettings, match="no key ring"):
        KeyRing.open(path)


def test_a_ring_that_is_missing_or_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="forbear keys init"):
        KeyRing.open(tmp_path / "keys.json")
    (tmp_path / "file").touch()
    for create, kind in ((True, Unavailable), (False, BadSettings)):
        with pytest.raises(kind):
            KeyRing.open(tmp_path / "file" / "keys.json", create=create)


def test_no_error_shows_a_key(ring: KeyRing) -> None:
    keys = json.loads(ring.path.read_text())
    ring.path.chmod(0o644)
    with pytest.raises(ForbearError) as error:
        KeyRing.open(ring.path)
    assert all(key not in str(error.value) for key in (*keys["keys"].values(), keys["root"]))
    assert all(key not in repr(ring) for key in keys["keys"].values())


def test_a_ring_outlives_its_file_being_replaced(ring: KeyRing) -> None:
    debtor = uuid4()
    wrapped = ring.wrap(debtor, bytes(32))
    ring.path.unlink()
    assert ring.unwrap(debtor, *wrapped) == bytes(32)
    assert ring.wrap(debtor, bytes(32))[0] == wrapped[0]


def test_a_ring_can_be_handed_to_another_process(ring: KeyRing) -> None:
    debtor = uuid4()
    wrapped = pickle.loads(pickle.dumps(ring)).wrap(debtor, bytes(32))
    assert ring.unwrap(debtor, *wrapped) == bytes(32)


def test_derived_secrets_differ_by_purpose_and_outlive_rotation(ring: KeyRing) -> None:
    before = ring.derive("links"), ring.derive("webhooks"), ring.derive("blind index")
    assert len({*before}) == 3
    ring.rotate()
    assert (ring.derive("links"), ring.derive("webhooks"), KeyRing.open(ring.path).derive("blind index")) == before


EQUAL = [
    ("Care@Example.com", " care@example.com "),
    ("+447700900123", "+447700900123\n"),
    ("＋44 7700 900123", "+44 7700 900123"),
    ("straße@example.org", "STRASSE@example.org"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_a_value_is_found_however_it_is_spelt(ring: KeyRing, one: str, other: str) -> None:
    creditor = uuid4()
    assert blind(ring, creditor, one) == blind(ring, creditor, other) == blinder(ring, creditor)(other)


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=9), min_size=2, max_size=2))
def test_values_creditors_and_rings_have_digests_of_their_own(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    rings = [KeyRing.open(tmp_path_factory.mktemp("ring") / "keys.json", create=True) for _ in range(2)]
    creditors = [UUID(int=1), UUID(int=2)]
    found = {blind(ring, creditor, text) for ring in rings for creditor in creditors for text in texts}
    assert found == {blinder(ring, creditor)(text) for ring in rings for creditor in creditors for text in texts}
    assert len(found) == 4 * len({text.lower() for text in texts})
