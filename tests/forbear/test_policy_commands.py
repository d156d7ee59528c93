"""`forbear audit`, `policy explain` and `policy diff` on a real database."""

import datetime as dt
import json

import pytest

from config.settings import Settings
from forbear import cli
from storage.crypto import KeyRing
from storage.session import Database
from tests import databases
from tests.web.book import write_book

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


@pytest.fixture
def run(settings: Settings, database: databases.Database, tmp_path, monkeypatch, capsys):  # type: ignore[no-untyped-def]
    """Runs a command over a creditor with debtors; its exit code, output and errors."""
    db = Database(database.url)
    write_book(db, KeyRing.open(tmp_path / "keys.json", create=True), NOW, debtors=3, code="diffed", name="Diffed")
    db.close()
    monkeypatch.setenv("FORBEAR_DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("FORBEAR_REDIS_URL", str(settings.redis_url))
    monkeypatch.setenv("FORBEAR_STATE_DIR", str(tmp_path))

    def call(*words: str) -> tuple[int, str, str]:
        code = cli.run(list(words))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def test_diff_replays_the_ledger_and_explain_and_audit_read_it(run) -> None:  # type: ignore[no-untyped-def]
    code, shown, wrong = run("policy", "diff", "us-reg-f", "us-reg-f", "--creditor", "diffed")
    assert (code, wrong) == (0, "")
    assert "contacts of the ledger are answered differently" in shown
    code, _, wrong = run("policy", "diff", "us-reg-f", "us-reg-f", "--creditor", "nobody")
    assert (code, "no creditor `nobody`" in wrong) == (2, True)
    code, shown, wrong = run("audit", "--creditor", "diffed", "--json")
    assert wrong == ""
    assert json.loads(shown)["debtors"] == 3
    code, _, wrong = run("policy", "explain", "no-such-debtor", "--creditor", "diffed")
    assert (code, "no debtor" in wrong) == (2, True)
