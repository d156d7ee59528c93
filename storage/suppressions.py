"""Suppressions: kept once, lifted, never deleted."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from storage import arrays
from storage.ledger import Entry

OPT_OUT = "opt_out"


class Suppressed(NamedTuple):
    """One reason not to contact. `opt_out` bans a channel, a point, or with neither all; others are stops."""

    debtor_id: UUID
    kind: str
    channel: str | None
    point_id: UUID | None
    source: str
    at: dt.datetime
    accounts: tuple[UUID, ...] = ()
    form: str = "written"
    until: dt.datetime | None = None


def add(connection: Connection, creditor_id: UUID, found: Sequence[Suppressed]) -> list[Entry]:
    """Keep those that are not in force already; the ledger's entries of those that are new, for the caller to write."""
    if not found:
        return []
    rows = connection.exec_driver_sql(
        """WITH n AS (
               SELECT * FROM unnest(%(d)s::uuid[], %(k)s::text[], %(c)s::text[], %(p)s::uuid[], %(s)s::text[],
                   %(t)s::timestamptz[], %(a)s::text[], %(f)s::text[], %(u)s::timestamptz[])
                   WITH ORDINALITY AS n(d, k, c, p, s, t, a, f, u, place)
           )
           INSERT INTO suppressions (suppression_id, creditor_id, debtor_id, kind, channel, point_id, source, at,
                accounts, form, until)
           SELECT gen_random_uuid(), %(creditor)s, d, k, c, p, s, t, a::uuid[], f, u FROM n
           WHERE NOT EXISTS (
               SELECT FROM suppressions o WHERE o.debtor_id = d AND o.kind = k AND o.channel IS NOT DISTINCT FROM c
                   AND o.point_id IS NOT DISTINCT FROM p AND o.accounts = a::uuid[] AND o.lifted_at IS NULL
                   AND o.answered_at IS NULL AND (o.until IS NULL OR o.until >= coalesce(u, 'infinity')))
             AND NOT EXISTS (
               SELECT FROM n o WHERE o.d = n.d AND o.k = n.k AND o.c IS NOT DISTINCT FROM n.c
                   AND o.p IS NOT DISTINCT FROM n.p AND o.a = n.a AND o.place < n.place)
           RETURNING debtor_id, kind, channel, point_id, source, at, accounts, form, until""",
        {
            "creditor": creditor_id,
            "d": arrays.ids(one.debtor_id for one in found),
            "k": arrays.texts(one.kind for one in found),
            "c": arrays.texts(one.channel for one in found),
            "p": arrays.ids(one.point_id for one in found),
            "s": arrays.texts(one.source for one in found),
            "t": arrays.instants(one.at for one in found),
            "a": arrays.texts("{" + ",".join(map(str, one.accounts)) + "}" for one in found),
            "f": arrays.texts(one.form for one in found),
            "u": arrays.instants(one.until for one in found),
        },
    ).all()
    return [_entry(Suppressed._make(row)) for row in rows]


def _entry(one: Suppressed) -> Entry:
    body = {
        "accounts": [*map(str, one.accounts)],
        "channel": one.channel,
        "contact_point": str(one.point_id) if one.point_id else None,
        "form": one.form,
        "kind": one.kind,
        "source": one.source,
        "until": one.until.isoformat() if one.until else None,
    }
    return Entry(one.debtor_id, "suppressed", one.at, body)


def lift(connection: Connection, debtor_id: UUID, kind: str, channel: str | None, at: dt.datetime) -> list[Entry]:
    """Lift the debtor's suppressions of a kind (of a channel, where one is named); the entries for the ledger."""
    rows = connection.exec_driver_sql(
        """UPDATE suppressions SET lifted_at = %(at)s
           WHERE debtor_id = %(debtor)s AND kind = %(kind)s AND lifted_at IS NULL
                AND (%(channel)s::text IS NULL OR channel = %(channel)s)
           RETURNING channel, point_id""",
        {"debtor": debtor_id, "kind": kind, "channel": channel, "at": at},
    ).all()
    return [
        Entry(
            debtor_id,
            "lifted",
            at,
            {"channel": row.channel, "contact_point": str(row.point_id) if row.point_id else None, "kind": kind},
        )
        for row in rows
    ]
