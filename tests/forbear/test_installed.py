"""An installed wheel: `forbear` from anywhere, and nothing but `forbear` in site-packages."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import servers
from config.embedded.state import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-qq",
            "--no-build-isolation",
            "--no-deps",
            "-w",
            str(folder),
            str(ROOT),
        ],
        check=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Iterator[Path]:
    """The `bin` of an environment with the wheel, in a folder open to the servers' account; the rest from here."""
    folder = Path(tempfile.mkdtemp(prefix="forbear-installed-"))
    folder.chmod(0o755)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, "install", "-qq", "--no-deps", "--ignore-installed", str(wheel)], check=True)
    yield folder / "bin"
    servers.stop(folder / "state")
    shutil.rmtree(folder)


def test_the_wheel_brings_one_package_and_all_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"forbear"}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    outside = ("tests/", "bench/", "docs/", "requirements/", ".")
    inside = [name for name in tracked if "/" in name and not name.startswith((*outside, "forbear/"))]
    assert [name for name in inside if f"forbear/_app/{name}" not in names] == []


def test_the_command_works_from_anywhere(installed: Path) -> None:
    environment = {**os.environ, "FORBEAR_STATE_DIR": str(installed.parent / "state")}
    environment.pop("PYTHONPATH", None)

    def forbear(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [installed / "forbear", *arguments], cwd="/", env=environment, capture_output=True, text=True, check=False
        )

    assert "doctor" in forbear("--help").stdout
    findings = json.loads(forbear("doctor", "--json").stdout)["findings"]
    place = next(finding["found"] for finding in findings if finding["subject"] == "installation")
    assert Path(place).name == "_app"
    assert Path(place).is_relative_to(installed.parent)
    assert forbear("release").returncode == 0
    shown = forbear("doctor", "--json")
    assert shown.returncode == 0, shown.stdout
