"""See what could not be done, and close it or have it tried again."""

import json
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from domain.errors import BadInput
from forbear.campaign_tables import table
from forbear.creditor_desk import find, open_desk
from storage import dead_letters
from workers.settling import close_letter

app = typer.Typer()
Creditor = Annotated[str, typer.Option("--creditor", "-c", help="The creditor's code.", show_default=False)]


@app.command("list")
def list_all(
    creditor: Creditor,
    closed: Annotated[bool, typer.Option("--closed", help="Those that were closed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts: one object a line.")] = False,
) -> None:
    """List what could not be done and needs a person, the newest first."""
    with open_desk() as desk, desk.database.tenant(find(desk, creditor)) as connection:
        found = dead_letters.listed(connection, is_open=not closed)
    if as_json:
        for one in found:
            typer.echo(json.dumps(one._asdict(), default=str, ensure_ascii=False))
        return
    shown = table("id", "since", "source", "reason", "channel", "what")
    for one in found:
        what = "; ".join(f"{key}: {value}" for key, value in one.detail.items())
        shown.add_row(str(one.dead_letter_id), f"{one.at:%d %b %H:%M}", one.source, one.reason, one.channel or "", what)
    Console(highlight=False).print(shown if found else "Nothing needs a person.")


@app.command()
def retry(letter: Annotated[str, typer.Argument(metavar="ID")], creditor: Creditor) -> None:
    """Have it tried again, through rules and gate, and close it."""
    _close(letter, creditor, "tried again", retry=True)


@app.command()
def close(
    letter: Annotated[str, typer.Argument(metavar="ID")],
    creditor: Creditor,
    reason: Annotated[str, typer.Option(help="What was done about it.")] = "closed",
) -> None:
    """Close it without trying again."""
    _close(letter, creditor, reason, retry=False)


def _close(letter: str, creditor: str, resolution: str, *, retry: bool) -> None:
    with open_desk() as desk:
        close_letter(desk.database, find(desk, creditor), as_id(letter), resolution, desk.now(), retry=retry)
    typer.echo(f"Closed: {resolution}.")


def as_id(text: str) -> UUID:
    """An id as it was typed. Raises BadInput."""
    try:
        return UUID(text)
    except ValueError:
        raise BadInput("that is no id.", where=text, remedy="The lists show them.") from None
