"""The command line: found by file, imported only when run, clean in its errors."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.embedded.state import ROOT
from domain.errors import BadInput
from forbear import cli


def forbear(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, away from the checkout."""
    return subprocess.run(
        [Path(sys.executable).with_name("forbear"), *arguments],
        capture_output=True,
        text=True,
        cwd="/",
        env=os.environ | environment,
        timeout=60,
        check=False,
    )


def test_help_names_every_command_with_a_line() -> None:
    shown = forbear("--help")
    assert shown.returncode == 0
    for name in cli.names():
        assert re.search(rf"^  {name} +\S", shown.stdout, re.MULTILINE), name


def test_help_imports_no_command_and_comes_at_once() -> None:
    code = (
        "import sys; sys.argv = ['forbear', '--help']\n"
        "from forbear.cli import run; run(['--help'])\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "('sqlalchemy', 'pydantic', 'rich', 'structlog', 'fastapi') or m.startswith('forbear.commands.')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"
    took = []
    for _ in range(5):
        began = time.perf_counter()
        forbear("--help")
        took.append(time.perf_counter() - began)
    assert min(took) < 0.6  # 0.18 s where nothing else runs


def test_every_command_can_be_imported_and_explains_itself() -> None:
    for name in cli.names():
        tree = cli.root([name])
        assert tree.registered_commands or tree.registered_groups, name
        assert cli.first_line(name).endswith("."), name


def test_an_error_is_one_line_on_standard_error() -> None:
    shown = forbear("servers", "status", FORBEAR_WEB_PORT="geheim")
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert shown.stderr.startswith("forbear: FORBEAR_WEB_PORT: ")
    assert "geheim" not in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_an_unknown_command_suggests_one() -> None:
    shown = forbear("server")
    assert shown.returncode == 2
    assert "servers" in shown.stderr


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands, in place of the real one."""
    import forbear.commands

    monkeypatch.setattr(cli, "COMMANDS", tmp_path)
    monkeypatch.setattr(forbear.commands, "__path__", [str(tmp_path)])
    for name in [name for name in sys.modules if name.startswith("forbear.commands.")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def test_a_module_is_a_command_or_a_group(commands: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (commands / "say_hello.py").write_text(
        '"""Says hello."""\ndef command(name: str) -> None:\n    print("hello", name)\n'
    )
    (commands / "import_.py").write_text(
        '"""Imports."""\nimport typer\napp = typer.Typer()\n@app.command()\ndef now() -> None:\n    print("imported")\n'
    )
    assert cli.names() == ["import", "say-hello"]
    assert cli.run(["say-hello", "you"]) == 0
    assert cli.run(["import", "now"]) == 0
    assert capsys.readouterr().out == "hello you\nimported\n"


def test_errors_carry_no_traceback_and_no_values(
    commands: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (commands / "fail.py").write_text(
        '"""Fails."""\nfrom domain.errors import BadInput\ndef command(how: str) -> None:\n'
        '    if how == "known":\n        raise BadInput("no such debtor.", where="f.csv:3:1", remedy="Look.")\n'
        '    raise ValueError("Zhang San owes 300")\n'
    )
    assert cli.run(["fail", "known"]) == 2
    assert capsys.readouterr().err == f"forbear: {BadInput('no such debtor.', where='f.csv:3:1', remedy='Look.')}\n"
    assert cli.run(["fail", "unknown"]) == 1
    shown = capsys.readouterr().err
    assert "builtins.ValueError" in shown
    assert "Zhang San" not in shown
    monkeypatch.setenv("FORBEAR_LOG_LEVEL", "debug")
    assert cli.run(["fail", "unknown"]) == 1
    assert "Zhang San" in capsys.readouterr().err


def test_servers_are_started_looked_at_and_stopped(tmp_path_factory: pytest.TempPathFactory) -> None:
    import shutil
    import tempfile

    state = Path(tempfile.mkdtemp(prefix="forbear-cli-"))
    state.chmod(0o711)
    try:
        assert forbear("servers", "start", FORBEAR_STATE_DIR=str(state)).returncode == 0
        shown = json.loads(forbear("servers", "status", "--json", FORBEAR_STATE_DIR=str(state)).stdout)
        assert shown == {"state_dir": str(state), "postgres": True, "valkey": True}
        assert forbear("servers", "stop", FORBEAR_STATE_DIR=str(state)).returncode == 0
        assert "is stopped" in forbear("servers", "status", FORBEAR_STATE_DIR=str(state)).stdout
    finally:
        forbear("servers", "stop", FORBEAR_STATE_DIR=str(state))
        shutil.rmtree(state)
