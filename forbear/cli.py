"""The root of the command line. Commands are modules in `forbear/commands/`, and only the one that is run is imported.

Exit codes: 0 done, 1 an unexpected failure, 2 a wrong call or an error that says what to do.
"""

import importlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from domain.errors import ForbearError

COMMANDS = Path(__file__).parent / "commands"
COMPLETION = "_FORBEAR_COMPLETE"
"""Set by the shell while it asks how a line could go on."""

SETTINGS = {
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,  # they show local variables, and so personal data
    "rich_markup_mode": None,  # boxes cost 300 ms
}


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. Errors go to standard error, in one line, without personal data."""
    try:
        root(arguments)(args=list(arguments), prog_name="forbear")
    except ForbearError as error:
        print(f"forbear: {error.describe()}", file=sys.stderr)
        return 2
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except Exception as error:
        report_unexpected(error)
        return 1
    return 0


def root(arguments: Sequence[str]) -> typer.Typer:
    """The command line with the command that `arguments` name, or with a line for each command where they name none."""
    known = names()
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    tree = typer.Typer(help="Collections outreach that is lawful, fair and provable.", **SETTINGS)  # type: ignore[arg-type]
    tree.callback()(_no_options_of_its_own)
    if wanted in known:
        from config import logging as logs
        from config import zones

        logs.configure("warning")
        zones.use_newest()
        attach(tree, wanted)
    elif COMPLETION in os.environ:
        for name in known:
            attach(tree, name)
    else:
        for name in known:
            tree.command(name, help=first_line(name))(_only_listed)
    return tree


def names() -> list[str]:
    """All commands, from the files in `forbear/commands/`."""
    return sorted(_name(path) for path in COMMANDS.glob("[a-z]*.py"))


def attach(tree: typer.Typer, name: str) -> None:
    """Import a command's module and hang its command, or its group of commands, into the tree."""
    module = importlib.import_module(f"forbear.commands.{_path(name).stem}")
    group: typer.Typer | None = getattr(module, "app", None)
    if group is not None:
        shows_something = group.registered_callback and group.registered_callback.invoke_without_command is True
        tree.add_typer(group, name=name, help=first_line(name), no_args_is_help=not shows_something)
        return
    command: Callable[..., None] = module.command
    tree.command(name)(command)


def first_line(name: str) -> str:
    """The first line of a command's docstring, read without importing it."""
    with _path(name).open(encoding="utf-8") as source:
        found = re.match(r'"""(.+?)(?:""")?\s*$', source.readline())
    return found[1] if found else ""


def report_unexpected(error: Exception) -> None:
    """Say what failed and where. The message may quote a row or an address, so it is shown only on demand."""
    if os.environ.get("FORBEAR_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exception(error)
        return
    frame = traceback.extract_tb(error.__traceback__)[-1]
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    print(
        f"forbear: unexpected {kind} at {frame.filename}:{frame.lineno}. "
        "Run it again with FORBEAR_LOG_LEVEL=debug to see all of it; that may show personal data.",
        file=sys.stderr,
    )


def _name(path: Path) -> str:
    return path.stem.rstrip("_").replace("_", "-")


def _path(name: str) -> Path:
    return next(path for path in COMMANDS.glob("[a-z]*.py") if _name(path) == name)


def _no_options_of_its_own() -> None:
    pass


def _only_listed() -> None:
    raise AssertionError("a command that is only listed was run")
