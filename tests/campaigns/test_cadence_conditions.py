"""The language of conditions: what it means, and that nothing else gets in."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.conditions import FUNCTIONS, NUMBERS, TEXTS, BadCondition, Scope, parse_condition

SCOPE = Scope(
    {"balance": Decimal("120.50"), "days_past_due": Decimal(12), "language": "en", "days_since_contact": None},
    frozenset({"vip"}),
    frozenset({"pilot"}),
    frozenset({"sms"}),
)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("balance >= 120.50", True),
        ("balance > 120.50", False),
        ("100 < balance", True),
        ("balance == 120.5", True),
        ("balance != 120.5", False),
        ('language == "en" and balance < 100', False),
        ('language == "en" or balance < 100', True),
        ("balance < 100 and balance < 100 or balance > 100", True),
        ("balance < 100 and (balance < 100 or balance > 100)", False),
        ('not has_flag("vip")', False),
        ('not not has_flag("vip")', True),
        ("has_tag('pilot') and reaches(\"sms\") and not reaches('email')", True),
        ('language in ("zh-Hans", "en")', True),
        ('not language in ("zh-Hans",) or 1 < 2'.replace(",)", ")"), True),
        ("days_since_contact > 3", False),
        ("days_since_contact <= 3", False),
        ("days_since_contact != 3", False),
        ("days_since_contact in (1, 2)", False),
    ],
)
def test_means_what_it_says(source: str, holds: bool):
    assert parse_condition(source).holds(SCOPE) is holds


@pytest.mark.parametrize(
    ("source", "what", "column", "remedy"),
    [
        ("balanc >= 1", "there is no fact `balanc`", 0, "Did you mean `balance`?"),
        ("balance", "a comparison is missing", 7, "Compare it"),
        ("balance >= ", "a fact, a number or a text is needed, not nothing", 11, "Known: "),
        ('balance >= "1"', "a number is compared with a text", 11, "Numbers stand bare"),
        ('language < "en"', "texts have no order", 9, "Use == or !=."),
        ("balance > 1 balance", "`balance` is one word too many", 12, "Join conditions"),
        ("(balance > 1", "`)` is missing", 12, ""),
        ("has_flag(vip)", "asks for a text in quotes", 9, 'has_flag("…")'),
        ('reaches("fax")', "there is no channel `fax`", 8, "Channels: "),
        ('language in ("en", 3)', "a text is compared with a number", 19, "Numbers stand bare"),
        ("balance > 1; drop", "`;` means nothing here", 11, ""),
        ("balance.real > 1", "`.` means nothing here", 7, ""),
        ("__import__('os') > 1", "there is no fact `__import__`", 0, ""),
        ("and", "a fact, a number or a text is needed", 0, ""),
        ("", "a fact, a number or a text is needed", 0, ""),
    ],
)
def test_says_what_is_wrong_and_where(source: str, what: str, column: int, remedy: str):
    with pytest.raises(BadCondition) as caught:
        parse_condition(source)
    assert what in caught.value.what
    assert caught.value.column == column
    assert remedy in caught.value.remedy


def test_conditions_of_the_same_text_are_equal():
    assert parse_condition("balance > 1") == parse_condition("balance > 1")
    assert len({parse_condition("balance > 1"), parse_condition("balance > 1")}) == 1


WORDS = [
    *NUMBERS,
    *TEXTS,
    *FUNCTIONS,
    "and",
    "or",
    "not",
    "in",
    "(",
    ")",
    ",",
    "1",
    "0.5",
    '"en"',
    "==",
    "<",
    ">=",
    "x",
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=40))
def test_whatever_is_accepted_can_be_evaluated(source: str):
    try:
        condition = parse_condition(source)
    except BadCondition as error:
        position = error.column
        assert 0 <= position <= len(source)
        return
    assert condition.holds(SCOPE) in (True, False)
    assert condition.holds(Scope({}, frozenset(), frozenset(), frozenset())) in (True, False)
