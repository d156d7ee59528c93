"""Say who a creditor is: its names, where it is, how debtors reach it, which packs it is held to."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from domain.errors import BadInput
from forbear.creditor_desk import check_code, find, open_desk
from forbear.creditor_profile import check, gaps, read_profile
from storage.creditors import ensure_creditor, profile
from storage.session import Database

app = typer.Typer()

Code = Annotated[str, typer.Argument(help="The creditor's code, such as harbour-cards.", show_default=False)]


@app.command()
def create(
    code: Code,
    file: Annotated[Path | None, typer.Option("--profile", help="A YAML file with all of it; options win.")] = None,
    name: Annotated[str | None, typer.Option(help="Name on screens.")] = None,
    brand: Annotated[str | None, typer.Option(help="Name that debtors know.")] = None,
    country: Annotated[str | None, typer.Option(help="ISO 3166 code, such as CN.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA zone in which its days begin and end.")] = None,
    first_party: Annotated[
        bool | None, typer.Option("--first-party/--agency", help="Whether it collects its own loans, or others'.")
    ] = None,
    phone: Annotated[str | None, typer.Option(help="Number that debtors call.")] = None,
    pay_url: Annotated[str | None, typer.Option(help="Where debtors pay, https://….")] = None,
    email_from: Annotated[str | None, typer.Option(help="Address that mail comes from.")] = None,
    pack: Annotated[list[str] | None, typer.Option(help="A pack to hold to beside those of place and product.")] = None,
) -> None:
    """Make a creditor or, where the code is known, say anew who it is: what is not given stays as it was."""
    check_code(code)
    given = _given(
        name=name, brand=brand, country=country, timezone=timezone, phone=phone, pay_url=pay_url, email_from=email_from
    )
    given |= {"first_party": first_party} if first_party is not None else {}
    given |= {"packs": pack} if pack else {}
    wished = (read_profile(file) if file else {}) | given
    with open_desk() as desk:
        known = desk.database.creditors()
        before = _profile(desk.database, known[code]) if code in known else {}
        after = {"name": code, "collector": code} | before | wished
        ensure_creditor(desk.database, code, after, desk.now(), secrets.token_bytes(10))
    verb = "is known anew" if code in known else "is made"
    typer.echo(f"{code} {verb}.")
    for gap in gaps(after):
        typer.echo(f"No messages in {gap}")


@app.command()
def show(
    code: Code, as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False
) -> None:
    """Show what is known of a creditor, and what its messages lack."""
    with open_desk() as desk:
        found = _profile(desk.database, find(desk, code))
    if as_json:
        typer.echo(json.dumps({"code": code, "profile": found}, indent=1, ensure_ascii=False))
        return
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    for key, value in sorted(found.items()):
        table.add_row(key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1))
    Console().print(table)
    for gap in gaps(found):
        typer.echo(f"No messages in {gap}")


@app.command("list")
def list_all() -> None:
    """List all creditors."""
    with open_desk() as desk:
        known = desk.database.creditors()
        names = {code: _profile(desk.database, creditor_id).get("name", "") for code, creditor_id in known.items()}
    for code, name in sorted(names.items()):
        typer.echo(f"{code}  {name}")


def _given(**options: str | None) -> dict[str, Any]:
    """The options that were given, each checked."""
    for key, value in options.items():
        if value is not None:
            try:
                check(key, value)
            except ValueError as error:
                raise BadInput(f"{error}.", where=f"--{key.replace('_', '-')}") from None
    return {key: value for key, value in options.items() if value is not None}


def _profile(database: Database, creditor_id: UUID) -> dict[str, Any]:
    with database.tenant(creditor_id) as connection:
        return profile(connection)
