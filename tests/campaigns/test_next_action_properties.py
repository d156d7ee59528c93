"""What holds for every debtor, every cadence and whatever the rules answer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import next_action as module
from campaigns.cadence import Anchor, Cadence, Window
from campaigns.conditions import parse_condition
from campaigns.exits import exit_of
from campaigns.next_action import Contact, Finished, Moved, Stop, Wait, advance, next_action
from campaigns.view import DebtorView, EnrolmentView
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.decision import Decision, Verdict
from domain.facts import ContactChannel, DebtorFacts, PointKind, Proposal, StopKind
from domain.facts import Stop as StopFact
from tests.campaigns.views import (
    DAY,
    NOW,
    REFUSED,
    Rules,
    account,
    cadence,
    debtor,
    enrolment,
    open_between,
    point,
    step,
)

HOUR = timedelta(hours=1)
ZONES = ["Asia/Shanghai", "Asia/Urumqi", "Asia/Kathmandu", "America/New_York", "Europe/London"]


@pytest.fixture(autouse=True, scope="module")
def _rules_as_given() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "prepare", lambda rules, *_, **__: rules)
        yield


@dataclass(frozen=True)
class Wild:
    """Rules without reason: allowed, deferred or refused by a hash of instant, channel, point and accounts."""

    seed: int

    def __call__(self, proposal: Proposal) -> Decision:
        hour = int(proposal.at.timestamp()) // 3600
        asked = f"{self.seed} {hour} {proposal.channel} {proposal.contact_point} {proposal.accounts}"
        dice = crc32(asked.encode()) % 4
        edge = datetime.fromtimestamp((hour + 1) * 3600, UTC)
        if dice == 0:
            return REFUSED
        if dice == 1:
            return Decision(Verdict.DEFERRED, until=edge + (self.seed % 5) * HOUR)
        return Decision(Verdict.ALLOWED, closes=edge if dice == 2 else None)


workday = st.just(Window(9 * 60, 20 * 60))
windows = workday | st.builds(
    lambda start, length, days: Window(start, min(start + length, 1440), frozenset(days)),
    st.integers(0, 1380),
    st.integers(30, 900),
    st.sets(st.integers(0, 6), min_size=1),
)
channels = st.lists(st.sampled_from([Channel.SMS, Channel.EMAIL, Channel.VOICE]), min_size=1, max_size=3, unique=True)
conditions = st.sampled_from([None, None, "balance > 100", "days_past_due < 9", 'reaches("email")'])


@st.composite
def cadences(draw: st.DrawFn) -> Cadence:
    steps, day = [], 0
    stages = sorted(draw(st.lists(st.integers(0, 2), min_size=1, max_size=4)))
    for number, stage in enumerate(stages):
        anchor = draw(st.sampled_from(Anchor))
        day = day + draw(st.integers(1, 6)) if anchor is Anchor.DAY_IN_ARREARS else day
        condition = draw(conditions)
        steps.append(
            step(
                f"s{number}",
                day if anchor is Anchor.DAY_IN_ARREARS else draw(st.integers(1, 5)),
                anchor=anchor,
                stage=f"stage{stage}",
                channels=tuple(draw(channels)),
                window=draw(windows),
                merge=draw(st.booleans()),
                condition=parse_condition(condition) if condition else None,
            )
        )
    return cadence(*steps)


@st.composite
def debtors(draw: st.DrawFn) -> DebtorView:
    """Half of them are well reachable and owe; with the others anything may be the matter."""
    is_calm = draw(st.booleans())

    def some(usual: object, *unusual: object) -> Any:
        return usual if is_calm else draw(st.sampled_from([usual, *unusual]))

    on = [draw(cadences()) for _ in range(draw(st.integers(1, 2)))]
    enrolments, accounts = [], []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        which = draw(st.integers(0, len(on) - 1))
        at = some(on[which].steps[0].id, *(one.id for one in on[which].steps), None)
        rank = some(0, len(on[which].by_id[at].channels) - 1) if at else 0
        enrolments.append(
            enrolment(
                on[which],
                number,
                campaign_id=UUID(int=900 + which),
                step=at,
                rank=rank,
                is_running=some(True, False),
                attempt_id=some(None, UUID(int=3)),
                entered_at=NOW - draw(st.integers(1, 20)) * DAY,
                last_contact_at=some(None, NOW - HOUR, NOW - DAY, NOW - 9 * DAY),
            )
        )
        days, owed = some(20, 9, 3, 89, 0, None, 95), some(500_00, 50_00, 0)
        state, age, paid = some("open", "paid", "vanished"), some(1, 3, 9), some(None, NOW - 3 * HOUR)
        as_of = NOW.date() - age * DAY
        accounts.append(account(number, days, owed, state=state, as_of=as_of, paid_at=paid))
    kinds = (PointKind.MOBILE, PointKind.EMAIL, *some((), (PointKind.MOBILE,), (PointKind.EMAIL, PointKind.LANDLINE)))
    points = tuple(
        point(kind, f"p{number}", is_dead=some(False, True), priority=draw(st.integers(0, 2)))
        for number, kind in enumerate(kinds[: some(4, 0, 1)])
    )
    zones = some(ZONES[:1], ZONES[:2], ZONES[1:3], ZONES[3:], ZONES[3:4], [])
    banned = some((), (ContactChannel.SMS,), tuple(ContactChannel))
    stops = tuple(
        StopFact(kind, NOW - DAY, until=some(None, NOW - HOUR))
        for kind in some((), (StopKind.DISPUTE,), (StopKind.CEASE,))
    )
    facts = DebtorFacts(timezones=tuple(zones), banned_channels=banned, stops=stops)
    promised = some({}, {UUID(int=1): NOW.date()})
    return debtor(enrolments, accounts, points=points, facts=facts, promised_until=promised)


moments = st.integers(-8, 24) | st.integers(-24 * 4, 24 * 4)
moments = moments.map(lambda quarters: NOW + quarters * HOUR / 4)


def is_open(window: Window, zones: tuple[str, ...], moment: datetime) -> bool:
    return all(
        local.weekday() in window.days and window.start <= local.hour * 60 + local.minute < window.end
        for local in (moment.astimezone(ZoneInfo(zone)) for zone in zones)
    )


def on_step(view: DebtorView, id_: UUID) -> EnrolmentView:
    return next(one for one in view.enrolments if one.enrolment_id == id_)


@given(debtors(), moments, st.integers(0, 10**6))
def test_a_contact_is_wanted_allowed_and_inside_its_hours(view: DebtorView, now: datetime, seed: int):
    rules = Rules(Wild(seed))
    found = next_action(view, now, rules)  # type: ignore[arg-type]
    if not isinstance(found.action, Contact):
        return
    contact = found.action
    lead = on_step(view, contact.enrolments[0])
    chosen = lead.cadence.by_id[contact.step]
    assert view.facts.timezones
    assert is_open(chosen.window, view.facts.timezones, now)
    assert now < contact.closes_at
    assert is_open(chosen.window, view.facts.timezones, contact.closes_at - timedelta(seconds=1))
    assert contact.decision.verdict is Verdict.ALLOWED
    assert contact.decision.closes is None or contact.closes_at <= contact.decision.closes
    accounts = tuple(str(id_) for id_ in contact.accounts)
    made = [p for p in rules.asked if p.at == now and p.accounts == accounts and p.contact_point == contact.point_id]
    assert made
    assert Wild(seed)(made[-1]) == contact.decision
    used = next(one for one in view.points if one.point.id == contact.point_id)
    assert not used.is_dead
    assert contact.channel is chosen.channels[contact.rank]
    if len(contact.enrolments) > 1:
        assert chosen.merge
    for id_, account_id in zip(contact.enrolments, contact.accounts, strict=True):
        enrolled = on_step(view, id_)
        assert enrolled.account_id == account_id
        assert enrolled.is_running
        assert enrolled.attempt_id is None
        assert enrolled.campaign_id == lead.campaign_id
        moved = {one.enrolment_id: one.step for one in found.moved}
        assert moved.get(id_, enrolled.step) == contact.step


@given(debtors(), moments, st.integers(0, 10**6))
def test_exits_always_win_and_every_enrolment_is_accounted_for(view: DebtorView, now: datetime, seed: int):
    found = next_action(view, now, Rules(Wild(seed)))  # type: ignore[arg-type]
    accounts = {one.account_id: one for one in view.accounts}
    leaving = {
        one.enrolment_id
        for one in view.enrolments
        if exit_of(one.cadence, accounts.get(one.account_id), view, now) is not None
    }
    gone, finished = [id_ for id_, _ in found.exits], list(found.finished)
    assert set(gone) == leaving
    assert len(set(gone + finished)) == len(gone + finished)
    ends = len(gone) + len(finished) == len(view.enrolments)
    assert isinstance(found.action, Stop) == (ends and not isinstance(found.action, Contact))
    touched = {one.enrolment_id for one in (*found.moved, *found.held)}
    touched |= set(found.action.enrolments) if isinstance(found.action, Contact) else set()
    assert not touched & set(gone + finished)


@given(debtors(), moments, st.integers(0, 10**6))
def test_nothing_is_looked_at_again_before_something_can_change(view: DebtorView, now: datetime, seed: int):
    found = next_action(view, now, Rules(Wild(seed)))  # type: ignore[arg-type]
    if isinstance(found.action, Wait) and found.action.until is not None:
        assert found.action.until > now
    for held in found.held:
        assert held.until is None or held.until > now
        assert not held.decision.is_allowed


@given(debtors(), moments, st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_the_answer_is_the_same_each_time_and_in_any_order(view: DebtorView, now: datetime, seed: int, random: object):
    def shuffled(values: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(random.sample(values, len(values)))  # type: ignore[attr-defined]

    other = view._replace(
        enrolments=shuffled(view.enrolments),  # type: ignore[arg-type]
        accounts=shuffled(view.accounts),  # type: ignore[arg-type]
        points=shuffled(view.points),  # type: ignore[arg-type]
    )
    first = next_action(view, now, Rules(Wild(seed)))  # type: ignore[arg-type]
    assert first == next_action(view, now, Rules(Wild(seed)))  # type: ignore[arg-type]
    second = next_action(other, now, Rules(Wild(seed)))  # type: ignore[arg-type]
    assert isinstance(first.action, Stop) or first.action == second.action
    assert (set(first.exits), set(first.finished)) == (set(second.exits), set(second.finished))
    assert (set(first.moved), first.again) == (set(second.moved), second.again)


spans = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=6).map(
    lambda pairs: [(NOW + start * HOUR, NOW + (start + length) * HOUR) for start, length in sorted(pairs)]
)


@given(windows, spans, st.integers(0, 100))
@settings(max_examples=40)
def test_a_wait_ends_at_the_first_instant_that_hours_and_rules_allow(window: Window, allowed: list, late: int):
    """Against a scan by the quarter of an hour: nothing before it, the contact at it."""
    view = debtor([enrolment(cadence(step(window=window)))])
    answer = open_between(*allowed)
    now = NOW + late * HOUR
    found = next_action(view, now, Rules(answer))  # type: ignore[arg-type]
    if not isinstance(found.action, Wait):
        return
    until = found.action.until
    assert until is not None
    probe = now
    while probe < min(until, now + 10 * DAY):
        found = next_action(view, probe, Rules(answer))  # type: ignore[arg-type]
        assert not isinstance(found.action, Contact), probe
        probe += HOUR / 4
    if any(start <= until < end for start, end in allowed):
        fresh = debtor([enrolment(cadence(step(window=window)))], [account(as_of=until.date())])
        assert isinstance(next_action(fresh, until, Rules(answer)).action, Contact)  # type: ignore[arg-type]


results = st.lists(
    st.sampled_from(
        [
            AttemptState.ACCEPTED,
            AttemptState.ACCEPTED,
            AttemptState.DELIVERED,
            AttemptState.UNDELIVERED,
            AttemptState.REJECTED,
            AttemptState.EXPIRED,
            AttemptState.CANCELLED,
            AttemptState.CLOSED,
        ]
    ),
    min_size=1,
)


@given(cadences(), results, st.integers(0, 10**6))
@settings(max_examples=40)
def test_a_whole_campaign_goes_forward_and_makes_no_step_twice(on: Cadence, ends: list[AttemptState], seed: int):
    """Eighty days of looks and results: each channel of each step is made once at most, in the order of the file."""
    order = [one.id for one in on.steps]
    enrolled, now, made, tries = enrolment(on, entered_at=NOW), NOW, [], 0
    rules = Rules(Wild(seed))
    while now < NOW + 80 * DAY:
        day = (now + 8 * HOUR).date()
        view = debtor([enrolled], [account(1, min(90, 1 + (now - NOW).days), 200_00, as_of=day)])
        found = next_action(view, now, rules)  # type: ignore[arg-type]
        for moved in found.moved:
            assert order.index(moved.step) > order.index(str(enrolled.step))
            enrolled = _at(enrolled, moved)
        if found.finished or isinstance(found.action, Stop):
            return
        if isinstance(found.action, Contact):
            contact, result = found.action, ends[tries % len(ends)]
            tries += 1
            after = advance(enrolled, result, now, step=contact.step, rank=contact.rank)
            if result not in (AttemptState.EXPIRED, AttemptState.CANCELLED):
                assert (contact.step, contact.rank) not in made
                made.append((contact.step, contact.rank))
            if isinstance(after, Finished):
                return
            assert isinstance(after, Moved)
            enrolled = _at(enrolled, after)
            now += HOUR
        else:
            assert found.action.until is not None
            assert found.action.until > now
            now = found.action.until
        assert made == sorted(made, key=lambda one: (order.index(one[0]), one[1]))


def _at(enrolled: EnrolmentView, moved: Moved) -> EnrolmentView:
    contacted = moved.contacted_at or enrolled.last_contact_at
    return enrolled._replace(stage=moved.stage, step=moved.step, rank=moved.rank, last_contact_at=contacted)
