"""Mappings: what ships is right, and every mistake is told at once, in its place."""

from pathlib import Path

import pytest

from domain.errors import BadInput
from portfolio.mapping_file import find_mapping, parse_mapping, read_mapping, shipped

LEAST = """\
name: mine
account:
  reference: Kontonummer
  product: {value: credit_card}
  currency: {value: EUR}
  principal: Saldo
  due_on: Faellig
debtor:
  name: Name
  language: {value: en}
"""


def test_the_shipped_mappings_are_read() -> None:
    assert shipped() == ["default", "uci-credit-card"]
    for name in shipped():
        assert find_mapping(name).name == name


def test_the_least_that_a_mapping_needs() -> None:
    found = parse_mapping(LEAST, "m.yaml")
    assert set(found.columns()) == {"Kontonummer", "Saldo", "Faellig", "Name"}


def test_a_file_is_found_by_its_path_and_a_missing_one_says_what_ships(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(LEAST, encoding="utf-8")
    assert find_mapping(str(path)).name == "mine"
    with pytest.raises(BadInput, match=r"default, uci-credit-card"):
        read_mapping(tmp_path / "none.yaml")


def test_all_mistakes_are_told_at_once_with_line_and_column() -> None:
    text = """\
name: My Mapping
encoding: utf-16
dates: [DD.MM]
account:
  referenc: a
  product: {value: credit_cart}
  currency: {column: c, value: EUR}
  principal: p
  days_past_due: {column: d, buckets_of: 0}
debtor:
  name: n
  language: {value: zh}
contact_points:
  - {column: m, kind: fax}
where:
  - {column: x}
stops:
  - {kind: moved, column: s, values: [y]}
currencies: [EUR, XYZ]
country: Germany
"""
    with pytest.raises(BadInput) as caught:
        parse_mapping(text, "m.yaml")
    said = caught.value.describe()
    for line, words in {
        1: "not one word",
        2: "`utf-16` is no encoding",
        3: "no date format",
        5: "Did you mean `reference`",
        6: "`credit_cart` is no product",
        7: "a column or a value, not both",
        9: "days of a bucket",
        12: "script",
        14: "Known: mobile, landline, work, email, work_email",
        16: "needs `in`, or bounds",
        18: "the kind is a text",
        19: "`XYZ`",
        20: "`Germany` is no country",
    }.items():
        assert any(f"m.yaml:{line}:" in each and words in each for each in said.splitlines()), (line, said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("name: [", "not YAML"),
        ("- a", "the mapping is a list"),
        ("name: mine\n", "lacks `account`"),
        (LEAST.replace("  due_on: Faellig\n", ""), "lacks `days_past_due` and `due_on`"),
        (LEAST + "protected: [Saldo]\n", "`Saldo` is protected and read"),
        (LEAST + "decimal: ','\nthousands: ','\n", "both marks"),
        (LEAST + "name: other\n", "twice"),
    ],
)
def test_mistakes(text: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_mapping(text, "m.yaml")
    assert words in caught.value.describe()
    assert "m.yaml:" in caught.value.describe()


def test_protected_columns_of_the_real_file_are_never_read() -> None:
    found = find_mapping("uci-credit-card")
    assert found.protected == ("X2", "X3", "X4", "X5")
    assert not set(found.protected) & set(found.columns())
