"""Whom a cadence is for; the database is asked for them at launch and whenever accounts change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Audience:
    """Accounts that fit all of this are enrolled. An empty set asks for nothing; bounds are inclusive, None is open.

    Balances are in minor units of `currency`. `flags` belong to the debtor, `tags` to the account: all of `…_all` must
    be there, none of `…_none` may be.
    """

    products: frozenset[str]
    days_past_due_from: int
    days_past_due_to: int
    currency: str | None = None
    balance_from: int | None = None
    balance_to: int | None = None
    kinds: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    flags_all: frozenset[str] = frozenset()
    flags_none: frozenset[str] = frozenset()
    tags_all: frozenset[str] = frozenset()
    tags_none: frozenset[str] = frozenset()
