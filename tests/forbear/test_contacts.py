# ruff: noqa: F811 -- fixtures are taken by their names
"""Contacts made elsewhere come in once, are rejected with reasons, and fill caps."""

import csv
import datetime as dt
import json
from pathlib import Path

import pytest

from forbear import cli
from tests.workers.conftest import own_settings, small  # noqa: F401 -- fixtures
from tests.workers.world import World


def run(world: World, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    settings = world.shop.settings
    for name in ("state_dir", "database_url", "database_owner_url", "redis_url"):
        monkeypatch.setenv(f"FORBEAR_{name.upper()}", str(getattr(settings, name)))
    return cli.run(["contacts", "import", *words, "--creditor", "harbour-bank"])


def test_they_come_in_once_and_fill_a_cap(
    small: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reserved = small.look()
    [[debtor, reference]] = small.query(
        """SELECT d.debtor_id, d.reference FROM debtors d JOIN attempts a USING (debtor_id)
           WHERE a.attempt_id = %(id)s""",
        id=reserved["sms"][0],
    )
    path = tmp_path / "calls.jsonl"
    calls = [
        {
            "key": f"call-{number}",
            "at": (small.clock.at - dt.timedelta(hours=number)).isoformat(),
            "channel": "sms",
            "debtor": reference,
            "outcome": "delivered",
            "by": "agency_2",
        }
        for number in range(12)
    ]
    path.write_text("".join(json.dumps(call) + "\n" for call in calls), encoding="utf-8")
    assert run(small, monkeypatch, str(path)) == 0
    assert "12 are new" in capsys.readouterr().out
    assert run(small, monkeypatch, str(path)) == 0
    assert "0 are new" in capsys.readouterr().out
    assert small.query(
        "SELECT count(*) FROM ledger WHERE kind = 'outside_contact' AND debtor_id = %(id)s", id=debtor
    ) == [(12,)]
    small.clock.at += dt.timedelta(hours=13)
    small.sweep()
    small.clock.at += dt.timedelta(hours=11)
    small.look()
    [[waiting]] = small.query("SELECT waiting::text FROM lanes WHERE debtor_id = %(id)s", id=debtor)
    assert "house-messages" in str(waiting), "twelve messages of others leave no room for ours"
    assert small.audit().violations == []


def test_what_is_wrong_is_told_by_line_column_and_reason(
    small: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "id,when,channel,debtor\n"
        "1,2026-03-01T10:00:00+08:00,call,nobody\n"
        "2,yesterday,call,x\n"
        "3,2026-03-01T10:00:00,call,x\n"
        "4,2026-03-01T10:00:00+08:00,pigeon,x\n"
        ",2026-03-01T10:00:00+08:00,call,x\n"
        "5,2026-03-01T10:00:00+08:00,call,\n",
        encoding="utf-8",
    )
    assert run(small, monkeypatch, str(path), "--column", "key=id", "--column", "at=when") == 0
    assert "6 were rejected" in capsys.readouterr().out
    with path.with_name("calls.csv.rejects.csv").open(encoding="utf-8", newline="") as rejected:
        rows = [(int(row["line"]), row["column"], row["reason"]) for row in csv.DictReader(rejected)]
    assert [(line, column) for line, column, _ in rows] == [
        (2, "debtor"), (3, "at"), (4, "at"), (5, "channel"), (6, "key"), (7, "who"),
    ]  # fmt: skip
    assert "no offset" in rows[2][2]
    assert "nobody" not in path.with_name("calls.csv.rejects.csv").read_text(encoding="utf-8").replace("nobody of", "")


@pytest.mark.parametrize("words", [["--column", "colour=x"], ["--column", "at"]])
def test_a_wrong_column_is_a_clear_error(
    small: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("key,at,channel,debtor\n", encoding="utf-8")
    assert run(small, monkeypatch, str(path), *words) == 2
    assert "--column" in capsys.readouterr().err
