"""Say what is configured, reachable, migrated, in date and missing, and what to do about it."""

import datetime as dt
import json
from dataclasses import asdict
from typing import Annotated

import typer

from config.settings import load_settings, running
from domain.errors import ForbearError
from forbear.checks import Finding, Verdict, check_installation, check_sending, check_state, examine

LABELS = {Verdict.OK: ("ok", "green"), Verdict.NOTE: ("note", "yellow"), Verdict.WRONG: ("WRONG", "red")}


def command(as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False) -> None:
    """Say what is configured, reachable, migrated, in date and missing, and what to do about it.

    Embedded servers are started for the look and stopped after it, unless they are in use. Ends with 1 if anything is
    wrong.
    """
    findings = look()
    healthy = all(finding.verdict is not Verdict.WRONG for finding in findings)
    if as_json:
        typer.echo(json.dumps({"healthy": healthy, "findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        for finding in findings:
            show(finding)
    raise typer.Exit(0 if healthy else 1)


def look() -> list[Finding]:
    """All findings; where the embedded servers do not start, that one and what can be seen without them."""
    settings, now = load_settings(), dt.datetime.now(dt.UTC)
    try:
        with running(settings) as found:
            return examine(found, now)
    except ForbearError as error:
        without = [*check_installation(settings, now), *check_sending(settings, now), *check_state(settings, now)]
        return [*without, Finding("servers", Verdict.WRONG, f"{error.where}: {error.what}", error.remedy)]


def show(finding: Finding) -> None:
    """One finding, its remedy on a line of its own."""
    label, colour = LABELS[finding.verdict]
    typer.echo(f"{typer.style(f'{label:<6}', fg=colour)}{finding.subject:<14}{finding.found}")
    if finding.remedy:
        typer.echo(f"{'':20}→ {finding.remedy}")
