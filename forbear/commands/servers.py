"""Start, stop and look at the embedded servers."""

import json
from typing import Annotated

import typer

from config.embedded import servers
from config.settings import load_settings

app = typer.Typer()


@app.command()
def start() -> None:
    """Start PostgreSQL and Valkey in the state folder, unless they run."""
    state = load_settings().state_dir
    servers.start(state)
    typer.echo(f"PostgreSQL and Valkey run in {state}.")


@app.command()
def stop() -> None:
    """Stop both; everything is on disk before they end."""
    state = load_settings().state_dir
    servers.stop(state)
    typer.echo(f"Nothing runs in {state}.")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False) -> None:
    """Say which of them runs."""
    state = load_settings().state_dir
    found = servers.status(state)
    if as_json:
        typer.echo(json.dumps({"state_dir": str(state), "postgres": found.postgres, "valkey": found.valkey}))
        return
    for name, is_up in (("PostgreSQL", found.postgres), ("Valkey", found.valkey)):
        typer.echo(f"{name:<11}{'runs' if is_up else 'is stopped'}")
