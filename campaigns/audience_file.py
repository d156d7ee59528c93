"""Reads the audience of a cadence from YAML."""

from ruamel.yaml.nodes import Node

from campaigns.audience import Audience
from campaigns.located import (
    Mark,
    Report,
    choices,
    decimal_text,
    did_you_mean,
    items,
    mapping,
    mark_of,
    text,
    texts,
    whole,
)
from domain.account import Product
from domain.money import CURRENCIES, parse_money

MAX_DAYS = 3650


def read_audience(node: Node | None, report: Report, marks: dict[str, Mark]) -> Audience | None:
    """The audience at a node of a cadence; None where it is missing or wrong, which is then noted."""
    if node is None:
        return None
    keys = ("products", "days_past_due", "balance", "kinds", "languages", "flags", "tags")
    found = mapping(node, report, "the audience", keys, ("products", "days_past_due"))
    marks.update({f"audience.{key}": mark_of(value) for key, value in found.items()})
    products = choices(found.get("products"), report, "a product", [product.value for product in Product])
    if "products" in found and not items(found["products"], report, "products"):
        report.add(found["products"], "no product is named", f"Known: {', '.join(Product)}.")
    days = _days_past_due(found.get("days_past_due"), report)
    currency, least, most = _balance(found.get("balance"), report)
    flags_all, flags_none = _all_none(found.get("flags"), report, "flags")
    tags_all, tags_none = _all_none(found.get("tags"), report, "tags")
    kinds = choices(found.get("kinds"), report, "a kind", ("person", "company"))
    languages = frozenset(texts(found.get("languages"), report, "a language"))
    if days is None or not products:
        return None
    return Audience(
        products, *days, currency, least, most, kinds, languages, flags_all, flags_none, tags_all, tags_none
    )


def _days_past_due(node: Node | None, report: Report) -> tuple[int, int] | None:
    if node is None:
        return None
    found = mapping(node, report, "days_past_due", ("from", "to"), ("from", "to"))
    first = whole(found.get("from"), report, "the first day past due", 0, MAX_DAYS)
    last = whole(found.get("to"), report, "the last day past due", 0, MAX_DAYS)
    if first is None or last is None:
        return None
    if first > last:
        report.add(node, f"no day lies from {first} to {last}", "Write the smaller number first.")
        return None
    return first, last


def _balance(node: Node | None, report: Report) -> tuple[str | None, int | None, int | None]:
    if node is None:
        return None, None, None
    found = mapping(node, report, "the balance", ("currency", "from", "to"), ("currency",))
    currency = text(found.get("currency"), report, "the currency")
    if currency is not None and currency not in CURRENCIES:
        report.add(found["currency"], f"`{currency}` is no ISO 4217 code", did_you_mean(currency, sorted(CURRENCIES)))
        return None, None, None
    bounds: list[int | None] = []
    for key in ("from", "to"):
        amount = decimal_text(found.get(key), report, f"the balance's `{key}`")
        try:
            bounds.append(parse_money(amount, currency).minor if amount and currency else None)
        except ValueError as error:
            report.add(found[key], f"the amount is {error}", f"Write it as {currency} is counted.")
            bounds.append(None)
    least, most = bounds
    if least is not None and most is not None and least > most:
        report.add(node, "no balance lies in that range", "Write the smaller amount as `from`.")
    return currency, least, most


def _all_none(node: Node | None, report: Report, what: str) -> tuple[frozenset[str], frozenset[str]]:
    if node is None:
        return frozenset(), frozenset()
    found = mapping(node, report, what, ("all", "none"))
    wanted = frozenset(texts(found.get("all"), report, what))
    unwanted = frozenset(texts(found.get("none"), report, what))
    if wanted & unwanted:
        report.add(node, f"{what} asks for what it excludes", "Keep each name on one side.")
    return wanted, unwanted
