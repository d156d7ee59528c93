"""Import contacts that were made elsewhere: by agents, dialers, other agencies. They count."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import Connection

from domain.errors import BadInput
from forbear.creditor_desk import find, open_desk
from portfolio.outside_contacts import MadeElsewhere, read_contacts
from portfolio.rejects import Rejects
from portfolio.rows import Problem
from storage import creditors, outside_contacts
from storage.crypto import KeyRing, blind
from storage.outside_contacts import NewContact, Party

app = typer.Typer()
BATCH = 2_000


@app.callback()
def contacts() -> None:
    """Contacts made elsewhere."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, also gzipped, XLSX, or JSON lines (.jsonl).")],
    creditor: Annotated[str, typer.Option("--creditor", "-c", help="The creditor's code.")],
    column: Annotated[
        list[str] | None, typer.Option(metavar="OURS=THEIRS", help="The file's own name for a column.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Where rejected rows go; else FILE.rejects.csv.")] = None,
) -> None:
    """Import contacts made elsewhere into the ledger: they count in every cap from then on, each once by its key."""
    columns = dict(_pair(each) for each in column or ())
    done: Counter[str] = Counter()
    with open_desk() as desk, Rejects() as told:
        creditor_id, ring = find(desk, creditor), desk.ring()
        with desk.database.tenant(creditor_id) as connection:
            country = creditors.profile(connection).get("country")
        rows = read_contacts(file, columns, country)
        while batch := list(islice(rows, BATCH)):
            with desk.database.tenant(creditor_id) as connection:
                new = _found(connection, creditor_id, ring, batch, told)
                done["read"] += len(batch)
                done["found"] += len(new)
                if not dry_run:
                    done["added"] += outside_contacts.add(connection, creditor_id, new, desk.now())
        place = rejects or file.with_name(f"{file.name}.rejects.csv")
        is_written = told.write(place, ()) if not dry_run else told.rows > 0
    typer.echo(
        f"{done['read']:,} contacts were read; {done['found']:,} concern a known debtor; "
        f"{done['added']:,} are new{' (a dry run: nothing was kept)' if dry_run else ''}; {told.rows:,} were rejected."
    )
    if is_written:
        typer.echo(f"Rejected rows, with the reasons: {place}" if not dry_run else "The import would say why.")


def _pair(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator or not theirs:
        raise BadInput(f"{text!r} is no OURS=THEIRS.", where="--column", remedy="For example --column at=call_time.")
    return ours, theirs


def _found(
    connection: Connection, creditor_id: UUID, ring: KeyRing, batch: Sequence[MadeElsewhere | Problem], told: Rejects
) -> list[NewContact]:
    """The contacts of known debtors; what concerns nobody is rejected."""
    made = [one for one in batch if isinstance(one, MadeElsewhere)]
    debtors = outside_contacts.by_debtor(connection, creditor_id, [one.debtor for one in made if one.debtor])
    accounts = outside_contacts.by_account(connection, creditor_id, [one.account for one in made if one.account])
    blinds = {blind(ring, creditor_id, one.number): one.number for one in made if one.number}
    values = outside_contacts.by_value(connection, creditor_id, blinds)
    new: list[NewContact] = []
    for one in batch:
        if isinstance(one, Problem):
            told.add([one])
            continue
        parties = [
            *([debtors[one.debtor]] if one.debtor in debtors else []),
            *([accounts[one.account]] if one.account in accounts else []),
            *values.get(one.number, []),
        ]
        if not parties:
            name = "debtor" if one.debtor else "account" if one.account else "number"
            told.add([Problem(one.line, name, "reference", "nobody of this creditor is known by it")])
        new += [*_contacts(one, parties)]
    return new


def _contacts(one: MadeElsewhere, parties: Sequence[Party]) -> Iterator[NewContact]:
    """A contact for each debtor whom it concerns: those who share a number may all have been reached."""
    for place, party in enumerate(parties):
        fact: dict[str, Any] = dict(one.fact)
        if party.account_id is not None:
            fact["accounts"] = [str(party.account_id)]
        if party.point_id is not None:
            fact["contact_point"] = str(party.point_id)
        key = one.key if place == 0 else f"{one.key}/{party.debtor_id}"
        yield NewContact(key, party.debtor_id, one.at, fact)
