"""What the end of an attempt brings with it: its enrolments, the ledger, the contact point, when to look next. Pure.

`deliver`, `receive` and `sweep` collect moves here; `write` makes those that the life cycle allows, and what follows
from them, in the caller's transaction.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from campaigns.actions import Finished, Moved
from campaigns.cadence import Cadence
from campaigns.next_action import advance
from campaigns.view import EnrolmentView
from domain.attempt import AttemptState
from domain.message import Failure
from storage import lanes, points, sending, suppressions
from storage.ledger import Entry, Heads, chain, insert
from storage.rollups import count
from storage.sending import AttemptMove, Release
from storage.suppressions import OPT_OUT, Suppressed

_S = AttemptState
MADE = frozenset({_S.ACCEPTED, _S.DELIVERED, _S.CLOSED})
AT_ONCE = frozenset({_S.UNDELIVERED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED})
"""After these the debtor is looked at again at once: the next channel, or the same step once more."""


UNWRITTEN = "cannot_be_written"
"""The code of attempts whose message cannot be written: a person has to see to that, so nobody tries again at once."""


class Snapshot(NamedTuple):
    """What must be known of an attempt to say what its end brings with it."""

    attempt_id: UUID
    debtor_id: UUID
    campaign_id: UUID
    enrolments: Sequence[UUID]
    accounts: Sequence[UUID]
    point_id: UUID
    channel: str
    stage: str
    step: str
    rank: int
    next_look: dt.datetime | None


@dataclass(slots=True)
class Ends:
    """Moves of attempts, with what each entry of the ledger says besides; one move an attempt."""

    moves: dict[UUID, tuple[Snapshot, AttemptMove, Mapping[str, Any]]] = field(default_factory=dict)

    def add(self, attempt: Snapshot, move: AttemptMove, **also: Any) -> None:
        """Have the attempt move; `also` goes into its ledger entry."""
        self.moves[attempt.attempt_id] = attempt, move, also


@dataclass(slots=True)
class Written:
    """What `write` did: the moves that were made."""

    made: list[tuple[Snapshot, AttemptMove]] = field(default_factory=list)


def write(
    connection: Connection,
    creditor_id: UUID,
    ends: Ends,
    heads: Heads,
    cadences: Mapping[UUID, Cadence],
    now: dt.datetime,
    entries: Sequence[Entry] = (),
    due: Mapping[UUID, dt.datetime] | None = None,
    deltas: Sequence[tuple[UUID, str, str, int]] = (),
) -> Written:
    """Make the moves and all that follows; `entries`, `due` and `deltas` are written along, entries first.

    The caller holds the lanes of all debtors, whose chains end at `heads`.
    """
    entries = [*entries, *suppressions.add(connection, creditor_id, [*opted_out(ends)])]
    moved = sending.move_attempts(connection, [move for _, move, _ in ends.moves.values()])
    made = [one for id_, one in ends.moves.items() if id_ in moved]
    releases = [each for attempt, move, _ in made for each in releases_of(attempt, move, cadences[attempt.campaign_id])]
    released = sending.release(connection, releases)
    written = [*entries]
    looks: dict[UUID, dt.datetime] = dict(due or {})
    for attempt, move, also in made:
        written.append(entry_of(attempt, move, also))
        look = look_of(attempt, move, now)
        if look is not None:
            looks[attempt.debtor_id] = min(look, looks.get(attempt.debtor_id, look))
    written += finished(made, releases, released, now)
    links, ends_at = chain(heads, creditor_id, written)
    insert(connection, creditor_id, links)
    lanes.move_heads(connection, ends_at, looks)
    costs = [
        (attempt.campaign_id, "cost", attempt.channel, move.cost)
        for attempt, move, _ in made
        if move.cost and move.state is not _S.RESERVED
    ]
    hour = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    count(connection, creditor_id, [(c, hour, m, k, n) for c, m, k, n in summed([*deltas, *costs])])
    points.mark(connection, [effect for attempt, move, _ in made if (effect := effect_of(attempt, move))])
    return Written([(attempt, move) for attempt, move, _ in made])


def summed(deltas: Iterable[tuple[UUID, str, str, int]]) -> list[tuple[UUID, str, str, int]]:
    """Changes of the same count as one."""
    totals: dict[tuple[UUID, str, str], int] = {}
    for campaign, measure, key, n in deltas:
        totals[campaign, measure, key] = totals.get((campaign, measure, key), 0) + n
    return [(*key, n) for key, n in totals.items()]


def entry_of(attempt: Snapshot, move: AttemptMove, also: Mapping[str, Any]) -> Entry:
    """The ledger's entry of a move."""
    body: dict[str, Any] = {
        "attempt": str(attempt.attempt_id),
        "code": move.code,
        "failure": move.failure,
        "outcome": move.outcome,
        **also,
    }
    if move.state is _S.RESERVED:
        body |= {"retry": True, "not_before": move.not_before.isoformat() if move.not_before else None}
    return Entry(attempt.debtor_id, move.state.value, move.at, body)


def releases_of(attempt: Snapshot, move: AttemptMove, cadence: Cadence) -> list[Release]:
    """Where the attempt's enrolments go."""
    result = []
    for enrolment_id, account_id in zip(attempt.enrolments, attempt.accounts, strict=True):
        stands = EnrolmentView(
            enrolment_id,
            attempt.campaign_id,
            cadence,
            True,
            account_id,
            attempt.stage,
            attempt.step,
            attempt.rank,
            attempt.attempt_id,
            None,
            move.at,
        )
        match advance(stands, move.state, move.at):
            case Moved() as onward:
                result.append(
                    Release(
                        enrolment_id,
                        attempt.attempt_id,
                        "active",
                        onward.stage,
                        onward.step,
                        onward.rank,
                        onward.contacted_at,
                    )
                )
            case Finished() as over:
                result.append(
                    Release(
                        enrolment_id,
                        attempt.attempt_id,
                        "finished",
                        attempt.stage,
                        None,
                        attempt.rank,
                        over.contacted_at,
                    )
                )
    return result


def finished(
    made: Sequence[tuple[Snapshot, AttemptMove, Mapping[str, Any]]],
    releases: Sequence[Release],
    released: set[UUID],
    now: dt.datetime,
) -> list[Entry]:
    """The ledger's entries of the enrolments that have no step left."""
    over = {one.enrolment_id for one in releases if one.state == "finished"} & released
    entries = []
    for attempt, _, _ in made:
        for enrolment_id, account_id in zip(attempt.enrolments, attempt.accounts, strict=True):
            if enrolment_id in over:
                body = {
                    "account": str(account_id),
                    "campaign": str(attempt.campaign_id),
                    "enrolment": str(enrolment_id),
                    "reason": None,
                }
                entries.append(Entry(attempt.debtor_id, "finished", now, body))
    return entries


def look_of(attempt: Snapshot, move: AttemptMove, now: dt.datetime) -> dt.datetime | None:
    """When the debtor is to be looked at for this; None: no sooner than was known."""
    if move.code == UNWRITTEN:
        return now + dt.timedelta(days=1)
    if move.state in AT_ONCE:
        return now
    return attempt.next_look if move.state in MADE else None


def opted_out(ends: Ends) -> Iterator[Suppressed]:
    """The opt-outs that the carriers tell of."""
    for attempt, move, _ in ends.moves.values():
        if move.failure == Failure.OPTED_OUT:
            yield Suppressed(attempt.debtor_id, OPT_OUT, attempt.channel, attempt.point_id, "carrier", move.at)


_PROVED: Mapping[str, points.Proved] = {
    Failure.OPTED_OUT: points.Proved.OPTED_OUT,
    Failure.INVALID_POINT: points.Proved.DEAD,
    Failure.NOT_FOR_CHANNEL: points.Proved.NOT_FOR_CHANNEL,
    Failure.BLOCKED: points.Proved.NOT_FOR_CHANNEL,
}


def effect_of(attempt: Snapshot, move: AttemptMove) -> points.Effect | None:
    """What a failure proves of the contact point (table in docs/channels.md)."""
    proved = _PROVED.get(move.failure or "")
    return points.Effect(attempt.point_id, attempt.channel, proved) if proved else None
