"""What to do for one debtor now: the one pure function that dispatcher, forecast, preview and audit all call.

A look goes: exits first; then every enrolment that is due, by priority, as one contact where steps merge; the first
that the rules allow is made. What can't be made now is held, and the look ends with the instant of the next.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from campaigns.actions import Contact, Finished, Held, Moved, NextAction, Stop, Wait
from campaigns.cadence import Cadence, Kind, Step
from campaigns.calendar import day_instant, local_today, opening, zones_of
from campaigns.due import Place, due_day, due_instant, is_overtaken, scope_of
from campaigns.exits import exit_of, rests_until
from campaigns.progress import advance
from campaigns.proposals import Decides, Tried, attempts, refusal
from campaigns.rules import Rules
from campaigns.view import AccountView, DebtorView, EnrolmentView
from domain.decision import Decision, Verdict
from domain.facts import ContactChannel, Facts, Proposal
from throttling.decide import prepare

__all__ = ["Contact", "Finished", "Held", "Moved", "NextAction", "Stop", "Wait", "advance", "look_after", "next_action"]

_KINDS = {kind: number for number, kind in enumerate(Kind)}
READING = timedelta(days=3)
"""For how long what a debtor wrote holds further reminders, until a person has read it."""
_LAST_ZONE = ("Etc/GMT+12",)
"""Where the day begins last: what is not due there is due nowhere."""


class _Due(NamedTuple):
    """One enrolment whose step is due now."""

    enrolment: EnrolmentView
    account: AccountView
    step: Step
    rank: int
    day: date


@dataclass(slots=True)
class _Notes:
    """What one look has found so far; `looks` are the instants at which to look again."""

    exits: list[tuple[UUID, str]] = field(default_factory=list)
    finished: list[UUID] = field(default_factory=list)
    moved: dict[UUID, Moved] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    looks: list[datetime] = field(default_factory=list)


def next_action(view: DebtorView, now: datetime, rules: Rules) -> NextAction:
    """What to do for this debtor at `now` (aware). Pure: the same view, instant and rules give the same answer.

    `rules` gives the compiled rules for the facts of a debtor; it is asked at most once a look and set of packs.
    """
    zones = zones_of(view.facts, (point.point for point in view.points if not point.is_dead))
    place = Place(zones or _LAST_ZONE, now, local_today(zones, now))
    notes = _Notes()
    accounts = {account.account_id: account for account in view.accounts}
    due = [found for found in (_placed(one, accounts, view, place, notes) for one in view.enrolments) if found]
    if len(due) > 1:
        due.sort(key=_priority)
    contact = None
    if not zones:
        for one in due:
            _hold(one, refusal(one.enrolment.cadence, "known-place", _NO_PLACE), place, notes)
    elif due and view.unread_since is not None and now < view.unread_since + READING:
        for one in due:
            _hold(one, refusal(one.enrolment.cadence, "unread-reply", _UNREAD), place, notes)
    elif due:
        contact = _first_allowed(due, view, place, rules, notes)
    return _answer(view, contact, notes)


def look_after(view: DebtorView, contact: Contact, now: datetime) -> datetime | None:
    """When to look at the debtor next, for the enrolments of `contact`, if it is made at `now`; None: none goes on."""
    zones = zones_of(view.facts, (point.point for point in view.points if not point.is_dead)) or _LAST_ZONE
    place = Place(zones, now, local_today(zones, now))
    accounts = {account.account_id: account for account in view.accounts}
    looks = []
    for enrolment in view.enrolments:
        if enrolment.enrolment_id not in contact.enrolments:
            continue
        # The look may have walked past steps whose condition does not hold: the contact's step says where it stands.
        step_after = enrolment.cadence.by_id[contact.step].then
        if step_after is not None:
            step = enrolment.cadence.by_id[step_after]
            day = due_day(step, now, enrolment, accounts[enrolment.account_id], place)
            opens = now if day is None else due_instant(step, day, place)
            span = opening(step.window, zones, opens)
            looks.append(span[0] if span else opens)
    return min(looks, default=None)


_UNREAD = "The debtor has written, and nobody has read it yet; reading it would change that, or three days."
_NO_DAY = ("days-past-due", "Nobody knows how many days the account is past due; a fresh import would change it.")
_NO_PLACE = "Nobody knows which time it is where the debtor is; a place or a number with a known zone would change it."


def _answer(view: DebtorView, contact: Contact | None, notes: _Notes) -> NextAction:
    again = min(notes.looks, default=None)
    action: Contact | Wait | Stop
    if contact is not None:
        action = contact
    elif len(notes.exits) + len(notes.finished) == len(view.enrolments):
        action = Stop(notes.exits[-1][1] if notes.exits else "finished" if notes.finished else "no enrolment")
    else:
        action = Wait(again)
    return NextAction(
        action,
        tuple(notes.exits),
        tuple(notes.finished),
        tuple(notes.moved.values()),
        tuple(notes.held),
        again if contact is not None else None,
    )


def _placed(
    enrolment: EnrolmentView, accounts: dict[UUID, AccountView], view: DebtorView, place: Place, notes: _Notes
) -> _Due | None:
    """The enrolment's step where it is due now; otherwise None, and what becomes of it is noted."""
    cadence, account = enrolment.cadence, accounts.get(enrolment.account_id)
    leaves = exit_of(cadence, account, view, place.now)
    if leaves is not None or account is None:
        notes.exits.append((enrolment.enrolment_id, str(leaves)))
        return None
    if enrolment.step is None:
        notes.finished.append(enrolment.enrolment_id)
        return None
    if not enrolment.is_running or enrolment.attempt_id is not None:
        return None
    rests = rests_until(cadence, account, view, place.today)
    if rests is not None:
        notes.looks.append(day_instant(rests + timedelta(days=1), 0, place.zones))
        return None
    return _due(enrolment, account, view, place, notes)


def _due(enrolment: EnrolmentView, account: AccountView, view: DebtorView, place: Place, notes: _Notes) -> _Due | None:
    """Walk past steps that are due and whose condition does not hold, to the one that is to be done."""
    cadence, rank = enrolment.cadence, enrolment.rank
    step = cadence.by_id[enrolment.step or cadence.first.id]
    while True:
        day = due_day(step, enrolment.last_contact_at, enrolment, account, place)
        if day is None:
            _hold(_Due(enrolment, account, step, rank, place.today), refusal(cadence, *_NO_DAY), place, notes)
            return None
        opens = due_instant(step, day, place)
        if opens > place.now and rank == 0:
            span = opening(step.window, place.zones, opens)
            notes.looks.append(span[0] if span else opens)
            return None
        condition = step.condition
        if rank or condition is None or condition.holds(scope_of(view, account, enrolment, step, place.now)):
            return _Due(enrolment, account, step, rank, day)
        if step.otherwise is None:
            notes.moved.pop(enrolment.enrolment_id, None)
            notes.finished.append(enrolment.enrolment_id)
            return None
        step = cadence.by_id[step.otherwise]
        notes.moved[enrolment.enrolment_id] = Moved(enrolment.enrolment_id, step.stage, step.id, 0)


def _priority(one: _Due) -> tuple[int, int, int, datetime, str]:
    """Legal notices, plan and promise reminders, later stages, the cadence's own priority, the older."""
    cadence = one.enrolment.cadence
    return (
        _KINDS[one.step.kind],
        -cadence.stage_rank[one.step.stage],
        -cadence.priority,
        one.enrolment.entered_at,
        str(one.enrolment.enrolment_id),
    )


def _first_allowed(due: list[_Due], view: DebtorView, place: Place, rules: Rules, notes: _Notes) -> Contact | None:
    """The first group of due enrolments that may be contacted now. Those after it are looked at again at once."""
    prepared: dict[tuple[str, ...], Decides] = {}
    groups = _groups(due) if len(due) > 1 else [due]
    for number, group in enumerate(groups):
        cadence = group[0].enrolment.cadence
        decides = prepared.get(cadence.packs)
        if decides is None:
            decides = prepared[cadence.packs] = _prepared(view, cadence, place.now, rules)
        fresh = [one for one in group if not _is_stale(one, place, notes)]
        contact = _contact(fresh, view, place, decides, notes) if fresh else None
        if contact is not None:
            if number + 1 < len(groups):
                notes.looks.append(place.now)
            return contact
    return None


def _groups(due: list[_Due]) -> list[list[_Due]]:
    """Enrolments that become one message, the first by priority leading: same step, channel, currency, and merging."""
    groups: dict[object, list[_Due]] = {}
    for one in due:
        key: object = one.enrolment.enrolment_id
        if one.step.merge:
            key = (one.enrolment.campaign_id, one.step.id, one.rank, one.account.balances.currency)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _contact(group: list[_Due], view: DebtorView, place: Place, decides: Decides, notes: _Notes) -> Contact | None:
    """One contact for the whole group or, where the rules don't allow that, for as many of it as they do."""
    tried = _tried(group, view, place, decides)
    if len(group) == 1 or (tried[-1].decision.is_allowed and tried[-1].rank == group[0].rank):
        return _made_or_held(group, tried, place, notes)
    taken: list[_Due] = []
    best: list[Tried] = []
    left: list[tuple[_Due, list[Tried]]] = []
    for one in group:
        tried = _tried([*taken, one], view, place, decides)
        # Nobody is moved to a fallback channel by those that join.
        if tried[-1].decision.is_allowed and (not best or tried[-1].rank == best[-1].rank):
            taken, best = [*taken, one], tried
        else:
            left.append((one, tried))
    for one, why in left:
        if why[-1].decision.is_allowed:
            notes.looks.append(place.now)
        else:
            _made_or_held([one], why, place, notes)
    return _made_or_held(taken, best, place, notes) if taken else None


def _tried(group: list[_Due], view: DebtorView, place: Place, decides: Decides) -> list[Tried]:
    lead = group[0]
    accounts = tuple([one.account.facts.id for one in group])
    return list(attempts(view, lead.enrolment.cadence, lead.step, lead.rank, accounts, place, decides))


def _made_or_held(group: list[_Due], tried: list[Tried], place: Place, notes: _Notes) -> Contact | None:
    """The contact, where the last channel tried was allowed. The channels before it, and it if not, are held."""
    last, lead = tried[-1], group[0]
    for one in group:
        for each in tried:
            if not each.decision.is_allowed:
                _hold_tried(one, each, each is last, place, notes)
    if not last.decision.is_allowed or last.point is None or last.closes_at is None:
        return None
    return Contact(
        channel=last.channel,
        point_id=last.point.point.id,
        enrolments=tuple([one.enrolment.enrolment_id for one in group]),
        accounts=tuple([one.account.account_id for one in group]),
        stage=lead.step.stage,
        step=lead.step.id,
        rank=last.rank,
        template=lead.step.template,
        decision=last.decision,
        closes_at=last.closes_at,
    )


def _hold_tried(one: _Due, tried: Tried, is_last: bool, place: Place, notes: _Notes) -> None:
    until = tried.until or (_next_day(one.step, place) if is_last else None)
    notes.held.append(Held(one.enrolment.enrolment_id, one.step.id, tried.channel, tried.decision, until))
    if not is_last or until is None:
        return
    notes.looks.append(until)
    cadence, step = one.enrolment.cadence, one.step
    if tried.decision.verdict is Verdict.REFUSED and is_overtaken(cadence, step, one.day, one.account, place.today):
        following = cadence.by_id[step.then or step.id]
        notes.moved[one.enrolment.enrolment_id] = Moved(one.enrolment.enrolment_id, following.stage, following.id, 0)


def _hold(one: _Due, decision: Decision, place: Place, notes: _Notes) -> None:
    """Hold what no channel could change, until the step's hours of the next day."""
    until = _next_day(one.step, place)
    notes.held.append(Held(one.enrolment.enrolment_id, one.step.id, one.step.channels[one.rank], decision, until))
    notes.looks.append(until)


def _next_day(step: Step, place: Place) -> datetime:
    """When to look again at a refusal: the step's first hours of a later day, so that refusals never run hot."""
    midnight = day_instant(place.today + timedelta(days=1), 0, place.zones)
    span = opening(step.window, place.zones, midnight)
    return span[0] if span else midnight


def _is_stale(one: _Due, place: Place, notes: _Notes) -> bool:
    """Whether the balances are too old to be sent on; if so, that is held."""
    limit = one.enrolment.cadence.balances_no_older_than
    age = (place.today - one.account.balances.as_of).days
    if age <= limit:
        return False
    why = f"The balances are {age} days old and may be {limit} at most; importing fresh ones would change it."
    _hold(one, refusal(one.enrolment.cadence, "stale-balance", why), place, notes)
    return True


def _prepared(view: DebtorView, cadence: Cadence, now: datetime, rules: Rules) -> Decides:
    """The rules for this debtor and cadence, with all that the decisions of this look share worked out once."""
    points = tuple([point.point for point in view.points])
    accounts = tuple([account.facts for account in view.accounts])
    facts = Facts(
        proposal=_ANY,
        packs=cadence.packs or None,
        collector=view.collector,
        debtor=view.facts,
        contact_points=points,
        accounts=accounts,
        history=view.history,
    )
    return prepare(rules(facts), view.facts, points, accounts, view.history, view.collector, as_of=now)


_ANY = Proposal(at=datetime.min.replace(tzinfo=UTC), channel=ContactChannel.SMS)
"""Which rules there are does not depend on what is proposed, unless that names a contact point or accounts."""
