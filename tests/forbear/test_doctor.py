"""`forbear doctor` sees what is there, names what is not, and says what to do."""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from config.settings import Settings
from forbear import checks
from forbear.checks import CHECKS, Finding, Verdict, examine
from tests.databases import Database

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def of(subject: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.subject == subject]


def test_it_sees_servers_that_are_there(settings: Settings) -> None:
    findings = examine(settings, NOW)
    (database,), (queue,) = of("database", findings), of("queue", findings)
    assert database.verdict is queue.verdict is Verdict.OK
    assert database.found.startswith("PostgreSQL 18 at 127.0.0.1:")
    assert database.found.endswith("as forbear_app")
    assert queue.found.startswith("Valkey 9.")


def test_whatever_is_not_ok_says_what_to_do(settings: Settings) -> None:
    broken = settings.model_copy(
        update={
            "database_url": "postgresql://u:geheim@127.0.0.1:1/d",
            "redis_url": "redis://:geheim@127.0.0.1:1/0",
            "live": True,
            "sms_provider": "twilio",
            "voice_provider": "twilio",
            "email_provider": "smtp",
        }
    )
    findings = examine(broken, NOW)
    assert all(finding.remedy for finding in findings if finding.verdict is not Verdict.OK)
    assert [finding.verdict for finding in of("database", findings) + of("queue", findings)] == [Verdict.WRONG] * 2
    assert "geheim" not in repr(findings)
    missing = {finding.found.split()[0] for finding in of("sending", findings) if finding.verdict is Verdict.WRONG}
    assert missing == {
        "FORBEAR_TWILIO_ACCOUNT_SID",
        "FORBEAR_TWILIO_AUTH_TOKEN",
        "FORBEAR_TWILIO_SMS_FROM",
        "FORBEAR_TWILIO_VOICE_FROM",
        "FORBEAR_PUBLIC_URL",
        "FORBEAR_SMTP_HOST",
        "FORBEAR_EMAIL_FROM",
    }


def test_a_wrong_password_is_not_reachable(settings: Settings, database: Database) -> None:
    wrong = settings.model_copy(update={"database_url": database.url.replace("forbear_app:", "forbear_app:x")})
    (finding,) = checks.check_database(wrong, NOW)
    assert finding.verdict is Verdict.WRONG


def test_a_migrated_database_is_told_from_an_empty_and_a_newer_one(settings: Settings, database: Database) -> None:
    assert [finding.verdict for finding in checks.check_migrations(settings, NOW)] == [Verdict.OK]
    with psycopg.connect(database.owner_url) as connection:
        kept = connection.execute("UPDATE alembic_version SET version_num = 'newer' RETURNING version_num").fetchone()
    assert kept == ("newer",)
    (newer,) = checks.check_migrations(settings, NOW)
    assert newer.verdict is Verdict.WRONG
    assert "newer" in newer.found
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DELETE FROM alembic_version")
    (empty,) = checks.check_migrations(settings, NOW)
    assert empty.remedy == "Run `forbear release`."


def test_packs_and_holidays_are_watched_as_they_run_out(settings: Settings) -> None:
    now = list(checks.check_packs(settings, NOW))
    assert now[0].found.endswith("policy packs in force")
    assert {finding.subject for finding in now} >= {"packs", "calendars"}
    later = of("calendars", list(checks.check_packs(settings, NOW + dt.timedelta(days=3650))))
    assert {finding.verdict for finding in later} == {Verdict.WRONG}


def test_keys_that_others_may_read_are_wrong(settings: Settings) -> None:
    settings.keys_path.write_text("{}")
    settings.keys_path.chmod(0o640)
    assert [finding.verdict for finding in checks.check_keys(settings, NOW)] == [Verdict.WRONG]
    settings.keys_path.chmod(0o600)
    assert [finding.verdict for finding in checks.check_keys(settings, NOW)] == [Verdict.OK]


def test_old_zone_data_is_noted(settings: Settings) -> None:
    assert [finding.verdict for finding in checks.check_zones(settings, NOW)] == [Verdict.OK]
    later = NOW + dt.timedelta(days=1000)
    assert [finding.verdict for finding in checks.check_zones(settings, later)] == [Verdict.NOTE]


def test_a_role_that_sees_every_creditor_is_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_role", lambda _connection: ("postgres", True, False))
    assert [finding.verdict for finding in checks.check_database(settings, NOW)] == [Verdict.OK, Verdict.WRONG]


def test_the_owner_may_step_down(settings: Settings, database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(sql.SQL("SELECT 1"))
        assert checks._role(connection) == ("forbear_owner", False, True)


def test_a_full_disk_is_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LEAST_FREE_BYTES", 10**18)
    assert [finding.verdict for finding in checks.check_state(settings, NOW)] == [Verdict.WRONG]


def test_every_check_is_in_the_list() -> None:
    assert {check.__name__ for check in CHECKS} == {name for name in vars(checks) if name.startswith("check_")}


def doctor(settings: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    urls = {
        "FORBEAR_STATE_DIR": str(settings.state_dir),
        "FORBEAR_DATABASE_URL": str(settings.database_url),
        "FORBEAR_DATABASE_OWNER_URL": str(settings.database_owner_url),
        "FORBEAR_REDIS_URL": str(settings.redis_url),
    }
    return subprocess.run(
        [sys.executable, "-m", "forbear", "doctor", *arguments],
        env=os.environ | urls | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_for_scripts_it_is_json_and_its_exit_code_is_its_verdict(settings: Settings) -> None:
    shown = doctor(settings, "--json")
    found = json.loads(shown.stdout)
    assert found["healthy"] is (shown.returncode == 0)
    assert {"subject", "verdict", "found", "remedy"} == set(found["findings"][0])
    broken = doctor(settings, "--json", FORBEAR_REDIS_URL="redis://127.0.0.1:1/0")
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["healthy"] is False


def test_for_people_each_remedy_has_a_line(settings: Settings) -> None:
    shown = doctor(settings, FORBEAR_REDIS_URL="redis://127.0.0.1:1/0").stdout
    assert "WRONG queue" in shown
    assert "→ See that it runs" in shown


def test_embedded_servers_that_cannot_start_are_a_finding(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "forbear", "doctor", "--json"],
        env=os.environ | {"FORBEAR_STATE_DIR": "/proc/nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert shown.returncode == 1
    assert "FORBEAR_STATE_DIR" in shown.stdout
