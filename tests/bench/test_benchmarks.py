"""Every benchmark of `make bench` runs to its end and prints one object, small as it is here."""

import json
import subprocess
import sys

import pytest

from bench.__main__ import FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SMALL = {
    "callbacks": (),
    "channels": ("40", "1"),
    "contention": (),
    "growth": ("40", "1", "100", "200"),
    "path": ("80", "1"),
    "portfolio_import": ("200", "1"),
    "throttling": ("20",),
}


def test_all_are_tried() -> None:
    assert sorted(SMALL) == sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", SMALL)
def test_it_prints_one_object(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *SMALL[name]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout)["figures"]
    assert figures
    for figure in figures:
        assert {"figure", "value", "unit"} <= figure.keys()
        assert ("baseline" in figure) == ("ratio" in figure)
