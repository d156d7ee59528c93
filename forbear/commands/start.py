"""Let sending go on after `forbear stop`, for one creditor or for all."""

from typing import Annotated

import typer

from forbear.creditor_desk import open_desk
from forbear.stopping import change, meant
from storage import creditors


def command(
    creditor: Annotated[str | None, typer.Option(help="The creditor's code.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every creditor that there is now.")] = False,
) -> None:
    """Let sending go on after `forbear stop`, for one creditor or for all."""
    with open_desk() as desk:
        wanted = meant(desk, creditor, everyone=everyone)
        changed = change(desk, wanted, "sending_started", creditors.start)
    typer.echo(f"Started: {', '.join(changed) or 'none'}. Were not stopped: {len(wanted) - len(changed)}.")
