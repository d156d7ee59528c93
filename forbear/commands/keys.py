"""Make, rotate and look at the keys of personal data."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from config.settings import Settings, load_settings, resolve
from domain.errors import Refused
from forbear.key_checks import fitting_ring
from storage.crypto import KeyRing
from storage.session import Database
from storage.vault import rewrap, wrapped_by_all

BATCH = 1_000

app = typer.Typer()


@app.command()
def init() -> None:
    """Make a key ring where there is none. `forbear release` does it by itself."""
    path = load_settings().keys_path
    if path.exists():
        raise Refused("there is a key ring already.", where=str(path), remedy="`forbear keys rotate` adds a key to it.")
    ring = KeyRing.open(path, create=True)
    typer.echo(f"{path} is made, with the key {ring.current}. Keep a copy safe, apart from the database's backups.")


@app.command()
def rotate(
    rewrap_only: Annotated[
        bool, typer.Option("--rewrap-only", help="Add no key; finish what an earlier rotation began.")
    ] = False,
) -> None:
    """Add a key, make it the current one, and wrap every debtor's data key anew by it, while everything runs.

    Older keys stay in the ring, for backups need them. Copy the ring anew afterwards.
    """
    with _open() as (settings, database):
        ring = fitting_ring(database, settings.keys_path)
        if not rewrap_only:
            ring.rotate()
        done = sum(_rewrap_all(database, ring))
    typer.echo(f"{done:,} data keys are wrapped anew by {ring.current}. Keep a copy of {settings.keys_path} safe.")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False) -> None:
    """Say which keys there are, which is current, and how many debtors' data keys each wraps.

    Ends with 1 where the database needs a key that the ring lacks.
    """
    with _open() as (settings, database):
        used = wrapped_by_all(database)
        ring = KeyRing.open(settings.keys_path)
    missing = sorted(used.keys() - set(ring.ids))
    if as_json:
        keys = [{"id": each, "current": each == ring.current, "wraps": used.get(each, 0)} for each in ring.ids]
        typer.echo(json.dumps({"file": str(ring.path), "keys": keys, "missing": missing}))
    else:
        _show(ring, used, missing)
    raise typer.Exit(1 if missing else 0)


def _show(ring: KeyRing, used: dict[str, int], missing: list[str]) -> None:
    table = Table("key", "", "data keys wrapped", box=box.SIMPLE_HEAD)
    for each in ring.ids:
        table.add_row(each, "current" if each == ring.current else "", f"{used.get(each, 0):,}")
    for each in missing:
        table.add_row(each, "MISSING in the ring", f"{used[each]:,}")
    typer.echo(str(ring.path))
    Console().print(table)


def _rewrap_all(database: Database, ring: KeyRing) -> Iterator[int]:
    for creditor_id in database.creditors().values():
        done = BATCH
        while done:
            with database.tenant(creditor_id) as connection:
                done = rewrap(connection, ring, BATCH)
            yield done


@contextmanager
def _open() -> Iterator[tuple[Settings, Database]]:
    settings = resolve(load_settings())
    database = Database(str(settings.database_url), pool_size=1)
    try:
        yield settings, database
    finally:
        database.close()
