"""Records become rows by a mapping, or say in which column they are wrong; all problems of a record at once."""

from collections.abc import Mapping as Dict
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.facts import PointKind, StopKind
from portfolio.mapping import Mapping
from portfolio.mapping_file import find_mapping, parse_mapping
from portfolio.row_reader import RowReader
from portfolio.rows import Outside, Rejected, Row
from portfolio.sample import HEADER

TODAY = date(2026, 11, 24)
DEFAULT = find_mapping("default")
GOOD = {
    "account": "A1",
    "debtor": "D1",
    "kind": "person",
    "name": "王芳",
    "language": "zh-Hans",
    "product": "credit_card",
    "currency": "CNY",
    "principal": "9500.00",
    "interest": "86.40",
    "penalty_interest": "57",
    "fees": "",
    "penalty_rate_daily_percent": "0.05",
    "as_of": "2026-11-23",
    "due_on": "2026-11-03",
    "days_past_due": "20",
    "tags": "branch-001;hold",
    "mobile": "+447700900123",
    "email": "Client.1@EXAMPLE.com",
    "address": "示例路1号",
    "city": "上海市",
    "region": "SH",
    "postcode": "200001",
    "country": "CN",
    "birth_date": "1980-02-29",
    "id_last4": "11010119800229123X",
}


def reader(mapping: Mapping = DEFAULT, header: tuple[str, ...] = HEADER, as_of: date | None = None) -> RowReader:
    return RowReader(mapping, header, "p.csv", as_of=as_of, today=TODAY)


def look(changes: Dict[str, str], mapping: Mapping = DEFAULT) -> Row | Outside | Rejected:
    cells = GOOD | dict(changes)
    return reader(mapping).read((7, [cells.get(name, "") for name in HEADER]))


def row(**changes: str) -> Row:
    found = look(changes)
    assert isinstance(found, Row), found
    return found


def test_a_good_record() -> None:
    found = row()
    assert (found.reference, found.debtor, found.name, found.language) == ("A1", "D1", "王芳", "zh-Hans")
    assert (found.principal, found.interest, found.penalty, found.fees) == (950_000, 8_640, 5_700, 0)
    assert found.penalty_daily == Decimal("0.0005")
    assert (found.as_of, found.due_on, found.days_past_due) == (date(2026, 11, 23), date(2026, 11, 3), 20)
    assert found.tags == ("branch-001", "hold")
    assert [(point.kind, point.value) for point in found.points] == [
        (PointKind.MOBILE, "+447700900123"),
        (PointKind.EMAIL, "Client.1@example.com"),
        (PointKind.ADDRESS, "示例路1号\n上海市\nSH 200001\nCN"),
    ]
    assert found.place is not None
    assert (found.place.country, found.place.region, found.place.timezone) == ("CN", "SH", "Asia/Shanghai")
    assert found.proofs == ("19800229", "123*"), "an X at the end is keyed as a star"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("account", "", "empty"),
        ("account", "=A1", "formula"),
        ("account", "x" * 101, "more than 100"),
        ("debtor", "", "empty"),
        ("kind", "dog", "none of person, company"),
        ("name", "", "empty"),
        ("name", "@import", "formula"),
        ("language", "zh", "script"),
        ("product", "pawn", "none of credit_card"),
        ("currency", "RMB", "ISO 4217"),
        ("currency", "", "empty"),
        ("principal", "", "empty"),
        ("principal", "9,500.00", "no plain amount"),
        ("principal", "1.005", "more decimals than CNY has"),
        ("principal", "-1", "below zero"),
        ("interest", "n/a", "no plain amount"),
        ("penalty_rate_daily_percent", "-0.1", "below zero"),
        ("as_of", "2026-02-30", "no such day"),
        ("as_of", "2026-11-25", "a day to come"),
        ("due_on", "03.11.2026", "no date such as"),
        ("due_on", "2026-11-24", "yet due after"),
        ("days_past_due", "20.5", "no whole number"),
        ("tags", "two words", "one word"),
        ("mobile", "12345", "no number|too short"),
        ("email", "client.1(at)example.com", "no mail address"),
        ("email", "=cmd@example.com", "formula"),
        ("country", "Cathay", "ISO 3166"),
        ("postcode", "20,0001", "no postcode"),
        ("birth_date", "1980-13-01", "no such day"),
        ("id_last4", "12X", "fewer than four"),
        ("address", "-1 Example Road", "formula"),
        ("first_written_notice_on", "yesterday", "no date"),
    ],
)
def test_what_is_wrong_is_told_by_column_and_reason_never_by_value(column: str, value: str, reason: str) -> None:
    found = look({column: value})
    assert isinstance(found, Rejected)
    (problem,) = found.problems
    assert (problem.line, problem.column) == (7, column)
    assert pytest.importorskip("re").search(reason, problem.reason)
    if len(value) > 3:
        assert value not in problem.reason
        assert value not in problem.value_class


def test_all_problems_of_a_record_are_told_at_once() -> None:
    found = look({"principal": "x", "language": "zh", "mobile": "1"})
    assert isinstance(found, Rejected)
    assert [problem.column for problem in found.problems] == ["principal", "mobile", "language"]
    assert found.reference == "A1"


def test_a_record_with_more_cells_than_columns_is_rejected() -> None:
    found = reader().read((3, ["x"] * 5))
    assert isinstance(found, Rejected)
    assert f"5 cells, the header {len(HEADER)}" in found.problems[0].reason


@given(st.dictionaries(st.sampled_from(HEADER), st.text(max_size=15), max_size=6))
def test_no_record_makes_it_fail_and_no_reason_repeats_a_value(changes: dict[str, str]) -> None:
    found = look(changes)
    if isinstance(found, Rejected):
        for problem in found.problems:
            value = changes.get(problem.column, "").strip()
            assert len(value) < 7 or value not in f"{problem.reason} {problem.value_class}"


def test_a_bad_contact_point_is_dropped_where_the_mapping_says_so() -> None:
    found = look({"mobile": "12345"}, replace(DEFAULT, drops_bad_points=True))
    assert isinstance(found, Row)
    assert [point.kind for point in found.points] == [PointKind.EMAIL, PointKind.ADDRESS]
    assert [(problem.column, problem.is_fatal) for problem in found.dropped] == [("mobile", False)]


def test_the_same_point_in_two_columns_comes_once() -> None:
    assert [point.kind for point in row(phone="+44 7700 900123").points].count(PointKind.MOBILE) == 1


def test_days_past_due_follow_from_the_due_date_where_the_file_does_not_say() -> None:
    assert row(days_past_due="").days_past_due == 20
    assert row(days_past_due="", due_on="2026-11-24").days_past_due == 0
    found = look({"days_past_due": "", "due_on": ""})
    assert isinstance(found, Rejected)
    assert "neither" in found.problems[0].reason


def test_the_day_of_the_balances_may_be_given_and_is_else_today() -> None:
    cells = [GOOD.get(name, "") for name in HEADER]
    given_day = reader(as_of=date(2026, 11, 20)).read((2, cells))
    assert isinstance(given_day, Row)
    assert given_day.as_of == date(2026, 11, 20)
    assert row(as_of="").as_of == TODAY


def test_stops_and_notices() -> None:
    found = row(represented_by_lawyer="YES", deceased="no", first_written_notice_on="2026-11-10")
    assert [(stop.kind, stop.since) for stop in found.stops] == [(StopKind.ATTORNEY, date(2026, 11, 23))]
    assert found.notices == (("first_written_notice", date(2026, 11, 10)),)


def test_a_missing_column_names_the_nearest() -> None:
    with pytest.raises(BadInput) as caught:
        reader(header=tuple("princpal" if name == "principal" else name for name in HEADER))
    assert caught.value.what == "the file has no column `principal` (is it `princpal`?)."
    assert caught.value.where == "p.csv:1"
    with pytest.raises(BadInput, match="there twice"):
        reader(header=(*HEADER, "principal"))


def test_columns_that_the_mapping_does_not_name_are_listed() -> None:
    assert reader().unread == ("credit_limit",)


def mine(text: str) -> Mapping:
    head = "name: mine\naccount:\n  reference: r\n  product: {value: car_loan}\n  principal: p\n"
    return parse_mapping(head + text, "m.yaml")


def test_translations_buckets_and_conditions() -> None:
    mapping = mine(
        "  currency: {column: c, values: {Euro: EUR}}\n"
        "  days_past_due: {column: m, buckets_of: 30}\n"
        "  penalty_daily: {value: '18,25', percent: true, per: year}\n"
        "debtor: {name: n, language: {value: en}}\n"
        "decimal: ','\nthousands: '.'\ndelimiter: ';'\n"
        "where: [{column: m, at_least: 1, at_most: 8}, {column: s, in: [Open]}]\n"
    )
    read = RowReader(mapping, ("r", "p", "c", "m", "n", "s"), "p.csv", as_of=None, today=TODAY).read
    found = read((2, ["1", "1.234,50", "EURO", "2", "Alex Baker", "open"]))
    assert isinstance(found, Row)
    assert (found.principal, found.currency, found.debtor) == (123_450, "EUR", "1")
    assert found.penalty_daily == Decimal("0.0005")
    assert 31 <= found.days_past_due <= 60
    assert read((2, ["1", "1.234,50", "EURO", "2", "Alex Baker", "open"])) == found
    assert read((3, ["2", "x", "?", "0", "", "open"])) == Outside(3, "2")
    assert read((3, ["2", "1", "euro", "3", "n", "shut"])) == Outside(3, "2")
    assert isinstance(read((3, ["2", "1", "Franc", "3", "n", "open"])), Rejected)
    taken = RowReader(mapping, ("r", "p", "c", "m", "n", "s"), "p.csv", as_of=None, today=TODAY).read(
        (3, ["2", "1", "euro", "0", "n", "shut"]), takes_all=True
    )
    assert isinstance(taken, Row)
    assert taken.days_past_due == 0


@given(st.integers(1, 40), st.text("0123456789", min_size=1, max_size=8))
def test_a_bucket_spreads_over_its_days_and_no_further(months: int, reference: str) -> None:
    mapping = mine(
        "  currency: {value: EUR}\n  days_past_due: {column: m, buckets_of: 30}\n"
        "debtor: {name: n, language: {value: en}}\n"
    )
    read = RowReader(mapping, ("r", "p", "m", "n"), "p.csv", as_of=None, today=TODAY).read
    found = read((2, [reference, "1", str(months), "n"]))
    assert isinstance(found, Row)
    assert 30 * (months - 1) < found.days_past_due <= 30 * months
