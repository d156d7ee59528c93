"""Read what debtors wrote that the machine may not judge; reminders rest until it was read."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

from forbear.campaign_tables import table
from forbear.commands.dead_letters import Creditor, as_id
from forbear.creditor_desk import find, open_desk
from storage import doubts
from storage.crypto import unseal
from storage.ledger import Entry, append
from storage.received import TEXT
from storage.vault import Vault
from workers.settling import read_reply

app = typer.Typer()


@app.command("list")
def list_all(
    creditor: Creditor,
    show: Annotated[bool, typer.Option("--show", help="Show the texts; each look is recorded.")] = False,
) -> None:
    """List what nobody has read yet, the oldest first."""
    with open_desk() as desk:
        creditor_id = find(desk, creditor)
        vault = Vault(desk.ring(), 1000)
        with desk.database.tenant(creditor_id) as connection:
            found = doubts.unread(connection)
            keys = vault.keys(connection, {one[1] for one in found}) if show else {}
            looks = {
                one[1]: Entry(one[1], "looked", desk.now(), {"what": "reply", "who": getpass.getuser(), "why": "list"})
                for one in found
                if show
            }
            append(connection, creditor_id, list(looks.values()))
    shown = table("reply", "at", "debtor", "channel", "means", *(["text"] if show else []))
    for inbound_id, debtor_id, reference, channel, at, intent, cipher in found:
        text = ""
        if show and cipher is not None and debtor_id in keys:
            text = unseal(keys[debtor_id], TEXT, inbound_id, cipher).decode()
        row = [str(inbound_id), f"{at:%d %b %H:%M}", reference, channel, intent or ""]
        shown.add_row(*row, *([text] if show else []))
    Console(highlight=False).print(shown if found else "Everything was read.")


@app.command()
def read(reply: Annotated[str, typer.Argument(metavar="REPLY")], creditor: Creditor) -> None:
    """Note that a person has read it: reminders go on, by the rules."""
    with open_desk() as desk:
        read_reply(desk.database, find(desk, creditor), as_id(reply), getpass.getuser(), desk.now())
    typer.echo("Noted.")
