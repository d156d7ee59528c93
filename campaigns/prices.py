"""What contacts cost, from a table of unit prices (`config/prices.yaml`): exact, in millionths of its currency."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from campaigns.located import Report, compose, decimal_text, mapping, text
from domain.channel import Channel
from domain.money import CURRENCIES

DEFAULT = "default"
SPOKEN_A_MINUTE = {"zh": 240, "ja": 300, "ko": 300}
"""Characters spoken in a minute, by language; other languages are counted at `LETTERS_A_MINUTE`."""
LETTERS_A_MINUTE = 850


@dataclass(frozen=True, slots=True)
class Prices:
    """Unit prices in millionths of `currency`, by channel and country; each channel has a `default`."""

    currency: str
    units: Mapping[Channel, Mapping[str, int]]

    def cost(self, channel: Channel, country: str | None, units: int) -> int:
        """What `units` (segments, minutes begun, messages) cost to a contact point in `country`, in millionths."""
        by_country = self.units[channel]
        return units * by_country.get(country or DEFAULT, by_country[DEFAULT])


def read_prices(source: str, file: str) -> Prices:
    """The table in `source`. Raises `campaigns.located.BadFile` with every mistake."""
    report = Report(file)
    names = [channel.value for channel in Channel]
    root = compose(source, report)
    found = mapping(root, report, "the price table", ("currency", *names), ("currency", *names))
    currency = text(found.get("currency"), report, "the currency")
    if currency is not None and currency not in CURRENCIES:
        report.add(found["currency"], f"`{currency}` is no ISO 4217 code")
    units: dict[Channel, dict[str, int]] = {}
    for name in names:
        if name not in found:
            continue
        known = _countries(found[name])
        entries = mapping(found[name], report, f"the prices of {name}", known, (DEFAULT,))
        amounts = {key: decimal_text(value, report, f"the price of {name} in {key}") for key, value in entries.items()}
        units[Channel(name)] = {key: int(Decimal(amount).scaleb(6)) for key, amount in amounts.items() if amount}
    report.raise_if_any()
    return Prices(currency or "", units)


def minutes(text: str, language: str) -> int:
    """How many minutes a text takes to be spoken, begun ones counted whole."""
    pace = SPOKEN_A_MINUTE.get(language.partition("-")[0], LETTERS_A_MINUTE)
    return max(1, -(-len(text) // pace))


def _countries(node: object) -> list[str]:
    """Every two-letter key of the table, so that only what is no country is an unknown key."""
    keys = [str(key.value) for key, _ in getattr(node, "value", []) if hasattr(key, "value")]
    return [key for key in keys if len(key) == 2 and key.isalpha() and key.isupper()] + [DEFAULT]
