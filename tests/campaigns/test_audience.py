"""Whom an audience takes, bound by bound."""

from dataclasses import replace
from datetime import date

import pytest

from campaigns.audience import Audience
from domain.account import Balances

AUDIENCE = Audience(
    products=frozenset({"credit_card"}),
    days_past_due_from=1,
    days_past_due_to=30,
    currency="CNY",
    balance_from=100_00,
    balance_to=900_00,
    kinds=frozenset({"person"}),
    languages=frozenset({"en", "zh-Hans"}),
    flags_all=frozenset({"pilot"}),
    flags_none=frozenset({"vip"}),
    tags_all=frozenset({"bucket-a"}),
    tags_none=frozenset({"hold"}),
)


def owed(minor: int, currency: str = "CNY") -> Balances:
    return Balances(currency, minor - 3, 1, 1, 1, date(2026, 6, 1))


@pytest.mark.parametrize(
    ("product", "days", "balances", "takes"),
    [
        ("credit_card", 1, owed(100_00), True),
        ("credit_card", 30, owed(900_00), True),
        ("credit_card", 0, owed(100_00), False),
        ("credit_card", 31, owed(100_00), False),
        ("credit_card", None, owed(100_00), False),
        ("car_loan", 1, owed(100_00), False),
        (None, 1, owed(100_00), False),
        ("credit_card", 1, owed(99_99), False),
        ("credit_card", 1, owed(900_01), False),
        ("credit_card", 1, owed(100_00, "USD"), False),
    ],
)
def test_accounts_fit_inside_all_bounds(product: str | None, days: int | None, balances: Balances, takes: bool):
    assert AUDIENCE.takes_account(product, days, balances) is takes


@pytest.mark.parametrize(
    ("kind", "language", "flags", "takes"),
    [
        ("person", "en", {"pilot"}, True),
        ("person", "zh-Hans", {"pilot", "other"}, True),
        ("company", "en", {"pilot"}, False),
        ("person", "fr", {"pilot"}, False),
        ("person", "en", set(), False),
        ("person", "en", {"pilot", "vip"}, False),
    ],
)
def test_debtors_fit_by_kind_language_and_flags(kind: str, language: str, flags: set[str], takes: bool):
    assert AUDIENCE.takes_debtor(kind, language, frozenset(flags)) is takes


def test_tags_are_asked_for_and_excluded():
    assert AUDIENCE.takes_tags(frozenset({"bucket-a"}))
    assert not AUDIENCE.takes_tags(frozenset())
    assert not AUDIENCE.takes_tags(frozenset({"bucket-a", "hold"}))


def test_what_is_left_out_asks_for_nothing():
    free = Audience(frozenset({"credit_card"}), 1, 30)
    assert free.takes_account("credit_card", 5, owed(1_00, "USD"))
    assert free.takes_debtor("company", "fr", frozenset({"vip"}))
    assert free.takes_tags(frozenset({"hold"}))
    assert replace(free, balance_from=2_00).takes_account("credit_card", 5, owed(1_00)) is False
