"""`forbear why`: the whole story of a debtor in order, with clause and until when, and nothing personal."""

import datetime as dt
import json
from collections.abc import Iterator

import pytest
import time_machine

from config.settings import Settings
from forbear import cli
from storage.crypto import KeyRing
from storage.session import Database
from tests import databases
from tests.web.book import NAMES, Book, write_book

NOW = dt.datetime(2026, 11, 24, 10, 42, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def books(database: databases.Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Book, Book]]:
    """Two creditors with a debtor of the same reference each."""
    db = Database(database.url)
    ring = KeyRing.open(tmp_path_factory.mktemp("keys") / "keys.json", create=True)
    yield (
        write_book(db, ring, NOW, debtors=12),
        write_book(db, ring, NOW, code="quay", name="Quay", debtors=1, seed=8),
    )
    db.close()


@pytest.fixture
def why(
    settings: Settings, books: tuple[Book, Book], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> object:
    """Runs the command; its exit code, output and errors."""
    monkeypatch.setenv("FORBEAR_DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("FORBEAR_REDIS_URL", str(settings.redis_url))
    monkeypatch.setenv("FORBEAR_STATE_DIR", str(settings.state_dir))

    def run(*words: str) -> tuple[int, str, str]:
        with time_machine.travel(NOW, tick=False):
            code = cli.run(["why", *words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_it_tells_what_holds_and_then_everything_in_order(why, books) -> None:
    code, shown, _ = why("HB-204800", "--creditor", "harbour")
    assert code == 0
    assert "Looked at again Wed 25 Nov 2026, 04:42 · 2026-11-24 20:42 UTC." in shown
    assert "Dispute open, until it is lifted (source: sms reply)" in shown
    assert "refuses debtor-wishes@1/dispute [Debtor’s dispute]: A dispute is open and not answered" in shown
    parts = [
        "Imported",
        "Enrolled in a campaign",
        "SMS: ",
        "Voice: ",
        "Email: ",
        "Debtor disputes the debt",
        "SMS not made: refused",
    ]
    story = shown.partition("Imported")[1] + shown.partition("Imported")[2]
    places = [story.index(part) for part in parts]
    assert places == sorted(places)
    assert not any(name in shown for name in NAMES)
    assert "+44" not in shown


def test_json_holds_the_same_with_instants_in_the_debtors_offset(why, books) -> None:
    code, shown, _ = why("HB-204801", "--creditor", "harbour", "--json")
    told = json.loads(shown)
    assert code == 0
    assert told["debtor"] == str(books[0].debtors[1])
    assert told["timezone"] == "Asia/Shanghai"
    assert told["now"] == "2026-11-24T18:42:00+08:00"
    [held] = told["held"]
    assert held["until"] == told["next_at"] == "2026-11-25T04:02:00+08:00"
    assert held["rules"][0]["rule"] == "hours"
    assert held["rules"][0]["cite"].startswith("GB/T 45251-2025")
    times = [item["at"] for item in told["timeline"]]
    assert times == sorted(times)
    assert {item["kind"] for item in told["timeline"]} >= {"note", "contact", "held"}


@pytest.mark.parametrize("name", ["6225-7003", "id"])
def test_a_debtor_is_named_by_an_account_or_by_our_id_too(why, books, name: str) -> None:
    wanted = books[0].debtors[3]
    code, shown, _ = why(str(wanted) if name == "id" else name, "--json")
    assert code == 0
    assert json.loads(shown)["debtor"] == str(wanted)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["HB-204800"], "Add --creditor, one of: harbour, quay."),
        (["HB-999999"], "there is no debtor, and no account, of that reference or id."),
        (["HB-204805", "--creditor", "quay"], "there is no debtor"),
        (["HB-204800", "--creditor", "nobody"], "Known: harbour, quay."),
    ],
)
def test_what_it_cannot_find_it_says(why, books, words: list[str], says: str) -> None:
    code, shown, error = why(*words)
    assert (code, shown) == (2, "")
    assert says in error
