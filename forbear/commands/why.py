"""Say what was done about a debtor, what was not, by which clause, and until when."""

import datetime as dt
import json
import sys
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from config.clock import open_clock
from config.settings import load_settings, resolve
from domain.errors import BadInput
from storage import debtor_screen
from storage.debtor_screen import Story
from storage.session import Database
from web import story as stories
from web import wording
from web.story import Clause, Item, Standing

STYLES = {"good": "green", "bad": "red", "doubt": "yellow", "wait": "cyan", "plain": ""}


def command(
    debtor: Annotated[str, typer.Argument(help="The creditor's reference of the debtor or of an account, or our id.")],
    creditor: Annotated[
        str | None, typer.Option("--creditor", "-c", help="The creditor's code; needed where there are several.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
) -> None:
    """Say what was done about a debtor, what was not, by which clause, and until when.

    Times are the debtor's own and UTC. No names, numbers or texts are shown.
    """
    settings = resolve(load_settings())
    now = open_clock(settings).now()
    db = Database(str(settings.database_url), pool_size=1)
    try:
        story = find(db, creditor, debtor)
    finally:
        db.close()
    if as_json:
        typer.echo(json.dumps(as_object(story, now), indent=1, ensure_ascii=False))
    else:
        tell(Console(highlight=False, soft_wrap=not sys.stdout.isatty()), story, now)


def find(db: Database, creditor: str | None, debtor: str) -> Story:
    """The debtor's story. Raises BadInput where no creditor, or not one, has such a debtor."""
    known = db.creditors()
    if creditor is not None and creditor not in known:
        raise BadInput(
            f"there is no creditor `{creditor}`.", where="--creditor", remedy=f"Known: {', '.join(sorted(known))}."
        )
    found: dict[str, tuple[UUID, UUID]] = {}
    for code, creditor_id in known.items():
        if creditor in (None, code):
            with db.tenant(creditor_id) as connection:
                debtor_id = debtor_screen.find(connection, creditor_id, debtor)
            if debtor_id is not None:
                found[code] = creditor_id, debtor_id
    if len(found) > 1:
        remedy = f"Add --creditor, one of: {', '.join(sorted(found))}."
        raise BadInput("several creditors have a debtor of that reference.", where="DEBTOR", remedy=remedy)
    for creditor_id, debtor_id in found.values():
        with db.tenant(creditor_id) as connection:
            story = debtor_screen.story(connection, creditor_id, debtor_id)
        if story is not None:
            return story
    raise BadInput(
        "there is no debtor, and no account, of that reference or id.",
        where="DEBTOR",
        remedy="Use the reference in the creditor's file, or add --creditor.",
    )


def tell(console: Console, story: Story, now: dt.datetime) -> None:
    """The story for people: what holds now, then everything in order, the oldest first."""
    zone = stories.debtor_zone(story)
    console.print(Text.assemble((story.subject.reference, "bold"), f"  {story.subject.debtor_id}"))
    console.print(f"Now {_both(now, zone)} ({zone})\n")
    _tell_standing(console, stories.standing(story, now), zone, now)
    console.print()
    for item in reversed(stories.timeline(story.entries, story.attempts)):
        _tell_item(console, item, zone)


def _tell_standing(console: Console, standing: Standing, zone: str, now: dt.datetime) -> None:
    if standing.next_at is None:
        console.print(Text("Nothing is planned until something happens.", "bold"))
    elif standing.next_at <= now:
        console.print(Text("Due to be looked at now.", "bold"))
    else:
        console.print(Text(f"Looked at again {_both(standing.next_at, zone)}.", "bold"))
    for one in standing.suppressions:
        end = f"until {_both(one.until, zone)}" if one.until else "until it is lifted"
        channel = f", {wording.label(wording.CHANNELS, one.channel)}" if one.channel else ""
        console.print(Text(f"{wording.label(wording.STOPS, one.kind)}{channel}, {end} (source: {one.source})", "red"))
    for promise in standing.promises:
        console.print(f"Promised to pay by {promise.due_on}; contact rests until the day after.")
    for item in standing.held:
        _tell_item(console, item, zone, with_time=False)


def _tell_item(console: Console, item: Item, zone: str, *, with_time: bool = True) -> None:
    head = Text(item.title, STYLES[item.tone])
    if with_time:
        head = Text.assemble((f"{_both(item.at, zone)}  ", "dim"), head)
    if item.times > 1 and item.last_at:
        head.append(f"  ({item.times} times, last {_both(item.last_at, zone)})")
    console.print(head)
    lines = [item.detail] if item.detail else []
    if item.until:
        lines.append(f"until {_both(item.until, zone)}")
    if len(item.course) > 1:
        lines.append(" → ".join(f"{state} {wording.short_time(at, zone, item.at)}" for state, at in item.course))
    lines += [_clause(clause, zone) for clause in item.clauses if item.kind == "held" or clause.effect != "allows"]
    for line in lines:
        console.print(Padding(Text(line), (0, 0, 0, 4)) if console.is_terminal else Text(f"    {line}"))


def _clause(clause: Clause, zone: str) -> str:
    until = f", until {_both(clause.until, zone)}" if clause.until else ""
    cite = f" [{clause.cite}]" if clause.cite else ""
    version = f"@{clause.version}" if clause.version else ""
    return f"{clause.effect} {clause.pack}{version}/{clause.rule}{cite}: {clause.why.removesuffix('.')}{until}."


def _both(at: dt.datetime, zone: str) -> str:
    return f"{wording.day_and_time(at, zone)} · {wording.utc(at)}"


def as_object(story: Story, now: dt.datetime) -> dict[str, Any]:
    """The story as JSON: instants in the debtor's own offset, the timeline the oldest first."""
    zone = stories.debtor_zone(story)
    standing = stories.standing(story, now)

    def at(instant: dt.datetime | None) -> str | None:
        return None if instant is None else wording.local(instant, zone).isoformat(timespec="seconds")

    def clause(one: Clause) -> dict[str, Any]:
        return {
            "pack": one.pack,
            "version": one.version,
            "rule": one.rule,
            "cite": one.cite,
            "effect": one.effect,
            "why": one.why,
            "until": at(one.until),
        }

    def item(one: Item) -> dict[str, Any]:
        return {
            "at": at(one.at),
            "kind": one.kind,
            "title": one.title,
            "detail": one.detail,
            "channel": one.channel,
            "attempt": one.attempt_id,
            "until": at(one.until),
            "times": one.times,
            "last_at": at(one.last_at),
            "course": [{"state": state, "at": at(when)} for state, when in one.course],
            "rules": [clause(each) for each in one.clauses],
        }

    return {
        "debtor": str(story.subject.debtor_id),
        "reference": story.subject.reference,
        "timezone": zone,
        "now": at(now),
        "next_at": at(standing.next_at),
        "held": [item(one) for one in standing.held],
        "suppressions": [
            {"kind": one.kind, "channel": one.channel, "source": one.source, "at": at(one.at), "until": at(one.until)}
            for one in standing.suppressions
        ],
        "promises": [{"due_on": one.due_on.isoformat(), "at": at(one.at)} for one in standing.promises],
        "timeline": [item(one) for one in reversed(stories.timeline(story.entries, story.attempts))],
    }
