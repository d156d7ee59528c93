"""Sweep: finds what was left lying. Nothing is lost with a process or a queue; nothing is sent twice because of it.

What a dead worker had begun to send is in doubt: it counts against the caps and is settled by its callback, or by
asking the provider. What missed its window goes back to its step. What lies on no queue is put on one.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from campaigns.cadence import Cadence
from channels.protocol import Adapter, SentAttempt
from config.clock import Clock
from config.logging import get_logger
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, ProviderEvent
from storage import arrivals, sweeping
from storage.campaigns import by_ids
from storage.crypto import unseal
from storage.sending import AttemptMove, lock_of
from storage.session import Database
from storage.sweeping import Doubtful
from storage.vault import Vault
from workers import outcomes
from workers.campaigns import cadence_of
from workers.composing import VALUE
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
    """Sweeps for any creditor. `keep` stores what providers answer, as if it had come by a callback.

    Providers are asked about the same attempt in doubt every `ask_again`.
    """

    db: Database
    vault: Vault
    clock: Clock
    adapters: Mapping[str, Adapter]
    ask_again: dt.timedelta
    keep: Callable[[UUID, list[ProviderEvent]], None]
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

    async def ask(self, creditor_id: UUID, found: list[tuple[Doubtful, str]]) -> list[ProviderEvent]:
        """What the providers say of attempts in doubt."""
        events: list[ProviderEvent] = []
        for one, value in found:
            adapter = self.adapters.get(one.provider)
            if adapter is None:
                log.error("provider_of_doubt_is_gone", provider=one.provider, creditor=creditor_id)
                continue
            asked = SentAttempt(one.attempt_id, Channel(one.channel), one.sending_at, value, one.provider_ref)
            answer: DeliveryEvent | None = await adapter.find(asked)
            if answer is not None:
                events.append(answer)
        return events

    def settle(self, creditor_id: UUID, wait: Callable[..., Any], limit: int = 50) -> int:
        """Ask the providers about attempts in doubt and keep what they say; how many were asked about."""
        with self.db.tenant(creditor_id) as connection:
            rows = sweeping.doubtful(connection, creditor_id, self.ask_again, limit)
            keys = self.vault.keys(connection, {row.debtor_id for row in rows})
        found = [
            (row, unseal(keys[row.debtor_id], VALUE, row.point_id, row.value_cipher).decode())
            for row in rows
            if row.debtor_id in keys
        ]
        events = wait(self.ask(creditor_id, found)) if found else []
        if events:
            self.keep(creditor_id, events)
        return len(rows)

    def _know(self, connection: Connection, ends: Ends) -> None:
        unknown = {attempt.campaign_id for attempt, _, _ in ends.moves.values()} - self.cadences.keys()
        for campaign in by_ids(connection, unknown) if unknown else ():
            self.cadences[campaign.campaign_id] = cadence_of(campaign)
