"""Stop all sending at once, for one creditor or for all; `forbear start` lets it go on."""

from typing import Annotated

import typer

from forbear.creditor_desk import open_desk
from forbear.stopping import change, meant
from storage import creditors


def command(
    creditor: Annotated[str | None, typer.Option(help="The creditor's code.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every creditor that there is now.")] = False,
) -> None:
    """Stop all sending at once, for one creditor or for all; `forbear start` lets it go on."""
    with open_desk() as desk:
        wanted = meant(desk, creditor, everyone=everyone)
        changed = change(desk, wanted, "sending_stopped", lambda connection: creditors.stop(connection, desk.now()))
    typer.echo(f"Stopped: {', '.join(changed) or 'none'}. Were stopped already: {len(wanted) - len(changed)}.")
