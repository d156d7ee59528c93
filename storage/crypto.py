"""Personal data at rest: a data key for each debtor, wrapped by a ring of keys that can be rotated.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front of each ciphertext. What a ciphertext belongs to, its
table, column and row, is associated data: moved to another row or column it does not open. Values are found by a keyed
digest, never by themselves. The ring lies in one file that its owner alone can read; `forbear keys` makes and rotates
it.
"""

import base64
import contextlib
import fcntl
import hmac
import json
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import BadSettings, Tampered, Unavailable

KEY_BYTES = 32
NONCE_BYTES = 12
WRAPPED = "debtor_keys.wrapped"
FORMAT = 1


def seal(key: bytes, context: str, row: UUID, plaintext: bytes) -> bytes:
    """Encrypt what lies in `context` ("table.column") of `row`: nonce, ciphertext, tag."""
    return Sealer(key).seal(context, row.bytes, plaintext)


def unseal(key: bytes, context: str, row: UUID, sealed: bytes) -> bytes:
    """The plaintext; raises Tampered where it was altered, moved, or sealed under another key."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _belonging(context, row.bytes))
    except (InvalidTag, ValueError):
        raise Tampered(
            "a sealed value does not open: it was altered, moved from another row, or sealed under another key.",
            where=f"{context} of {row}",
            remedy="Restore the row, or the key ring, from a backup.",
        ) from None


class Sealer:
    """Seals many values under one key: making the cipher costs more than encrypting a contact value."""

    __slots__ = ("_encrypt",)

    def __init__(self, key: bytes) -> None:
        self._encrypt = AESGCM(key).encrypt

    def seal(self, context: str, row: bytes, plaintext: bytes) -> bytes:
        """As the function `seal` does, with the row's id as its 16 bytes."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._encrypt(nonce, plaintext, _belonging(context, row))


def _belonging(context: str, row: bytes) -> bytes:
    return b"%b\0%b" % (context.encode(), row)


@dataclass(frozen=True, slots=True)
class _Keys:
    """The ring as it was read: keys by id, oldest first, which of them wraps, and the root of what is derived."""

    current: str
    keys: dict[str, bytes]
    root: bytes
    index: bytes
    seen: tuple[int, int]


class KeyRing:
    """The keys that wrap debtors' data keys. New wraps take the current one; each wrap names its key.

    A ring that another process rotated is read again by itself. Can be pickled, for processes that seal in parallel.
    """

    def __init__(self, path: Path, keys: _Keys) -> None:
        self._path = path
        self._keys = keys

    @classmethod
    def open(cls, path: Path, create: bool = False) -> Self:
        """Read the ring at `path`, making it first where `create` is set. Raises BadSettings."""
        if create and not path.exists():
            _make(path)
        return cls(path, _read(path))

    @property
    def path(self) -> Path:
        """Where the ring lies."""
        return self._path

    @property
    def current(self) -> str:
        """The id of the key that new wraps take."""
        return self._fresh().current

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the oldest first."""
        return tuple(self._fresh().keys)

    def wrap(self, debtor_id: UUID, data_key: bytes) -> tuple[str, bytes]:
        """The id of the current key, and the debtor's data key wrapped by it."""
        return self.wrapper()(debtor_id, data_key)

    def wrapper(self) -> Callable[[UUID, bytes], tuple[str, bytes]]:
        """What wraps as `wrap` does, by the key that is current now: for many debtors, without looking each time."""
        keys = self._fresh()
        ring_key, sealer = keys.current, Sealer(keys.keys[keys.current])
        return lambda debtor_id, data_key: (ring_key, sealer.seal(WRAPPED, debtor_id.bytes, data_key))

    def unwrap(self, debtor_id: UUID, ring_key: str, wrapped: bytes) -> bytes:
        """The debtor's data key. Raises BadSettings where the ring lacks `ring_key`, Tampered where it won't open."""
        key = self._keys.keys.get(ring_key) or self._fresh().keys.get(ring_key)
        if key is None:
            raise BadSettings(
                f"the key ring has no key {ring_key}, by which personal data was sealed.",
                where=str(self._path),
                remedy="Put this database's key ring in its place (FORBEAR_KEYS_FILE), or restore it from a backup.",
            )
        return unseal(key, WRAPPED, debtor_id, wrapped)

    def rotate(self) -> str:
        """Add a key and make it the current one; its id. What older keys wrapped still opens."""
        with _locked(self._path):
            keys = _read(self._path)
            ring_key = _new_id(keys.keys)
            _write(self._path, _as_json(ring_key, keys.keys | {ring_key: os.urandom(KEY_BYTES)}, keys.root))
            self._keys = _read(self._path)
        return ring_key

    def derive(self, purpose: str) -> bytes:
        """A secret of 32 bytes for one purpose, the same for as long as the ring lives, rotated or not."""
        return _derived(self._keys.root, purpose)

    @property
    def index_key(self) -> bytes:
        """The key of blind indexes; it never rotates."""
        return self._keys.index

    def _fresh(self) -> _Keys:
        """The keys as they are on disk now. A file that is gone meanwhile leaves what was read."""
        with contextlib.suppress(FileNotFoundError):
            if _identity(self._path.stat()) != self._keys.seen:
                self._keys = _read(self._path)
        return self._keys


def blind(ring: KeyRing, creditor_id: UUID, value: str) -> bytes:
    """The keyed digest (HMAC-SHA256) by which a contact value of a creditor is found without being readable.

    Upper and lower case, full-width forms and surrounding space make no difference.
    """
    return hmac.digest(ring.index_key, creditor_id.bytes + _plain(value), "sha256")


def blinder(ring: KeyRing, creditor_id: UUID) -> Callable[[str], bytes]:
    """What gives the same digests as `blind` for many values of a creditor: the key is taken in once."""
    begun = hmac.new(ring.index_key, creditor_id.bytes, "sha256")

    def digest(value: str) -> bytes:
        found = begun.copy()
        found.update(_plain(value))
        return found.digest()

    return digest


def _plain(value: str) -> bytes:
    """A contact value as it is compared."""
    plain = value.strip().lower() if value.isascii() else unicodedata.normalize("NFKC", value).strip().casefold()
    return plain.encode()


def _derived(root: bytes, purpose: str) -> bytes:
    return hmac.digest(root, f"forbear {purpose}".encode(), "sha256")


def _make(path: Path) -> None:
    """Make a ring unless another process was faster."""
    ring_key = _new_id({})
    text = _as_json(ring_key, {ring_key: os.urandom(KEY_BYTES)}, os.urandom(KEY_BYTES))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            if not path.exists():
                _write(path, text)
    except OSError as error:
        raise _unwritable(path, error) from None


def _new_id(known: dict[str, bytes]) -> str:
    """An id that no other ring is likely to have: a wrong ring is then told apart from a damaged row."""
    while (made := os.urandom(4).hex()) in known:
        pass
    return made


def _as_json(current: str, keys: dict[str, bytes], root: bytes) -> str:
    coded = {ring_key: base64.b64encode(key).decode() for ring_key, key in keys.items()}
    whole = {"forbear_keys": FORMAT, "current": current, "keys": coded, "root": base64.b64encode(root).decode()}
    return json.dumps(whole, indent=1) + "\n"


def _read(path: Path) -> _Keys:
    try:
        with path.open(encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            text = file.read()
    except FileNotFoundError:
        raise BadSettings(
            "there is no key ring, and without it personal data can neither be sealed nor read.",
            where=str(path),
            remedy="`forbear keys init` makes one; for a database that has data, restore its own from a backup.",
        ) from None
    except OSError as error:
        raise BadSettings(
            f"the key ring cannot be read: {error.strerror}.", where=str(path), remedy="See who may read the file."
        ) from None
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise BadSettings(
            "the key ring is open to others than its owner.", where=str(path), remedy=f"Run `chmod 600 {path}`."
        )
    try:
        return _parse(json.loads(text), _identity(found))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadSettings("that is no key ring.", where=str(path), remedy="Restore it from a backup.") from None


def _parse(whole: dict[str, Any], seen: tuple[int, int]) -> _Keys:
    if whole["forbear_keys"] != FORMAT:
        raise ValueError("an unknown format")
    keys = {ring_key: base64.b64decode(key, validate=True) for ring_key, key in whole["keys"].items()}
    root = base64.b64decode(whole["root"], validate=True)
    if whole["current"] not in keys or any(len(key) != KEY_BYTES for key in (*keys.values(), root)):
        raise ValueError("an incomplete ring")
    return _Keys(whole["current"], keys, root, _derived(root, "blind index"), seen)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_ino, found.st_mtime_ns


def _write(path: Path, text: str) -> None:
    """Replace the file whole, or leave it as it was: a ring that is half written would lose everything."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"the key ring cannot be written: {error.strerror}.", where=str(path), remedy="See to the folder and the disk."
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from writing the ring meanwhile."""
    with path.with_name(f".{path.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
