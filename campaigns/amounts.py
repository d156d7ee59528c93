"""What is owed today and in thirty days if nothing is paid, with the formula as data, so that it can be shown.

Simple penalty interest by the day on the overdue principal (`domain.account.PenaltyRate`); what falls due anew
meanwhile is not counted.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from domain.account import Balances, PenaltyRate
from domain.money import Money

HORIZON = timedelta(days=30)
"""How far the messages look ahead."""

Sum = tuple[Money, ...]
"""Amounts of several accounts, one a currency, in the order of their codes."""


class Growth(NamedTuple):
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


class Owed(NamedTuple):
    """What one account, or several together, owe: today, and at the horizon if nothing is paid."""

    today: Sum
    later: Sum
    penalty_today: Sum
    penalty_later: Sum
    penalty_added: Sum


class AccountAmounts(NamedTuple):
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


def account_amounts(balances: Balances, rate: PenaltyRate, today: date) -> AccountAmounts:
    """What one account owes at the end of `today`, and thirty days on."""
    currency = balances.currency
    principal, standing = Money(balances.principal, currency), Money(balances.penalty, currency)
    now, later = (_growth(balances, rate, on, standing, principal) for on in (today, today + HORIZON))
    besides = balances.principal + balances.interest + balances.fees
    return AccountAmounts(
        principal=principal,
        interest=Money(balances.interest, currency),
        fees=Money(balances.fees, currency),
        now=now,
        later=later,
        owed_today=Money(besides + now.result.minor, currency),
        owed_later=Money(besides + later.result.minor, currency),
    )


def _growth(balances: Balances, rate: PenaltyRate, on: date, standing: Money, base: Money) -> Growth:
    """How penalty interest comes about by the end of `on`. Before `as_of`, it is what stood at `as_of`."""
    as_of = balances.as_of
    if on < as_of:
        on = as_of
    return Growth(on, standing, as_of, rate.daily, (on - as_of).days, base, rate.accrued(balances, on))


def together(accounts: Iterable[AccountAmounts]) -> Owed:
    """The sums over several accounts, kept apart by currency."""
    found = tuple(accounts)
    if len(found) == 1:  # as most messages are
        [one] = found
        return Owed((one.owed_today,), (one.owed_later,), (one.now.result,), (one.later.result,), (one.penalty_added,))
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
