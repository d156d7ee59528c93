"""Sweep: finds what was left lying. Nothing is lost with a process or a queue; nothing is sent twice because of it.

What a dead worker had begun to send is in doubt: it counts against the caps and is settled by its callback, or by
asking the provider (`workers.asking`). What missed its window goes back to its step. What lies on no queue is queued.
"""

import datetime as dt
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection

from campaigns.cadence import Cadence
from config.clock import Clock
from config.logging import get_logger
from domain.attempt import AttemptState
from storage import arrivals, sweeping
from storage.campaigns import by_ids
from storage.sending import AttemptMove, lock_of
from storage.session import Database
from workers import outcomes
from workers.campaigns import cadence_of
from workers.outcomes import Ends, Snapshot

log = get_logger(__name__)


@dataclass(slots=True)
class Swept:
    """What one sweep did; `queued` are attempts to be put on the queues of their channels."""

    expired: int = 0
    in_doubt: int = 0
    queued: dict[str, list[UUID]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps for any creditor."""

    db: Database
    clock: Clock
    cadences: dict[UUID, Cadence] = field(default_factory=dict)

    def sweep(self, creditor_id: UUID, empty: list[str], limit: int = 2_000) -> Swept:
        """End what missed its window, doubt what was abandoned, and queue what the outbox owes."""
        now = self.clock.now()
        done = Swept()
        with self.db.tenant(creditor_id) as connection:
            late = sweeping.overdue(connection, creditor_id, now, limit)
            left = sweeping.abandoned(connection, creditor_id, limit)
        if late:
            move = AttemptState.EXPIRED
            done.expired = self._end(creditor_id, late, AttemptState.RESERVED, move, "window_closed", now)
        if left:
            move = AttemptState.IN_DOUBT
            done.in_doubt = self._end(creditor_id, left, AttemptState.SENDING, move, "worker_lost", now)
            log.warning("attempts_in_doubt", creditor=creditor_id, count=done.in_doubt)
        with self.db.tenant(creditor_id) as connection:
            for attempt_id, channel in sweeping.unqueued(connection, creditor_id, empty, now, limit):
                done.queued.setdefault(channel, []).append(attempt_id)
        return done

    def _end(
        self,
        creditor_id: UUID,
        attempt_ids: list[UUID],
        source: AttemptState,
        to: AttemptState,
        code: str,
        now: dt.datetime,
    ) -> int:
        """Move those that still stand where they were found, under their lanes' locks."""
        with self.db.tenant(creditor_id) as connection:
            heads = lock_of(connection, attempt_ids)
            still = set(attempt_ids)
            if source is AttemptState.SENDING:
                still = sweeping.are_abandoned(connection, attempt_ids)
            ends = Ends()
            for attempt_id, attempt in arrivals.attempts(connection, still).items():
                if attempt.state == source:
                    ends.add(Snapshot(*attempt[:-1]), AttemptMove(attempt_id, to, now, code=code))
            self._know(connection, ends)
            made = outcomes.write(connection, creditor_id, ends, heads, self.cadences, now).made
        return len(made)

    def _know(self, connection: Connection, ends: Ends) -> None:
        unknown = {attempt.campaign_id for attempt, _, _ in ends.moves.values()} - self.cadences.keys()
        for campaign in by_ids(connection, unknown) if unknown else ():
            self.cadences[campaign.campaign_id] = cadence_of(campaign)
