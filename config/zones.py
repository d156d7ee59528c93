"""Which time zone data is used: the newer of the system's and the package `tzdata`'s.

Python prefers the system's, however old; but a government that changes its clocks moves the permitted hours with them.
"""

import os
import zoneinfo
from dataclasses import dataclass
from pathlib import Path

import tzdata

PACKAGE = "the package tzdata"


@dataclass(frozen=True, slots=True, order=True)
class ZoneData:
    """A release of the zone data, such as `2026f` (empty if unknown), and where it is."""

    release: str
    source: str


def use_newest() -> ZoneData:
    """Make this process, and those that it starts, use the newest zone data there is; which that is."""
    chosen = max(available())
    if chosen.source == PACKAGE:
        os.environ["PYTHONTZPATH"] = ""
        zoneinfo.reset_tzpath(())
    return chosen


def available() -> list[ZoneData]:
    """The package's data, and the system's where there is any."""
    found = [ZoneData(tzdata.IANA_VERSION, PACKAGE)]
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "UTC").exists():
            found.append(ZoneData(_release(folder), str(folder)))
            break
    return found


def _release(folder: Path) -> str:
    try:
        with (folder / "tzdata.zi").open(encoding="utf-8") as index:
            return index.readline().removeprefix("# version ").strip()
    except OSError:
        return ""
