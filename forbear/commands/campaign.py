"""Check, preview, launch and steer campaigns."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from campaigns.cadence_file import CadenceFile, read_cadence
from config.clock import open_clock
from config.settings import load_settings, resolve
from domain.errors import BadInput
from forbear import campaign_tables as tables
from forbear.campaign_check import check
from storage import campaigns as rows
from storage.session import Database
from workers import campaigns as work

app = typer.Typer()
console = Console(highlight=False)

File = Annotated[Path, typer.Argument(help="The cadence, a YAML file.", show_default=False)]
Creditor = Annotated[str, typer.Option("--creditor", "-c", help="The creditor's code.", show_default=False)]
Name = Annotated[str, typer.Argument(help="The campaign's name, as its cadence gives it.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands work with: the database, the creditor, and the instant of the command."""

    db: Database
    creditor_id: UUID
    now: datetime


@app.command()
def validate(file: File) -> None:
    """Check a cadence: language, steps, templates, and whether its packs can ever permit each step."""
    checked = read(file)
    never = check(checked, open_clock(load_settings()).now())
    tables.show_cadence(console, checked.cadence, never)
    console.print(f"[green]good[/green]  {file} can be launched.")


@app.command()
def launch(file: File, creditor: Creditor) -> None:
    """Keep the cadence as a new version that never changes, and enrol all accounts that fit."""
    checked = read(file)
    with desk(creditor) as at:
        check(checked, at.now)
        with console.status("enrolling") as status:
            launched = work.launch(
                at.db,
                at.creditor_id,
                checked,
                at.now,
                secrets.token_bytes(10),
                enrolled=lambda number: status.update(f"enrolling: {number:,} accounts"),
            )
    console.print(
        f"{launched.name} version {launched.version} is [green]running[/green]; "
        f"{launched.enrolled:,} accounts are on it."
    )


@app.command()
def pause(name: Name, creditor: Creditor) -> None:
    """Let nothing new leave until it is resumed."""
    with desk(creditor) as at:
        changed = work.pause(at.db, at.creditor_id, name)
    tables.show_changed(console, changed, "What is being sent goes out; nothing new leaves.")


@app.command()
def resume(name: Name, creditor: Creditor) -> None:
    """Go on after a pause."""
    with desk(creditor) as at:
        changed = work.resume(at.db, at.creditor_id, name, at.now)
    tables.show_changed(console, changed, "Every debtor on it is looked at again.")


@app.command()
def stop(name: Name, creditor: Creditor) -> None:
    """End a campaign: nothing new leaves, enrolments end, what is reserved is taken back."""
    with desk(creditor) as at:
        changed = work.stop(at.db, at.creditor_id, name, at.now)
    tables.show_changed(console, changed, f"{changed.ended:,} enrolments ended.")


@app.command()
def status(
    creditor: Creditor,
    name: Annotated[str | None, typer.Argument(help="A campaign; left out, all of them.", show_default=False)] = None,
) -> None:
    """Show where the accounts of a campaign stand, what is in flight, and what waits until when."""
    with desk(creditor) as at, at.db.tenant(at.creditor_id) as connection:
        known = rows.versions(connection, at.creditor_id, name)
        if name is None:
            tables.show_campaigns(console, known)
            return
        if not known:
            raise BadInput(
                f"there is no campaign `{name}`.", where=name, remedy="`forbear campaign status` lists them."
            )
        newest = known[0]
        tables.show_status(
            console,
            newest,
            rows.counts(connection, newest.campaign_id),
            rows.waiting(connection, newest.campaign_id),
            rows.in_flight(connection, newest.campaign_id),
        )


def read(file: Path) -> CadenceFile:
    """The cadence in a file. Raises BadInput with every mistake in it."""
    try:
        source = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("the file is not UTF-8.", where=str(file), remedy="Save it as UTF-8.") from None
    except OSError as error:
        raise BadInput(
            f"cannot be read: {error.strerror}.",
            where=str(file),
            remedy="Name a cadence; some are in config/cadences/.",
        ) from error
    return read_cadence(source, str(file))


@contextmanager
def desk(creditor: str) -> Iterator[Desk]:
    """Open the database for one creditor. Raises BadInput where there is none of that code."""
    settings = resolve(load_settings())
    clock = open_clock(settings)
    db = Database(str(settings.database_url), pool_size=1)
    try:
        codes = db.creditors()
        if creditor not in codes:
            known = f"Known: {', '.join(sorted(codes))}." if codes else "Import a portfolio first; that makes one."
            raise BadInput(f"there is no creditor `{creditor}`.", where="--creditor", remedy=known)
        yield Desk(db, codes[creditor], clock.now())
    finally:
        db.close()
