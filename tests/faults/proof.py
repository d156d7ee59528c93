"""What must hold after a run, whatever died: judged by what the provider saw, the ledger, and where everyone stands."""

import datetime as dt
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audit.replay import replay
from storage import doubts, ledger
from storage.ledger_facts import LedgerRow, entries_of_all
from tests.faults.ground import Ground
from tests.faults.provider import Creation

TAKEN = frozenset({"accepted", "delivered", "undelivered", "in_doubt", "closed"})
"""Where an attempt that the provider accepted may stand at the end."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one run showed; `wrong` is empty where every promise was kept."""

    accepted: int
    asked: int
    contacts: int
    in_doubt: int
    enrolments: dict[str, int]
    unseen_stops: int
    dead_letters: int
    wrong: list[str]


def prove(ground: Ground) -> Proof:
    """Judge a run that has come to rest."""
    with ground.db.tenant(ground.creditor_id) as connection:
        entries = [*entries_of_all(connection)]
        faults = [fault.describe() for _, _, found in ledger.verify_all(connection) for fault in found]
    report = replay(entries)
    told = _told(entries)
    accepted = [one for one in ground.created if one.accepted]
    wrong = [f"chain: {fault}" for fault in faults]
    wrong += [f"audit: {one.rule} {one.attempt} {one.at} {one.why}" for one in report.violations]
    wrong += [f"not judged: {reason} ({n})" for reason, n in report.unjudged.items()]
    wrong += [*_twice(accepted, told), *_lost(accepted, told), *_late(accepted, told)]
    wrong += _unsettled(ground.relay.reported if ground.relay else set(), told)
    wrong += _unlisted(_listed(ground), told)
    wrong += ground.relay.strange if ground.relay else ()
    stopped, unseen = _after_stop(ground, accepted, told)
    states, unaccounted = _enrolments(ground)
    letters = ground.query("SELECT reason, source, detail::text FROM dead_letters")
    wrong += [*stopped, *unaccounted]
    unknown = [f"dead letter of an unknown error: {one}" for one in letters if one[0] == "unknown_error"]
    bad = [*ground.crew.bad_lines()]
    if ground.poisoned:
        wrong += unknown[1:]  # one tells of it, unless the queue was flushed before anybody met the message
        bad = [line for line in bad if "builtins.ValueError" not in line]
    else:
        wrong += unknown
    wrong += bad
    return Proof(
        len(accepted),
        len(ground.created),
        sum(one.state in TAKEN for one in told.values()),
        sum(one.state == "in_doubt" for one in told.values()),
        states,
        unseen,
        len(letters),
        wrong,
    )


@dataclass(slots=True)
class Told:
    """What the ledger tells of one attempt."""

    body: dict[str, Any]
    state: str
    debtor_id: UUID
    sent_at: dt.datetime | None = None


def tell(ground: Ground, wrong: list[str]) -> Iterator[str]:
    """All that is known of the attempts named in these lines: the chains of their debtors, and what was asked."""
    named = {
        UUID(found) for line in wrong for found in re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", line)
    }
    with ground.db.tenant(ground.creditor_id) as connection:
        entries = [*entries_of_all(connection)]
    debtors = {entry.debtor_id for entry in entries if str(entry.body.get("attempt")) in {str(one) for one in named}}
    for entry in entries:
        if entry.debtor_id in debtors:
            yield f"{entry.debtor_id} {entry.at} {entry.kind} {json.dumps(entry.body, default=str)}"
    theirs = {UUID(str(one.body["attempt"])) for one in entries if one.debtor_id in debtors and one.body.get("attempt")}
    for one in ground.created:
        if one.attempt_id in theirs:
            yield f"asked at {one.at} for {one.attempt_id}: {one.behaviour}, as {one.kind} {one.sid}"


def _told(entries: list[LedgerRow]) -> dict[UUID, Told]:
    found: dict[UUID, Told] = {}
    for entry in entries:
        if not entry.body.get("attempt") or entry.kind == "inbound":
            continue
        attempt_id = UUID(str(entry.body["attempt"]))
        if attempt_id not in found:
            assert entry.kind == "reserved", entry.kind
            found[attempt_id] = Told(entry.body, entry.kind, entry.debtor_id)
        found[attempt_id].state = entry.kind
        if entry.kind == "sending":
            found[attempt_id].sent_at = entry.at
    return found


def _twice(accepted: list[Creation], told: dict[UUID, Told]) -> Iterator[str]:
    """What the provider accepted more than once: an attempt, or a step of an account on a channel."""
    for attempt_id, n in Counter(one.attempt_id for one in accepted).items():
        if n > 1:
            yield f"twice: the provider accepted attempt {attempt_id} {n} times"
    steps: defaultdict[tuple[str, ...], set[UUID]] = defaultdict(set)
    for one in accepted:
        if one.attempt_id in told and told[one.attempt_id].state != "undelivered":
            body = told[one.attempt_id].body
            for account in body["accounts"]:
                steps[body["campaign"], body["step"], account, body["channel"]].add(one.attempt_id)
    for step, attempts in steps.items():
        if len(attempts) > 1:
            yield f"twice: step {step} was accepted as {sorted(map(str, attempts))}"


def _lost(accepted: list[Creation], told: dict[UUID, Told]) -> Iterator[str]:
    """What the provider accepted and the ledger does not know of, or the other way round."""
    taken = {one.attempt_id for one in accepted}
    for one in accepted:
        state = told[one.attempt_id].state if one.attempt_id in told else "nothing"
        if state not in TAKEN:
            yield f"lost: the provider accepted {one.attempt_id} ({one.behaviour}), the ledger says {state}"
    for attempt_id, attempt in told.items():
        if attempt.state in ("accepted", "delivered", "undelivered") and attempt_id not in taken:
            yield f"made up: the ledger says {attempt.state} of {attempt_id}, which the provider never accepted"


def _unsettled(reported: set[UUID], told: dict[UUID, Told]) -> Iterator[str]:
    """What is in doubt although the relay reported about it, which proves that it had taken the mail."""
    for attempt_id in sorted(reported):
        if attempt_id in told and told[attempt_id].state == "in_doubt":
            yield f"unaccounted: {attempt_id} is in doubt, and a report about it was taken"


def _listed(ground: Ground) -> set[UUID]:
    """The attempts in doubt that people see."""
    with ground.db.tenant(ground.creditor_id) as connection:
        return {row.attempt_id for row in doubts.listed(connection, 10_000)}


def _unlisted(listed: set[UUID], told: dict[UUID, Told]) -> Iterator[str]:
    """What is in doubt and shown to nobody."""
    for attempt_id in sorted(id_ for id_, attempt in told.items() if attempt.state == "in_doubt"):
        if attempt_id not in listed:
            yield f"unaccounted: {attempt_id} is in doubt, and on no list"


def _late(accepted: list[Creation], told: dict[UUID, Told]) -> Iterator[str]:
    """What was accepted outside its window, or may be delivered after its end."""
    for one in accepted:
        if one.attempt_id not in told:
            continue
        closes_at = dt.datetime.fromisoformat(told[one.attempt_id].body["closes_at"])
        if one.at >= closes_at:
            yield f"late: {one.attempt_id} was accepted at {one.at}, its window closed at {closes_at}"
        if one.valid_for and one.at + dt.timedelta(seconds=one.valid_for) > closes_at + SLACK:
            yield f"late: {one.attempt_id} may be delivered {one.valid_for} s after {one.at}, beyond {closes_at}"


SLACK = dt.timedelta(minutes=30)
"""Between the reckoning of a validity and its arrival here, simulated time goes on, many seconds in a real one."""


def _after_stop(ground: Ground, accepted: list[Creation], told: dict[UUID, Told]) -> tuple[list[str], int]:
    """What passed the gate after a stop was acknowledged; and how many were on their way when it was."""
    stops = {one.sender: one.at for one in reversed(ground.stops)}
    wrong, unseen = [], 0
    for one in accepted:
        stopped_at = stops.get(one.to)
        attempt = told.get(one.attempt_id)
        if stopped_at is None or attempt is None or one.kind == "Calls" or one.at <= stopped_at:
            continue
        if attempt.sent_at is not None and attempt.sent_at > stopped_at:
            wrong.append(f"after a stop: {one.attempt_id} left at {attempt.sent_at}, stopped at {stopped_at}")
        else:
            unseen += 1
    return wrong, unseen


def _enrolments(ground: Ground) -> tuple[dict[str, int], list[str]]:
    """Where all enrolments stand, and those that nobody will ever look at again."""
    states = {
        str(row[0]): int(str(row[1])) for row in ground.query("SELECT state, count(*) FROM enrolments GROUP BY 1")
    }
    lost = ground.query(
        """SELECT e.enrolment_id, e.attempt_id, a.state FROM enrolments e JOIN lanes l USING (debtor_id)
                LEFT JOIN attempts a ON a.attempt_id = e.attempt_id
           WHERE e.state = 'active' AND CASE WHEN e.attempt_id IS NULL THEN l.due_at IS NULL
                ELSE a.state NOT IN ('reserved', 'sending', 'in_doubt') END"""
    )
    wrong = [f"unaccounted: enrolment {one[0]}, attempt {one[1]} is {one[2]}" for one in lost]
    if sum(states.values()) != ground.enrolled:
        wrong.append(f"unaccounted: {ground.enrolled} were enrolled, {sum(states.values())} are there")
    return states, wrong
