"""The schema, as SQLAlchemy 2 typed models: the one description of what is kept.

Every table has `creditor_id`, and row-level security keeps one creditor's rows from another even where a query forgets
its filter (`storage/policies.py` makes the policies from these models). Columns that end in `_cipher` hold AES-256-GCM
ciphertext under the debtor's own key; `blind` is a keyed digest by which a value is found without being readable.
Instants are `timestamptz` in UTC; money is integer minor units beside a currency.
"""

from storage.tables.book import Account, ContactPoint, Creditor, Debtor, DebtorKey, Portfolio
from storage.tables.outreach import Attempt, Campaign, Enrolment, Lane, Pace
from storage.tables.records import DeadLetter, LedgerEntry, Rollup, RollupDelta
from storage.tables.returns import OutsideContact, PaymentReceived, Promise, StoredEvent, StoredInbound, Suppression
from storage.tables.schema import Base

__all__ = [
    "Account",
    "Attempt",
    "Base",
    "Campaign",
    "ContactPoint",
    "Creditor",
    "DeadLetter",
    "Debtor",
    "DebtorKey",
    "Enrolment",
    "Lane",
    "LedgerEntry",
    "OutsideContact",
    "Pace",
    "PaymentReceived",
    "Portfolio",
    "Promise",
    "Rollup",
    "RollupDelta",
    "StoredEvent",
    "StoredInbound",
    "Suppression",
]
