"""Rows of the database as what `next_action` sees: one `DebtorView` for each debtor."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from campaigns.cadence import Cadence
from campaigns.calendar import local_today, zones_of
from campaigns.view import AccountView, DebtorView, EnrolmentView, PointView
from domain.account import Balances
from domain.attempt import AttemptState
from domain.channel import CONTACT_CHANNEL, Channel
from domain.facts import (
    AccountFacts,
    Collector,
    DebtorFacts,
    Direction,
    Outcome,
    PastContact,
    PointFacts,
    PointKind,
    Purpose,
    Stop,
    StopKind,
)
from storage.loading import (
    AccountRow,
    ContactRow,
    DebtorRow,
    EnrolmentRow,
    InboundRow,
    Loaded,
    PointRow,
    PromiseRow,
    SuppressionRow,
)
from throttling.facts_json import parse_facts

OPT_OUT = "opt_out"
_SOME_PROPOSAL = {"at": "2000-01-01T00:00:00Z", "channel": "sms"}
_CHANNELS = {channel.value: CONTACT_CHANNEL[channel] for channel in Channel}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_PURPOSES = {purpose.value: purpose for purpose in Purpose}
_KINDS = {kind.value: kind for kind in PointKind}


def debtor_views(
    loaded: Loaded, cadences: Mapping[UUID, Cadence], collector: Collector, timezone: str, now: dt.datetime
) -> list[DebtorView]:
    """A view of each debtor that was loaded. `timezone` is the creditor's, in which due dates are meant.

    Raises KeyError where a cadence is missing, BadInput where kept facts cannot be read.
    """
    points, accounts = _by_debtor(loaded.points), _by_debtor(loaded.accounts)
    enrolments, contacts = _by_debtor(loaded.enrolments), _by_debtor(loaded.contacts)
    inbound, outside = _by_debtor(loaded.inbound), _by_debtor(loaded.outside)
    suppressions, promises = _by_debtor(loaded.suppressions), _by_debtor(loaded.promises)
    paid = {row.account_id: row.at for row in loaded.paid}
    zone = ZoneInfo(timezone)
    made = []
    for row in loaded.debtors:
        id_ = row.debtor_id
        own_points = tuple([_point(point) for point in points.get(id_, ())])
        facts = _facts(row, suppressions.get(id_, ()))
        today = local_today(zones_of(facts, (each.point for each in own_points if not each.is_dead)), now)
        history = [_contact(each, collector.name) for each in contacts.get(id_, ())]
        arrived = inbound.get(id_, ())
        if arrived:
            history += [_inbound(each, collector.name) for each in arrived]
        if id_ in outside:
            history += [outside_contact(each.fact) for each in outside[id_]]
        if len(history) > 1:
            history.sort(key=_AT)
        made.append(
            DebtorView(
                debtor_id=id_,
                kind=row.kind,
                language=row.language,
                flags=frozenset(row.flags),
                collector=collector,
                facts=facts,
                points=own_points,
                accounts=tuple([_account(each, today, zone, paid) for each in accounts.get(id_, ())]),
                enrolments=tuple([_enrolment(each, cadences) for each in enrolments.get(id_, ())]),
                history=tuple(history),
                promised_until=_promised(promises.get(id_, ()), accounts.get(id_, ())),
                unread_since=min((each.at for each in arrived if each.is_unread), default=None),
            )
        )
    return made


_AT = attrgetter("at")


def collector_of(profile: Mapping[str, Any]) -> Collector:
    """Who contacts, from a creditor's profile."""
    return Collector(profile.get("first_party"), profile.get("collector"))


@lru_cache(maxsize=50_000)
def parsed_facts(text: str) -> DebtorFacts:
    """The facts of a debtor from their JSON text; many debtors share theirs. Raises BadInput."""
    return parse_facts({"proposal": _SOME_PROPOSAL, "debtor": orjson.loads(text)}).debtor


def outside_contact(fact: Mapping[str, Any]) -> PastContact:
    """One contact made elsewhere, from the JSON of a `history` entry. Raises BadInput."""
    return parse_facts({"proposal": _SOME_PROPOSAL, "history": [fact]}).history[0]


def _by_debtor(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _facts(row: DebtorRow, suppressions: Iterable[SuppressionRow]) -> DebtorFacts:
    facts = parsed_facts(row.facts)
    if not suppressions:
        return facts
    channels, points, stops = list(facts.banned_channels), list(facts.banned_points), list(facts.stops)
    for one in suppressions:
        if one.kind != OPT_OUT:
            accounts = tuple(map(str, one.accounts))
            stops.append(Stop(StopKind(one.kind), one.at, one.until, one.form, accounts, one.answered_at))
        elif one.point_id is not None:
            points.append(str(one.point_id))
        elif one.channel is not None:
            channels.append(_CHANNELS[one.channel])
        else:
            channels.extend(CONTACT_CHANNEL.values())
    return replace(facts, banned_channels=tuple(channels), banned_points=tuple(points), stops=tuple(stops))


def _point(row: PointRow) -> PointView:
    facts = PointFacts(
        row.point_id,
        _KINDS[row.kind],
        tuple(row.timezones),
        row.country,
        row.reassigned_check_at,
        row.used_by_debtor,
    )
    off = frozenset(map(Channel, row.channels_off)) if row.channels_off else _NONE_OFF
    return PointView(facts, off, row.is_dead, row.priority)


_NONE_OFF: frozenset[Channel] = frozenset()


def _account(row: AccountRow, today: dt.date, zone: ZoneInfo, paid: Mapping[UUID, dt.datetime]) -> AccountView:
    days = row.days_past_due + max(0, (today - row.as_of).days)
    due_at = dt.datetime.combine(row.due_on, dt.time(), zone) if row.due_on else None
    return AccountView(
        row.account_id,
        AccountFacts(str(row.account_id), row.product, days, due_at, row.group_reference),
        balances_of(row),
        frozenset(row.tags),
        row.state,
        paid.get(row.account_id),
    )


def balances_of(row: AccountRow) -> Balances:
    """What is owed on an account."""
    return Balances(row.currency, row.principal, row.interest, row.penalty, row.fees, row.as_of)


def _enrolment(row: EnrolmentRow, cadences: Mapping[UUID, Cadence]) -> EnrolmentView:
    return EnrolmentView(
        row.enrolment_id,
        row.campaign_id,
        cadences[row.campaign_id],
        row.is_running,
        row.account_id,
        row.stage,
        row.step,
        row.rank,
        row.attempt_id,
        row.last_contact_at,
        row.entered_at,
    )


def _contact(row: ContactRow, by: str | None) -> PastContact:
    """A contact of ours. One whose end is not known counts as each that it may have."""
    if row.outcome is not None:
        outcome = _OUTCOMES[row.outcome]
    else:
        outcome = Outcome.FAILED if row.state == AttemptState.UNDELIVERED else Outcome.PENDING
    return PastContact(
        row.at,
        _CHANNELS[row.channel],
        Direction.OUT,
        outcome,
        tuple(row.accounts),
        row.point_id,
        by=by,
        purpose=_PURPOSES[row.purpose],
    )


def _inbound(row: InboundRow, by: str | None) -> PastContact:
    outcome = Outcome.CONVERSATION if row.channel == Channel.VOICE else Outcome.DELIVERED
    point = None if row.point_id is None else str(row.point_id)
    return PastContact(row.at, _CHANNELS[row.channel], Direction.IN, outcome, contact_point=point, by=by)


def _promised(promises: Iterable[PromiseRow], accounts: Iterable[AccountRow]) -> dict[UUID, dt.date]:
    found: dict[UUID, dt.date] = {}
    for promise in promises:
        for account in [promise.account_id] if promise.account_id else [row.account_id for row in accounts]:
            found[account] = max(promise.due_on, found.get(account, promise.due_on))
    return found
