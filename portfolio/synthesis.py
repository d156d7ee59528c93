"""Made-up names and contact points for a real file that has none, as a mapping's `synthesise_contacts` asks.

What a row gets depends on the seed and the row's key alone. Numbers come from ranges reserved for fiction, addresses
from example.com, .org and .net: nobody real can be reached.
"""

import functools
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from channels.fiction import fictional_numbers
from portfolio import names
from portfolio.mapping import SYNTHETIC_COLUMNS, Mapping, Synthesis

DOMAINS = ("example.com", "example.org", "example.net")
_EPOCH = date(1950, 1, 1)
_DAYS = 55 * 365


def with_synthetic(header: Sequence[str], mapping: Mapping) -> list[str]:
    """The header with the columns that the mapping asks to be made up."""
    return [*header, *(SYNTHETIC_COLUMNS if mapping.synthesis else ())]


def synthesise(wish: Synthesis, key: str) -> list[str]:
    """The made-up cells of one row, in the order of `SYNTHETIC_COLUMNS`; an empty text where a row gets none."""
    random = Random(f"{wish.seed} {key}")  # noqa: S311 -- the same for the same row, not a secret
    name = names.person(wish.language, random)
    gets = [random.randrange(100) < share for share in (wish.mobile, wish.landline, wish.email)]
    numbers = [random.choice(_numbers(wish.country)) for _ in range(2)]
    mail = f"client.{abs(hash_of(key)):x}@{random.choice(DOMAINS)}"
    born = _EPOCH + timedelta(days=random.randrange(_DAYS))
    found = [value if has else "" for value, has in zip((*numbers, mail), gets, strict=True)]
    return [name, *found, born.isoformat()]


def hash_of(key: str) -> int:
    """A number that is the same in every process, unlike `hash`."""
    return Random(key).getrandbits(40)  # noqa: S311 -- spreads keys, hides nothing


@functools.cache
def _numbers(country: str) -> Sequence[str]:
    return fictional_numbers(country)
