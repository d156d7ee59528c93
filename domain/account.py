"""One loan in arrears: balances, days past due, and what penalty interest does to it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.money import Money, rounded


class Product(StrEnum):
    """What kind of loan an account is."""

    CREDIT_CARD = "credit_card"
    CONSUMER_INSTALMENT = "consumer_instalment"
    HOME_LOAN = "home_loan"
    CAR_LOAN = "car_loan"
    STUDENT_LOAN = "student_loan"
    SMALL_BUSINESS_LOAN = "small_business_loan"
    COMPANY_LOAN = "company_loan"


class Balances(NamedTuple):
    """What is owed at the end of `as_of`, in minor units: overdue principal, interest, penalty interest, fees."""

    currency: str
    principal: int
    interest: int
    penalty: int
    fees: int
    as_of: date

    @property
    def owed(self) -> int:
        """Everything owed at the end of `as_of`, in minor units."""
        return self.principal + self.interest + self.penalty + self.fees

    @property
    def total(self) -> Money:
        """The same as money."""
        return Money(self.owed, self.currency)


def after_payment(balances: Balances, minor: int) -> Balances:
    """What is owed after a payment: fees are settled first, then interest, penalty interest, principal.

    The order of PRC Civil Code art. 561, which others share: costs, interest, principal. What is paid beyond all of it
    is left to the creditor's own books.
    """
    left = minor
    owed = []
    for part in (balances.fees, balances.interest, balances.penalty, balances.principal):
        paid = min(left, max(0, part))
        left -= paid
        owed.append(part - paid)
    fees, interest, penalty, principal = owed
    return Balances(balances.currency, principal, interest, penalty, fees, balances.as_of)


@dataclass(frozen=True, slots=True)
class PenaltyRate:
    """A penalty rate by day: `daily` is a fraction (0.0005 for 0.05 % a day) applied to the overdue principal."""

    daily: Decimal

    def accrued(self, balances: Balances, on: date) -> Money:
        """Penalty interest at the end of `on` if nothing is paid: what stood plus rate × days × overdue principal.

        Simple interest, rounded half to even once at the end. `on` before `as_of` gives what stood at `as_of`.
        """
        days = max(0, (on - balances.as_of).days)
        return Money(balances.penalty + rounded(self.daily * days * balances.principal), balances.currency)
