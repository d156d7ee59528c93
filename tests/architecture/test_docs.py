"""What the docs tell people to type is there: commands, options, targets, files; and pictures are small."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from config.embedded import servers
from config.embedded.state import ROOT
from forbear import cli

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^(?:    |\$ )?(?:\.venv/bin/)?forbear (?P<words>.+)$", re.MULTILINE)
SPAN = re.compile(r"`forbear (?P<words>[^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)(?P<path>[^)#\s]+)")


def typed(text: str) -> Iterator[str]:
    """What is to be typed after `forbear`, in blocks and in the text."""
    for pattern in (COMMAND, SPAN):
        for found in pattern.finditer(text):
            yield found["words"].split("  #")[0].split(" # ")[0].strip()


def wrong_options(words: list[str]) -> list[str]:
    """Options that the command does not have."""
    if words[0] not in cli.names():
        return [words[0]]
    command: object = typer.main.get_command(cli.root([words[0]]))
    for word in words:
        inner = getattr(command, "commands", {}).get(word)
        if inner is None:
            break
        command = inner
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}  # type: ignore[attr-defined]
    return [word for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known | {"--help"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_the_options_that_a_page_shows(page: Path) -> None:
    wrong = []
    for line in typed(page.read_text(encoding="utf-8")):
        bare = re.sub(r"\[|\]|…|\(s\)", " ", line)
        try:
            words = shlex.split(bare.split(" | ")[0].split(" > ")[0].split(" < ")[0])
        except ValueError:
            continue  # prose that a quotation mark divides
        if words and words[0].isalpha() and words[0].islower() and (found := wrong_options(words)):
            wrong.append((line, found))
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_targets_that_the_pages_name_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:^    |`)make ([a-z]+)", text, re.MULTILINE))
    assert named >= {"demo", "test"}
    assert named <= targets


def test_pictures_are_small_and_shown() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(pictures) >= 2
    for picture in pictures:
        assert picture.stat().st_size < 300_000
        assert f"docs/images/{picture.name}" in readme


TRIED = re.compile(r"<!-- try -->\n(?P<lines>(?:    .+\n)+)")
"""Blocks of the README that are run, in order."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_examples_of_the_readme_run() -> None:
    blocks = TRIED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) == 4
    state = Path(tempfile.mkdtemp(prefix="forbear-readme-"))
    state.chmod(0o711)
    try:
        for line in "".join(blocks).splitlines():
            words = shlex.split(line.replace("sample.csv", str(state / "sample.csv")))
            assert words.pop(0) == ".venv/bin/forbear"
            done = subprocess.run(
                [sys.executable, "-m", "forbear", *words],
                capture_output=True,
                text=True,
                cwd=ROOT,
                env=os.environ | {"FORBEAR_STATE_DIR": str(state)},
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    finally:
        servers.stop(state)
        shutil.rmtree(state)
