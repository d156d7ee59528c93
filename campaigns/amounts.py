"""What is owed today and in thirty days if nothing is paid, with the formula as data, so that it can be shown.

Simple penalty interest by the day on the overdue principal (`domain.account.PenaltyRate`); what falls due anew
meanwhile is not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from domain.account import Balances, PenaltyRate
from domain.money import Money

HORIZON = timedelta(days=30)
"""How far the messages look ahead."""

Sum = tuple[Money, ...]
"""Amounts of several accounts, one a currency, in the order of their codes."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Penalty interest at the end of `on`: `result` = `standing` + `rate` × `days` × `base`, rounded half to even.

    `standing` is what stood at the end of `standing_on`; `days` have passed since; `rate` is a fraction by the day.
    """

    on: date
    standing: Money
    standing_on: date
    rate: Decimal
    days: int
    base: Money
    result: Money


@dataclass(frozen=True, slots=True)
class Owed:
    """What one account, or several together, owe: today, and at the horizon if nothing is paid."""

    today: Sum
    later: Sum
    penalty_today: Sum
    penalty_later: Sum
    penalty_added: Sum


@dataclass(frozen=True, slots=True)
class AccountAmounts:
    """One account's amounts. `now` and `later` show how its penalty interest is computed."""

    principal: Money
    interest: Money
    fees: Money
    now: Growth
    later: Growth
    owed_today: Money
    owed_later: Money

    @property
    def penalty_added(self) -> Money:
        """What penalty interest adds from today to the horizon."""
        return Money(self.later.result.minor - self.now.result.minor, self.principal.currency)


def growth(balances: Balances, rate: PenaltyRate, on: date) -> Growth:
    """How penalty interest comes about by the end of `on`. Before `as_of`, it is what stood at `as_of`."""
    days = max(0, (on - balances.as_of).days)
    return Growth(
        on=balances.as_of + timedelta(days=days),
        standing=Money(balances.penalty, balances.currency),
        standing_on=balances.as_of,
        rate=rate.daily,
        days=days,
        base=Money(balances.principal, balances.currency),
        result=rate.accrued(balances, on),
    )


def account_amounts(balances: Balances, rate: PenaltyRate, today: date) -> AccountAmounts:
    """What one account owes at the end of `today`, and thirty days on."""
    now, later = growth(balances, rate, today), growth(balances, rate, today + HORIZON)
    besides = balances.principal + balances.interest + balances.fees
    currency = balances.currency
    return AccountAmounts(
        principal=Money(balances.principal, currency),
        interest=Money(balances.interest, currency),
        fees=Money(balances.fees, currency),
        now=now,
        later=later,
        owed_today=Money(besides + now.result.minor, currency),
        owed_later=Money(besides + later.result.minor, currency),
    )


def together(accounts: Iterable[AccountAmounts]) -> Owed:
    """The sums over several accounts, kept apart by currency."""
    found = tuple(accounts)
    return Owed(
        today=summed(account.owed_today for account in found),
        later=summed(account.owed_later for account in found),
        penalty_today=summed(account.now.result for account in found),
        penalty_later=summed(account.later.result for account in found),
        penalty_added=summed(account.penalty_added for account in found),
    )


def summed(amounts: Iterable[Money]) -> Sum:
    """Sums by currency."""
    totals: dict[str, int] = {}
    for amount in amounts:
        totals[amount.currency] = totals.get(amount.currency, 0) + amount.minor
    return tuple(Money(totals[currency], currency) for currency in sorted(totals))
