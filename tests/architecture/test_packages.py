"""The lists of packages agree with the folders, files are named for what they hold, and pure code stays pure."""

import ast
import configparser
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.state import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench", "tests"}
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "managers", "base"}
LONGEST_FILE = 500
PURE = ("domain", "throttling", "campaigns")
SHELLS = {ROOT / "throttling" / "provider_limits" / "__init__.py"}


def sources() -> Iterator[Path]:
    """All Python files of the project."""
    for folder in (*sorted(FOLDERS), "tests", "bench"):
        yield from (ROOT / folder).rglob("*.py")


def test_all_folders_of_the_design_are_there() -> None:
    expected = {"campaigns", "channels", "config", "domain", "forbear", "storage", "throttling", "web", "workers"}
    assert expected <= FOLDERS


def test_the_wheel_nests_every_folder() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {name: f"forbear/_app/{name}" for name in ("Procfile", *(FOLDERS - {"forbear"}))}


def test_types_and_layers_cover_every_folder() -> None:
    assert set(PROJECT["tool"]["mypy"]["packages"]) == FOLDERS
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    assert set(contracts["importlinter"]["root_packages"].split()) == FOLDERS
    layers = re.findall(r"\w+", contracts["importlinter:contract:layers"]["layers"])
    assert set(layers) == FOLDERS


def test_the_layers_hold() -> None:
    shown = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout


def test_files_are_named_for_what_they_hold() -> None:
    assert [path for path in sources() if path.stem in SAYS_NOTHING or path.stem.endswith("_utils")] == []


def test_no_file_has_grown_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_nothing_is_left_for_later() -> None:
    mark = re.compile(r"\b(TODO|FIXME|XXX)\b")
    assert [
        path for path in sources() if path != Path(__file__) and mark.search(path.read_text(encoding="utf-8"))
    ] == []


def test_every_test_file_is_found_by_its_name() -> None:
    strays = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if not path.name.startswith("test_")
        and re.search(r"^def test_", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert strays == []


@pytest.mark.parametrize("folder", PURE)
def test_pure_code_reads_no_clock_and_no_chance(folder: str) -> None:
    impure = {
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("datetime", "today"),
        ("date", "today"),
        ("time", "time"),
        ("time", "monotonic"),
        ("os", "environ"),
        ("os", "getenv"),
    }
    found = []
    for path in (ROOT / folder).rglob("*.py"):
        if path in SHELLS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
                if (owner, node.attr) in impure or owner in ("random", "secrets"):
                    found.append(f"{path}:{node.lineno} {owner}.{node.attr}")
    assert found == []


def test_the_locks_hold_hashes_and_no_addresses() -> None:
    for name in ("runtime", "dev"):
        lock = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
        assert "://" not in lock
        assert not re.search(r"^\s*-", lock.replace("    --hash=", ""), re.MULTILINE)
        pinned = re.findall(r"^[a-z0-9][a-z0-9.-]*==.*\\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
        assert len(pinned) == len(re.findall("==", re.sub(r";.*", "", lock)))


def test_the_locks_have_all_that_the_project_asks_for() -> None:
    lock = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
    locked = {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    asked = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]
    names = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", item)[0]).lower() for item in asked}  # type: ignore[index]
    assert names - locked == set()
