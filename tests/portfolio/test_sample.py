"""Samples: the same for the same seed, readable by the default mapping, and nobody real in them."""

import csv
import io
import re
from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.fiction import is_fictional
from domain.account import Product
from domain.errors import BadInput
from portfolio.mapping_file import find_mapping
from portfolio.row_reader import RowReader
from portfolio.rows import Row
from portfolio.sample import HEADER, rows, write_sample
from portfolio.sample_world import COUNTRIES

DAY = date(2026, 11, 24)


def read(seed: int, accounts: int, *countries: str) -> list[Row]:
    reader = RowReader(find_mapping("default"), HEADER, "s.csv", as_of=None, today=DAY)
    found = [reader.read((line, cells)) for line, cells in enumerate(rows(accounts, seed, DAY, countries), start=2)]
    assert all(isinstance(each, Row) for each in found), [each for each in found if not isinstance(each, Row)][:3]
    return [each for each in found if isinstance(each, Row)]


@given(st.integers(0, 10**6), st.sets(st.sampled_from([country.code for country in COUNTRIES])))
def test_every_row_is_taken_and_nobody_is_real(seed: int, countries: set[str]) -> None:
    for row in read(seed, 40, *sorted(countries)):
        for point in row.points:
            if point.kind == "email":
                assert re.search(r"@example\.(com|org|net)$", point.value)
            elif point.kind == "address":
                assert re.search("Example|示例|範例", point.value)
            else:
                assert is_fictional(point.value)
        assert row.place is not None
        assert not countries or row.place.country in countries


def test_a_seed_makes_the_same_file_again() -> None:
    files = [io.StringIO() for _ in range(3)]
    for seed, file in zip((5, 5, 6), files, strict=True):
        write_sample(file, 300, seed, DAY)
    assert files[0].getvalue() == files[1].getvalue() != files[2].getvalue()
    assert len(list(csv.reader(io.StringIO(files[0].getvalue())))) == 301


def test_it_is_as_varied_as_a_portfolio() -> None:
    found = read(1, 5000)
    assert len({row.reference for row in found}) == 5000
    assert {row.product for row in found} == set(Product)
    assert {row.place.country for row in found if row.place} == {country.code for country in COUNTRIES}
    assert {row.language for row in found} == {"zh-Hans", "zh-Hant", "en"}
    assert len({row.place.region for row in found if row.place and row.place.country == "US"}) >= 8
    kinds = Counter({row.debtor: row.kind for row in found}.values())
    assert 0.03 < kinds["company"] / kinds.total() < 0.15
    accounts = Counter(row.debtor for row in found)
    assert {1, 2, 3} <= set(accounts.values())
    assert {row.kind == "company" for row in found if row.product in (Product.COMPANY_LOAN,)} == {True}
    assert sum(row.days_past_due <= 30 for row in found) > 2000
    assert any(row.days_past_due > 90 for row in found)
    assert all(row.principal > 0 and row.penalty_daily > 0 for row in found)
    assert any(not row.points[:-1] for row in found), "a few can only be written to"
    assert any(row.stops for row in found)


def test_limits_are_above_what_is_owed() -> None:
    limit, owed = HEADER.index("credit_limit"), HEADER.index("principal")
    cards = [cells for cells in rows(2000, 3, DAY) if cells[limit]]
    assert cards
    assert all(int(cells[limit]) >= float(cells[owed]) for cells in cards)


def test_an_unknown_country_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match="Known: CN, TW, HK, US, GB, SG"):
        list(rows(1, 1, DAY, ("XX",)))


def test_an_early_part_does_not_depend_on_the_size() -> None:
    assert list(rows(50, 9, DAY)) == list(rows(500, 9, DAY))[:50]
