"""Money is exact: payments settle what they pay and no more, and penalty interest is simple."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.account import Balances, PenaltyRate, after_payment

amounts = st.integers(0, 10**9)
DAY = date(2026, 3, 2)


@given(amounts, amounts, amounts, amounts, st.integers(0, 5 * 10**9))
def test_a_payment_settles_exactly_what_it_pays(a: int, b: int, c: int, d: int, paid: int) -> None:
    before = Balances("CNY", a, b, c, d, DAY)
    after = after_payment(before, paid)
    assert after.total.minor == max(0, before.total.minor - paid)
    assert min(after.principal, after.interest, after.penalty, after.fees) >= 0
    if after.principal < before.principal:
        assert after.fees == after.interest == after.penalty == 0, "principal is settled last"


@given(amounts, st.integers(0, 3000), st.decimals("0", "0.01", places=6))
def test_penalty_interest_is_simple_and_never_shrinks(principal: int, days: int, rate: Decimal) -> None:
    balances = Balances("CNY", principal, 0, 0, 0, DAY)
    today = PenaltyRate(rate).accrued(balances, DAY + timedelta(days=days)).minor
    later = PenaltyRate(rate).accrued(balances, DAY + timedelta(days=days + 1)).minor
    assert 0 <= today <= later
    assert abs(today - rate * days * principal) <= Decimal("0.5")
