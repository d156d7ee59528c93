"""Whichever way rows go in (certainly new, or with care), together or far apart in the file, the book is the same."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio import chunks, importer
from portfolio.chunks import Prepared, Task, Terms
from portfolio.row_reader import RowReader
from storage.crypto import KeyRing
from storage.session import Database
from tests.portfolio.books import Book, new_book

short = st.sampled_from(["1", "2", "3"])
files = st.lists(
    st.fixed_dictionaries(
        {
            "account": short.map("A{}".format),
            "debtor": short.map("D{}".format),
            "name": st.sampled_from(["王芳", "王芳", "王芳", "李强"]),
            "mobile": st.sampled_from(["", "+447700900001", "+447700900002"]),
            "email": st.sampled_from(["", "a@example.com", "b@example.com"]),
            "region": st.sampled_from(["SH", "BJ"]),
            "flags": st.sampled_from(["", "vip", "b;a"]),
            "days_past_due": st.sampled_from(["20", "21"]),
            "principal": st.sampled_from(["1", "2", "x"]),
            "deceased": st.sampled_from(["", "yes"]),
            "first_written_notice_on": st.sampled_from(["", "2026-11-01", "2026-11-02"]),
        }
    ).map(lambda row: row | {"account": row["debtor"][1] + row["account"]}),
    min_size=1,
    max_size=9,
)


@settings(max_examples=25)
@given(files, st.integers(1, 4))
def test_the_book_does_not_depend_on_the_way(
    opened: Database, ring: KeyRing, tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], chunk: int
) -> None:
    rows.append({"account": "sure", "debtor": "sure"})  # so that something can be taken
    together = new_book(opened, ring, tmp_path_factory.mktemp("a"))
    apart = new_book(opened, ring, tmp_path_factory.mktemp("b"))
    careful = new_book(opened, ring, tmp_path_factory.mktemp("c"))
    first = together.take_rows(*rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importer, "CHUNK", chunk)
        second = apart.take_rows(*rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "prepare", doubting)
        third = careful.take_rows(*rows)
    assert without_file(first) == without_file(second) == without_file(third)
    assert together.state() == apart.state() == careful.state()
    said = [
        [(each["line"], each["column"]) for each in book.rejected()]
        for book in (together, apart, careful)
        if first.rejected
    ]
    assert all(each == said[0] for each in said)
    for book in (together, apart, careful):
        book.verify()
        before = book.counts()
        again = book.take_rows(*rows)
        assert (again.added, again.updated, again.debtors_changed) == (0, 0, 0)
        assert book.counts() == before


def without_file(summary: object) -> dict[str, object]:
    return summary.as_json() | {"rejects_file": None}  # type: ignore[attr-defined, no-any-return]


PREPARE = chunks.prepare


def doubting(reader: RowReader, terms: Terms, task: Task) -> Prepared:
    """Prepares as if everybody might have come before."""
    return PREPARE(reader, terms, replace(task, doubts_all=True))


def test_what_a_bloom_filter_takes_for_seen_goes_in_all_the_same(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfolio.seen.Seen.add", lambda *_: True)
    summary = book.take_rows({}, {"account": "A2"}, {"account": "B1", "debtor": "D2"})
    assert (summary.added, summary.debtors_added) == (3, 2)
    assert book.verify() == 2
    assert not book.rows("SELECT FROM lanes WHERE due_at IS NOT NULL")
