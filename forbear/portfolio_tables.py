"""How `forbear portfolio` shows an import in a terminal: a bar while it runs, a table at its end."""

import contextlib
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from portfolio.importer import Progress as Told
from portfolio.summary import Summary


@contextlib.contextmanager
def progress(console: Console, name: str) -> Iterator[Told | None]:
    """A progress bar, on a terminal only."""
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(name, rows=0, total=None)

        def told(done: int, size: int, rows: int) -> None:
            words = "checking and merging" if done >= size else name
            bar.update(task, completed=done, total=size, rows=rows, description=words)

        yield told


def show(console: Console, summary: Summary, creditor: str, *, is_new: bool) -> None:
    """The summary of an import."""
    would = "would be " if summary.is_dry_run else ""
    table = Table(box=box.SIMPLE_HEAD, title=f"Portfolio {summary.portfolio} of {creditor}", title_justify="left")
    table.add_column("accounts")
    table.add_column("", justify="right")
    for label, number in (
        (f"{would}added", summary.added),
        (f"{would}updated", summary.updated),
        ("unchanged", summary.unchanged),
        ("rejected", summary.rejected),
        ("outside the mapping's `where`", summary.outside),
    ):
        table.add_row(label, f"{number:,}")
    table.add_section()
    table.add_row("records in the file", f"{summary.lines:,}")
    console.print(table)
    points = ", ".join(f"{number:,} {kind}" for kind, number in summary.points.items()) or "none"
    countries = ", ".join(f"{code or 'unknown'} {number:,}" for code, number in summary.countries.items()) or "none"
    console.print(
        f"Debtors: {summary.debtors:,}, {summary.debtors_added:,} of them new. By country: {countries}.\n"
        f"Contact points: {points}.",
        highlight=False,
        soft_wrap=True,
    )
    _show_notes(console, summary, creditor, is_new=is_new)


def _show_notes(console: Console, summary: Summary, creditor: str, *, is_new: bool) -> None:
    notes = []
    if summary.is_dry_run:
        notes.append("Dry run: nothing was changed.")
    elif is_new:
        notes.append(
            f"{creditor} is a new creditor; `forbear creditor create {creditor}` says who writes and from where."
        )
    if summary.rejects_file:
        notes.append(f"Why rows were rejected: {summary.rejects_file}")
    if summary.dropped_points:
        notes.append(f"{summary.dropped_points:,} bad contact points were left out of rows that came in.")
    if summary.vanished:
        notes.append(f"{summary.vanished:,} open accounts of this portfolio are not in the file any more.")
    if summary.unread_columns:
        notes.append(f"Columns that the mapping does not name: {', '.join(summary.unread_columns)}.")
    for note in notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
