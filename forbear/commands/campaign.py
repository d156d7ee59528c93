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
from campaigns.formats import LOCALES
from campaigns.located import did_you_mean
from campaigns.preview import messages, sample_subject
from campaigns.prices import read_prices
from campaigns.templates import load_templates
from config.clock import open_clock
from config.settings import load_settings, resolve
from domain.errors import BadInput
from forbear import campaign_preview as previews
from forbear import campaign_tables as tables
from forbear.campaign_check import SAMPLE, check, senders
from forbear.creditor_profile import read_profile
from storage import campaigns as rows
from storage import creditors
from storage.crypto import KeyRing
from storage.session import Database
from storage.vault import Vault
from workers import campaigns as work
from workers.workshop import PRICES, site

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


@app.command("preview")
def preview_messages(
    file: File,
    creditor: Annotated[
        str | None, typer.Option("--creditor", "-c", help="The creditor's code; left out, a sample lender's.")
    ] = None,
    debtor: Annotated[
        str | None, typer.Option("--debtor", help="The debtor's reference; left out, one who fits.", show_default=False)
    ] = None,
    step: Annotated[str | None, typer.Option("--step", help="One step; left out, all.", show_default=False)] = None,
    language: Annotated[
        list[str] | None, typer.Option("--language", "-l", help="A language; left out, all of the audience.")
    ] = None,
) -> None:
    """Show what each step would say to a debtor in each language, and what it costs. Names and numbers are masked."""
    checked = read(file)
    cadence = checked.cadence
    steps = [one for one in cadence.steps if step in (None, one.id)]
    if not steps:
        raise BadInput(
            f"there is no step `{step}`.",
            where="--step",
            remedy=did_you_mean(str(step), [one.id for one in cadence.steps]),
        )
    if debtor and not creditor:
        raise BadInput("a debtor is one of a creditor's.", where="--debtor", remedy="Add --creditor.")
    settings = load_settings()
    templates = load_templates()
    subject, profile = None, read_profile(SAMPLE)
    if creditor is not None:
        with desk(creditor) as at:
            now = at.now
            with at.db.tenant(at.creditor_id) as connection:
                profile = creditors.profile(connection)
            vault = Vault(KeyRing.open(load_settings().keys_path, create=False), 1)
            subject = previews.find_subject(at.db, vault, at.creditor_id, cadence, debtor, now)
    else:
        now = open_clock(settings).now()
    check(checked, now, templates, profile)
    prices = read_prices(PRICES.read_text(encoding="utf-8"), str(PRICES))
    languages = language or sorted(cadence.audience.languages) or sorted(LOCALES)
    whose = "a debtor who does not exist" if subject is None else f"debtor {subject.addressee.reference}"
    console.print(f"[bold]{cadence.name}[/bold]  as it would be sent to {whose}.")
    links = previews.links(site(settings), profile.get("pay_url"))
    if subject is not None:
        previews.show(
            console,
            messages(cadence, steps, languages, subject, senders(profile), links, templates, prices),
            subject,
            prices.currency,
        )
        return
    for one in languages:
        invented = sample_subject(cadence, one, now.date())
        previews.show(
            console,
            messages(cadence, steps, [one], invented, senders(profile), links, templates, prices),
            invented,
            prices.currency,
        )


@app.command()
def launch(file: File, creditor: Creditor) -> None:
    """Keep the cadence as a new version that never changes, and enrol all accounts that fit."""
    checked = read(file)
    with desk(creditor) as at:
        with at.db.tenant(at.creditor_id) as connection:
            profile = creditors.profile(connection)
        check(checked, at.now, profile=profile)
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
