"""`make bench` runs every benchmark, prints one JSON and a table, and does not hide a failure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as runner
from bench._figures import beside


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of benchmarks, in place of the real one."""
    made = tmp_path / "bench"
    made.mkdir()
    figure = beside("rows", [41000], "rows/s", "COPY", [82000])
    (made / "good.py").write_text(f"import json; print(json.dumps({{'figures': [{figure!r}], 'cores': 2}}))")
    (made / "__init__.py").touch()
    monkeypatch.setattr(runner, "FOLDER", made)
    return made


def test_figures_stand_beside_their_baseline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["good"]["cores"] == 2
    assert json.loads((folder / "results" / "latest.json").read_text()) == json.loads(told.out)
    assert "41,000  rows/s  82,000          0.50   COPY" in told.err


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(3)", "exit 3"),
        ("print('fast')", "printed no JSON object"),
        ("print(3)", "printed no JSON object"),
    ],
)
def test_a_failure_is_shown_and_fails(folder: Path, capsys: pytest.CaptureFixture[str], code: str, reason: str) -> None:
    (folder / "bad.py").write_text(code)
    assert runner.main([]) == 1
    told = capsys.readouterr()
    json.loads(told.out)
    shown = told.out + told.err
    assert f"FAILED: {reason}" in shown
    assert "41,000" in shown


def test_an_unknown_benchmark_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["nothing"]) == 2
    assert "there are: good" in capsys.readouterr().err


def test_it_is_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "bench", "nothing"], capture_output=True, check=False)
    assert done.returncode == 2
