"""Every command of the command line is in the docs, and the Procfile's commands exist and hear every queue."""

import importlib.util
from collections.abc import Iterator

import typer

from config.embedded.state import ROOT
from forbear import cli
from forbear.procfile import PROCFILE, read_procfile


def commands() -> Iterator[str]:
    """Every command as it is typed, such as `forbear servers start`."""
    for name in cli.names():
        tree = cli.root([name])
        for group in tree.registered_groups:
            assert group.typer_instance
            yield from (f"forbear {name} {command}" for command in _within(group.typer_instance))
        yield from (f"forbear {name}" for _ in tree.registered_commands)


def _within(app: typer.Typer) -> Iterator[str]:
    for command in app.registered_commands:
        assert command.callback
        yield command.name or command.callback.__name__.replace("_", "-")
    for group in app.registered_groups:
        assert group.typer_instance
        yield from (f"{group.name} {command}" for command in _within(group.typer_instance))


def test_every_command_is_in_the_docs() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert [command for command in commands() if command not in text] == []


def test_the_commands_of_the_procfile_exist() -> None:
    assert set(read_procfile(PROCFILE)) <= set(cli.names())


def test_make_help_lists_every_target() -> None:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    targets = next(line for line in lines if line.startswith(".PHONY:")).split()[1:]
    explained = {line.split(":")[0] for line in lines if ": " in line and " ## " in line}
    assert set(targets) == explained


def test_the_worker_hears_every_queue() -> None:
    if importlib.util.find_spec("workers") and importlib.util.find_spec("workers.broker"):
        from workers.broker import QUEUES

        (words,) = [words for name, words in read_procfile(PROCFILE).items() if name == "worker"]
        assert words[-1] == "worker", "no option narrows the queues"
        assert QUEUES
