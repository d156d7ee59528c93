"""See attempts of which nobody knows whether they were made, and settle them."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

from forbear.campaign_tables import table
from forbear.commands.dead_letters import Creditor, as_id
from forbear.creditor_desk import find, open_desk
from storage import doubts
from workers.settling import ENDS, settle_doubt

app = typer.Typer()


@app.command("list")
def list_all(creditor: Creditor) -> None:
    """List attempts in doubt, the oldest first. They count against the caps until they are settled."""
    with open_desk() as desk, desk.database.tenant(find(desk, creditor)) as connection:
        found = doubts.listed(connection)
    shown = table("attempt", "since", "debtor", "channel", "provider", "code")
    for one in found:
        shown.add_row(
            str(one.attempt_id),
            f"{one.sending_at:%d %b %H:%M:%S}",
            one.reference,
            one.channel,
            one.provider or "",
            one.code or "",
        )
    Console(highlight=False).print(shown if found else "Nothing is in doubt.")


@app.command()
def settle(
    attempt: Annotated[str, typer.Argument(metavar="ATTEMPT")],
    end: Annotated[str, typer.Argument(metavar="|".join(ENDS))],
    creditor: Creditor,
) -> None:
    """Say what became of an attempt: `never-made` only on proof, for it is made again."""
    with open_desk() as desk:
        settle_doubt(desk.database, find(desk, creditor), as_id(attempt), end, getpass.getuser(), desk.now())
    typer.echo(f"Settled: {end}.")
