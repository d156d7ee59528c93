"""The live page as values: read once in a transaction, shaped by pure functions, drawn by `templates/board/`."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from domain.attempt import OPEN
from domain.channel import Channel
from storage import screens
from storage.screens import AttemptFilter, AttemptRow, Due, Holding, InHour, Open, Running, Total
from web.charts import Bars, bars, shares
from web.kept import Kept

Key = TypeVar("Key", bound=Hashable)

FAILING = ("undelivered", "rejected")
SETTLED = ("delivered", "undelivered", "rejected", "expired", "cancelled")
ALARMING = 0.03
"""The share of failures above which the figure is marked: GOV.UK Notify's line."""
AHEAD = 24
"""Hours shown ahead."""


@dataclass(frozen=True, slots=True)
class Range:
    """How far back the throughput goes: `count` buckets of `bucket`."""

    name: str
    label: str
    bucket: dt.timedelta
    count: int
    unit: str

    def start(self, now: dt.datetime, zone: str) -> dt.datetime:
        """Where the first bucket begins: the last one holds `now` and begins on the local clock's round hour."""
        local = now.astimezone(ZoneInfo(zone))
        hours = int(self.bucket.total_seconds()) // 3600
        last = local.replace(hour=local.hour // hours * hours, minute=0, second=0, microsecond=0)
        return last.astimezone(dt.UTC) - (self.count - 1) * self.bucket


RANGES: Mapping[str, Range] = {
    one.name: one
    for one in (
        Range("day", "24 hours", dt.timedelta(hours=1), 24, "one hour"),
        Range("week", "7 days", dt.timedelta(hours=6), 28, "six hours"),
        Range("month", "30 days", dt.timedelta(days=1), 30, "one day"),
    )
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a page shows: one creditor, maybe one campaign, how far back; and in which time zone."""

    creditor_id: UUID
    code: str
    name: str
    zone: str
    range: Range
    campaign_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RuleWords:
    """What a rule says and where from, by the packs that are loaded."""

    cite: str
    meaning: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was read in one transaction."""

    now: dt.datetime
    totals: Sequence[Total]
    made: Sequence[InHour]
    open: Sequence[Open]
    due: Sequence[Due]
    oldest_due: dt.datetime | None
    holding: Sequence[Holding]
    waiting: int
    campaigns: Sequence[Running]
    in_doubt: Sequence[AttemptRow]
    latest: Sequence[AttemptRow]


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel's throughput."""

    channel: str
    total: int
    failed: int
    last: int
    chart: Bars
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table of states: counts by state, and the share of each settled state."""

    channel: str | None
    campaign: Running | None
    stage: str | None
    counts: Mapping[str, int]
    meter: tuple[tuple[str, float, float], ...]

    @property
    def failing(self) -> float:
        """The share of failures among what was settled either way."""
        bad = sum(self.counts.get(state, 0) for state in FAILING)
        whole = bad + self.counts.get("delivered", 0)
        return bad / whole if whole else 0.0

    @property
    def is_alarming(self) -> bool:
        """True where more fails than should."""
        return self.failing > ALARMING


@dataclass(frozen=True, slots=True)
class Held:
    """One rule that held contacts: how many debtors now, how often so far, and when the next is released."""

    pack: str
    rule: str
    cite: str
    meaning: str
    language: str
    refuses: bool
    now: int
    times: int
    next_at: dt.datetime | None
    share: float


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits on one channel to leave, and since when."""

    channel: str
    n: int
    age: dt.timedelta | None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on the live page."""

    now: dt.datetime
    scope: Scope
    overall: Line
    accepted_by_channel: tuple[tuple[str, int], ...]
    lanes: tuple[Lane, ...]
    buckets: tuple[dt.datetime, ...]
    top: int
    channels: tuple[Line, ...]
    stages: tuple[Line, ...]
    held: tuple[Held, ...]
    waiting: int
    due_now: int
    due_is_capped: bool
    due_age: dt.timedelta | None
    ahead: Bars
    ahead_values: tuple[tuple[dt.datetime, int], ...]
    queues: tuple[Queue, ...]
    campaigns: tuple[Running, ...]
    in_doubt: tuple[AttemptRow, ...]
    latest: tuple[AttemptRow, ...]
    cost: int


def read(connection: Connection, scope: Scope, now: dt.datetime, kept: Kept) -> Snapshot:
    """Read the live page's rows within a creditor's transaction; what takes time in a large book may be `kept`."""
    creditor, campaign = scope.creditor_id, scope.campaign_id
    start = scope.range.start(now, scope.zone)
    ahead = _hour(now) + dt.timedelta(hours=AHEAD)
    return Snapshot(
        now,
        screens.totals(connection, creditor, campaign),
        screens.made_by_bucket(connection, creditor, start, scope.range.bucket, campaign),
        screens.open_attempts(connection, creditor, campaign),
        kept.get((creditor, "due"), lambda: screens.due(connection, creditor, now, ahead)),
        screens.oldest_due(connection, creditor, now),
        kept.get((creditor, "holding"), lambda: screens.holding(connection, creditor)),
        kept.get((creditor, "waiting"), lambda: screens.waiting(connection, creditor)),
        kept.get((creditor, "campaigns"), lambda: screens.campaigns(connection, creditor)),
        screens.in_doubt(connection, creditor),
        screens.attempts(connection, creditor, AttemptFilter(campaign_id=campaign), limit=10),
    )


def shape(snapshot: Snapshot, scope: Scope, rules: Mapping[tuple[str, str], RuleWords]) -> Board:
    """The page from what was read. Pure."""
    now = snapshot.now
    by_channel = _counts(snapshot, lambda channel, _stage, _campaign: channel)
    channels = tuple(
        _line(by_channel.get(channel, Counter()), channel=channel)
        for channel in (each.value for each in Channel)
        if channel in by_channel or channel != Channel.LETTER
    )
    overall = _line(sum((Counter(line.counts) for line in channels), Counter()))
    lanes, buckets, top = _lanes(snapshot, scope, [line.channel or "" for line in channels])
    hours = [_hour(now) + dt.timedelta(hours=number) for number in range(AHEAD)]
    due = {one.hour: one.n for one in snapshot.due}
    overdue = due.get(hours[0], 0)
    ahead = [due.get(hour, 0) for hour in hours]
    return Board(
        now=now,
        scope=scope,
        overall=overall,
        accepted_by_channel=tuple((line.channel or "", line.counts.get("accepted", 0)) for line in channels),
        lanes=lanes,
        buckets=buckets,
        top=top,
        channels=channels,
        stages=_stages(snapshot),
        held=_held(snapshot, rules),
        waiting=snapshot.waiting,
        due_now=overdue,
        due_is_capped=sum(due.values()) >= screens.DUE_LIMIT,
        due_age=now - snapshot.oldest_due if snapshot.oldest_due else None,
        ahead=bars(ahead, max(ahead, default=0), width=480, height=72),
        ahead_values=tuple(zip(hours, ahead, strict=True)),
        queues=tuple(_queues(snapshot)),
        campaigns=tuple(snapshot.campaigns),
        in_doubt=tuple(snapshot.in_doubt),
        latest=tuple(snapshot.latest),
        cost=sum(one.n for one in snapshot.totals if one.measure == "cost"),
    )


def _counts(snapshot: Snapshot, group: Callable[[str, str, UUID], Key]) -> dict[Key, Counter[str]]:
    """Counts of states by what `group(channel, stage, campaign)` says: what is open as it is now, the rest so far."""
    found: dict[Key, Counter[str]] = {}
    for one in snapshot.totals:
        parts = one.key.split("/")
        if one.measure == "state" and len(parts) == 3 and parts[2] not in OPEN:
            found.setdefault(group(parts[0], parts[1], one.campaign_id), Counter())[parts[2]] += one.n
    for now in snapshot.open:
        found.setdefault(group(now.channel, now.stage, now.campaign_id), Counter())[now.state] += now.n
    return found


def _line(
    counts: Mapping[str, int], *, channel: str | None = None, campaign: Running | None = None, stage: str | None = None
) -> Line:
    settled = [max(0, counts.get(state, 0)) for state in SETTLED]
    meter = tuple((state, *place) for state, place in zip(SETTLED, shares(settled), strict=True) if place[1])
    return Line(channel, campaign, stage, dict(counts), meter)


def _lanes(
    snapshot: Snapshot, scope: Scope, channels: Sequence[str]
) -> tuple[tuple[Lane, ...], tuple[dt.datetime, ...], int]:
    start, size = scope.range.start(snapshot.now, scope.zone), scope.range.bucket
    buckets = tuple(start + number * size for number in range(scope.range.count))
    up = {channel: [0] * len(buckets) for channel in channels}
    down = {channel: [0] * len(buckets) for channel in channels}
    for one in snapshot.made:
        index = int((one.at - start) / size)
        if one.channel in up and 0 <= index < len(buckets):
            if one.state == "accepted":
                up[one.channel][index] += one.n
            elif one.state in FAILING:
                down[one.channel][index] += one.n
    top = max((value for values in up.values() for value in values), default=0)
    lanes = tuple(
        Lane(
            channel,
            sum(up[channel]),
            sum(down[channel]),
            up[channel][-1],
            bars(up[channel], top, below=down[channel]),
            tuple(up[channel]),
        )
        for channel in channels
    )
    return lanes, buckets, top


def _stages(snapshot: Snapshot) -> tuple[Line, ...]:
    """Counts by campaign and stage, stages in the order in which debtors go through them."""
    known = {one.campaign_id: one for one in snapshot.campaigns}
    found = _counts(snapshot, lambda _channel, stage, campaign: (campaign, stage))
    lines = [_line(counts, campaign=known.get(key[0]), stage=key[1]) for key, counts in found.items()]
    return tuple(sorted(lines, key=_by_campaign))


def _by_campaign(line: Line) -> tuple[str, int, str]:
    order = {"early": 0, "mid": 1, "late": 2}
    return line.campaign.name if line.campaign else "~", order.get(line.stage or "", 9), line.stage or ""


def _held(snapshot: Snapshot, rules: Mapping[tuple[str, str], RuleWords]) -> tuple[Held, ...]:
    """Rules that hold debtors now or held them before, those that hold most now first."""
    times: Counter[tuple[str, str]] = Counter()
    refused: set[tuple[str, str]] = set()
    for one in snapshot.totals:
        pack, slash, rule = one.key.partition("/")
        if one.measure in ("deferred", "refused") and slash:
            times[pack, rule] += one.n
            if one.measure == "refused":
                refused.add((pack, rule))
    now = {(one.pack, one.rule): one for one in snapshot.holding}
    most = max((one.n for one in snapshot.holding), default=0)
    found = []
    for key in {*times, *now}:
        holding, words = now.get(key), rules.get(key)
        found.append(
            Held(
                pack=key[0],
                rule=key[1],
                cite=words.cite if words else holding.cite if holding else "",
                meaning=words.meaning if words else "",
                language=words.language if words else "en",
                refuses=holding.effect == "refuses" if holding else key in refused,
                now=holding.n if holding else 0,
                times=times[key],
                next_at=holding.next_at if holding else None,
                share=round(100 * holding.n / most, 2) if holding and most else 0.0,
            )
        )
    return tuple(sorted(found, key=lambda held: (-held.now, -held.times, held.pack, held.rule))[:10])


def _queues(snapshot: Snapshot) -> list[Queue]:
    """What is reserved and has not left, by channel."""
    found = []
    for channel in Channel:
        reserved = [one for one in snapshot.open if one.channel == channel and one.state == "reserved"]
        oldest = min((one.oldest for one in reserved if one.oldest), default=None)
        if reserved or channel is not Channel.LETTER:
            age = snapshot.now - oldest if oldest else None
            found.append(Queue(channel.value, sum(one.n for one in reserved), age))
    return found


def _hour(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
