"""The real file of 30,000 card clients comes in by the mapping that ships. Where it is missing, these tests say so."""

import os
from collections import Counter
from pathlib import Path

import pytest

from channels.fiction import is_fictional
from config.embedded.state import ROOT
from tests.portfolio.books import TODAY, Book

FILE = Path(os.environ.get("FORBEAR_UCI_FILE") or ROOT.parent / "shared" / "data" / "uci-credit-card-clients.csv.gz")
LATE = 6_818
"""Clients who are one month or more late in September."""

pytestmark = pytest.mark.skipif(
    not FILE.exists(), reason=f"there is no {FILE}: set FORBEAR_UCI_FILE to the file; samples serve instead"
)


@pytest.fixture(scope="module")
def taken(module_book: Book) -> Book:
    """A book with the real file in it."""
    summary = module_book.take(FILE, mapping="uci-credit-card", as_of=TODAY)
    assert (summary.lines, summary.added, summary.outside, summary.rejected) == (30_000, LATE, 30_000 - LATE, 0)
    assert (summary.debtors, summary.countries) == (LATE, {"TW": LATE})
    return module_book


def test_who_is_late_comes_in_and_a_second_time_changes_nothing(taken: Book) -> None:
    before = taken.counts()
    assert before["debtors"] == before["accounts"] == before["ledger"] == LATE
    again = taken.take(FILE, mapping="uci-credit-card", as_of=TODAY, days=1)
    assert (again.added, again.updated, again.unchanged, again.outside) == (0, 0, LATE, 30_000 - LATE)
    assert taken.counts() == before
    assert taken.verify() == LATE


def test_balances_are_those_of_the_file(taken: Book) -> None:
    found = taken.rows("SELECT reference, currency, product, principal, days_past_due, as_of FROM accounts")
    assert {row[1:3] for row in found} == {("TWD", "credit_card")}
    assert {row[5] for row in found} == {TODAY}
    by_reference = {row[0]: row for row in found}
    assert by_reference["1"][3] == 391_300
    assert 31 <= by_reference["1"][4] <= 60, "two months late"
    assert by_reference["12829"][3] == 10_000_000, "a spreadsheet wrote 1.00E+05"
    assert min(row[3] for row in found) == 0, "credit balances count as nothing owed"
    months = Counter(-(-row[4] // 30) for row in found)
    assert months == {1: 3688, 2: 2667, 3: 322, 4: 76, 5: 26, 6: 11, 7: 9, 8: 19}


def test_contact_points_are_nobodys_and_protected_columns_are_nowhere(taken: Book) -> None:
    points = [point for found in taken.state().values() for point in found["points"]]
    numbers = [point[0] for point in points if point[1] != "email"]
    assert 0.95 * LATE < len(numbers) < LATE, "not everybody has one"
    assert all(is_fictional(number) for number in numbers)
    assert all(
        point[0].endswith(("@example.com", "@example.org", "@example.net")) for point in points if point[1] == "email"
    )
    keys = {key for (facts,) in taken.rows("SELECT facts FROM debtors") for key in facts}
    assert keys == {"places"}
