"""Whom a cadence is for: the same question asked of one account here and of the database at launch."""

from dataclasses import dataclass

from domain.account import Balances


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

    def takes_account(self, product: str | None, days_past_due: int | None, balances: Balances) -> bool:
        """Whether the account's product, days past due and balance fit. What is unknown does not fit."""
        if product not in self.products or days_past_due is None:
            return False
        if not self.days_past_due_from <= days_past_due <= self.days_past_due_to:
            return False
        if self.currency is not None and balances.currency != self.currency:
            return False
        owed = balances.total.minor
        return (self.balance_from is None or owed >= self.balance_from) and (
            self.balance_to is None or owed <= self.balance_to
        )

    def takes_debtor(self, kind: str, language: str, flags: frozenset[str]) -> bool:
        """Whether the debtor's kind, language and flags fit."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.languages or language in self.languages)
            and self.flags_all <= flags
            and not self.flags_none & flags
        )

    def takes_tags(self, tags: frozenset[str]) -> bool:
        """Whether the account's tags fit."""
        return self.tags_all <= tags and not self.tags_none & tags
