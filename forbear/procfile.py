"""The Procfile: the processes that Forbear consists of, one `name: command` a line."""

import re
import shlex
import sys
from pathlib import Path

from config.embedded.state import ROOT
from domain.errors import BadInput

PROCFILE = ROOT / "Procfile"
LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


def read_procfile(path: Path) -> dict[str, list[str]]:
    """Each process's name and the words of its command. Raises `BadInput` with file and line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"it cannot be read ({error.strerror}).", where=str(path)) from None
    processes = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = LINE.fullmatch(line.strip())
        if not found:
            raise BadInput("this is no `name: command`.", where=f"{path}:{number}", remedy="Put the line right.")
        processes[found[1]] = as_run_here(shlex.split(found[2]))
    return processes


def as_run_here(words: list[str]) -> list[str]:
    """A command with `forbear` replaced by this very installation, whatever PATH says."""
    return [sys.executable, "-m", "forbear", *words[1:]] if words[0] == "forbear" else words
