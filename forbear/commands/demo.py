"""Run weeks of a campaign in two minutes, with nobody real contacted, and see what happens and why."""

import datetime as dt
import json
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from config.settings import load_settings
from forbear.demo.run import CADENCE, Plan, run
from forbear.demo.summary import Summary, show


def command(
    accounts: Annotated[int, typer.Option(min=1, help="Size of the sample.")] = 500,
    portfolio: Annotated[Path | None, typer.Option(help="A file of accounts to run on instead of a sample.")] = None,
    mapping: Annotated[str, typer.Option(help="Its mapping: a YAML file, or the name of one that ships.")] = "default",
    cadence: Annotated[Path, typer.Option(help="The cadence to run.", show_default="card-early")] = CADENCE,
    days: Annotated[int, typer.Option(min=1, max=120, help="How many days to run.")] = 28,
    seed: Annotated[int, typer.Option(help="The same seed, the same sample and the same fates.")] = 1,
    headless: Annotated[bool, typer.Option("--headless", help="Without the live page, as fast as it goes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end, for scripts.")] = False,
    stay: Annotated[bool, typer.Option("--stay", help="Keep the pages up at the end, until Ctrl-C.")] = False,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the live page; where it is taken, a free one.")
    ] = 8080,
) -> None:
    """Run weeks of a campaign in about two minutes, on a sample or a file, with nobody real contacted.

    It has servers and a state folder of its own, made anew each time. It ends with what was done, what was not and by
    which rule, and with an independent replay of the ledger.
    """
    console = Console(stderr=as_json, highlight=False)
    plan = Plan(
        accounts=accounts,
        portfolio=portfolio,
        mapping=mapping,
        cadence=cadence,
        days=days,
        seconds=0.0 if headless else 100.0,
        seed=seed,
        port=port,
        is_watched=not headless,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it has everything ended, as by Ctrl-C
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("setting up", total=1.0)

        def progress(now: dt.datetime, share: float) -> None:
            bar.update(task, completed=share, description=f"{now:%a %d %b %H:%M} UTC")

        def tell(summary: Summary) -> None:
            bar.remove_task(task)
            show(console, summary)
            console.print("The pages stay up until Ctrl-C.")
            threading.Event().wait()

        summary = run(
            load_settings(), plan, lambda line: console.print(line, soft_wrap=True), progress, tell if stay else None
        )
    if as_json:
        typer.echo(json.dumps(summary.as_json(), ensure_ascii=False))
    else:
        show(console, summary)
    raise typer.Exit(1 if summary.violations or summary.figures.accounted.unaccounted else 0)
