"""Import a creditor's accounts from a file, or write a sample of any size."""

import contextlib
import datetime as dt
import gzip
import io
import json
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console

from config.clock import open_clock
from config.settings import load_settings
from domain.errors import BadInput
from forbear.creditor_desk import find_or_number, open_desk
from forbear.portfolio_tables import progress, show
from portfolio.importer import Wish, import_portfolio
from portfolio.mapping_file import find_mapping
from portfolio.sample import write_sample
from portfolio.values import BadCell, date_reader

app = typer.Typer()


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, also gzipped, or XLSX.")],
    creditor: Annotated[str, typer.Option(help="Whose accounts they are. A new code makes a new creditor.")],
    mapping: Annotated[str, typer.Option(help="A mapping: a YAML file, or the name of one that ships.")] = "default",
    portfolio: Annotated[str | None, typer.Option(help="Name of the portfolio; by default the mapping's.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Take balances as of this day instead.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Where rejected rows go; by default FILE.rejects.csv.")] = None,
    vanished: Annotated[Path | None, typer.Option(help="Write references of vanished accounts to this file.")] = None,
    close_vanished: Annotated[
        bool, typer.Option("--close-vanished", help="Stop contacts on vanished accounts.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
) -> None:
    """Import a file of accounts: all of it, or nothing.

    Accounts are known by the creditor's reference: a second import updates balances and days past due and adds nothing.
    What is wrong in a row goes to the rejects file by line, column and reason, never by value.
    """
    wish = Wish(
        path=file,
        mapping=(found := find_mapping(mapping)),
        portfolio=portfolio or found.name,
        as_of=_day(as_of, "--as-of") if as_of else None,
        is_dry_run=dry_run,
        closes_vanished=close_vanished,
        rejects=rejects or file.with_name(f"{file.name}.rejects.csv"),
        vanished=vanished,
    )
    with open_desk() as desk:
        creditor_id, is_new = find_or_number(desk, creditor, secrets.token_bytes(10))
        wish = replace(wish, new_creditor=creditor if is_new else None)
        with progress(Console(stderr=True), file.name) as told:
            summary = import_portfolio(desk.database, desk.ring(), creditor_id, wish, desk.now(), told)
    if as_json:
        typer.echo(
            json.dumps({"creditor": creditor, "creditor_is_new": is_new, **summary.as_json()}, ensure_ascii=False)
        )
    else:
        show(Console(), summary, creditor, is_new=is_new)


@app.command()
def sample(
    accounts: Annotated[int, typer.Option(min=1, help="How many accounts.")],
    seed: Annotated[int, typer.Option(help="The same seed and day, the same file.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Where to; gzipped if it ends in .gz. Left out: standard output.")
    ] = None,
    countries: Annotated[str | None, typer.Option(help="Codes such as CN,US; left out, all that samples know.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Day of the balances; left out, today.")] = None,
) -> None:
    """Write a portfolio of made-up accounts, as the mapping `default` reads it.

    Numbers come from ranges reserved for fiction and addresses from example.com, .org and .net: nobody real is in it.
    """
    day = _day(as_of, "--as-of") if as_of else open_clock(load_settings()).now().date()
    codes = tuple(code.strip().upper() for code in countries.split(",") if code.strip()) if countries else ()
    with _opened(out) as stream:
        write_sample(stream, accounts, seed, day, codes)


def _day(text: str, option: str) -> dt.date:
    try:
        return date_reader(("YYYY-MM-DD",))(text)
    except BadCell as error:
        raise BadInput(f"{error}.", where=option, remedy="Write it as 2026-11-24.") from None


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    """The file to write, complete at the end or not there at all; standard output where there is none."""
    if path is None:
        stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        yield stream
        stream.flush()
        stream.detach()
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as raw:
            packed = gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) if path.suffix == ".gz" else None
            with io.TextIOWrapper(packed or raw, encoding="utf-8", newline="") as stream:
                yield stream
        draft.replace(path)
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}.", where=str(path), remedy="Name another file.") from None
    finally:
        draft.unlink(missing_ok=True)
