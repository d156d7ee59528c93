"""Receive: what providers, debtors and creditors' books said is applied under the lane lock, once, in any order.

A stop, a payment, a dispute takes back what is reserved in the same transaction: once it is acknowledged nothing more
can leave. The life cycle only moves forward; what comes late or twice changes nothing.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from campaigns.cadence import Cadence
from campaigns.calendar import local_today, zones_of
from config.clock import Clock
from config.logging import get_logger
from domain.account import Balances, after_payment
from domain.attempt import TRANSITIONS, AttemptState
from domain.errors import Tampered
from domain.event import Intent
from domain.facts import PointFacts, PointKind
from storage import arrivals, dead_letters, payments, points, suppressions
from storage.arrivals import OpenAttempt, OpenEvent, OpenInbound
from storage.campaigns import by_ids
from storage.crypto import unseal
from storage.ledger import Entry, lock_heads
from storage.payments import NewPayment
from storage.received import TEXT
from storage.sending import AttemptMove
from storage.session import Database
from storage.suppressions import OPT_OUT, Suppressed
from storage.vault import Vault
from workers import outcomes
from workers.campaigns import cadence_of
from workers.outcomes import Ends, Snapshot
from workers.points import reach
from workers.replies import meaning
from workers.views import parsed_facts

_S = AttemptState
UNKNOWN_FOR = dt.timedelta(days=1)
"""For how long an event waits for its attempt to be known; then a person sees it."""
PROMISED_DAYS = 3
"""A key press promises without a day: until when the debtor is left alone, counted from their own day."""
CERTAIN = frozenset({Intent.STOP, Intent.START, Intent.PROMISE, Intent.HELP})
"""What needs no person."""
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment to apply: exactly `minor`, or a `fraction` of what is owed."""

    key: str
    account_id: UUID
    debtor_id: UUID
    at: dt.datetime
    minor: int | None = None
    fraction: float | None = None


@dataclass(slots=True)
class Found:
    """All that one batch writes besides the ends of attempts."""

    ends: Ends = field(default_factory=Ends)
    entries: list[Entry] = field(default_factory=list)
    due: dict[UUID, dt.datetime] = field(default_factory=dict)
    deltas: list[tuple[UUID, str, str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Applies what was received for any creditor."""

    db: Database
    vault: Vault
    clock: Clock
    cadences: dict[UUID, Cadence] = field(default_factory=dict)

    def apply(self, creditor_id: UUID, limit: int = 500) -> int:
        """Apply the oldest events and messages; how many there were. Raises Unavailable: then nothing was written."""
        now = self.clock.now()
        with self.db.tenant(creditor_id) as connection:
            events = arrivals.open_events(connection, creditor_id, now - UNKNOWN_FOR, limit)
            inbound = arrivals.open_inbound(connection, creditor_id, limit)
            if not events and not inbound:
                return 0
            named = {one.attempt_id for one in events if one.attempt_id}
            named |= {one.attempt_id for one in inbound if one.attempt_id}
            debtors = arrivals.debtors_of(connection, named) | {one.debtor_id for one in inbound if one.debtor_id}
            heads = lock_heads(connection, debtors)
            attempts = arrivals.attempts(connection, named)
            found = Found()
            done = self._deliveries(connection, creditor_id, events, attempts, found, now)
            self._inbound(connection, creditor_id, inbound, attempts, found, now)
            self._know(connection, found.ends)
            outcomes.write(
                connection, creditor_id, found.ends, heads, self.cadences, now, found.entries, found.due, found.deltas
            )
            arrivals.applied(connection, done, now)
            reach("applying")
        return len(events) + len(inbound)

    def pay(self, creditor_id: UUID, found_payments: Sequence[Paid]) -> int:
        """Apply payments, each once by its key; how many were new."""
        now = self.clock.now()
        with self.db.tenant(creditor_id) as connection:
            heads = lock_heads(connection, {one.debtor_id for one in found_payments})
            old = payments.known(connection, creditor_id, [one.key for one in found_payments])
            new = {one.key: one for one in found_payments if one.key not in old}
            owing = payments.accounts(connection, [one.account_id for one in new.values()])
            balances = {id_: account.balances for id_, account in owing.items()}
            taken: list[NewPayment] = []
            found = Found()
            for one in sorted(new.values(), key=lambda each: (each.at, each.key)):
                made = _payment(one, balances[one.account_id])
                if made is not None:
                    taken.append(made)
                    balances[one.account_id] = made.after
                    found.entries.append(_paid_entry(made, now))
                    found.due[one.debtor_id] = now
            payments.add(connection, creditor_id, taken, now)
            paid = {one.account_id for one in taken}
            for attempt in arrivals.reserved_of(connection, {one.debtor_id for one in taken}):
                if paid.intersection(attempt.accounts):
                    cancel(found.ends, attempt, "paid", now)
            self._know(connection, found.ends)
            outcomes.write(
                connection, creditor_id, found.ends, heads, self.cadences, now, found.entries, found.due, found.deltas
            )
        return len(taken)

    def _deliveries(
        self,
        connection: Connection,
        creditor_id: UUID,
        events: Iterable[OpenEvent],
        attempts: dict[UUID, OpenAttempt],
        found: Found,
        now: dt.datetime,
    ) -> list[UUID]:
        """Move attempts by what was said of them, each as far as its events lead; the events that are done with."""
        done: list[UUID] = []
        said: dict[UUID, list[OpenEvent]] = {}
        for event in events:
            if event.attempt_id is not None and event.attempt_id in attempts:
                said.setdefault(event.attempt_id, []).append(event)
                done.append(event.event_id)
            else:
                detail = {"provider": event.provider, "code": event.code}
                dead_letters.add(connection, creditor_id, None, "receive", "event_of_no_attempt", detail, now)
                log.error("event_of_no_attempt", creditor=creditor_id, provider=event.provider)
                done.append(event.event_id)
        for attempt_id, its in said.items():
            move = _moved(attempts[attempt_id], its, now)
            if move is not None:
                found.ends.add(Snapshot(*attempts[attempt_id][:-1]), move, provider=its[-1].provider)
        return done

    def _inbound(
        self,
        connection: Connection,
        creditor_id: UUID,
        inbound: Sequence[OpenInbound],
        attempts: dict[UUID, OpenAttempt],
        found: Found,
        now: dt.datetime,
    ) -> None:
        """Do what debtors' messages mean, and take back what is reserved against it."""
        keys = self.vault.keys(connection, {one.debtor_id for one in inbound if one.debtor_id and one.text_cipher})
        reserved: dict[UUID, list[OpenAttempt]] = {}
        for attempt in arrivals.reserved_of(connection, {one.debtor_id for one in inbound if one.debtor_id}):
            reserved.setdefault(attempt.debtor_id, []).append(attempt)
        marks: list[tuple[UUID, str, bool]] = []
        for one in inbound:
            intent = self._intent(one, keys)
            marks.append((one.inbound_id, intent.value, intent in CERTAIN))
            if one.debtor_id is None:
                continue
            about = attempts.get(one.attempt_id) if one.attempt_id else None
            found.entries.append(_inbound_entry(one, one.debtor_id, intent, now))
            if about is not None:
                found.deltas.append((about.campaign_id, "inbound", f"{one.channel}/{intent.value}", 1))
            self._do(connection, creditor_id, one, one.debtor_id, intent, about, found, now)
            for attempt in reserved.get(one.debtor_id, ()):
                if intent not in (Intent.HELP, Intent.START):
                    cancel(found.ends, attempt, intent.value, now)
            found.due[one.debtor_id] = now
        arrivals.inbound_applied(connection, marks, now)

    def _intent(self, one: OpenInbound, keys: dict[UUID, bytes]) -> Intent:
        if one.intent is not None:
            return Intent(one.intent)
        key = keys.get(one.debtor_id) if one.debtor_id else None
        if key is None or one.text_cipher is None:
            return Intent.OTHER
        try:
            return meaning(unseal(key, TEXT, one.inbound_id, one.text_cipher).decode())
        except Tampered:
            log.error("inbound_does_not_open", debtor=one.debtor_id)
            return Intent.OTHER

    def _do(
        self,
        connection: Connection,
        creditor_id: UUID,
        one: OpenInbound,
        debtor_id: UUID,
        intent: Intent,
        about: OpenAttempt | None,
        found: Found,
        now: dt.datetime,
    ) -> None:
        """What an intent does. What is not listed here waits for a person, and reminders wait with it."""
        source = f"{one.channel} reply"
        match intent:
            case Intent.STOP:
                wish = Suppressed(debtor_id, OPT_OUT, one.channel, None, source, now)
                found.entries += suppressions.add(connection, creditor_id, [wish])
            case Intent.START:
                found.entries += suppressions.lift(connection, debtor_id, OPT_OUT, one.channel, now)
            case Intent.DISPUTE | Intent.PAID:
                accounts = tuple(about.accounts) if about else ()
                wish = Suppressed(debtor_id, "dispute", None, None, source, now, accounts, "oral")
                found.entries += suppressions.add(connection, creditor_id, [wish])
            case Intent.HARDSHIP:
                wish = Suppressed(debtor_id, "vulnerable", None, None, source, now, (), "oral")
                found.entries += suppressions.add(connection, creditor_id, [wish])
            case Intent.WRONG_PERSON if one.point_id is not None:
                wish = Suppressed(debtor_id, OPT_OUT, None, one.point_id, "wrong person", now)
                found.entries += suppressions.add(connection, creditor_id, [wish])
                points.mark(connection, [points.Effect(one.point_id, one.channel, points.Proved.DEAD)])
            case Intent.PROMISE:
                due_on = self._today(connection, debtor_id, now) + dt.timedelta(days=PROMISED_DAYS)
                for account in about.accounts if about else (None,):
                    payments.add_promise(connection, creditor_id, debtor_id, account, due_on, now)
                    body = {"account": str(account) if account else None, "due_on": due_on.isoformat()}
                    found.entries.append(Entry(debtor_id, "promised", now, body))

    def _today(self, connection: Connection, debtor_id: UUID, now: dt.datetime) -> dt.date:
        row = connection.exec_driver_sql(
            """SELECT facts::text, ARRAY(SELECT DISTINCT unnest(timezones) FROM contact_points p
                    WHERE p.debtor_id = d.debtor_id)
               FROM debtors d WHERE debtor_id = %(id)s""",
            {"id": debtor_id},
        ).one()
        return local_today(zones_of(parsed_facts(row[0]), [PointFacts("", PointKind.MOBILE, tuple(row[1]))]), now)

    def _know(self, connection: Connection, ends: Ends) -> None:
        unknown = {attempt.campaign_id for attempt, _, _ in ends.moves.values()} - self.cadences.keys()
        for campaign in by_ids(connection, unknown) if unknown else ():
            self.cadences[campaign.campaign_id] = cadence_of(campaign)


def cancel(ends: Ends, attempt: OpenAttempt, code: str, now: dt.datetime) -> None:
    """Take back an attempt that has not left."""
    ends.add(Snapshot(*attempt[:-1]), AttemptMove(attempt.attempt_id, _S.CANCELLED, now, code=code))


def _moved(attempt: OpenAttempt, events: Sequence[OpenEvent], now: dt.datetime) -> AttemptMove | None:
    """How far its events lead an attempt; None where they change nothing. Their order does not matter."""
    state = AttemptState(attempt.state)
    known: dict[str, Any] = {}
    is_moved = False
    for event in events:
        for name in ("outcome", "failure", "code", "cost", "provider_ref"):
            value = getattr(event, name)
            if value is not None:
                known[name] = value
        if event.state is not None and AttemptState(event.state) in TRANSITIONS[state]:
            state, is_moved = AttemptState(event.state), True
    return AttemptMove(attempt.attempt_id, state, now, **known) if is_moved else None


def _payment(one: Paid, balances: Balances) -> NewPayment | None:
    """The payment with what is owed after it; None where nothing is owed or paid."""
    total = balances.total.minor
    minor = one.minor if one.minor is not None else round(total * (one.fraction or 0))
    if minor <= 0 or total <= 0:
        return None
    return NewPayment(one.key, one.account_id, one.debtor_id, minor, one.at, after_payment(balances, minor))


def _paid_entry(made: NewPayment, now: dt.datetime) -> Entry:
    body = {
        "account": str(made.account_id),
        "balance": made.after.total.minor,
        "currency": made.after.currency,
        "key": made.key,
        "minor": made.minor,
    }
    return Entry(made.debtor_id, "paid", now, body)


def _inbound_entry(one: OpenInbound, debtor_id: UUID, intent: Intent, now: dt.datetime) -> Entry:
    body = {
        "attempt": str(one.attempt_id) if one.attempt_id else None,
        "channel": one.channel,
        "contact_point": str(one.point_id) if one.point_id else None,
        "intent": intent.value,
    }
    return Entry(debtor_id, "inbound", now, body)


__all__ = ["Paid", "Receiver", "cancel"]
