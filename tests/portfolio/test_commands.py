"""`forbear portfolio` and `forbear creditor`, run as people run them."""

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from config.embedded.state import ROOT
from tests.databases import Database

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(database: Database, tmp_path: Path) -> Run:
    """Runs a command against the module's database."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FORBEAR_")} | {
        "FORBEAR_DATABASE_URL": database.url,
        "FORBEAR_DATABASE_OWNER_URL": database.owner_url,
        "FORBEAR_REDIS_URL": "redis://127.0.0.1:1",
        "FORBEAR_STATE_DIR": str(tmp_path),
        "COLUMNS": "120",
    }

    def command(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "forbear", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return command


def test_a_sample_is_written_and_imported(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.csv.gz"
    run("portfolio", "sample", "--accounts", "150", "--seed", "4", "--out", str(path), "--countries", "cn,US")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == 150
    assert {row["country"] for row in rows} == {"CN", "US"}
    dry = run("portfolio", "import", str(path), "--creditor", "tide", "--dry-run")
    assert "would be added" in dry.stdout
    assert "nothing was changed" in dry.stdout
    assert "tide" not in run("creditor", "list").stdout
    shown = run("portfolio", "import", str(path), "--creditor", "tide")
    assert "tide is a new creditor" in shown.stdout
    assert not shown.stderr, "a bar is for terminals"
    again = json.loads(run("portfolio", "import", str(path), "--creditor", "tide", "--json").stdout)
    assert (again["creditor_is_new"], again["added"], again["unchanged"]) == (False, 0, 150)


def test_a_sample_goes_to_standard_output_and_is_the_same_again(run: Run) -> None:
    words = ("portfolio", "sample", "--accounts", "20", "--seed", "9", "--as-of", "2026-11-24")
    assert run(*words).stdout == run(*words).stdout
    assert len(run(*words).stdout.splitlines()) == 21


def test_rejected_rows_are_told_in_a_file_beside(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    run("portfolio", "sample", "--accounts", "5", "--out", str(path))
    path.write_text(path.read_text(encoding="utf-8").replace("credit_card", "pawn", 1), encoding="utf-8")
    shown = run("portfolio", "import", str(path), "--creditor", "ebb")
    assert "rejected" in shown.stdout
    beside = tmp_path / "s.csv.rejects.csv"
    assert str(beside) in shown.stdout.replace("\n", "")
    assert "none of credit_card" in beside.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("none.csv", "--creditor", "x"), "none.csv: cannot be read"),
        (("README.md", "--creditor", "x"), "README.md:1: the file has no column `account`"),
        (("README.md", "--creditor", "x", "--mapping", "none.yaml"), "Shipped mappings: default, uci-credit-card"),
        (("README.md", "--creditor", "X Y"), "no code for a creditor"),
        (("README.md", "--creditor", "x", "--as-of", "soon"), "--as-of"),
    ],
)
def test_wrong_calls_end_with_2_and_one_sentence(run: Run, words: tuple[str, ...], says: str) -> None:
    done = run("portfolio", "import", *words, code=2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_creditor_is_made_shown_and_said_anew(run: Run, tmp_path: Path) -> None:
    profile = tmp_path / "harbour.yaml"
    profile.write_text(
        """\
name: Harbour Bank, cards
country: CN
timezone: Asia/Shanghai
first_party: true
email_from: care@harbour.example
sender:
  creditor_name: {zh-Hans: 港湾银行, en: Harbour Bank}
  neutral_name: Harbour
  callback_number: "+86 154 0000 0000"
  office_hours: 9-18
  complaints: complaints@harbour.example
""",
        encoding="utf-8",
    )
    made = run("creditor", "create", "harbour", "--profile", str(profile), "--phone", "+86 154 0000 0001")
    assert "harbour is made" in made.stdout
    assert "zh-Hant" in made.stdout, "a gap is told"
    assert "No messages in en" not in made.stdout
    run("creditor", "create", "harbour", "--agency", "--pack", "house-care")
    found = json.loads(run("creditor", "show", "harbour", "--json").stdout)["profile"]
    assert (found["name"], found["phone"], found["first_party"]) == ("Harbour Bank, cards", "+86 154 0000 0001", False)
    assert (found["packs"], found["collector"]) == (["house-care"], "harbour")
    assert "Harbour Bank, cards" in run("creditor", "list").stdout
    assert "Asia/Shanghai" in run("creditor", "show", "harbour").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "a", "--timezone", "Mars/Base"), "--timezone: no IANA time zone"),
        (("create", "a", "--pay-url", "http://x"), "--pay-url"),
        (("create", "a", "--email-from", "x"), "--email-from: no mail address"),
        (("create", "A B"), "no code"),
        (("show", "nobody"), "there is no creditor `nobody`"),
    ],
)
def test_a_wrong_profile_is_refused(run: Run, words: tuple[str, ...], says: str) -> None:
    assert says in run("creditor", *words, code=2).stderr


def test_mistakes_of_a_profile_are_told_in_their_places(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("nam: x\ncountry: Freedonia\nsender: {office_hour: 9}\n", encoding="utf-8")
    said = run("creditor", "create", "a", "--profile", str(path), code=2).stderr
    for place in ("p.yaml:1:1", "p.yaml:2:10", "p.yaml:3:10"):
        assert place in said
