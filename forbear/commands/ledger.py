"""Check the ledger: that no entry was altered, taken out, put in or moved."""

import json
from typing import Annotated

import typer

from config.settings import load_settings, resolve
from domain.errors import BadInput, Tampered
from storage import ledger
from storage.debtor_screen import find
from storage.session import Database

app = typer.Typer()


@app.callback()
def _group() -> None:
    """Keep `verify` a command of its own beside those to come."""


@app.command()
def verify(
    debtor: Annotated[
        str | None, typer.Argument(help="The creditor's reference of a debtor or account, or our id. Without: all.")
    ] = None,
    creditor: Annotated[str | None, typer.Option("--creditor", "-c", help="The creditor's code. Without: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
) -> None:
    """Check every debtor's chain of entries, or one debtor's: the hashes, the order, and where the chain ends.

    Ends with 1 where anything does not verify.
    """
    settings = resolve(load_settings())
    database = Database(str(settings.database_url), pool_size=1)
    try:
        chains, entries, faults = _verify(database, creditor, debtor)
    finally:
        database.close()
    if as_json:
        found = [{"where": fault.where, "what": fault.what} for fault in faults]
        typer.echo(json.dumps({"debtors": chains, "entries": entries, "faults": found}))
    else:
        for fault in faults:
            typer.echo(fault.describe(), err=True)
        typer.echo(f"{entries:,} entries of {chains:,} debtors were checked; {len(faults):,} debtors do not verify.")
    raise typer.Exit(1 if faults else 0)


def _verify(database: Database, creditor: str | None, debtor: str | None) -> tuple[int, int, list[Tampered]]:
    known = database.creditors()
    if creditor is not None and creditor not in known:
        raise BadInput(f"there is no creditor `{creditor}`.", where="--creditor", remedy="`forbear creditor list`.")
    chains, entries = 0, 0
    faults: list[Tampered] = []
    for code, creditor_id in known.items():
        if creditor not in (None, code):
            continue
        with database.tenant(creditor_id) as connection:
            if debtor is None:
                for read, n, wrong in ledger.verify_all(connection):
                    chains, entries, faults = chains + read, entries + n, faults + wrong
            elif debtor_id := find(connection, creditor_id, debtor):
                chains += 1
                try:
                    entries += ledger.verify(connection, debtor_id)
                except Tampered as fault:
                    faults.append(fault)
    if debtor is not None and not chains:
        raise BadInput("there is no debtor, and no account, of that reference or id.", where="DEBTOR")
    return chains, entries, faults
