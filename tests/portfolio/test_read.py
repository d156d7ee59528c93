"""Files are cut into records in bounded memory; what cannot be cut with certainty is an error with its line."""

import csv
import gzip
import io
import resource
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from portfolio.mapping_file import find_mapping
from portfolio.read import open_table
from portfolio.workbook import INEXACT, WITHOUT_VALUE

MAPPING = find_mapping("default")


def read(path: Path, **changes: str) -> tuple[list[str], list[tuple[int, Sequence[str]]]]:
    with open_table(path, replace(MAPPING, **changes)) as table:  # type: ignore[arg-type]
        return table.header, list(table.records)


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    return path


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20)


@given(st.lists(st.lists(cell, min_size=3, max_size=3), max_size=8))
def test_whatever_a_csv_writer_wrote_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["a", "b", "c"])
        writer.writerows(rows)
    header, records = read(path)
    assert header == ["a", "b", "c"]
    assert [list(cells) for _, cells in records] == rows
    lines = path.read_bytes().decode().split("\n")
    for (number, _), row in zip(records, rows, strict=True):
        from_there = "\n".join(lines[number - 1 :])
        assert next(csv.reader(io.StringIO(from_there, newline=""))) == row, "a record begins on its line"


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        ("a,b\n王,ü\n".encode("utf-8-sig"), {}),
        ("a,b\n王,ü\n".encode("gb18030"), {"encoding": "gb18030"}),
        ("a;b\r\n王;ü\r\n".encode(), {"delimiter": ";"}),
        (gzip.compress("a,b\n\n王,ü".encode(), mtime=0), {}),
    ],
)
def test_encodings_delimiters_and_gzip(tmp_path: Path, content: bytes, changes: dict[str, str]) -> None:
    header, ((_, cells),) = read(written(tmp_path, content), **changes)
    assert header == ["a", "b"]
    assert list(cells) == ["王", "ü"]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", None, "empty"),
        (b'a,b\n1,2\n3,"4\n5,6\n', 3, "a quote that never ends"),
        (b'a,b\n1,2\n"3"x,4\n', 3, "a quote that ends before its field does"),
        (b"a,b\n1,\x002\n", 2, "NUL"),
        ("a,b\n1,王\n".encode("gb18030"), 2, "not utf-8"),
        ("a,b\n".encode("utf-16"), 1, "utf-8|NUL"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 90_000, mtime=0)[:-200], None, "damaged or cut off"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9, mtime=0)[:12] + b"xxxxxxxx", None, "damaged or cut off"),
        (b"a,b\r1,2\r", 1, "carriage return"),
        (b"PK\x03\x04nonsense", None, "ZIP is damaged"),
    ],
)
def test_what_cannot_be_cut_is_an_error_with_its_line(
    tmp_path: Path, content: bytes, line: int | None, words: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(BadInput, match=words) as caught:
        read(path)
    assert caught.value.where.startswith(str(path))
    if line is not None:
        assert caught.value.where == f"{path}:{line}"


def test_a_line_of_two_gigabytes_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as out:
        out.write(b"a,b\n")
        out.truncate(2 << 30)
        out.seek(5)
        for _ in range(4):
            out.write(b"x" * (1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match="a line of more than"):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_folder_or_a_missing_file_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(BadInput, match="cannot be read"):
            read(path)


def workbook(tmp_path: Path, rows: list[list[object]], title: str = "Book") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    path = tmp_path / "p.xlsx"
    book.save(path)
    return path


def test_cells_of_a_workbook_read_as_a_csv_file_would_have_them(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        [
            ["a", "b", "c", "d", "e", "f"],
            [12, 1234.5, date(2026, 1, 2), "007", True, None],
            [],
            [0.00001, 13912345678, -3, 0.1, 99999999999.99, "é"],
        ],
    )
    header, records = read(path)
    assert header == ["a", "b", "c", "d", "e", "f"]
    assert records == [
        (2, ["12", "1234.5", "2026-01-02", "007", "true", ""]),
        (4, ["0.00001", "13912345678", "-3", "0.1", "99999999999.99", "é"]),
    ]


def test_formulas_without_a_value_and_lost_digits_are_not_read_as_nothing(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["a", "b", "c"], ["x", "=1+1", 2], ["y", 123456789012345678, "=A1"]])
    _, records = read(path)
    assert records == [(2, ["x", WITHOUT_VALUE, "2"]), (3, ["y", INEXACT, WITHOUT_VALUE])]


def test_the_kept_value_of_a_formula_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["a", "b"], ["x", "=1+1"]])
    changed = tmp_path / "kept.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for each in old.infolist():
            data = (
                old.read(each)
                .replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>")
                .replace(b"<f>1+1</f><v/>", b"<f>1+1</f><v>2</v>")
                .replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
            )
            new.writestr(each, data)
    assert read(changed)[1] == [(2, ["x", "2"])]


def test_a_sheet_is_chosen_by_name_and_a_wrong_name_lists_them(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["a"], ["1"]], "Accounts")
    assert read(path, sheet="Accounts")[1] == [(2, ["1"])]
    with pytest.raises(BadInput, match="no such sheet") as caught:
        read(path, sheet="Debtors")
    assert "Accounts" in caught.value.remedy


def test_a_workbook_that_unpacks_to_more_than_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path, [["a"], ["1"]])
    monkeypatch.setattr("portfolio.workbook.LARGEST_WORKBOOK", 1000)
    with pytest.raises(BadInput, match="too large"):
        read(path)
