"""How `forbear campaign` shows cadences, launches and states in a terminal."""

from collections.abc import Iterable
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table

from campaigns.cadence import ALL_DAYS, Anchor, Cadence, Step, Window
from campaigns.cadence_file import DAYS
from campaigns.permits import Never
from storage.campaigns import CampaignRow, Count, Waiting
from workers.campaigns import Changed

STATES = {"running": "green", "paused": "yellow", "stopped": "dim", "draft": "dim"}


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the one style of this command. Columns that begin with `#` hold numbers."""
    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(
            column.removeprefix("#"), justify="right" if column.startswith("#") else "left", overflow="fold"
        )
    return made


def show_cadence(console: Console, cadence: Cadence, never: Iterable[Never]) -> None:
    """The steps of a cadence, and where packs never let one be made."""
    audience = cadence.audience
    console.print(f"[bold]{cadence.name}[/bold]  {cadence.title}")
    console.print(
        f"{', '.join(sorted(audience.products))}, "
        f"{audience.days_past_due_from} to {audience.days_past_due_to} days past due; "
        f"leaves above {cadence.leaves_above}",
        style="dim",
    )
    steps = table("step", "stage", "when", "channel", "preferred hours", "template", "only if")
    for step in cadence.steps:
        steps.add_row(
            step.id,
            step.stage,
            _when(step),
            " → ".join(channel.value for channel in step.channels),
            _hours(step.window),
            step.template,
            step.condition.source if step.condition else "",
        )
    console.print(steps)
    for one in never:
        rules = ", ".join(dict.fromkeys(f"{rule.pack}/{rule.rule} ({rule.cite})" for rule in one.rules))
        console.print(f"[yellow]note[/yellow]  {one.step} is never made in {one.place}: {rules}")


def show_campaigns(console: Console, campaigns: Iterable[CampaignRow]) -> None:
    """All versions of all campaigns."""
    shown = table("campaign", "#version", "state", "launched", "digest")
    for row in campaigns:
        state = f"[{STATES[row.state]}]{row.state}[/]"
        shown.add_row(row.name, str(row.version), state, _at(row.launched_at), row.digest.hex()[:12])
    console.print(shown)


def show_status(
    console: Console,
    campaign: CampaignRow,
    counts: list[Count],
    waiting: list[Waiting],
    in_flight: dict[tuple[str, str], int],
) -> None:
    """Where the enrolments of one version stand, what is in flight, and when debtors are looked at next."""
    console.print(
        f"[bold]{campaign.name}[/bold] version {campaign.version}, "
        f"[{STATES[campaign.state]}]{campaign.state}[/], launched {_at(campaign.launched_at)}, "
        f"digest {campaign.digest.hex()[:12]}"
    )
    shown = table("stage", "next step", "state", "reason", "#accounts")
    for count in counts:
        shown.add_row(count.stage, count.step or "–", count.state, count.reason or "", f"{count.n:,}")
    shown.add_section()
    shown.add_row("all", "", "", "", f"{sum(count.n for count in counts):,}")
    console.print(shown)
    show_in_flight(console, in_flight)
    if waiting:
        looks = table("debtors looked at next", "#debtors")
        for one in waiting:
            looks.add_row(f"from {_at(one.hour)}" if one.hour else "when something happens", f"{one.n:,}")
        console.print(looks)


def show_in_flight(console: Console, in_flight: dict[tuple[str, str], int]) -> None:
    """Attempts that are reserved, being sent or in doubt."""
    if not in_flight:
        console.print("Nothing is in flight.")
        return
    shown = table("channel", "in flight", "#attempts")
    for (channel, state), number in in_flight.items():
        shown.add_row(channel, state.replace("_", " "), f"{number:,}")
    console.print(shown)


def show_changed(console: Console, changed: Changed, what: str) -> None:
    """What a pause, resume or stop did."""
    row = changed.campaign
    console.print(f"{row.name} version {row.version} is [{STATES[row.state]}]{row.state}[/]. {what}")
    show_in_flight(console, changed.in_flight)


def _when(step: Step) -> str:
    if step.anchor is Anchor.DAY_IN_ARREARS:
        return f"day {step.days}"
    return f"{step.days} {'day' if step.days == 1 else 'days'} after the last contact"


def _hours(window: Window) -> str:
    hours = "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in (window.start, window.end))
    days = sorted(window.days)
    if window.days == ALL_DAYS:
        return hours
    if days == list(range(days[0], days[-1] + 1)) and len(days) > 1:
        return f"{hours} {DAYS[days[0]]}-{DAYS[days[-1]]}"
    return f"{hours} {', '.join(DAYS[day] for day in days)}"


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "–"
