"""An import takes in what a file says, sealed, once, and tells what it did."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl

from portfolio.sample import HEADER, rows, write_sample
from portfolio.sealing import digest
from tests.portfolio.books import NOW, ROW, TODAY, Book


def sample(folder: Path, accounts: int, seed: int = 1) -> Path:
    path = folder / "sample.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        write_sample(out, accounts, seed, TODAY)
    return path


def test_what_a_row_says_is_there_and_can_be_opened(book: Book) -> None:
    summary = book.take_rows({"tags": "b;a", "flags": "vip", "first_written_notice_on": "2026-11-10", "group": "G"})
    assert (summary.lines, summary.added, summary.debtors_added) == (1, 1, 1)
    assert summary.points == {"email": 1, "mobile": 1}
    assert summary.countries == {"CN": 1}
    (found,) = book.state().values()
    assert found["name"] == "王芳"
    assert found["language"] == "zh-Hans"
    assert found["flags"] == ["vip"]
    assert found["facts"] == {
        "places": [
            {"country": "CN", "region": "SH", "timezone": "Asia/Shanghai", "basis": "address", "verified": False}
        ],
        "notices": [{"kind": "first_written_notice", "at": "2026-11-11T00:00:00+08:00"}],
    }
    assert {point[:2] for point in found["points"]} == {("+447700900123", "mobile"), ("client.1@example.com", "email")}
    product, currency, *amounts, rate, as_of, due_on, days, group, tags, state = found["accounts"]["A1"]
    assert (product, currency, amounts) == ("credit_card", "CNY", [950_000, 8_640, 5_700, 0])
    assert (str(rate), as_of, due_on, days) == ("0.0005000000", date(2026, 11, 24), date(2026, 11, 4), 20)
    assert (group, tags, state) == ("G", ["a", "b"], "open")
    salt, digests = book.rows("SELECT verify_salt, verify_digests FROM debtors")[0]
    assert digests == [digest(salt, "19800229")]
    assert book.one("SELECT due_at FROM lanes") is None, "nothing is to be done before it is enrolled"


def test_nothing_readable_is_in_the_database(book: Book) -> None:
    book.take_rows({"name": "Unusual Name", "address": "7 Example Road", "id_last4": "4711"})
    for table in ("debtors", "debtor_keys", "contact_points", "accounts", "lanes", "ledger", "portfolios"):
        text = "\n".join(map(str, book.rows(f"SELECT to_jsonb(t)::text FROM {table} t")))
        # Four digits alone stand in one of thirty dumps by chance, within the hexadecimal of a ciphertext.
        for secret in ("Unusual", "7700900123", r"client\.1", "Example Road", r"\b1980", r"\b4711\b"):
            assert re.search(secret, text) is None, (table, secret)


def test_the_ledger_says_what_a_decision_would_rest_on(book: Book) -> None:
    book.take_rows({}, {"account": "A2", "product": "car_loan", "days_past_due": "5", "due_on": "2026-11-19"})
    assert book.verify() == 1
    kind, at, body = book.rows("SELECT kind, at, body FROM ledger")[0]
    assert (kind, at) == ("debtor_imported", NOW)
    assert body["collector"] == {"first_party": True, "name": "harbour"}
    assert body["debtor"] == book.one("SELECT facts FROM debtors")
    assert [point["kind"] for point in body["contact_points"]] == ["mobile", "email"]
    assert {account["product"]: account["total_minor"] for account in body["accounts"]} == {
        "credit_card": 964_340,
        "car_loan": 964_340,
    }
    assert {account["due_at"] for account in body["accounts"]} == {
        "2026-11-04T00:00:00+08:00",
        "2026-11-19T00:00:00+08:00",
    }
    ids = {str(row[0]) for row in book.rows("SELECT account_id FROM accounts")}
    assert {account["id"] for account in body["accounts"]} == ids


def test_a_second_import_adds_nothing_and_the_ledger_does_not_grow(book: Book) -> None:
    path = sample(book.folder, 600)
    first = book.take(path)
    assert first.added == 600
    state, counts = book.state(), book.counts()
    again = book.take(path, days=1)
    assert (again.added, again.updated, again.unchanged, again.vanished) == (0, 0, 600, 0)
    assert (again.debtors_added, again.debtors_changed) == (0, 0)
    assert again.points == first.points
    assert again.countries == first.countries
    assert book.state() == state
    assert book.counts() == counts
    assert book.verify() == counts["ledger"]
    assert not book.rows("SELECT FROM lanes WHERE due_at IS NOT NULL")


def test_new_balances_update_and_wake(book: Book) -> None:
    book.take_rows({}, {"account": "B1", "debtor": "D2", "mobile": "+447700900124"})
    later = {"as_of": "2026-11-25", "days_past_due": "21", "principal": "9000"}
    summary = book.take_rows(later, {"account": "B1", "debtor": "D2", "mobile": "+447700900124"}, days=1)
    assert (summary.added, summary.updated, summary.unchanged, summary.debtors_changed) == (0, 1, 1, 1)
    account = book.state()["D1"]["accounts"]["A1"]
    assert (account[2], account[7], account[9]) == (900_000, date(2026, 11, 25), 21)
    woken = book.rows("SELECT d.reference FROM lanes JOIN debtors d USING (debtor_id) WHERE due_at IS NOT NULL")
    assert [row[0] for row in woken] == ["D1"]
    assert book.verify() == 3


def test_an_account_that_was_not_in_the_file_before_joins_its_debtor(book: Book) -> None:
    book.take_rows({})
    summary = book.take_rows({}, {"account": "A2"}, days=1)
    assert (summary.added, summary.unchanged, summary.debtors_added, summary.debtors_changed) == (1, 1, 0, 1)
    assert set(book.state()["D1"]["accounts"]) == {"A1", "A2"}
    assert book.verify() == 2


def test_what_changes_about_a_debtor_is_taken_over(book: Book) -> None:
    book.take_rows({"flags": "vip", "represented_by_lawyer": "no"})
    book.take_rows(
        {"name": "王小芳", "language": "en", "region": "BJ", "flags": "", "birth_date": "1981-01-01"}, days=1
    )
    found = book.state()["D1"]
    assert (found["name"], found["language"], found["flags"]) == ("王小芳", "en", [])
    assert [place["region"] for place in found["facts"]["places"]] == ["BJ"]
    salt, digests = book.rows("SELECT verify_salt, verify_digests FROM debtors")[0]
    assert digests == [digest(salt, "19810101")]
    assert book.verify() == 2


def test_what_others_found_out_about_a_debtor_stays(book: Book) -> None:
    book.take_rows({})
    known = {
        "places": [{"country": "CN", "basis": "declared", "timezone": "Asia/Shanghai"}],
        "agreed_caps": {"week": 8},
    }
    book.do("UPDATE debtors SET facts = facts || %(known)s::jsonb", known=json.dumps(known))
    book.take_rows({"region": "BJ"}, days=1)
    facts = book.state()["D1"]["facts"]
    assert facts["agreed_caps"] == {"week": 8}
    assert [place["basis"] for place in facts["places"]] == ["address", "declared"]


def test_a_number_that_the_file_no_longer_gives_is_not_used_until_it_comes_back(book: Book) -> None:
    book.take_rows({})
    book.take_rows({"mobile": "+447700900999"}, days=1)
    living = {point[0]: point[5] for point in book.state()["D1"]["points"]}
    assert living == {"+447700900123": "True", "+447700900999": "False", "client.1@example.com": "False"}
    body = book.rows("SELECT body FROM ledger ORDER BY seq DESC LIMIT 1")[0][0]
    assert len(body["contact_points"]) == 2
    book.take_rows({}, days=2)
    living = {point[0]: point[5] for point in book.state()["D1"]["points"]}
    assert living["+447700900123"] == "False"
    assert living["+447700900999"] == "True"


def test_a_number_proved_dead_stays_dead(book: Book) -> None:
    book.take_rows({})
    book.do("UPDATE contact_points SET is_dead = true WHERE kind = 'mobile'")
    book.take_rows({"mobile": ""}, days=1)
    book.take_rows({}, days=2)
    assert {point[0]: point[5] for point in book.state()["D1"]["points"]}["+447700900123"] == "True"


def test_stops_become_suppressions_once(book: Book) -> None:
    book.take_rows({"represented_by_lawyer": "yes"})
    assert book.state()["D1"]["stops"] == {"attorney"}
    assert [row[0] for row in book.rows("SELECT kind FROM ledger ORDER BY seq")] == ["debtor_imported", "suppressed"]
    book.do("UPDATE suppressions SET lifted_at = at")
    book.take_rows({"represented_by_lawyer": "yes"}, days=1)
    assert book.one("SELECT count(*) FROM suppressions") == 1
    book.take_rows({"represented_by_lawyer": "yes", "deceased": "yes"}, days=2)
    assert book.state()["D1"]["stops"] == {"attorney", "deceased"}
    assert book.verify() == 4
    assert book.one("SELECT due_at FROM lanes") is not None


def test_an_account_that_vanished_is_told_and_not_deleted(book: Book) -> None:
    other = {"account": "A2", "debtor": "D2", "mobile": "+447700900124"}
    book.take_rows({}, other)
    listed = book.folder / "vanished.txt"
    summary = book.take_rows({}, days=1, vanished=listed)
    assert summary.vanished == 1
    assert listed.read_text(encoding="utf-8") == "A2\n"
    assert book.state()["D2"]["accounts"]["A2"][-1] == "open"
    summary = book.take_rows({}, days=2, closes_vanished=True)
    assert summary.vanished == 1
    assert book.state()["D2"]["accounts"]["A2"][-1] == "vanished"
    assert book.take_rows({}, days=3).vanished == 0
    book.take_rows({}, other, days=4)
    assert book.state()["D2"]["accounts"]["A2"][-1] == "open"
    assert book.verify() == 4


def test_portfolios_of_one_creditor_do_not_vanish_each_other(book: Book) -> None:
    book.take_rows({}, portfolio="cards")
    summary = book.take_rows({"account": "L1", "debtor": "D2", "mobile": "+447700900124"}, portfolio="loans", days=1)
    assert summary.vanished == 0
    assert book.counts()["portfolios"] == 2


def test_a_row_that_was_rejected_has_not_vanished(book: Book) -> None:
    book.take_rows({}, {"account": "A2", "debtor": "D2", "mobile": "+447700900124"})
    summary = book.take_rows({}, {"account": "A2", "debtor": "D2", "principal": "?"}, days=1)
    assert (summary.rejected, summary.vanished) == (1, 0)


def test_what_owes_nothing_is_paid_and_opens_again(book: Book) -> None:
    nothing = {"principal": "0", "interest": "0", "penalty_interest": "0"}
    book.take_rows({})
    book.take_rows(nothing | {"as_of": "2026-11-25"}, days=1)
    assert book.state()["D1"]["accounts"]["A1"][-1] == "paid"
    book.take_rows({"as_of": "2026-11-26"}, days=2)
    assert book.state()["D1"]["accounts"]["A1"][-1] == "open"
    book.do("UPDATE accounts SET state = 'closed'")
    book.take_rows({"as_of": "2026-11-27"}, days=3)
    assert book.state()["D1"]["accounts"]["A1"][-1] == "closed", "a person closed it"


def test_a_workbook_says_the_same_as_a_csv_file(new: Callable[[], Book]) -> None:
    by_csv, by_workbook = new(), new()
    by_csv.take(sample(by_csv.folder, 200))
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in (HEADER, *rows(200, 1, TODAY)):
        sheet.append([as_spreadsheet(name, text) for name, text in zip(HEADER, cells, strict=True)])
    path = by_workbook.folder / "sample.xlsx"
    book.save(path)
    assert by_workbook.take(path).added == 200
    assert by_workbook.state() == by_csv.state()


def as_spreadsheet(column: str, text: str) -> object:
    """Amounts, days and day counts as a spreadsheet keeps them; what must keep its zeros as text."""
    if text == column or not text:
        return text
    if column in ("principal", "interest", "penalty_interest", "fees", "penalty_rate_daily_percent"):
        return float(text)
    if column in ("as_of", "due_on", "birth_date", "first_written_notice_on"):
        return date.fromisoformat(text)
    return int(text) if column == "days_past_due" else text


def test_balances_may_be_taken_as_of_another_day(book: Book) -> None:
    book.take_rows({}, as_of=date(2026, 11, 20))
    assert book.state()["D1"]["accounts"]["A1"][7] == date(2026, 11, 20)


def test_the_portfolio_keeps_what_its_last_import_did(book: Book) -> None:
    path = book.write([ROW])
    summary = book.take(path)
    name, digest_, kept = book.rows("SELECT name, digest, summary FROM portfolios")[0]
    assert name == "default"
    assert len(digest_) == 32
    assert kept == json.loads(json.dumps(summary.as_json()))
