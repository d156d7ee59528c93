"""Deliver: the final gate, `sending` committed before the provider is called, the call, and the record of its answer.

A batch goes in turns. Each turn is one transaction that records what the last calls brought and takes the next chunk
through the gate; the calls in between run together on the process's event loop. Who dies after `sending` leaves a
chunk in doubt; who dies before it leaves nothing.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from campaigns.cadence import Cadence
from channels.protocol import EXPIRED
from config.clock import Clock
from config.logging import get_logger
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.errors import BadInput, Tampered, Unavailable
from domain.message import Accepted, Failure, InDoubt, Message, NotAccepted
from storage import creditors, dead_letters, sending
from storage.campaigns import by_ids
from storage.ledger import Entry
from storage.sending import AttemptMove, Leaving, Outgoing
from storage.session import Database
from storage.vault import Vault
from workers import outcomes
from workers.calling import Answer, Call, Caller, cost_of
from workers.campaigns import cadence_of
from workers.composing import Composed, Composer, domain_of
from workers.outcomes import Ends, Snapshot
from workers.points import reach
from workers.retries import next_try
from workers.routing import Ask, Grant, Hold, Settled

_S = AttemptState
Result = TypeVar("Result")
Wait = Callable[[Coroutine[Any, Any, Result]], Result]
"""Runs a coroutine on the process's event loop and returns its result; called from a worker thread."""
HELD = dt.timedelta(seconds=1)
"""What was held back at the last moment passes the gate again after so long, or is taken back there."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
"""Seconds between tries to record answers while the database is away."""
log = get_logger(__name__)


@dataclass(slots=True)
class Delivered:
    """What one batch did."""

    sent: int = 0
    failed: int = 0
    in_doubt: int = 0
    later: int = 0
    expired: int = 0

    def add(self, answers: "Sequence[Answer]") -> None:
        """Count answers that were recorded."""
        for answer in answers:
            self.sent += isinstance(answer.result, Accepted)
            self.failed += isinstance(answer.result, NotAccepted)
            self.in_doubt += isinstance(answer.result, InDoubt)
            self.later += answer.result is None


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Sends reserved attempts of any creditor.

    `agree` raises Unavailable where this machine's clock and the database's differ too much to trust any window.
    """

    db: Database
    vault: Vault
    clock: Clock
    composer: Composer
    caller: Caller
    callback_site: str
    chunk: int
    jitter: Callable[[], float]
    agree: Callable[[], None]
    sleep: Callable[[float], None] = time.sleep
    cadences: dict[UUID, Cadence] = field(default_factory=dict)
    turns: dict[UUID, threading.Lock] = field(default_factory=dict)

    def deliver(self, creditor_id: UUID, attempt_ids: Sequence[UUID], wait: Callable[..., Any]) -> Delivered:
        """Send those of the attempts that may still leave. Repeating it sends nothing twice.

        Raises Unavailable where a server is away: what had not left stays reserved, for the sweeper.
        """
        done = Delivered()
        answers: list[Answer] = []
        for start in range(0, len(attempt_ids) + self.chunk, self.chunk):
            ids = attempt_ids[start : start + self.chunk]
            if not ids and not answers:
                break
            calls = self._surely(creditor_id, answers, ids, wait, done)
            answers = wait(self.caller.call_all(creditor_id, calls)) if calls else []
        return done

    def _surely(
        self,
        creditor_id: UUID,
        answers: Sequence[Answer],
        ids: Sequence[UUID],
        wait: Callable[..., Any],
        done: Delivered,
    ) -> list[Call]:
        """A turn. Where the database is away, answers are recorded as soon as it is back, and the rest is left."""
        try:
            return self._turn(creditor_id, answers, ids, wait, done)
        except Unavailable:
            if not answers:
                raise
        for pause in PAUSES:
            log.warning("record_waits_for_the_database", creditor=creditor_id, attempts=len(answers))
            self.sleep(pause)
            try:
                return self._turn(creditor_id, answers, (), wait, done)
            except Unavailable:
                continue
        raise Unavailable("answers of providers could not be recorded; their attempts will be in doubt.")

    def _turn(
        self,
        creditor_id: UUID,
        answers: Sequence[Answer],
        ids: Sequence[UUID],
        wait: Callable[..., Any],
        done: Delivered,
    ) -> list[Call]:
        """Record answers and take the next attempts through the gate, in one transaction; the calls to make then.

        Of each creditor one at a time: several would only take the interpreter from each other, and from the calls.
        The leave of providers that no call makes use of is given back, whatever became of the transaction.
        """
        grants: list[Grant] = []
        calls: list[Call] = []
        try:
            with self.turns.setdefault(creditor_id, threading.Lock()):
                calls = self._written(creditor_id, answers, ids, wait, done, grants)
        finally:
            used = {call.attempt.attempt_id for call in calls}
            if unused := [Settled(one, None, 0) for one in grants if one.attempt_id not in used]:
                wait(self.caller.routing.settle(unused, self.clock.now()))
        return calls

    def _written(
        self,
        creditor_id: UUID,
        answers: Sequence[Answer],
        ids: Sequence[UUID],
        wait: Callable[..., Any],
        done: Delivered,
        grants: list[Grant],
    ) -> list[Call]:
        """The turn's transaction. `grants` gets all that providers granted, for those that are not used."""
        now = self.clock.now()
        if ids:
            self.agree()
        with self.db.tenant(creditor_id) as connection:
            heads = sending.lock_of(connection, [*(one.call.attempt.attempt_id for one in answers), *ids])
            ends = Ends()
            for answer in answers:
                self._record(ends, answer, now)
            entries: list[Entry] = []
            calls = self._gate(connection, creditor_id, ids, ends, entries, now, wait, done, grants) if ids else []
            self._know(connection, {attempt.campaign_id for attempt, _, _ in ends.moves.values()})
            written = outcomes.write(connection, creditor_id, ends, heads, self.cadences, now, entries)
            moved = {attempt.attempt_id for attempt, _ in written.made}
            sending.name_refs(connection, [ref for ref in map(_ref, answers) if ref and ref[0] not in moved])
            if answers:
                reach("recording")
            if calls:
                reach("gated")
        if answers:
            reach("recorded")
        if calls:
            reach("sending")
        done.add(answers)
        return calls

    def _gate(
        self,
        connection: Connection,
        creditor_id: UUID,
        ids: Sequence[UUID],
        ends: Ends,
        entries: list[Entry],
        now: dt.datetime,
        wait: Callable[..., Any],
        done: Delivered,
        grants: list[Grant],
    ) -> list[Call]:
        """What is still reserved, inside its hours, of a campaign that runs, can be written, and is let through."""
        ready: list[Outgoing] = []
        later: list[tuple[UUID, dt.datetime | None]] = []
        for attempt in sending.outgoing(connection, ids):
            if attempt.closes_at <= now:
                ends.add(snapshot(attempt), AttemptMove(attempt.attempt_id, _S.EXPIRED, now, code="window_closed"))
                done.expired += 1
            elif attempt.is_suppressed or attempt.is_changed:
                code = "suppressed" if attempt.is_suppressed else "account_changed"
                ends.add(snapshot(attempt), AttemptMove(attempt.attempt_id, _S.CANCELLED, now, code=code))
            elif attempt.is_unheard or not attempt.is_running or (attempt.not_before or now) > now:
                later.append((attempt.attempt_id, attempt.not_before))
            else:
                ready.append(attempt)
        composed = self._compose(connection, creditor_id, ready, ends, now)
        admitted = self._admit(composed, later, now, wait)
        grants += [grant for _, _, grant in admitted]
        taken_at = self.caller.monotonic()
        calls = [
            Call(attempt, made, grant, self._message(creditor_id, attempt, made, grant), taken_at)
            for attempt, made, grant in admitted
        ]
        taken = sending.mark_sending(connection, [_leaving(call) for call in calls], now, self.caller.lease)
        entries += [_sending_entry(call, now) for call in calls if call.attempt.attempt_id in taken]
        sending.postpone(connection, later)
        done.later += len(later)
        return [call for call in calls if call.attempt.attempt_id in taken]

    def _compose(
        self, connection: Connection, creditor_id: UUID, ready: Sequence[Outgoing], ends: Ends, now: dt.datetime
    ) -> list[tuple[Outgoing, Composed]]:
        """The messages. What cannot be written is taken back and shown to a person, and holds up no other."""
        if not ready:
            return []
        profile = creditors.profile_text(connection)
        accounts = sending.owed(connection, {account for attempt in ready for account in attempt.accounts})
        keys = self.vault.keys(connection, {attempt.debtor_id for attempt in ready})
        self._know(connection, {attempt.campaign_id for attempt in ready})
        made: list[tuple[Outgoing, Composed]] = []
        for attempt in ready:
            try:
                if attempt.debtor_id not in keys or attempt.value_cipher is None:
                    raise BadInput("the debtor or the contact point was erased.", where=str(attempt.attempt_id))
                composed = self.composer.compose(
                    creditor_id,
                    profile,
                    attempt,
                    [accounts[account] for account in attempt.accounts],
                    keys[attempt.debtor_id],
                    self.cadences[attempt.campaign_id].verification,
                    now,
                )
                made.append((attempt, composed))
            except (BadInput, Tampered, KeyError) as error:
                code = outcomes.UNWRITTEN
                ends.add(snapshot(attempt), AttemptMove(attempt.attempt_id, _S.CANCELLED, now, code=code))
                what = error.describe() if isinstance(error, BadInput | Tampered) else type(error).__name__
                dead_letters.add(connection, creditor_id, attempt.attempt_id, "deliver", code, {"what": what}, now)
                log.error("attempt_cannot_be_written", attempt=attempt.attempt_id, creditor=creditor_id)
        return made

    def _admit(
        self,
        composed: Sequence[tuple[Outgoing, Composed]],
        later: list[tuple[UUID, dt.datetime | None]],
        now: dt.datetime,
        wait: Callable[..., Any],
    ) -> list[tuple[Outgoing, Composed, Grant]]:
        """Those that a provider takes now; the others come later."""
        if not composed:
            return []
        channel = Channel(composed[0][0].channel)
        asks = [
            Ask(attempt.attempt_id, domain_of(made.content), frozenset(attempt.tried), made.cost)
            for attempt, made in composed
        ]
        granted: list[tuple[Outgoing, Composed, Grant]] = []
        for (attempt, made), answer in zip(composed, wait(self.caller.routing.admit(channel, asks, now)), strict=True):
            if isinstance(answer, Hold):
                later.append((attempt.attempt_id, now + dt.timedelta(seconds=answer.seconds)))
            else:
                granted.append((attempt, made, answer))
        return granted

    def _message(self, creditor_id: UUID, attempt: Outgoing, made: Composed, grant: Grant) -> Message:
        callback = f"{self.callback_site}/webhooks/{grant.provider}/{creditor_id}/{attempt.attempt_id}"
        return Message(
            attempt.attempt_id, creditor_id, Channel(attempt.channel), made.content, attempt.closes_at, callback
        )

    def _record(self, ends: Ends, answer: Answer, now: dt.datetime) -> None:
        """What an answer does to its attempt."""
        attempt, result = answer.call.attempt, answer.result
        provider = answer.call.grant.provider
        match result:
            case None:
                move = AttemptMove(attempt.attempt_id, _S.RESERVED, now, code="held_back", not_before=now + HELD)
            case Accepted():
                cost = cost_of(answer)
                move = AttemptMove(attempt.attempt_id, _S.ACCEPTED, now, provider_ref=result.provider_ref, cost=cost)
            case InDoubt():
                move = AttemptMove(attempt.attempt_id, _S.IN_DOUBT, now, code=result.code)
            case NotAccepted():
                move = self._refused(attempt, result, provider, now)
        ends.add(snapshot(attempt), move._replace(of_try=attempt.tries + 1), provider=provider)

    def _refused(self, attempt: Outgoing, result: NotAccepted, provider: str, now: dt.datetime) -> AttemptMove:
        """Once more where the provider certainly did not take it and another try may help, inside the window.

        What was too late to be handed over is no refusal: it expires with its window, and its step comes again.
        """
        if result == EXPIRED:
            until = attempt.closes_at
            return AttemptMove(attempt.attempt_id, _S.RESERVED, now, code=result.code, not_before=until)
        again = next_try(attempt.tries + 1, result, now, attempt.closes_at, self.jitter())
        if again is not None:
            tried = None if result.failure is Failure.BUSY else provider
            return AttemptMove(attempt.attempt_id, _S.RESERVED, now, code=result.code, not_before=again, tried=tried)
        return AttemptMove(attempt.attempt_id, _S.REJECTED, now, failure=result.failure, code=result.code)

    def _know(self, connection: Connection, campaign_ids: set[UUID]) -> None:
        unknown = campaign_ids - self.cadences.keys()
        for campaign in by_ids(connection, unknown) if unknown else ():
            self.cadences[campaign.campaign_id] = cadence_of(campaign)


def snapshot(attempt: Outgoing) -> Snapshot:
    """What must be known of the attempt for its end."""
    return Snapshot(
        attempt.attempt_id,
        attempt.debtor_id,
        attempt.campaign_id,
        attempt.enrolments,
        attempt.accounts,
        attempt.point_id,
        attempt.channel,
        attempt.stage,
        attempt.step,
        attempt.rank,
        attempt.next_look,
    )


def _ref(answer: Answer) -> tuple[UUID, str] | None:
    result = answer.result
    return (answer.call.attempt.attempt_id, result.provider_ref) if isinstance(result, Accepted) else None


def _leaving(call: Call) -> Leaving:
    made = call.composed
    return Leaving(call.attempt.attempt_id, call.grant.provider, made.segments, made.digest, made.cipher)


def _sending_entry(call: Call, now: dt.datetime) -> Entry:
    body = {
        "attempt": str(call.attempt.attempt_id),
        "closes_at": call.attempt.closes_at.isoformat(),
        "content_sha256": call.composed.digest.hex(),
        "provider": call.grant.provider,
    }
    return Entry(call.attempt.debtor_id, _S.SENDING.value, now, body)
