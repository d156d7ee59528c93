"""`forbear campaign`: preview for a debtor of the book or for nobody, a launch with what it needs, clear errors."""

import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine

from config.embedded.state import ROOT
from config.settings import Settings
from forbear import cli
from forbear.campaign_check import SAMPLE
from forbear.creditor_profile import read_profile
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing
from storage.session import Database
from tests import databases
from tests.web.book import NAMES, write_book

NOW = dt.datetime(2026, 11, 24, 10, 42, tzinfo=dt.UTC)
CARD = str(ROOT / "config" / "cadences" / "card-early.yaml")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def keys(database: databases.Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A book whose creditor `harbour` has a whole profile, and `quay` one that lacks much."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    ring = KeyRing.open(path, create=True)
    db = Database(database.url)
    write_book(db, ring, NOW, debtors=3)
    write_book(db, ring, NOW, code="quay", name="Quay", debtors=1, seed=8)
    ensure_creditor(db, "harbour", read_profile(SAMPLE), NOW, os.urandom(10))
    yield path
    db.close()


@pytest.fixture
def campaign(
    settings: Settings, keys: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs `forbear campaign`; its exit code, output with blanks as one, and errors."""
    monkeypatch.setenv("FORBEAR_DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("FORBEAR_REDIS_URL", str(settings.redis_url))
    monkeypatch.setenv("FORBEAR_STATE_DIR", str(settings.state_dir))
    monkeypatch.setenv("FORBEAR_KEYS_FILE", str(keys))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str, str]:
        with time_machine.travel(NOW, tick=False):
            code = cli.run(["campaign", *words])
        shown = capsys.readouterr()
        return code, " ".join(shown.out.split()), shown.err

    return run


def test_a_preview_is_of_a_real_debtor_with_sizes_and_costs_and_shows_no_name_or_number(campaign: Run) -> None:
    code, shown, errors = campaign("preview", CARD, "-c", "harbour", "--debtor", "HB-204801", "--step", "reminder")
    assert code == 0, errors
    assert "debtor HB-204801" in shown
    for language in ("en", "zh-Hans", "zh-Hant"):
        assert f"sms {language} to •••• 01; " in shown
    assert "GSM-7" in shown
    assert "2 segments; 0.094 USD" in shown
    assert "email en to no contact point; 0.0004 USD" in shown
    assert not any(name in shown for name in NAMES)
    assert "+44770090" not in shown


def test_left_to_itself_it_takes_a_debtor_who_fits(campaign: Run) -> None:
    code, shown, _ = campaign("preview", CARD, "-c", "harbour", "--step", "call", "-l", "zh-Hans")
    assert code == 0
    assert "debtor HB-2048" in shown
    assert "voice zh-Hans" in shown


def test_without_a_fitting_debtor_it_says_that_nobody_real_is_meant(campaign: Run) -> None:
    business = str(ROOT / "config" / "cadences" / "small-business-loan.yaml")
    for words in ([business, "-c", "harbour"], [business]):
        code, shown, errors = campaign("preview", *words, "--step", "notice")
        assert code == 0, errors
        assert "a debtor who does not exist" in shown
        assert "贵司" in shown


def test_a_launch_with_a_profile_that_lacks_something_is_refused(campaign: Run) -> None:
    code, _, errors = campaign("launch", CARD, "-c", "quay")
    assert code == 2
    assert "the creditor's profile has no `" in errors


def test_it_is_launched_paused_resumed_and_stopped(campaign: Run) -> None:
    assert campaign("stop", "card-early", "-c", "harbour")[0] == 0
    for words, says in (
        (("launch", CARD), "is running"),
        (("pause", "card-early"), "is paused"),
        (("resume", "card-early"), "is running"),
        (("status", "-c", "harbour", "card-early"), "running"),
        (("stop", "card-early"), "is stopped"),
    ):
        creditor = () if "-c" in words else ("-c", "harbour")
        code, shown, errors = campaign(*words, *creditor)
        assert code == 0, errors
        assert says in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((CARD, "-c", "nobody"), "there is no creditor `nobody`"),
        ((CARD, "-c", "harbour", "--debtor", "none"), "no debtor of that reference"),
        ((CARD, "--debtor", "HB-204801"), "Add --creditor"),
        ((CARD, "--step", "remindr"), "Did you mean `reminder`?"),
        (("/nowhere.yaml",), "cannot be read"),
    ],
)
def test_a_wrong_call_says_what_would_be_right(campaign: Run, words: tuple[str, ...], says: str) -> None:
    code, _, errors = campaign("preview", *words)
    assert code == 2
    assert says in errors


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("template: card-reminder", "template: card-remindr", "there is no template `card-remindr`"),
        (
            "window: {hours: 10:00-18:30, days: Mon-Fri}",
            "window: {hours: 02:00-03:00}",
            "step `call` can never be made",
        ),
        ("channel: voice", "channel: fax", "fax"),
    ],
)
def test_a_cadence_that_cannot_run_is_told_by_line_and_column(
    campaign: Run, tmp_path: Path, old: str, new: str, says: str
) -> None:
    bad = tmp_path / "bad.yaml"
    source = Path(CARD).read_text()
    at = source[: source.index(old)].count("\n") + 1
    bad.write_text(source.replace(old, new, 1) + "\npacks: [cn-consumer-credit]\n")
    code, _, errors = campaign("validate", str(bad))
    assert code == 2
    assert f"{bad}:{at}:" in errors
    assert says in errors
