"""`.ci/run` fails whenever a step fails or a suite ran nothing, and says which."""

import shutil
import subprocess
from pathlib import Path

import pytest

from config.embedded.state import ROOT

PASSES = '<testsuites><testsuite tests="3" errors="0" failures="0" skipped="1"/></testsuites>'
ALL_SKIPPED = '<testsuites><testsuite tests="3" errors="0" failures="0" skipped="3"/></testsuites>'


def run(folder: Path, **recipes: str) -> subprocess.CompletedProcess[str]:
    """Run `.ci/run` over a Makefile in which every target succeeds, but for these recipes."""
    suite = f"@echo '{PASSES}' > $${{PYTEST_ADDOPTS#*=}}"
    lines = {"test": suite, "slow": suite} | dict.fromkeys(("lint", "types", "layers"), "@true") | recipes
    makefile = "".join(f"{target}:\n\t{recipe}\n" for target, recipe in lines.items())
    (folder / "Makefile").write_text(f".PHONY: {' '.join(lines)}\n{makefile}")
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    return subprocess.run(
        ["bash", ".ci/run"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_passes_when_all_pass(tmp_path: Path) -> None:
    shown = run(tmp_path)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    summary = shown.stdout.partition("=== summary ===")[2].split("\n")
    assert [line.split()[:2] for line in summary if line] == [
        ["ok", name] for name in ("test", "lint", "types", "layers", "slow")
    ]


@pytest.mark.parametrize(
    ("target", "recipe", "says"),
    [
        *((name, "@exit 3", f"FAILED  {name} ") for name in ("test", "lint", "types", "layers", "slow")),
        ("test", "@exit 5", "FAILED  test ran no test"),
        ("slow", "@true", "FAILED  slow ran no test"),
        ("slow", f"@echo '{ALL_SKIPPED}' > $${{PYTEST_ADDOPTS#*=}}", "FAILED  slow ran no test"),
    ],
)
def test_it_fails_and_names_what_failed(tmp_path: Path, target: str, recipe: str, says: str) -> None:
    shown = run(tmp_path, **{target: recipe})
    assert shown.returncode == 1
    assert says in shown.stdout
    assert "layers" in shown.stdout.partition("=== summary ===")[2], "it goes on after a failure"
