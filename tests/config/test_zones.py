"""The newest time zone data is used, wherever it is."""

import os
import subprocess
import sys
import zoneinfo
from pathlib import Path

import pytest
import tzdata

from config import zones
from config.embedded.state import ROOT
from config.zones import PACKAGE, ZoneData


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system folder of zone data, for this test."""
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path / "none"), str(tmp_path)))
    monkeypatch.setenv("PYTHONTZPATH", "unchanged")
    resets: list[object] = []
    monkeypatch.setattr(zoneinfo, "reset_tzpath", resets.append)
    (tmp_path / "UTC").touch()
    return tmp_path


@pytest.mark.parametrize(("index", "release"), [("# version 2019c\nR x\n", "2019c"), (None, "")])
def test_an_old_or_unknown_system_gives_way_to_the_package(system: Path, index: str | None, release: str) -> None:
    if index:
        (system / "tzdata.zi").write_text(index)
    assert zones.available()[1] == ZoneData(release, str(system))
    assert zones.use_newest() == ZoneData(tzdata.IANA_VERSION, PACKAGE)
    assert os.environ["PYTHONTZPATH"] == ""


def test_a_newer_system_stays(system: Path) -> None:
    (system / "tzdata.zi").write_text("# version 2999a\n")
    assert zones.use_newest() == ZoneData("2999a", str(system))
    assert os.environ["PYTHONTZPATH"] == "unchanged"


def test_all_zones_are_there_and_children_inherit_the_choice() -> None:
    code = (
        "from config import zones; zones.use_newest(); import subprocess, sys, zoneinfo\n"
        "print(len(zoneinfo.available_timezones()) > 400, zoneinfo.ZoneInfo('Asia/Shanghai'), zoneinfo.TZPATH)\n"
        "sys.stdout.flush(); subprocess.run([sys.executable, '-c', 'import zoneinfo; print(zoneinfo.TZPATH)'])"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    first, second = shown.stdout.splitlines()
    assert first.startswith("True Asia/Shanghai")
    assert first.endswith(second)
