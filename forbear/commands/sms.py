"""Look at text messages as carriers do: encoding and segments."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from campaigns.segments import segments
from domain.errors import BadInput

app = typer.Typer()

MAX_LINE = 1_000_000
"""Bytes; far above any text message, so that a file without line ends fills no memory."""


@app.callback()
def _group() -> None:
    """Look at text messages as carriers do: encoding and segments."""


@app.command("segments")
def segments_of(
    file: Annotated[Path | None, typer.Argument(help="JSON lines; left out or -, standard input.")] = None,
) -> None:
    """Tell encoding, segments and units of each text.

    In: JSON lines {"id", "text"}. Out, in the same order: {"id", "encoding": "GSM-7|UCS-2", "segments", "units"}. A bad
    line is named on standard error and the others are still answered; the command then ends with 2.
    """
    is_good = True
    for number, line in _lines(file):
        try:
            answer = _answer(line)
        except BadInput as error:
            is_good = False
            sys.stdout.flush()
            typer.echo(f"line {number}: {error.what}. {error.remedy}", err=True)
        else:
            sys.stdout.write(answer + "\n")
    if not is_good:
        raise typer.Exit(2)


def _answer(line: bytes) -> str:
    """The answer to one line; raises BadInput, which says nothing of the text."""
    if len(line) > MAX_LINE:
        raise BadInput(f"the line has more than {MAX_LINE:,} bytes", remedy="End each JSON object with a line end.")
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInput("the line is not UTF-8", remedy="Save the file as UTF-8.") from None
    except (ValueError, RecursionError):
        raise BadInput("the line is not JSON", remedy='Write {"id": 1, "text": "…"}.') from None
    if not isinstance(found, dict):
        raise BadInput("the line is not a JSON object", remedy='Write {"id": 1, "text": "…"}.')
    if "id" not in found:
        raise BadInput("`id` is missing", remedy='Write {"id": 1, "text": "…"}.')
    if not isinstance(found.get("text"), str):
        raise BadInput("`text` is missing or no text", remedy='Write {"id": 1, "text": "…"}.')
    cut = segments(found["text"])
    return json.dumps({"id": found["id"], "encoding": cut.encoding, "segments": cut.segments, "units": cut.units})


def _lines(file: Path | None) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, numbered from 1; of an endless one the beginning."""
    if file is None or str(file) == "-":
        yield from _read(sys.stdin.buffer)
        return
    try:
        with file.open("rb") as source:
            yield from _read(source)
    except OSError as error:
        raise BadInput(
            f"cannot be read: {error.strerror}", where=str(file), remedy="Name a file of JSON lines."
        ) from error


def _read(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := source.readline(MAX_LINE + 1):
        number += 1
        rest = line
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = source.readline(MAX_LINE + 1)
        if line.strip():
            yield number, line
