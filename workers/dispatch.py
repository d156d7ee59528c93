"""Dispatch: claims debtors that are due, decides what to do for each, reserves what is allowed, and queues it.

One transaction holds the lane locks from claim to write, so no two accounts, campaigns or processes can jointly exceed
a cap. What is reserved is put on the channels' queues after the commit; what does not get there the sweeper finds.
"""

import datetime as dt
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection

from campaigns.actions import Contact, Held, NextAction
from campaigns.cadence import Cadence
from campaigns.next_action import next_action
from campaigns.proposals import CADENCE
from campaigns.rules import Rules
from campaigns.view import DebtorView
from domain.decision import Decision, Effect, SpokenRule, Verdict
from domain.identity import new_id
from storage import creditors, rollups
from storage import dispatch as rows
from storage import lanes as lane_rows
from storage.campaigns import by_ids
from storage.lanes import ClaimedLane
from storage.ledger import chain, insert
from storage.loading import load
from storage.session import Database
from workers import pace, plan
from workers.campaigns import cadence_of
from workers.plan import Plan
from workers.points import reach
from workers.views import collector_of, debtor_views

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Looked:
    """What one batch did: how many debtors it looked at, and the attempts that it reserved, by channel."""

    debtors: int = 0
    reserved: Mapping[str, list[UUID]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Looks at debtors of any creditor. Cadences are kept: a launched version never changes."""

    db: Database
    rules: Rules
    random: Random = os.urandom
    cadences: dict[UUID, Cadence] = field(default_factory=dict)

    def look(self, creditor_id: UUID, now: dt.datetime, limit: int) -> Looked:
        """Look at up to `limit` debtors that are due at `now`. Raises Unavailable: then nothing was written."""
        with self.db.tenant(creditor_id) as connection:
            lanes = lane_rows.claim(connection, creditor_id, now, limit)
            if not lanes:
                return Looked()
            reach("claimed")
            profile = creditors.profile(connection)
            views = self._views(connection, lanes, profile, now)
            made = self._decide(creditor_id, lanes, views, now, _zone_of(profile))
            self._write(connection, creditor_id, lanes, made, now)
            reach("reserved")
        reserved: dict[str, list[UUID]] = defaultdict(list)
        for attempt in made.attempts:
            reserved[attempt.channel].append(attempt.attempt_id)
        return Looked(len(lanes), reserved)

    def _views(
        self, connection: Connection, lanes: Sequence[ClaimedLane], profile: Mapping[str, Any], now: dt.datetime
    ) -> list[DebtorView]:
        loaded = load(connection, [lane.debtor_id for lane in lanes], now)
        unknown = {row.campaign_id for row in loaded.enrolments} - self.cadences.keys()
        for campaign in by_ids(connection, unknown) if unknown else ():
            self.cadences[campaign.campaign_id] = cadence_of(campaign)
        return debtor_views(loaded, self.cadences, collector_of(profile), _zone_of(profile).key, now)

    def _decide(
        self,
        creditor_id: UUID,
        lanes: Sequence[ClaimedLane],
        views: Iterable[DebtorView],
        now: dt.datetime,
        zone: ZoneInfo,
    ) -> Plan:
        """One look at each debtor, and what all of them write."""
        looks = [(view, next_action(view, now, self.rules)) for view in views]
        waiting = {lane.debtor_id: lane.waiting for lane in lanes}
        later = self._paced(creditor_id, looks, waiting, now, zone)
        random = self.random(10 * len(looks))
        made = Plan()
        for number, (view, action) in enumerate(looks):
            said = waiting[view.debtor_id]
            until = later.get(view.debtor_id)
            if until is not None and isinstance(action.action, Contact):
                plan.defer(made, view, _held_by_pace(view, action.action, until), said, now, until)
            else:
                plan.add(made, view, action, said, now, new_id(now, random[10 * number : 10 * number + 10]))
        return made

    def _paced(
        self,
        creditor_id: UUID,
        looks: Sequence[tuple[DebtorView, NextAction]],
        waiting: Mapping[UUID, str | None],
        now: dt.datetime,
        zone: ZoneInfo,
    ) -> dict[UUID, dt.datetime]:
        """The debtors whose contact has to wait for its place in the pace of its campaign, and until when.

        Whoever waited for a place already has it: nobody queues twice.
        """
        wanting: list[tuple[UUID, list[pace.Lane]]] = []
        for view, action in looks:
            contact = action.action
            if isinstance(contact, Contact) and not _has_place(waiting[view.debtor_id], now):
                lead = next(one for one in view.enrolments if one.enrolment_id == contact.enrolments[0])
                found = [*pace.lanes(lead.campaign_id, lead.cadence.pacing, contact.channel)]
                if found:
                    wanting.append((view.debtor_id, found))
        if not wanting:
            return {}
        wanted = Counter(lane for _, found in wanting for lane in found)
        with self.db.tenant(creditor_id) as connection:
            places = {lane: iter(each) for lane, each in pace.take(connection, creditor_id, wanted, now, zone).items()}
        turns = {debtor_id: max(next(places[lane]) for lane in found) for debtor_id, found in wanting}
        return {debtor_id: turn for debtor_id, turn in turns.items() if turn > now}

    def _write(
        self, connection: Connection, creditor_id: UUID, lanes: Sequence[ClaimedLane], made: Plan, now: dt.datetime
    ) -> None:
        rows.move_enrolments(connection, made.moves)
        rows.reserve(connection, creditor_id, made.attempts, now)
        heads = {lane.debtor_id: (lane.ledger_seq, lane.ledger_hash) for lane in lanes}
        links, moved = chain(heads, creditor_id, made.entries)
        insert(connection, creditor_id, links)
        lane_rows.move_lanes(connection, made.lanes, heads | moved)
        rollups.count(connection, creditor_id, plan.counted(made.deltas, now))


PACED = "pacing"


def _has_place(waiting: str | None, now: dt.datetime) -> bool:
    """Whether the debtor comes back because its place in the pace of its campaign has come."""
    if waiting is None or PACED not in waiting:
        return False
    held = orjson.loads(waiting)["held"]
    return any(
        rule["rule"] == PACED and rule["until"] and dt.datetime.fromisoformat(rule["until"]) <= now
        for one in held
        for rule in one["rules"]
    )


def _held_by_pace(view: DebtorView, contact: Contact, until: dt.datetime) -> Held:
    lead = next(one for one in view.enrolments if one.enrolment_id == contact.enrolments[0])
    why = "The campaign goes no faster than what it stirs up can be answered; its place in the order comes then."
    rule = SpokenRule(CADENCE, "", PACED, f"{lead.cadence.name}: pacing", Effect.DEFERS, why, until)
    decision = Decision(Verdict.DEFERRED, (rule,), contact.decision.packs, contact.decision.local, until)
    return Held(lead.enrolment_id, contact.step, contact.channel, decision, until)


def _zone_of(profile: Mapping[str, Any]) -> ZoneInfo:
    """The creditor's own zone, in which due dates and days of its campaigns are meant."""
    return ZoneInfo(profile.get("timezone") or "Etc/UTC")
