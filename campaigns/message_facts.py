"""What is known of a sender, a debtor and their accounts, as the variables of `campaigns/variables.py`.

The one place where variables are filled, so that a preview, a forecast and a sent message say the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from campaigns.amounts import HORIZON, AccountAmounts, account_amounts, together
from campaigns.variables import VERIFICATIONS
from domain.account import Balances, PenaltyRate
from domain.errors import BadInput

STOP_WORDS: Mapping[str, str] = {"CN": "TD", "HK": "TD", "MO": "TD", "TW": "TD"}
"""What stops text messages, by country; STOP elsewhere. Carriers and `Inbound` understand both."""
_OPTIONAL = ("contact_person", "reply_email", "postal_address")
_PROFILE_TEXTS = (
    *("creditor_name", "neutral_name", "callback_number", "office_hours", "complaints"),
    *_OPTIONAL,
)
_PROFILE = (*_PROFILE_TEXTS, "collector_name", "reports_to_bureau")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes, in one language. `texts` are variables by name; `reports_to_bureau`: arrears are recorded."""

    texts: Mapping[str, str]
    is_third_party: bool
    reports_to_bureau: bool


class Addressee(NamedTuple):
    """Whom a message is for. `country` is ISO 3166-1; None where it is not known."""

    name: str
    reference: str
    country: str | None
    is_company: bool = False


class MessageAccount(NamedTuple):
    """One account that the message is about."""

    reference: str
    product: str
    days_past_due: int
    balances: Balances
    penalty: PenaltyRate


class Links(NamedTuple):
    """The debtor's own pages for this attempt."""

    pay_url: str
    help_url: str
    stop_url: str


def sender_of(profile: Mapping[str, Any], language: str) -> Sender:
    """Who writes, from a creditor's profile. Each text is one for all languages, or a mapping from language to text.

    An agency is named by `collector_name`. Raises BadInput where something is missing or is no text.
    """
    texts: dict[str, str] = {}
    for name in (*_PROFILE_TEXTS, "collector_name"):
        found = _in_language(profile.get(name), language)
        if found is None and name not in (*_OPTIONAL, "collector_name"):
            remedy = f"Give it as a text, or by language: {{{language}: …}}."
            raise BadInput(f"the creditor's profile has no `{name}` for {language}.", remedy=remedy)
        if found is not None:
            texts[name] = found
    unknown = sorted(set(profile) - set(_PROFILE))
    if unknown:
        raise BadInput(
            f"the creditor's profile has an unknown `{unknown[0]}`.", remedy=f"Known: {', '.join(_PROFILE)}."
        )
    is_third_party = "collector_name" in texts
    texts.setdefault("collector_name", texts["creditor_name"])
    texts["sender_name"] = texts["collector_name"]
    return Sender(texts, is_third_party, profile.get("reports_to_bureau") is True)


def message_variables(
    sender: Sender,
    addressee: Addressee,
    accounts: Sequence[MessageAccount],
    links: Links,
    today: date,
    *,
    verification: Iterable[str] = VERIFICATIONS[:1],
    is_first_contact: bool = False,
) -> dict[str, Any]:
    """Every variable of a message about `accounts`, as of the end of `today` in the debtor's place.

    Raises BadInput where there is no account. What the sender's profile lacks is left out: a template that names it is
    refused.
    """
    if not accounts:
        raise BadInput("a message must be about at least one account.", remedy="Give its accounts.")
    amounts = [account_amounts(account.balances, account.penalty, today) for account in accounts]
    owed = together(amounts)
    rates = {account.penalty.daily for account in accounts}
    return {
        **sender.texts,
        "is_third_party": sender.is_third_party,
        "is_first_contact": is_first_contact,
        "debtor_name": addressee.name,
        "is_company": addressee.is_company,
        "reference": addressee.reference,
        "country": addressee.country or "",
        "accounts": [_item(account, found) for account, found in zip(accounts, amounts, strict=True)],
        "account_count": len(accounts),
        "days_past_due": max(account.days_past_due for account in accounts),
        "owed_today": owed.today,
        "owed_in_30_days": owed.later,
        "penalty_today": owed.penalty_today,
        "penalty_in_30_days": owed.penalty_later,
        "penalty_added": owed.penalty_added,
        "has_penalty": any(amount.minor for amount in owed.penalty_added),
        "has_one_rate": len(rates) == 1,
        "rate": max(rates),
        "bureau": bureau_of(addressee.country, sender.reports_to_bureau),
        "today": today,
        "in_30_days": today + HORIZON,
        "pay_url": links.pay_url,
        "help_url": links.help_url,
        "stop_url": links.stop_url,
        "stop_word": STOP_WORDS.get(addressee.country or "", "STOP"),
        "verification": tuple(verification),
    }


def bureau_of(country: str | None, is_reported: bool) -> str:
    """Where arrears are recorded: one of `campaigns.variables.BUREAUS`."""
    if not is_reported:
        return "none"
    return {"CN": "pboc", "TW": "jcic"}.get(country or "", "local")


def _item(account: MessageAccount, amounts: AccountAmounts) -> dict[str, Any]:
    return {
        "product": account.product,
        "tail": "".join(filter(str.isalnum, account.reference))[-4:],
        "days_past_due": account.days_past_due,
        "principal": amounts.principal,
        "interest": amounts.interest,
        "fees": amounts.fees,
        "penalty_today": amounts.now.result,
        "penalty_in_30_days": amounts.later.result,
        "owed_today": amounts.owed_today,
        "owed_in_30_days": amounts.owed_later,
        "rate": account.penalty.daily,
        "growth_today": amounts.now,
        "growth_in_30_days": amounts.later,
    }


def _in_language(found: object, language: str) -> str | None:
    """A profile's text in `language`; of one given by language only, that of this language."""
    if isinstance(found, Mapping):
        found = found.get(language)
    return found if isinstance(found, str) and found.strip() else None
