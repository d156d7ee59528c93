"""Debtors' data keys: made when a debtor is, read from `debtor_keys` under row-level security, unwrapped by the ring.

A key is looked up in the table each time, and only its unwrapping is remembered: a debtor who was erased a moment ago,
or who is another creditor's, has no key here.
"""

import os
from collections import Counter, OrderedDict
from collections.abc import Collection
from threading import Lock
from uuid import UUID

from sqlalchemy import Connection

from storage import arrays
from storage.crypto import KEY_BYTES, KeyRing
from storage.session import Database


class Vault:
    """Opens debtors' data keys, remembering the last `cache_size` that were unwrapped. Safe in threads."""

    def __init__(self, ring: KeyRing, cache_size: int) -> None:
        self._ring = ring
        self._size = cache_size
        self._opened: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = Lock()

    def keys(self, connection: Connection, debtor_ids: Collection[UUID]) -> dict[UUID, bytes]:
        """The data keys of these debtors; without those who were erased or are not the creditor's.

        Raises BadSettings where the ring lacks a key, Tampered where a wrapped key does not open.
        """
        rows = connection.exec_driver_sql(
            "SELECT debtor_id, ring_key, wrapped FROM debtor_keys WHERE debtor_id = ANY(%(ids)s::uuid[])",
            {"ids": arrays.ids(debtor_ids)},
        )
        return {debtor_id: self._open(debtor_id, ring_key, wrapped) for debtor_id, ring_key, wrapped in rows.all()}

    def new_key(self, debtor_id: UUID) -> tuple[bytes, str, bytes]:
        """A new data key, the id of the ring's key that wraps it, and the wrapped form to be stored."""
        data_key = os.urandom(KEY_BYTES)
        return data_key, *self._ring.wrap(debtor_id, data_key)

    def _open(self, debtor_id: UUID, ring_key: str, wrapped: bytes) -> bytes:
        name = debtor_id.bytes + wrapped
        with self._lock:
            if known := self._opened.get(name):
                self._opened.move_to_end(name)
                return known
        data_key = self._ring.unwrap(debtor_id, ring_key, wrapped)
        with self._lock:
            self._opened[name] = data_key
            while len(self._opened) > self._size:
                self._opened.popitem(last=False)
        return data_key


def rewrap(connection: Connection, ring: KeyRing, limit: int) -> int:
    """Wrap up to `limit` of the creditor's data keys anew by the ring's current key; how many there were.

    Passes over rows that others hold; until it answers 0 there are more.
    """
    current = ring.current
    rows = connection.exec_driver_sql(
        """SELECT debtor_id, ring_key, wrapped FROM debtor_keys WHERE ring_key <> %(current)s
           ORDER BY debtor_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED""",
        {"current": current, "limit": limit},
    ).all()
    anew = [
        (debtor_id, *ring.wrap(debtor_id, ring.unwrap(debtor_id, key, wrapped))) for debtor_id, key, wrapped in rows
    ]
    if anew:
        ids, ring_keys, wraps = (list(column) for column in zip(*anew, strict=True))
        connection.exec_driver_sql(
            """UPDATE debtor_keys k SET ring_key = n.key, wrapped = n.wrapped
               FROM unnest(%(ids)s::uuid[], %(keys)s::text[], %(wraps)s::bytea[]) AS n(id, key, wrapped)
               WHERE k.debtor_id = n.id""",
            {"ids": ids, "keys": ring_keys, "wraps": wraps},
        )
    return len(anew)


def erase(connection: Connection, debtor_id: UUID) -> bool:
    """Destroy the debtor's data key: everything sealed under it is unreadable from the commit on. False: none was left.

    Backups that hold both the row and the key ring still open it until they are destroyed. The ledger stays whole.
    """
    done = connection.exec_driver_sql("DELETE FROM debtor_keys WHERE debtor_id = %(id)s", {"id": debtor_id})
    return done.rowcount == 1


def wrapped_by_all(db: Database) -> dict[str, int]:
    """How many data keys, of all creditors, each key of the ring wraps."""
    found: Counter[str] = Counter()
    for creditor_id in db.creditors().values():
        with db.tenant(creditor_id) as connection:
            found.update(wrapped_by(connection))
    return dict(found)


def wrapped_by(connection: Connection) -> dict[str, int]:
    """How many of the creditor's data keys each key of the ring wraps."""
    rows = connection.exec_driver_sql("SELECT ring_key, count(*) FROM debtor_keys GROUP BY ring_key")
    return {ring_key: int(n) for ring_key, n in rows}
