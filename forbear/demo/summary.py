"""What the demo ends with, read from the tables and judged by the audit: figures for people and for scripts."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from domain.attempt import NEVER_MADE, AttemptState

CHANNELS = ("sms", "voice", "email")
_NEVER_LEFT = {*(state.value for state in NEVER_MADE), AttemptState.RESERVED.value}


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run. `cost` in millionths of `currency`; `accounts` by where each enrolment stands."""

    accounts: int
    enrolments: dict[str, int]
    contacts: dict[str, int]
    stages: dict[str, dict[str, int]]
    deferred: dict[str, int]
    refused: dict[str, int]
    outcomes: dict[str, int]
    cost: int
    currency: str
    checked: int
    violations: int
    days: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """For scripts. `cost` in whole units of the currency."""
        return {
            "accounts": self.accounts,
            "enrolments": self.enrolments,
            "contacts": self.contacts,
            "stages": self.stages,
            "deferred": self.deferred,
            "refused": self.refused,
            "outcomes": self.outcomes,
            "cost": {"amount": self.cost / 1_000_000, "currency": self.currency},
            "contacts_checked": self.checked,
            "violations": self.violations,
            "days": self.days,
            "seconds": round(self.seconds, 1),
        }


@dataclass(frozen=True, slots=True)
class Figures:
    """What the tables tell."""

    accounts: int
    enrolments: dict[str, int]
    contacts: dict[str, int]
    stages: dict[str, dict[str, int]]
    deferred: dict[str, int]
    refused: dict[str, int]
    outcomes: dict[str, int]
    cost: int


def read(connection: Connection, creditor_id: UUID) -> Figures:
    """Count what a creditor's tables hold."""
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
    accounts = connection.exec_driver_sql(
        "SELECT count(*) FROM accounts WHERE creditor_id = %(id)s", {"id": creditor_id}
    ).scalar_one()
    return Figures(
        int(accounts),
        enrolments,
        dict(contacts),
        {stage: dict(each) for stage, each in sorted(stages.items())},
        held.get("deferred", {}),
        held.get("refused", {}),
        {key: outcomes[key] for key in sorted(outcomes)},
        cost,
    )


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
    table = Table(box=box.SIMPLE_HEAD, title=f"{summary.days} days in {summary.seconds:.0f} seconds")
    table.add_column("contacts")
    for channel in CHANNELS:
        table.add_column(channel, justify="right")
    for stage, each in summary.stages.items():
        table.add_row(stage, *(f"{each.get(channel, 0):,}" for channel in CHANNELS))
    table.add_row("all", *(f"{summary.contacts.get(channel, 0):,}" for channel in CHANNELS), style="bold")
    console.print(table)
    for title, counts in (("what held contacts back", summary.deferred), ("what forbade contacts", summary.refused)):
        console.print(_counts(title, counts, 8))
    words = ("delivered", "failed", "replied", "paid", "opted_out", "in_doubt")
    console.print(_counts("what came of them", {word: summary.outcomes.get(word, 0) for word in words}, 10))
    console.print(_counts("where the accounts stand", summary.enrolments, 12))
    console.print(f"Cost: {summary.cost / 1_000_000:,.2f} {summary.currency}.")
    colour = "green" if summary.violations == 0 else "red"
    console.print(
        f"An independent replay of the ledger checked {summary.checked:,} contacts: "
        f"[bold {colour}]{summary.violations} violations[/bold {colour}]."
    )


def _counts(title: str, counts: dict[str, int], most: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(title)
    table.add_column("", justify="right")
    for key, n in list(counts.items())[:most]:
        table.add_row(key.replace("_", " "), f"{n:,}")
    if len(counts) > most:
        table.add_row(f"{len(counts) - most} more", "")
    return table
