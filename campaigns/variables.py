"""Every variable that a message template may use: the one list, for the linter, the docs and those who fill them.

`docs/templates.md` shows it; `campaigns/message_facts.py` fills it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from campaigns.amounts import Growth
from domain.account import Product
from domain.money import Money

VERIFICATIONS = ("birth_date", "id_last4", "postcode", "account_last4")
"""What a caller may be asked to key in."""
BUREAUS = ("pboc", "jcic", "local", "none")
"""Where arrears are recorded: the PBOC credit reference centre, Taiwan's JCIC, another bureau, or nowhere."""


class Kind(StrEnum):
    """What a variable is, and so which filters take it."""

    TEXT = "text"
    LINK = "link"
    NUMBER = "number"
    TRUTH = "truth"
    MONEY = "money"
    DATE = "date"
    RATE = "rate"
    CHOICE = "choice"
    CHOICES = "choices"
    GROWTH = "growth"
    ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `choices` are the values that a choice can have; `is_debt`: naming it discloses the debt."""

    name: str
    kind: Kind
    meaning: str
    example: object
    choices: tuple[str, ...] = ()
    is_debt: bool = False


def _debt(name: str, kind: Kind, meaning: str, example: object, choices: tuple[str, ...] = ()) -> Variable:
    return Variable(name, kind, meaning, example, choices, is_debt=True)


def _money(major: str) -> Money:
    return Money(int(Decimal(major) * 100), "CNY")


_TODAY, _LATER, _STOOD = date(2026, 11, 2), date(2026, 12, 2), date(2026, 11, 1)
_RATE = Decimal("0.0005")
_NOW = Growth(_TODAY, _money("57.00"), _STOOD, _RATE, 1, _money("9500.00"), _money("61.75"))
_THEN = Growth(_LATER, _money("57.00"), _STOOD, _RATE, 31, _money("9500.00"), _money("204.25"))

ACCOUNT: tuple[Variable, ...] = (
    _debt(
        "product", Kind.CHOICE, "what kind of loan it is", "credit_card", tuple(product.value for product in Product)
    ),
    Variable("tail", Kind.TEXT, "the last four letters or digits of its number", "1234"),
    _debt("days_past_due", Kind.NUMBER, "days past due today", 12),
    _debt("principal", Kind.MONEY, "overdue principal", _money("9500.00")),
    _debt("interest", Kind.MONEY, "interest", _money("86.40")),
    _debt("fees", Kind.MONEY, "fees", _money("0.00")),
    _debt("penalty_today", Kind.MONEY, "penalty interest at the end of today", _money("61.75")),
    _debt("penalty_in_30_days", Kind.MONEY, "the same in 30 days if nothing is paid", _money("204.25")),
    _debt("owed_today", Kind.MONEY, "everything owed on it at the end of today", _money("9648.15")),
    _debt("owed_in_30_days", Kind.MONEY, "the same in 30 days if nothing is paid", _money("9790.65")),
    _debt("rate", Kind.RATE, "penalty rate by the day", _RATE),
    _debt("growth_today", Kind.GROWTH, "how penalty_today comes about", _NOW),
    _debt("growth_in_30_days", Kind.GROWTH, "how penalty_in_30_days comes about", _THEN),
)
"""What each item of `accounts` has."""

VARIABLES: tuple[Variable, ...] = (
    Variable("creditor_name", Kind.TEXT, "the lender", "港湾银行"),
    Variable("collector_name", Kind.TEXT, "the agency that collects; where there is none, the lender", "港湾银行"),
    Variable("sender_name", Kind.TEXT, "who signs: the agency, or else the lender", "港湾银行"),
    Variable("is_third_party", Kind.TRUTH, "an agency writes for the lender", False),
    Variable("is_first_contact", Kind.TRUTH, "nothing was sent to this debtor before", False),
    Variable(
        "neutral_name", Kind.TEXT, "a business name that does not tell of debts (12 CFR 1006.2(j))", "港湾客户中心"
    ),
    Variable("contact_person", Kind.TEXT, "a person to ask for by name; for companies, the account manager", "陈静"),
    Variable("callback_number", Kind.TEXT, "the number to call, as it is dialled", "+86 10 5550 0123"),
    Variable("office_hours", Kind.TEXT, "when it is answered", "周一至周五 9:00-18:00"),
    Variable("reply_email", Kind.TEXT, "the address to write to", "care@example.com"),
    Variable("postal_address", Kind.TEXT, "the sender's postal address, on one line", "示例市港湾路1号"),
    Variable("complaints", Kind.TEXT, "where to complain: a number or address", "+86 10 5550 0199"),
    Variable("debtor_name", Kind.TEXT, "the debtor's name", "王小明"),
    Variable("is_company", Kind.TRUTH, "the debtor is a company", False),
    Variable("reference", Kind.TEXT, "what the debtor quotes when calling", "HB-204815"),
    Variable("country", Kind.TEXT, "where the debtor lives: ISO 3166-1", "CN"),
    _debt("accounts", Kind.ACCOUNTS, "the accounts that the message is about", ()),
    _debt("account_count", Kind.NUMBER, "how many they are", 1),
    _debt("days_past_due", Kind.NUMBER, "days past due today, of the oldest", 12),
    _debt("owed_today", Kind.MONEY, "everything owed on them at the end of today", (_money("9648.15"),)),
    _debt("owed_in_30_days", Kind.MONEY, "the same in 30 days if nothing is paid", (_money("9790.65"),)),
    _debt("penalty_today", Kind.MONEY, "penalty interest at the end of today", (_money("61.75"),)),
    _debt("penalty_in_30_days", Kind.MONEY, "the same in 30 days if nothing is paid", (_money("204.25"),)),
    _debt("penalty_added", Kind.MONEY, "what penalty interest adds in those 30 days", (_money("142.50"),)),
    _debt("has_penalty", Kind.TRUTH, "penalty interest grows on at least one of them", True),
    _debt("has_one_rate", Kind.TRUTH, "all of them have the same penalty rate", True),
    _debt("rate", Kind.RATE, "penalty rate by the day; the highest, where there are several", _RATE),
    _debt("bureau", Kind.CHOICE, "where arrears are recorded", "pboc", BUREAUS),
    Variable("today", Kind.DATE, "the debtor's local day", _TODAY),
    Variable("in_30_days", Kind.DATE, "thirty days on", _LATER),
    Variable("pay_url", Kind.LINK, "the debtor's page: pay", "https://pay.example.com/p/7Kq2"),
    Variable(
        "help_url",
        Kind.LINK,
        "the debtor's page: say that one can't pay, ask for a plan, dispute",
        "https://pay.example.com/h/7Kq2",
    ),
    Variable("stop_url", Kind.LINK, "the debtor's page: stop these messages", "https://pay.example.com/s/7Kq2"),
    Variable("stop_word", Kind.TEXT, "the word that stops text messages where the debtor lives", "TD"),
    Variable("verification", Kind.CHOICES, "what the called person may key in", ("birth_date",), VERIFICATIONS),
)

BY_NAME: Mapping[str, Variable] = {variable.name: variable for variable in VARIABLES}
OF_ACCOUNT: Mapping[str, Variable] = {variable.name: variable for variable in ACCOUNT}
OF_LOOP: Mapping[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable("first", Kind.TRUTH, "the first time round", True),
        Variable("last", Kind.TRUTH, "the last time round", False),
        Variable("index", Kind.NUMBER, "how many times, from 1", 1),
    )
}
"""What `forloop` has."""
