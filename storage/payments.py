"""Payments as they come in: each once, at once on the account, in the ledger, and against what is about to leave."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.account import Balances
from storage import arrays


class OwingAccount(NamedTuple):
    """An account as a payment finds it."""

    account_id: UUID
    debtor_id: UUID
    currency: str
    principal: int
    interest: int
    penalty: int
    fees: int
    as_of: dt.date

    @property
    def balances(self) -> Balances:
        """What is owed on it."""
        return Balances(self.currency, self.principal, self.interest, self.penalty, self.fees, self.as_of)


class NewPayment(NamedTuple):
    """One payment with what is owed after it."""

    key: str
    account_id: UUID
    debtor_id: UUID
    minor: int
    at: dt.datetime
    after: Balances


def accounts(connection: Connection, account_ids: Sequence[UUID]) -> dict[UUID, OwingAccount]:
    """These accounts, by id; read under the lane locks."""
    rows = connection.exec_driver_sql(
        """SELECT account_id, debtor_id, currency, principal, interest, penalty, fees, as_of FROM accounts
           WHERE account_id = ANY(%(ids)s::uuid[])""",
        {"ids": arrays.ids(account_ids)},
    )
    return {row[0]: OwingAccount._make(row) for row in rows}


def known(connection: Connection, creditor_id: UUID, keys: Sequence[str]) -> set[str]:
    """Those of these payments that were taken already."""
    rows = connection.exec_driver_sql(
        "SELECT key FROM payments WHERE creditor_id = %(creditor)s AND key = ANY(%(keys)s::text[])",
        {"creditor": creditor_id, "keys": arrays.texts(keys)},
    )
    return {row[0] for row in rows}


def add(connection: Connection, creditor_id: UUID, payments: Sequence[NewPayment], now: dt.datetime) -> None:
    """Keep payments, and what is owed after each on its account; the last of several on one account counts."""
    if not payments:
        return
    connection.exec_driver_sql(
        """INSERT INTO payments (payment_id, creditor_id, account_id, debtor_id, key, minor, currency, at)
           SELECT gen_random_uuid(), %(creditor)s, a, d, k, m, c, t
           FROM unnest(%(a)s::uuid[], %(d)s::uuid[], %(k)s::text[], %(m)s::bigint[], %(c)s::text[],
                %(t)s::timestamptz[]) AS n(a, d, k, m, c, t)""",
        {
            "creditor": creditor_id,
            "a": arrays.ids(one.account_id for one in payments),
            "d": arrays.ids(one.debtor_id for one in payments),
            "k": arrays.texts(one.key for one in payments),
            "m": arrays.numbers(one.minor for one in payments),
            "c": arrays.texts(one.after.currency for one in payments),
            "t": arrays.instants(one.at for one in payments),
        },
    )
    last = {one.account_id: one.after for one in payments}
    connection.exec_driver_sql(
        """UPDATE accounts a SET principal = n.p, interest = n.i, penalty = n.l, fees = n.f, updated_at = %(now)s,
                state = CASE WHEN n.p + n.i + n.l + n.f <= 0 THEN 'paid' ELSE a.state END
           FROM unnest(%(a)s::uuid[], %(p)s::bigint[], %(i)s::bigint[], %(l)s::bigint[], %(f)s::bigint[])
                AS n(a, p, i, l, f)
           WHERE a.account_id = n.a""",
        {
            "now": now,
            "a": arrays.ids(last),
            "p": arrays.numbers(one.principal for one in last.values()),
            "i": arrays.numbers(one.interest for one in last.values()),
            "l": arrays.numbers(one.penalty for one in last.values()),
            "f": arrays.numbers(one.fees for one in last.values()),
        },
    )


def add_promise(
    connection: Connection,
    creditor_id: UUID,
    debtor_id: UUID,
    account_id: UUID | None,
    due_on: dt.date,
    at: dt.datetime,
) -> None:
    """Keep a promise to pay; an earlier open one on the same account gives way to it."""
    values = {"creditor": creditor_id, "debtor": debtor_id, "account": account_id, "due": due_on, "at": at}
    connection.exec_driver_sql(
        """UPDATE promises SET state = 'withdrawn' WHERE debtor_id = %(debtor)s AND state = 'open'
                AND account_id IS NOT DISTINCT FROM %(account)s::uuid""",
        values,
    )
    connection.exec_driver_sql(
        """INSERT INTO promises (promise_id, creditor_id, debtor_id, account_id, due_on, at)
           VALUES (gen_random_uuid(), %(creditor)s, %(debtor)s, %(account)s, %(due)s, %(at)s)""",
        values,
    )
