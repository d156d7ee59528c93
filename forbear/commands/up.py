"""Run all of Forbear on this machine: web, scheduler and workers; one Ctrl-C stops everything."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from config.settings import load_settings, running
from domain.errors import BadInput, Unavailable
from forbear.procfile import PROCFILE, read_procfile
from forbear.supervise import Crew, Patience, Say

RELEASE = "release"
COLOURS = (36, 33, 32, 35, 34, 31)


def command(
    scale: Annotated[list[str] | None, typer.Option(metavar="NAME=N", help="Run N of one, as in worker=2.")] = None,
    procfile: Annotated[Path, typer.Option(help="Run the processes of another Procfile.")] = PROCFILE,
) -> None:
    """Run all of Forbear on this machine: web, scheduler and workers; one Ctrl-C stops everything.

    It migrates the database first, prefixes each line with the name of the process, and starts again what dies.
    Embedded servers stop with it, unless another command still uses them.
    """
    settings = load_settings()
    commands = read_procfile(procfile)
    release = commands.pop(RELEASE, None)
    crew = scaled(commands, scale or [])
    with running(settings):
        if release and (code := subprocess.run(release, check=False).returncode):
            raise Unavailable(
                f"`forbear release` ended with {code}.", where="Procfile", remedy="Its own message says what to do."
            )
        code = run_crew(crew, Patience(stopping=settings.shutdown_seconds + 5))
    raise typer.Exit(code)


def scaled(commands: Mapping[str, Sequence[str]], scale: Sequence[str]) -> dict[str, Sequence[str]]:
    """The commands with some of them several times, as `worker.1`, `worker.2`. Raises `BadInput`."""
    counts = dict.fromkeys(commands, 1)
    for wish in scale:
        name, _, number = wish.partition("=")
        if name not in commands or not number.isdecimal():
            raise BadInput(
                f"{wish!r} is no NAME=N.",
                where="--scale",
                remedy=f"NAME is one of: {', '.join(commands)}; N is 0 or more.",
            )
        counts[name] = int(number)
    crew: dict[str, Sequence[str]] = {}
    for name, words in commands.items():
        for index in range(1, counts[name] + 1):
            crew[name if counts[name] == 1 else f"{name}.{index}"] = words
    return crew


def run_crew(commands: Mapping[str, Sequence[str]], patience: Patience) -> int:
    """Run the processes until Ctrl-C, SIGTERM or a process that keeps dying."""
    crew = Crew(commands, prefixed(commands), patience)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: crew.stop())
    return crew.run()


def prefixed(names: Mapping[str, Sequence[str]]) -> Say:
    """Prints a line behind its process's name, in the process's colour where a person watches."""
    width = max(map(len, names), default=0)
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}

    def say(name: str, line: str) -> None:
        label = f"{name:<{width}} |"
        if coloured:
            label = f"\x1b[{colours[name]}m{label}\x1b[0m"
        print(label, line, flush=True)

    return say
