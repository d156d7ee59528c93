"""What an import refuses: rows that repeat or contradict, files that cannot be right. It does nothing by halves."""

import contextlib
import gc
import gzip
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from config.embedded.state import ROOT
from domain.errors import BadInput, Refused
from portfolio import importer
from portfolio.importer import Wish, import_portfolio
from portfolio.mapping_file import find_mapping
from storage import import_statements
from storage.crypto import KeyRing
from storage.session import Database
from tests import databases
from tests.portfolio.books import NOW, ROW, Book, new_book
from tests.portfolio.test_import import sample


def test_an_account_twice_in_the_file_is_taken_once_and_both_lines_are_named(book: Book) -> None:
    summary = book.take_rows({}, {"account": "A2"}, {"principal": "1"})
    assert (summary.added, summary.rejected) == (2, 1)
    (found,) = book.rejected()
    assert (found["line"], found["column"], found["other_line"], found["taken"]) == ("4", "account", "2", "no")
    assert "already" in found["reason"]
    assert book.state()["D1"]["accounts"]["A1"][2] == 950_000


def test_so_is_one_that_comes_again_much_later(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "CHUNK", 2)
    others = [{"account": f"B{i}", "debtor": f"E{i}"} for i in range(6)]
    summary = book.take_rows({}, *others, {"debtor": "D9"}, {"account": "C1"})
    assert (summary.lines, summary.added, summary.rejected, summary.debtors) == (9, 8, 1, 7)
    assert [(each["line"], each["other_line"]) for each in book.rejected()] == [("9", "2")]
    assert set(book.state()["D1"]["accounts"]) == {"A1", "C1"}


@pytest.mark.parametrize("chunk", [1, 100])
def test_two_people_under_one_reference_are_not_mixed(book: Book, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(importer, "CHUNK", chunk)
    summary = book.take_rows(
        {}, {"account": "A2", "name": "李强"}, {"account": "A3", "kind": "company"}, {"account": "A4"}
    )
    assert (summary.added, summary.rejected) == (2, 2)
    assert [(each["line"], each["column"], each["other_line"]) for each in book.rejected()] == [
        ("3", "name", "2"),
        ("4", "name", "2"),
    ]


def test_contradictions_with_what_is_known(book: Book) -> None:
    book.take_rows({}, {"account": "A2"}, {"account": "A3"}, {"account": "A4"})
    account_id, debtor_id = book.rows("SELECT account_id, debtor_id FROM accounts WHERE reference = 'A4'")[0]
    book.do(
        """INSERT INTO payments (payment_id, creditor_id, account_id, debtor_id, key, minor, currency, at)
           VALUES (gen_random_uuid(), %(creditor)s, %(account)s, %(debtor)s, 'p', 1, 'CNY', '2026-11-24T16:00:00Z')""",
        creditor=book.creditor_id,
        account=account_id,
        debtor=debtor_id,
    )
    before = book.state()
    summary = book.take_rows(
        {"debtor": "D9"},
        {"account": "A2", "currency": "USD"},
        {"account": "A3", "as_of": "2026-11-23"},
        {"account": "A4"},
        days=1,
    )
    assert (summary.rejected, summary.added + summary.updated + summary.unchanged, summary.vanished) == (4, 0, 0)
    assert [(each["column"], each["reason"]) for each in book.rejected()] == [
        ("debtor", "the account was handed over as another debtor's"),
        ("currency", "another currency than the account had before (CNY)"),
        ("as_of", "older than the balances known already (as of 2026-11-24)"),
        ("as_of", "a payment was received after the day of these balances"),
    ]
    assert book.state() == before


def test_the_balances_of_the_day_of_a_payment_are_taken(book: Book) -> None:
    book.take_rows({})
    book.do(
        """INSERT INTO payments (payment_id, creditor_id, account_id, debtor_id, key, minor, currency, at)
           SELECT gen_random_uuid(), creditor_id, account_id, debtor_id, 'p', 1, 'CNY', '2026-11-24T15:59:59Z'
           FROM accounts"""
    )
    assert book.take_rows({"principal": "9000"}, days=1).updated == 1


def test_the_rejects_file_tells_everything_but_the_value(book: Book) -> None:
    book.take_rows({}, {"account": "A2", "mobile": "+44 1234", "principal": "12.345", "name": "=SUM(A1:A9)"})
    text = book.rejects.read_text(encoding="utf-8")
    assert [(each["line"], each["column"], each["value_class"]) for each in book.rejected()] == [
        ("3", "principal", "number"),
        ("3", "mobile", "number"),
        ("3", "name", "formula"),
    ]
    for secret in ("1234", "12.345", "SUM"):
        assert secret not in text
    assert stat.S_IMODE(book.rejects.stat().st_mode) == 0o600


def test_the_rejects_file_goes_when_there_is_nothing_to_tell_but_only_if_it_is_ours(book: Book) -> None:
    book.take_rows({}, {"account": "A2", "principal": "x"})
    assert book.rejects.exists()
    book.take_rows({})
    assert not book.rejects.exists()
    book.rejects.write_text("mine\n", encoding="utf-8")
    book.take_rows({})
    assert book.rejects.read_text(encoding="utf-8") == "mine\n"


def test_rejects_that_cannot_be_written_stop_the_import(book: Book) -> None:
    nowhere = book.folder / "none" / "r.csv"
    with pytest.raises(BadInput, match="nothing was imported"):
        book.take_rows({}, {"account": "A2", "principal": "x"}, rejects=nowhere)
    assert not any(book.counts().values())


def test_a_file_of_which_nothing_can_be_taken_is_an_error(book: Book) -> None:
    with pytest.raises(BadInput, match="none of 2 records") as caught:
        book.take_rows({"currency": "RMB"}, {"account": "A2", "currency": "RMB"})
    assert caught.value.where.endswith("p.csv:2")
    assert not any(book.counts().values())
    assert len(book.rejected()) == 2


def test_a_broken_file_changes_nothing_although_its_beginning_was_good(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "CHUNK", 50)
    path = sample(book.folder, 500)
    with path.open("a", encoding="utf-8") as out:
        out.write('"never ended\n')
    with pytest.raises(BadInput, match="never ends"):
        book.take(path)
    assert not any(book.counts().values())
    packed = book.folder / "p.csv.gz"
    packed.write_bytes(gzip.compress(sample(book.folder, 500).read_bytes())[:-100])
    with pytest.raises(BadInput, match="damaged or cut off"):
        book.take(packed)
    assert not any(book.counts().values())


@pytest.mark.parametrize("principal", ["1.00", "x"])
def test_the_collector_is_left_as_it_was(book: Book, principal: str) -> None:
    before = gc.get_threshold()
    during = []

    def told(*_progress: int) -> None:
        during.append(gc.get_threshold())

    wish = Wish(book.write([ROW | {"principal": principal}]), find_mapping("default"), "p")
    with contextlib.nullcontext() if principal == "1.00" else pytest.raises(BadInput):
        import_portfolio(book.database, book.ring, book.creditor_id, wish, NOW, told)
    assert gc.get_threshold() == before
    assert during
    assert during[0] != before


def test_what_the_database_does_not_take_is_told_as_itself(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (*import_statements.TAKE_IN[:2], "SELECT 1 / 0", *import_statements.TAKE_IN[2:])
    monkeypatch.setattr(import_statements, "TAKE_IN", broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        book.take(sample(book.folder, 300))
    assert not any(book.counts().values())


def test_a_dry_run_changes_nothing_and_says_what_would_be(book: Book) -> None:
    path = sample(book.folder, 300)
    expected = book.take(path, is_dry_run=True)
    assert not any(book.counts().values())
    done = book.take(path)
    assert done.as_json() == expected.as_json() | {"is_dry_run": False}
    before, state = book.counts(), book.state()
    changes = [{"account": "A000000001", "debtor": "D00000001"}, {"account": "new"}]
    mixed = [ROW | change for change in changes]
    expected = book.take(book.write(mixed), is_dry_run=True, days=1)
    assert (book.counts(), book.state()) == (before, state)
    done = book.take(book.write(mixed), days=1)
    assert done.as_json() == expected.as_json() | {"is_dry_run": False, "debtors_changed": done.debtors_changed}
    assert done.vanished == 299


def test_a_new_creditor_is_made_by_an_import_that_succeeds_and_only_then(
    opened: Database, ring: KeyRing, tmp_path: Path
) -> None:
    book = new_book(opened, ring, tmp_path, is_known=False)
    path = book.write([ROW])
    book.take(path, new_creditor=book.code, is_dry_run=True)
    assert book.code not in opened.creditors()
    with pytest.raises(BadInput):
        book.take(book.write([ROW | {"currency": "?"}]), new_creditor=book.code)
    assert book.code not in opened.creditors()
    assert book.take(book.write([ROW]), new_creditor=book.code).added == 1
    assert opened.creditors()[book.code] == book.creditor_id


def test_creditors_do_not_see_each_others_debtors(new: Callable[[], Book]) -> None:
    one, other = new(), new()
    one.take_rows({})
    assert other.take_rows({}).added == 1
    assert one.counts()["debtors"] == other.counts()["debtors"] == 1


def test_closing_what_vanished_needs_every_reference(book: Book) -> None:
    book.take_rows({})
    with pytest.raises(Refused, match="1 records have no readable reference"):
        book.take_rows({"account": "A2"}, {"account": ""}, closes_vanished=True)
    assert book.counts()["accounts"] == 1


def test_an_erased_debtor_is_not_brought_back(book: Book) -> None:
    book.take_rows({}, {"account": "B1", "debtor": "D2"})
    book.do("DELETE FROM debtor_keys WHERE debtor_id = (SELECT debtor_id FROM debtors WHERE reference = 'D1')")
    summary = book.take_rows({"principal": "1"}, {"account": "B1", "debtor": "D2"}, days=1)
    assert (summary.rejected, summary.unchanged) == (1, 1)
    assert "erased" in book.rejected()[0]["reason"]


def test_one_import_at_a_time(book: Book, opened: Database) -> None:
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('import ' || %(id)s, 0))"
    with opened.tenant(book.creditor_id) as connection:
        connection.exec_driver_sql(lock, {"id": str(book.creditor_id)})
        with pytest.raises(Refused, match="another import"):
            book.take_rows({})
    assert book.take_rows({}).added == 1


def test_lanes_that_a_worker_holds_are_waited_for(book: Book, opened: Database) -> None:
    book.take_rows({})
    with ThreadPoolExecutor(1) as pool:
        with opened.tenant(book.creditor_id) as connection:
            connection.exec_driver_sql("SELECT FROM lanes FOR UPDATE")
            waiting = pool.submit(book.take_rows, {"principal": "1"}, days=1)
            with opened.system() as watch:
                blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                deadline = time.monotonic() + 20
                while not watch.exec_driver_sql(blocked).scalar() and time.monotonic() < deadline:
                    time.sleep(0.01)
            assert not waiting.done()
        assert waiting.result(timeout=20).updated == 1


def test_an_import_that_is_killed_leaves_nothing(
    fresh_database: databases.Database, ring: KeyRing, tmp_path: Path
) -> None:
    path = sample(tmp_path, 20_000)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FORBEAR_")} | {
        "FORBEAR_DATABASE_URL": fresh_database.url,
        "FORBEAR_DATABASE_OWNER_URL": fresh_database.owner_url,
        "FORBEAR_REDIS_URL": "redis://127.0.0.1:1",
        "FORBEAR_STATE_DIR": str(tmp_path),
    }
    words = [sys.executable, "-m", "forbear", "portfolio", "import", str(path), "--creditor", "killed"]
    killed = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    with psycopg.connect(fresh_database.owner_url, autocommit=True) as connection:
        wrote = "SELECT pg_total_relation_size('accounts') > 100000"
        deadline = time.monotonic() + 60
        while not connection.execute(wrote).fetchone()[0]:  # type: ignore[index]
            assert killed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        for table in ("creditors", "debtors", "accounts", "ledger", "portfolios"):
            connection.execute("SELECT pg_sleep(0.05)")
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    again = subprocess.run([*words, "--json"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert '"added": 20000' in again.stdout
