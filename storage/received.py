"""Keeps what providers and debtors sent, as it came, many at a time and each once: applied later, under the lane lock.

A provider repeats itself; what it said before is known by its key and changes nothing. A provider's own words and what
debtors wrote are sealed under the debtor's key. Rows go in by key, so that two processes never wait for each other.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.event import DeliveryEvent, Inbound, ProviderEvent
from storage import arrays
from storage.crypto import KeyRing, blind, seal
from storage.lanes import lock_lanes
from storage.vault import Vault

RAW = "delivery_events.raw_cipher"
TEXT = "inbound.text_cipher"
NewId = Callable[[], UUID]


class Party(NamedTuple):
    """A debtor whom an event concerns, and the contact point, where that is known."""

    debtor_id: UUID
    point_id: UUID | None


def store(
    connection: Connection,
    vault: Vault,
    ring: KeyRing,
    creditor_id: UUID,
    events: Sequence[ProviderEvent],
    now: dt.datetime,
    new_id: NewId,
) -> int:
    """Keep events in the caller's transaction; how many were new. Nothing of them is applied.

    What a debtor sent is kept once for each debtor who has the sender's number or address. A sender whom nobody knows
    is kept without a debtor, sealed under a key of the ring. Once it is kept, nothing more passes the debtor's gate
    until it is applied.
    """
    deliveries = {(one.provider, one.key): one for one in events if isinstance(one, DeliveryEvent)}
    inbound = {(one.provider, one.key): one for one in events if isinstance(one, Inbound)}
    attempts = _attempts(connection, [one.attempt_id for one in events if one.attempt_id])
    senders = _senders(
        connection, ring, creditor_id, [one for one in inbound.values() if one.attempt_id not in attempts]
    )
    parties = [party for found in senders.values() for party in found]
    parties += [attempts[one.attempt_id] for one in inbound.values() if one.attempt_id in attempts]
    # What passes the gate while we wait here had left before the debtor was heard; what comes to it later sees this.
    lock_lanes(connection, {party.debtor_id for party in parties})
    keys = vault.keys(connection, {party.debtor_id for party in (*attempts.values(), *parties)})
    stored = _deliveries(connection, creditor_id, deliveries, attempts, keys, now, new_id)
    return stored + _inbound(connection, ring, creditor_id, inbound, attempts, senders, keys, new_id)


def _attempts(connection: Connection, ids: Sequence[UUID]) -> dict[UUID | None, Party]:
    """Whom attempts were made to. A reply that names an attempt names debtor and contact point by it."""
    if not ids:
        return {}
    rows = connection.exec_driver_sql(
        "SELECT attempt_id, debtor_id, point_id FROM attempts WHERE attempt_id = ANY(%(ids)s::uuid[])",
        {"ids": arrays.ids(ids)},
    )
    return {attempt_id: Party(debtor_id, point_id) for attempt_id, debtor_id, point_id in rows}


def _senders(
    connection: Connection, ring: KeyRing, creditor_id: UUID, inbound: Sequence[Inbound]
) -> dict[str, list[Party]]:
    """Who has the numbers and addresses that these came from, several where they share one; by sender."""
    blinds = {blind(ring, creditor_id, one.sender): one.sender for one in inbound if one.sender}
    if not blinds:
        return {}
    rows = connection.exec_driver_sql(
        """SELECT blind, debtor_id, point_id FROM contact_points
           WHERE creditor_id = %(creditor)s AND blind = ANY(%(blinds)s::bytea[]) ORDER BY debtor_id, point_id""",
        {"creditor": creditor_id, "blinds": list(blinds)},
    )
    found: dict[str, list[Party]] = {}
    for digest, debtor_id, point_id in rows:
        found.setdefault(blinds[bytes(digest)], []).append(Party(debtor_id, point_id))
    return found


def _deliveries(
    connection: Connection,
    creditor_id: UUID,
    events: dict[tuple[str, str], DeliveryEvent],
    attempts: dict[UUID | None, Party],
    keys: dict[UUID, bytes],
    now: dt.datetime,
    new_id: NewId,
) -> int:
    if not events:
        return 0
    rows = [(new_id(), one) for _, one in sorted(events.items())]
    raws = [_sealed(keys, attempts.get(one.attempt_id), RAW, event_id, one.raw) for event_id, one in rows]
    said = [one for _, one in rows]
    done = connection.exec_driver_sql(
        """INSERT INTO delivery_events (event_id, creditor_id, provider, key, attempt_id, provider_ref, received_at, at,
                state, outcome, failure, code, cost, raw_cipher)
           SELECT e, %(creditor)s, p, k, a, r, %(now)s, t, s, o, f, c, n, w
           FROM unnest(%(e)s::uuid[], %(p)s::text[], %(k)s::text[], %(a)s::uuid[], %(r)s::text[],
                %(t)s::timestamptz[], %(s)s::text[], %(o)s::text[], %(f)s::text[], %(c)s::text[], %(n)s::bigint[],
                %(w)s::bytea[]) AS n(e, p, k, a, r, t, s, o, f, c, n, w)
           ON CONFLICT (creditor_id, provider, key) DO NOTHING""",
        {
            "creditor": creditor_id,
            "now": now,
            "e": arrays.ids(event_id for event_id, _ in rows),
            "p": arrays.texts(one.provider for one in said),
            "k": arrays.texts(one.key for one in said),
            "a": arrays.ids(one.attempt_id for one in said),
            "r": arrays.texts(one.provider_ref for one in said),
            "t": arrays.instants(one.at for one in said),
            "s": arrays.texts(one.state for one in said),
            "o": arrays.texts(one.outcome for one in said),
            "f": arrays.texts(one.failure for one in said),
            "c": arrays.texts(one.code for one in said),
            "n": arrays.numbers(one.cost for one in said),
            "w": arrays.blobs(raws),
        },
    )
    return done.rowcount


def _inbound(
    connection: Connection,
    ring: KeyRing,
    creditor_id: UUID,
    events: dict[tuple[str, str], Inbound],
    attempts: dict[UUID | None, Party],
    senders: dict[str, list[Party]],
    keys: dict[UUID, bytes],
    new_id: NewId,
) -> int:
    if not events:
        return 0
    rows: list[tuple[UUID, str, Party | None, Inbound, bytes | None]] = []
    for (_, key), one in sorted(events.items()):
        named = attempts.get(one.attempt_id)
        parties: list[Party | None] = [named] if named else [*senders.get(one.sender or "", ())] or [None]
        for number, party in enumerate(parties):
            inbound_id = new_id()
            if party is None:
                text = seal(ring.derive("inbound of nobody"), TEXT, inbound_id, one.text.encode()) if one.text else None
            else:
                text = _sealed(keys, party, TEXT, inbound_id, one.text)
            rows.append((inbound_id, f"{key}/{party.debtor_id}" if number and party else key, party, one, text))
    done = connection.exec_driver_sql(
        """INSERT INTO inbound (inbound_id, creditor_id, provider, key, debtor_id, attempt_id, point_id, channel, at,
                intent, text_cipher)
           SELECT i, %(creditor)s, p, k, d, a, o, c, t, n, x
           FROM unnest(%(i)s::uuid[], %(p)s::text[], %(k)s::text[], %(d)s::uuid[], %(a)s::uuid[], %(o)s::uuid[],
                %(c)s::text[], %(t)s::timestamptz[], %(n)s::text[], %(x)s::bytea[])
                AS n(i, p, k, d, a, o, c, t, n, x)
           ON CONFLICT (creditor_id, provider, key) DO NOTHING""",
        {
            "creditor": creditor_id,
            "i": arrays.ids(row[0] for row in rows),
            "p": arrays.texts(row[3].provider for row in rows),
            "k": arrays.texts(row[1] for row in rows),
            "d": arrays.ids(row[2].debtor_id if row[2] else None for row in rows),
            "a": arrays.ids(row[3].attempt_id for row in rows),
            "o": arrays.ids(row[2].point_id if row[2] else None for row in rows),
            "c": arrays.texts(row[3].channel for row in rows),
            "t": arrays.instants(row[3].at for row in rows),
            "n": arrays.texts(row[3].intent for row in rows),
            "x": arrays.blobs(row[4] for row in rows),
        },
    )
    return done.rowcount


def _sealed(keys: dict[UUID, bytes], party: Party | None, context: str, row: UUID, text: str) -> bytes | None:
    """A text under the debtor's key; None where there is none, or the debtor is unknown or was erased."""
    key = keys.get(party.debtor_id) if party and text else None
    return seal(key, context, row, text.encode()) if key else None
