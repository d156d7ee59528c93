"""What the demo ends with, read from the tables and judged by the audit: figures for people and for scripts."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from domain.attempt import NEVER_MADE, AttemptState

CHANNELS = ("sms", "voice", "email")
_NEVER_LEFT = {*(state.value for state in NEVER_MADE), AttemptState.RESERVED.value}


@dataclass(frozen=True, slots=True)
class Accounted:
    """Where every account is. `waiting`: on the campaign and to be looked at again, under way, or held until told.

    `unaccounted` is on the campaign and none of waiting, finished and exited: the demo is there to show that it is 0.
    """

    accounts: int
    enrolled: int
    waiting: int
    finished: int
    exited: int

    @property
    def outside(self) -> int:
        """Accounts that the campaign is not meant for."""
        return self.accounts - self.enrolled

    @property
    def unaccounted(self) -> int:
        """Accounts on the campaign that nothing will ever happen to, and no reason known."""
        return self.enrolled - self.waiting - self.finished - self.exited


@dataclass(frozen=True, slots=True)
class Figures:
    """What the tables tell. `cost` in millionths of the price list's currency."""

    accounted: Accounted
    enrolments: dict[str, int]
    contacts: dict[str, int]
    stages: dict[str, dict[str, int]]
    deferred: dict[str, int]
    refused: dict[str, int]
    outcomes: dict[str, int]
    cost: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run. Of the file's `lines`, `left_out` by the mapping and `rejected` ones did not come in.

    `unjudged` counts what the audit could not judge.
    """

    figures: Figures
    lines: int
    left_out: int
    rejected: int
    currency: str
    checked: int
    unjudged: int
    violations: int
    days: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """For scripts. `cost` in whole units of the currency."""
        figures, accounted = self.figures, self.figures.accounted
        return {
            "accounts": accounted.accounts,
            "accounted": {
                "lines": self.lines,
                "left_out": self.left_out,
                "rejected": self.rejected,
                "accounts": accounted.accounts,
                "outside": accounted.outside,
                "enrolled": accounted.enrolled,
                "waiting": accounted.waiting,
                "finished": accounted.finished,
                "exited": accounted.exited,
                "unaccounted": accounted.unaccounted,
            },
            "enrolments": figures.enrolments,
            "contacts": figures.contacts,
            "stages": figures.stages,
            "deferred": figures.deferred,
            "refused": figures.refused,
            "outcomes": figures.outcomes,
            "cost": {"amount": figures.cost / 1_000_000, "currency": self.currency},
            "contacts_checked": self.checked,
            "not_judged": self.unjudged,
            "violations": self.violations,
            "days": self.days,
            "seconds": round(self.seconds, 1),
        }


def read(connection: Connection) -> Figures:
    """Count what the tables hold of the creditor whose transaction it is."""
    attempts = connection.exec_driver_sql(
        "SELECT channel, stage, state, count(*), coalesce(sum(cost), 0) FROM attempts GROUP BY channel, stage, state"
    ).all()
    contacts: Counter[str] = Counter(dict.fromkeys(CHANNELS, 0))
    stages: dict[str, Counter[str]] = {}
    outcomes: Counter[str] = Counter()
    cost = 0
    for channel, stage, state, n, paid in attempts:
        cost += int(paid)
        outcomes[state] += n
        if state not in _NEVER_LEFT:
            contacts[channel] += n
            stages.setdefault(stage, Counter())[channel] += n
    intents = dict(_pairs(connection, "SELECT coalesce(intent, 'unread'), count(*) FROM inbound GROUP BY 1"))
    outcomes["failed"] = outcomes["undelivered"] + outcomes["rejected"]
    outcomes["replied"] = sum(intents.values())
    outcomes["opted_out"] = intents.get("stop", 0)
    outcomes["paid"] = int(connection.exec_driver_sql("SELECT count(*) FROM payments").scalar_one())
    held = _held(connection)
    enrolments = dict(
        _pairs(
            connection,
            """SELECT CASE WHEN state = 'exited' THEN 'exited: ' || coalesce(reason, '') ELSE state END, count(*)
               FROM enrolments GROUP BY 1 ORDER BY 2 DESC""",
        )
    )
    return Figures(
        _accounted(connection),
        enrolments,
        dict(contacts),
        {stage: dict(each) for stage, each in sorted(stages.items())},
        held.get("deferred", {}),
        held.get("refused", {}),
        {key: outcomes[key] for key in sorted(outcomes)},
        cost,
    )


def _accounted(connection: Connection) -> Accounted:
    row = connection.exec_driver_sql(
        """SELECT (SELECT count(*) FROM accounts), count(DISTINCT e.account_id),
                  count(*) FILTER (WHERE e.state = 'active' AND (l.due_at IS NOT NULL OR l.waiting IS NOT NULL
                                                                 OR e.attempt_id IS NOT NULL)),
                  count(*) FILTER (WHERE e.state = 'finished'), count(*) FILTER (WHERE e.state = 'exited')
           FROM enrolments e JOIN lanes l USING (debtor_id)"""
    ).one()
    return Accounted(*map(int, row))


def _held(connection: Connection) -> dict[str, dict[str, int]]:
    rows = connection.exec_driver_sql(
        """SELECT measure, key, sum(n) FROM (
               SELECT measure, key, n FROM rollups UNION ALL SELECT measure, key, n FROM rollup_deltas) AS counts
           WHERE measure IN ('deferred', 'refused') GROUP BY measure, key ORDER BY measure, sum(n) DESC"""
    )
    found: dict[str, dict[str, int]] = {}
    for measure, key, n in rows:
        found.setdefault(measure, {})[key] = int(n)
    return found


def _pairs(connection: Connection, query: str) -> list[tuple[str, int]]:
    return [(row[0], int(row[1])) for row in connection.exec_driver_sql(query)]


def show(console: Console, summary: Summary) -> None:
    """The summary as tables."""
    figures, accounted = summary.figures, summary.figures.accounted
    table = Table(box=box.SIMPLE_HEAD, title=f"{summary.days} days in {summary.seconds:.0f} seconds")
    table.add_column("contacts")
    for channel in CHANNELS:
        table.add_column(channel, justify="right")
    for stage, each in figures.stages.items():
        table.add_row(stage, *(f"{each.get(channel, 0):,}" for channel in CHANNELS))
    table.add_row("all", *(f"{figures.contacts.get(channel, 0):,}" for channel in CHANNELS), style="bold")
    console.print(table)
    for title, counts in (("what held contacts back", figures.deferred), ("what forbade contacts", figures.refused)):
        if counts:
            console.print(_counts(title, counts, 8))
    words = ("delivered", "failed", "replied", "paid", "opted_out", "in_doubt")
    console.print(_counts("what came of them", {word: figures.outcomes.get(word, 0) for word in words}, 10))
    console.print(_counts("where the accounts on the campaign stand", figures.enrolments, 12))
    if summary.left_out or summary.rejected:
        console.print(
            f"Of {summary.lines:,} lines in the file the mapping left out {summary.left_out:,}, and "
            f"{summary.rejected:,} were rejected.",
            soft_wrap=True,
        )
    console.print(
        f"Accounts: {accounted.accounts:,}, of which {accounted.outside:,} are not what the campaign is for and "
        f"{accounted.enrolled:,} on it: {accounted.waiting:,} waiting, {accounted.finished:,} finished, "
        f"{accounted.exited:,} exited, {_judged(accounted.unaccounted, 'unaccounted for')}.",
        soft_wrap=True,
    )
    console.print(f"Cost: {figures.cost / 1_000_000:,.2f} {summary.currency}.")
    console.print(
        f"An independent replay of the ledger checked {summary.checked:,} contacts: "
        f"{_judged(summary.violations, 'violations')}.",
        soft_wrap=True,
    )
    if summary.unjudged:
        console.print(f"It could not judge {_judged(summary.unjudged, 'things')}; `forbear audit` says which.")


def _judged(count: int, what: str) -> str:
    """A number that ought to be 0, coloured by whether it is."""
    colour = "green" if count == 0 else "red"
    return f"[bold {colour}]{count:,} {what}[/bold {colour}]"


def _counts(title: str, counts: dict[str, int], most: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(title)
    table.add_column("", justify="right")
    for key, n in list(counts.items())[:most]:
        table.add_row(key.replace("_", " "), f"{n:,}")
    if len(counts) > most:
        table.add_row(f"{len(counts) - most} more", "")
    return table
