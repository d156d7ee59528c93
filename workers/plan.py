"""What one look at a debtor becomes: reservations, moves, entries, counts. Pure; `workers/dispatch.py` writes it."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from campaigns.actions import Contact, Held, NextAction, Stop, Wait
from campaigns.cadence import Cadence, Kind
from campaigns.next_action import look_after
from campaigns.proposals import CADENCE
from campaigns.view import DebtorView, EnrolmentView
from domain.channel import CONTACT_CHANNEL, Channel
from domain.decision import PackUsed, SpokenRule
from domain.facts import Purpose
from storage.dispatch import EnrolmentMove, NewAttempt
from storage.lanes import LaneMove
from storage.ledger import Entry

ACTIVE, EXITED, FINISHED = "active", "exited", "finished"
Body = dict[str, Any]


@dataclass(slots=True)
class Plan:
    """All that a batch of looks writes, a list a table. `deltas` are counts: (campaign, measure, key) each once."""

    attempts: list[NewAttempt] = field(default_factory=list)
    moves: list[EnrolmentMove] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    lanes: list[LaneMove] = field(default_factory=list)
    deltas: list[tuple[UUID, str, str]] = field(default_factory=list)


def add(plan: Plan, view: DebtorView, action: NextAction, waiting: str | None, now: dt.datetime, new_id: UUID) -> None:
    """Add what one look decided. `waiting` is what held the last one, so that the same is not written down again."""
    enrolments = {each.enrolment_id: each for each in view.enrolments}
    for id_, reason in action.exits:
        _end(plan, view, enrolments[id_], EXITED, reason, now)
    for id_ in action.finished:
        _end(plan, view, enrolments[id_], FINISHED, None, now)
    for moved in action.moved:
        plan.moves.append(EnrolmentMove(moved.enrolment_id, ACTIVE, None, moved.stage, moved.step, moved.rank, None))
    held = [(enrolments[each.enrolment_id], each) for each in action.held]
    bodies = _held(plan, view, held, waiting, now) if held else None
    due = action.again
    match action.action:
        case Contact():
            _reserve(plan, view, enrolments, action.action, now, new_id)
        case Wait():
            due = action.action.until
        case Stop():
            due = None
    plan.lanes.append(LaneMove(view.debtor_id, due, bodies))


def defer(plan: Plan, view: DebtorView, held: Held, waiting: str | None, now: dt.datetime, until: dt.datetime) -> None:
    """Add a contact that the campaign's pace moves to `until`: it comes back then and need not wait again."""
    enrolment = next(each for each in view.enrolments if each.enrolment_id == held.enrolment_id)
    bodies = _held(plan, view, [(enrolment, held)], waiting, now)
    plan.lanes.append(LaneMove(view.debtor_id, until, bodies))


def entry_of_end(debtor_id: UUID, enrolment: EnrolmentView, kind: str, reason: str | None, at: dt.datetime) -> Entry:
    """The ledger's entry of an enrolment that exited or finished."""
    body = {
        "account": str(enrolment.account_id),
        "campaign": str(enrolment.campaign_id),
        "enrolment": str(enrolment.enrolment_id),
        "reason": reason,
    }
    return Entry(debtor_id, kind, at, body)


def _end(
    plan: Plan, view: DebtorView, enrolment: EnrolmentView, state: str, reason: str | None, now: dt.datetime
) -> None:
    plan.moves.append(EnrolmentMove(enrolment.enrolment_id, state, reason, None, enrolment.step, enrolment.rank, None))
    plan.entries.append(entry_of_end(view.debtor_id, enrolment, state, reason, now))


def _held(
    plan: Plan,
    view: DebtorView,
    held: Sequence[tuple[EnrolmentView, Held]],
    waiting: str | None,
    now: dt.datetime,
) -> str:
    """Write down what could not be done, each with its rules, unless the last look said the same; the lane's text."""
    known = {_sameness(one) for one in orjson.loads(waiting).get("held", ())} if waiting else frozenset()
    bodies = []
    for enrolment, one in held:
        body = held_body(enrolment, one)
        bodies.append(body)
        if _sameness(body) in known:
            continue
        plan.entries.append(Entry(view.debtor_id, one.decision.verdict, now, body))
        rules = {f"{rule.pack}/{rule.rule}" for rule in one.decision.rules if rule.effect != "allows"}
        plan.deltas += [(enrolment.campaign_id, one.decision.verdict, rule) for rule in sorted(rules)]
    return orjson.dumps({"held": bodies}, option=orjson.OPT_SORT_KEYS).decode()


def held_body(enrolment: EnrolmentView, held: Held) -> Body:
    """What the ledger says of a contact that could not be made."""
    return {
        "accounts": [str(enrolment.account_id)],
        "campaign": str(enrolment.campaign_id),
        "channel": held.channel.value,
        "rules": [rule_body(rule) for rule in held.decision.rules],
        "step": held.step,
        "until": _instant(held.until or held.decision.until),
        "verdict": held.decision.verdict.value,
    }


def _sameness(body: Mapping[str, Any]) -> tuple[Any, ...]:
    """Two looks say the same if step, channel, verdict, instant and the rules that bound agree."""
    rules = tuple(f"{rule['pack']}/{rule['rule']}" for rule in body["rules"] if rule["effect"] != "allows")
    until = body["until"] if body["verdict"] == "deferred" else None
    return body["campaign"], body["step"], body["channel"], body["verdict"], until, rules


def rule_body(rule: SpokenRule) -> Body:
    """A rule that spoke, as ledger and screens keep it."""
    return {
        "cite": rule.cite,
        "counted": rule.counted,
        "effect": rule.effect.value,
        "pack": rule.pack,
        "presumption": rule.presumption,
        "rule": rule.rule,
        "until": _instant(rule.until),
        "version": rule.version,
        "why": rule.why,
    }


def _instant(at: dt.datetime | None) -> str | None:
    return at.isoformat() if at else None


@lru_cache(maxsize=4096)
def packs_body(packs: tuple[PackUsed, ...]) -> list[Body]:
    """The packs that a decision applied; many decisions share theirs."""
    return [{"digest": pack.digest, "id": pack.id, "version": pack.version} for pack in packs]


def purpose_of(cadence: Cadence, step: str) -> Purpose:
    """What a step is for, as the law calls it."""
    is_notice = cadence.by_id[step].kind is Kind.LEGAL_NOTICE
    return Purpose.STATUTORY_NOTICE if is_notice else Purpose.COLLECT


def proposal_body(channel: Channel, purpose: Purpose, by: str | None) -> Body:
    """What was proposed, in the words of `forbear policy decide`; as `campaigns.proposals.proposal_for` proposes it."""
    return {
        "automated": True,
        "by": by,
        "channel": CONTACT_CHANNEL[channel].value,
        "discloses_debt": channel is not Channel.VOICE,
        "has_opt_out_notice": True,
        "limited_content": False,
        "purpose": purpose.value,
    }


def _reserve(
    plan: Plan,
    view: DebtorView,
    enrolments: Mapping[UUID, EnrolmentView],
    contact: Contact,
    now: dt.datetime,
    attempt_id: UUID,
) -> None:
    lead = enrolments[contact.enrolments[0]]
    purpose = purpose_of(lead.cadence, contact.step)
    plan.attempts.append(
        NewAttempt(
            attempt_id,
            view.debtor_id,
            lead.campaign_id,
            contact.enrolments,
            contact.accounts,
            UUID(contact.point_id),
            contact.channel.value,
            contact.stage,
            contact.step,
            contact.rank,
            contact.template,
            view.language,
            purpose.value,
            contact.closes_at,
            look_after(view, contact, now),
            tuple(pack.id for pack in contact.decision.packs),
        )
    )
    body = {
        "accounts": [*map(str, contact.accounts)],
        "attempt": str(attempt_id),
        "campaign": str(lead.campaign_id),
        "channel": contact.channel.value,
        "closes_at": contact.closes_at.isoformat(),
        "contact_point": contact.point_id,
        "packs": packs_body(contact.decision.packs),
        "proposal": proposal_body(contact.channel, purpose, view.collector.name),
        "rank": contact.rank,
        "rules": [rule_body(rule) for rule in contact.decision.rules],
        "stage": contact.stage,
        "step": contact.step,
    }
    plan.entries.append(Entry(view.debtor_id, "reserved", now, body))


def counted(deltas: Iterable[tuple[UUID, str, str]], now: dt.datetime) -> list[tuple[UUID, dt.datetime, str, str, int]]:
    """Counts as the roll-ups take them, by the hour of `now`."""
    hour = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    totals: dict[tuple[UUID, str, str], int] = {}
    for delta in deltas:
        totals[delta] = totals.get(delta, 0) + 1
    return [(campaign, hour, measure, key, n) for (campaign, measure, key), n in totals.items()]


__all__ = ["CADENCE", "Plan", "add", "counted", "defer", "entry_of_end", "held_body", "packs_body", "rule_body"]
