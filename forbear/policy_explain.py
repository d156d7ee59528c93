"""A week of a debtor as `forbear policy explain` shows it: when each channel is open, and what closes it otherwise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from audit.memory import Attempt, Memory
from domain.errors import BadInput
from domain.facts import ContactChannel, Facts
from storage.ledger_facts import LedgerRow
from throttling.compose import compile_rules, select
from throttling.explain import CHANNELS, Stretch, week
from throttling.packs import Library

DAYS = 7


def facts_of(entries: Iterable[LedgerRow], at: datetime) -> Facts:
    """What the ledger tells of one debtor up to `at`, with a contact about all accounts that is only supposed.

    Its packs are those of the debtor's last attempt, for what a campaign adds. Raises BadInput where it tells nothing.
    """
    memory = Memory()
    for entry in entries:
        if entry.at <= at:
            memory.add(entry)
    said = memory.imported or {"accounts": (), "collector": {"name": None}}
    accounts = tuple(str(account["id"]) for account in said["accounts"])
    proposal = {
        "channel": "visit",
        "purpose": "collect",
        "by": said["collector"]["name"],
        "automated": True,
        "has_opt_out_notice": True,
        "limited_content": False,
    }
    last = next(reversed(memory.attempts.values()), None)
    packs = last.packs if last else ()
    facts = memory.facts(Attempt("", "voice", "", accounts, at, packs, proposal, frozenset(), at), at)
    if facts is None:
        raise BadInput("the ledger does not yet tell what is known of this debtor.", where="DEBTOR")
    return replace(facts, proposal=facts.proposal._replace(contact_point=None))


def zone_of(facts: Facts) -> str:
    """The zone to show times in: the debtor's, else that of a place or contact point, else UTC."""
    known = [*facts.debtor.timezones, *(place.timezone for place in facts.debtor.places if place.timezone)]
    return (known or [zone for point in facts.contact_points for zone in point.timezones] or ["UTC"])[0]


def calendar(facts: Facts, library: Library, first: date, now: datetime) -> tuple[Stretch, ...]:
    """Seven local days from `first`, or from now on where the first has begun, channel by channel."""
    zone = ZoneInfo(zone_of(facts))
    start = max(now, datetime.combine(first, time(), zone).astimezone(UTC))
    end = datetime.combine(first + timedelta(days=DAYS), time(), zone).astimezone(UTC)
    chosen = select(replace(facts, packs=None), library)
    ruleset = compile_rules(library, {*chosen, *(facts.packs or ())})
    found: list[Stretch] = []
    for channel in CHANNELS:
        proposal = facts.proposal._replace(discloses_debt=channel is not ContactChannel.CALL)
        found += week(replace(facts, packs=None, proposal=proposal), ruleset, start, (channel,), end - start)
    return tuple(found)


def lines(stretches: Sequence[Stretch], zone: str) -> list[str]:
    """The calendar for people: a block for each day, then what the numbers in it stand for."""
    clock = ZoneInfo(zone)
    reasons: dict[str, int] = {}
    days = sorted({day for one in stretches for day in _days(one, clock)})
    told = [f"Local time in {zone}."]
    for day in days:
        told += ["", f"{day:%a %d %b %Y}"]
        for channel in dict.fromkeys(one.channel for one in stretches):
            own = [one for one in stretches if one.channel is channel and day in _days(one, clock)]
            spans = [_span(one, day, clock) for one in own if one.is_open]
            marks = {reasons.setdefault(_reason(rule), len(reasons) + 1) for one in own for rule in _closing(one)}
            closed = f"closed by {' '.join(f'[{mark}]' for mark in sorted(marks))}" if marks else ""
            told.append(f"  {channel.value:<8}{', '.join(spans) or '-':<24}{closed}".rstrip())
    return [*told, *([""] if reasons else []), *(f"[{number}] {reason}" for reason, number in reasons.items())]


def rows(stretches: Iterable[Stretch]) -> list[Mapping[str, Any]]:
    """The calendar for scripts."""
    return [
        {
            "channel": one.channel.value,
            "from": one.start.isoformat(),
            "to": one.end.isoformat(),
            "open": one.is_open,
            "closed_by": [
                {"pack": rule.pack, "rule": rule.rule, "cite": rule.cite, "why": rule.why} for rule in _closing(one)
            ],
        }
        for one in stretches
    ]


def _closing(one: Stretch) -> list[Any]:
    return [rule for rule in one.closed_by if rule.effect != "allows"]


def _reason(rule: Any) -> str:
    return f"{rule.pack}/{rule.rule}, {rule.cite}"


def _days(one: Stretch, clock: ZoneInfo) -> list[date]:
    first = one.start.astimezone(clock).date()
    last = (one.end - timedelta(microseconds=1)).astimezone(clock).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _span(one: Stretch, day: date, clock: ZoneInfo) -> str:
    start, end = one.start.astimezone(clock), one.end.astimezone(clock)
    begins = f"{start:%H:%M}" if start.date() == day else "00:00"
    return f"{begins}–{end:%H:%M}" if end.date() == day else f"{begins}–24:00"
