"""Replay the ledger by code of its own, and judge every contact that left anew."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from audit.replay import Report, replay
from config.settings import load_settings, resolve
from domain.errors import BadInput
from storage.ledger_facts import entries_of_all
from storage.session import Database

SHOWN = 50


def command(
    creditor: Annotated[str | None, typer.Option("--creditor", "-c", help="The creditor's code. Without: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
) -> None:
    """Replay the ledger by code of its own, and judge every contact that left anew.

    Ends with 1 where a contact was not permitted, a chain is broken, or something could not be judged.
    """
    settings = resolve(load_settings())
    database = Database(str(settings.database_url), pool_size=1)
    try:
        report = _replayed(database, creditor)
    finally:
        database.close()
    typer.echo(json.dumps(as_json_of(report), default=str) if as_json else "\n".join(lines(report)))
    raise typer.Exit(1 if report.violations or report.unjudged else 0)


def as_json_of(report: Report) -> dict[str, object]:
    """The report for scripts."""
    return {
        "debtors": report.debtors,
        "entries": report.entries,
        "checked": report.checked,
        "violations": [asdict(one) for one in report.violations],
        "unjudged": dict(report.unjudged),
    }


def lines(report: Report) -> list[str]:
    """The report for people: violations first, at most fifty of them."""
    told = [
        f"{one.at.isoformat()}  debtor {one.debtor_id}  attempt {one.attempt or '-'}  {one.rule}: {one.why}"
        for one in report.violations[:SHOWN]
    ]
    if len(report.violations) > SHOWN:
        told.append(f"… and {len(report.violations) - SHOWN:,} more; --json has them all.")
    told += [f"not judged, {number:,} times: {reason}" for reason, number in sorted(report.unjudged.items())]
    return [
        *told,
        f"{report.checked:,} contacts of {report.debtors:,} debtors were checked in {report.entries:,} entries; "
        f"violations: {len(report.violations):,}; not judged: {report.unjudged.total():,}.",
    ]


def _replayed(database: Database, creditor: str | None) -> Report:
    known = database.creditors()
    if creditor is not None and creditor not in known:
        raise BadInput(f"there is no creditor `{creditor}`.", where="--creditor", remedy="`forbear creditor list`.")
    whole = Report()
    for code, creditor_id in known.items():
        if creditor in (None, code):
            with database.tenant(creditor_id) as connection:
                found = replay(entries_of_all(connection))
            whole.debtors += found.debtors
            whole.entries += found.entries
            whole.checked += found.checked
            whole.violations += found.violations
            whole.unjudged += found.unjudged
    return whole
