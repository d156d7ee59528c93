"""Sample portfolios of any size: the same for the same seed and day, written as they are made, and nobody's.

Numbers are from ranges reserved for fiction, mail addresses from example.com, .org and .net, streets do not exist.
"""

import csv
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TextIO, TypeVar

from channels.fiction import fictional_numbers
from domain.account import Product
from domain.errors import BadInput
from portfolio import names
from portfolio.sample_world import COMPANIES, COUNTRIES, PEOPLES, TYPICAL, City, Country
from portfolio.synthesis import DOMAINS

T = TypeVar("T")

HEADER = (
    "account", "debtor", "kind", "name", "language", "product", "currency", "principal", "interest", "penalty_interest",
    "fees", "penalty_rate_daily_percent", "credit_limit", "as_of", "due_on", "days_past_due", "group", "tags", "flags",
    "mobile", "phone", "work_phone", "email", "address", "city", "region", "postcode", "country", "birth_date",
    "id_last4", "represented_by_lawyer", "bankrupt", "deceased", "first_written_notice_on",
)  # fmt: skip

_STRIDE = 7_919
"""A prime, so that walking a range by it meets every number once before any comes again."""


@dataclass(frozen=True, slots=True)
class _Person:
    """The cells that all rows of one debtor share."""

    reference: str
    kind: str
    home: Country
    cells: tuple[tuple[str, str], ...]


def write_sample(out: TextIO, accounts: int, seed: int, as_of: date, countries: Sequence[str] = ()) -> None:
    """Write a CSV file with this many accounts, in the format of the mapping `default`."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows(accounts, seed, as_of, countries))


def rows(accounts: int, seed: int, as_of: date, countries: Sequence[str] = ()) -> Iterator[list[str]]:
    """The rows of a sample, in the order of `HEADER`."""
    homes = chosen(countries)
    random = Random(seed)  # noqa: S311 -- a sample is to be the same again, not a secret
    numbers = {home.code: fictional_numbers(home.code) for home in homes}
    return itertools.islice(_all_rows(random, homes, numbers, as_of), accounts)


def chosen(codes: Sequence[str]) -> tuple[Country, ...]:
    """The countries with these codes, or all. Raises BadInput for one that samples know nothing of."""
    known = {country.code: country for country in COUNTRIES}
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise BadInput(
            f"there are no samples for {unknown[0]}.", where="--countries", remedy=f"Known: {', '.join(known)}."
        )
    return tuple(known[code] for code in codes) or COUNTRIES


def _all_rows(
    random: Random, homes: Sequence[Country], numbers: dict[str, Sequence[str]], as_of: date
) -> Iterator[list[str]]:
    weights = [home.weight for home in homes]
    account = 0
    for index in itertools.count(1):
        home = random.choices(homes, weights)[0]
        debtor = _debtor(random, index, home, numbers[home.code], as_of)
        for _ in range(random.choices((1, 2, 3), (82, 14, 4))[0]):
            account += 1
            cells = {**dict(debtor.cells), **_loan(random, debtor, account, as_of)}
            yield [cells.get(name, "") for name in HEADER]


def _debtor(random: Random, index: int, home: Country, numbers: Sequence[str], as_of: date) -> _Person:
    language = _weighted(random, home.languages)
    is_company = random.random() < 0.08
    city = random.choice(home.cities)
    cells = {
        "debtor": f"D{index:08d}",
        "kind": "company" if is_company else "person",
        "name": (names.company if is_company else names.person)(language, random),
        "language": language,
        "flags": ";".join(
            flag for flag, share in (("vip", 0.01), ("hard_of_hearing", 0.004)) if random.random() < share
        ),
        **_reach(random, index, numbers, is_company=is_company),
        **_living(random, home, city),
        **({} if is_company else _proofs(random, as_of)),
        **{stop: "yes" for stop, share in _STOPS if random.random() < share},
    }
    return _Person(cells["debtor"], cells["kind"], home, tuple(cells.items()))


_STOPS = (("represented_by_lawyer", 0.004), ("bankrupt", 0.002), ("deceased", 0.001))


def _reach(random: Random, index: int, numbers: Sequence[str], *, is_company: bool) -> dict[str, str]:
    """Most can be reached in two ways, some in one, a few in none."""
    number = [numbers[(index * 2 + which) * _STRIDE % len(numbers)] for which in range(2)]
    found = {}
    if random.random() < (0.5 if is_company else 0.94):
        found["mobile"] = number[0]
    if random.random() < (0.9 if is_company else 0.2):
        found["work_phone" if is_company else "phone"] = number[1]
    if random.random() < 0.85:
        found["email"] = f"{'office' if is_company else 'client'}.{index}@{random.choice(DOMAINS)}"
    return found


def _living(random: Random, home: Country, city: City) -> dict[str, str]:
    return {
        "address": home.street.format(random.randrange(1, 400)),
        "city": city.name,
        "region": city.region,
        "postcode": city.postcode,
        "country": home.code,
    }


def _proofs(random: Random, as_of: date) -> dict[str, str]:
    born = date(as_of.year - random.randrange(20, 78), 1, 1) + timedelta(days=random.randrange(365))
    return {"birth_date": born.isoformat(), "id_last4": f"{random.randrange(10_000):04d}"}


def _loan(random: Random, debtor: _Person, account: int, as_of: date) -> dict[str, str]:
    home = debtor.home
    product = _weighted(random, COMPANIES if debtor.kind == "company" else PEOPLES)
    days = _days_past_due(random)
    least, most = TYPICAL[product]
    principal = _cents(home, math.exp(random.uniform(math.log(least), math.log(most))))
    rate = Decimal(home.daily_percent)
    limit = -(-principal * random.randrange(110, 400) // 100 // 100_000) * 1000
    return {
        "account": f"A{account:09d}",
        "product": product.value,
        "currency": home.currency,
        "principal": _written(principal),
        "interest": _written(int(principal * random.uniform(0, 0.03))),
        "penalty_interest": _written(int(principal * rate * days / 100)),
        "fees": _written(_cents(home, random.choice((0, 0, 0, 10, 25)))),
        "penalty_rate_daily_percent": home.daily_percent,
        "credit_limit": str(limit) if product is Product.CREDIT_CARD else "",
        "as_of": as_of.isoformat(),
        "due_on": (as_of - timedelta(days=days)).isoformat(),
        "days_past_due": str(days),
        "group": f"{debtor.reference}-S" if product is Product.STUDENT_LOAN else "",
        "tags": f"branch-{random.randrange(1, 60):03d}" + (";hold" if random.random() < 0.005 else ""),
        "first_written_notice_on": (as_of - timedelta(days=min(days, 5))).isoformat() if home.code == "US" else "",
    }


def _days_past_due(random: Random) -> int:
    """Most accounts are a few weeks late."""
    least, most = random.choices(((1, 30), (31, 60), (61, 90), (91, 360)), (58, 24, 11, 7))[0]
    return random.randint(least, most)


def _cents(home: Country, dollars: float) -> int:
    """Minor units of the home's currency for an amount in US dollars; Taiwan counts in whole dollars."""
    minor = int(dollars * home.scale * 100)
    return minor // 100 * 100 if home.currency == "TWD" else minor


def _written(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def _weighted(random: Random, table: Iterable[tuple[T, int]]) -> T:
    known = list(table)
    return random.choices([value for value, _ in known], [weight for _, weight in known])[0]
