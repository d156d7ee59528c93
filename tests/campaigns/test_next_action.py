"""What happens next for one debtor, one situation at a time."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from campaigns import next_action as module
from campaigns.cadence import Exit, Kind, Window
from campaigns.conditions import parse_condition
from campaigns.next_action import Contact, Moved, Stop, Wait, look_after
from campaigns.view import DebtorView
from domain.channel import Channel
from domain.decision import Decision, Verdict
from domain.facts import ContactChannel, DebtorFacts, Proposal, Purpose, StopKind
from domain.facts import Stop as StopFact
from tests.campaigns.views import (
    ALLOWED,
    DAY,
    EMAIL,
    NOW,
    REFUSED,
    TODAY,
    Rules,
    account,
    after,
    cadence,
    debtor,
    enrolment,
    local,
    look,
    one,
    open_between,
    point,
    refusing,
    step,
)


@pytest.fixture(autouse=True)
def _rules_as_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions come from the test's own rules; those of the packs have tests of their own."""
    monkeypatch.setattr(module, "prepare", lambda rules, *_, **__: rules)


# What is due


def test_a_step_whose_day_has_come_is_made():
    found = look(one(step(days=5)))
    assert found.action == Contact(
        channel=Channel.SMS,
        point_id="m1",
        enrolments=(UUID(int=101),),
        accounts=(UUID(int=1),),
        stage="early",
        step="a",
        rank=0,
        template="t",
        decision=ALLOWED,
        closes_at=local("2026-06-10T18:00"),
    )
    assert (found.exits, found.finished, found.moved, found.held, found.again) == ((), (), (), (), None)


def test_a_day_that_has_not_come_is_waited_for_until_its_preferred_hours_open():
    assert look(one(step(days=7))).action == Wait(local("2026-06-12T09:00"))


def test_days_that_the_window_leaves_out_are_passed_over():
    window = Window(9 * 60, 18 * 60, frozenset(range(5)))
    assert look(one(step(days=8, window=window))).action == Wait(local("2026-06-15T09:00"))


def test_days_after_the_last_contact_count_from_the_contact_that_was_made():
    view = one(step("a"), after("b", 4), step="b", last_contact_at=local("2026-06-08T17:00"))
    assert look(view).action == Wait(local("2026-06-12T09:00"))
    view = one(step("a"), after("b", 2), step="b", last_contact_at=local("2026-06-08T17:00"))
    assert isinstance(look(view).action, Contact)


def test_a_late_contact_moves_the_calendar_steps_after_it():
    steps = (step("a", 3), step("b", 10))
    view = debtor(
        [enrolment(cadence(*steps), step="b", last_contact_at=local("2026-06-09T10:00"))],
        [account(days_past_due=40)],
    )
    assert look(view).action == Wait(local("2026-06-16T09:00")), "seven days lie between the two, as in the file"


def test_a_part_payment_counts_anew():
    on = cadence(step("a"), after("b", 4))
    enrolled = enrolment(on, step="b", last_contact_at=local("2026-06-08T17:00"), entered_at=NOW - 9 * DAY)
    paid = local("2026-06-10T08:00")
    assert look(debtor([enrolled], [account(paid_at=paid)])).action == Wait(local("2026-06-14T09:00"))
    before = enrolled.entered_at - DAY
    assert look(debtor([enrolled], [account(paid_at=before)])).action == Wait(local("2026-06-12T09:00"))


def test_fewer_days_past_due_after_a_part_payment_wait_for_the_step_and_skip_none():
    view = debtor([enrolment(cadence(step("a"), step("b", 20)), step="b")], [account(days_past_due=2)])
    found = look(view)
    assert found.action == Wait(local("2026-06-28T09:00"))
    assert found.moved == ()


def test_unknown_days_past_due_are_held():
    found = look(debtor([enrolment(cadence())], [account(days_past_due=None)]))
    assert [held.decision.rules[0].rule for held in found.held] == ["days-past-due"]
    assert found.action == Wait(local("2026-06-11T09:00"))


def test_stale_balances_are_not_sent_on():
    found = look(debtor([enrolment(cadence())], [account(as_of=TODAY - 8 * DAY)]))
    assert [held.decision.rules[0].rule for held in found.held] == ["stale-balance"]
    assert found.action == Wait(local("2026-06-11T09:00"))
    assert isinstance(look(debtor([enrolment(cadence())], [account(as_of=TODAY - 7 * DAY)])).action, Contact)


def test_a_debtor_whose_time_nobody_knows_is_held():
    found = look(debtor([enrolment(cadence())], facts=DebtorFacts()))
    assert [held.decision.rules[0].rule for held in found.held] == ["known-place"]
    assert isinstance(found.action, Wait)


# Conditions


def test_a_condition_that_does_not_hold_leads_to_the_step_after():
    skipped = step("a", condition=parse_condition("balance > 1000"))
    found = look(one(skipped, step("b", 5)))
    assert found.moved == (Moved(UUID(int=101), "early", "b", 0),)
    assert isinstance(found.action, Contact)
    assert found.action.step == "b"


def test_a_contact_beyond_a_step_that_was_skipped_is_followed_by_the_step_after_it():
    """Such a debtor was looked at never again: the enrolment still named the step that was walked past."""
    view = one(step("a", condition=parse_condition("balance > 1000")), step("b"), after("c", 4))
    found = look(view).action
    assert isinstance(found, Contact)
    assert found.step == "b"
    again = look_after(view, found, NOW)
    assert again is not None
    assert again > NOW + 3 * DAY


def test_a_condition_is_asked_when_the_step_is_due_and_not_before():
    assert look(one(step("a", 9, condition=parse_condition("balance > 1000")))).moved == ()


def test_the_last_condition_that_does_not_hold_finishes():
    found = look(one(step("a", condition=parse_condition("not reaches('email')"))))
    assert found.finished == (UUID(int=101),)
    assert found.action == Stop("finished")


# Exits


def stopped(kind: StopKind, **more: object) -> DebtorFacts:
    return DebtorFacts(timezones=("Asia/Shanghai",), stops=(StopFact(kind, NOW - DAY, **more),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (debtor([enrolment(cadence())], [account(state="paid")]), "paid"),
        (debtor([enrolment(cadence())], [account(owed=0)]), "paid"),
        (debtor([enrolment(cadence())], [account(state="vanished")]), "vanished"),
        (debtor([enrolment(cadence())], [account(number=2)]), "vanished"),
        (debtor([enrolment(cadence())], [account(state="closed")]), "closed"),
        (debtor([enrolment(cadence())], [account(days_past_due=0)]), "cured"),
        (debtor([enrolment(cadence())], [account(days_past_due=91)]), "days_past_due_above"),
        (debtor([enrolment(cadence())], has_plan=frozenset({UUID(int=1)})), "plan_active"),
        (debtor([enrolment(cadence())], facts=stopped(StopKind.DISPUTE)), "disputed"),
        (debtor([enrolment(cadence())], facts=stopped(StopKind.DISPUTE, accounts=(str(UUID(int=1)),))), "disputed"),
        (debtor([enrolment(cadence())], facts=stopped(StopKind.CEASE)), "opted_out"),
        (debtor([enrolment(cadence())], facts=stopped(StopKind.ATTORNEY)), "attorney"),
        (debtor([enrolment(cadence())], facts=stopped(StopKind.BANKRUPTCY)), "bankruptcy"),
        (debtor([enrolment(cadence())], facts=stopped(StopKind.DECEASED)), "deceased"),
        (debtor([enrolment(cadence())], facts=DebtorFacts(banned_channels=(ContactChannel.SMS,))), "opted_out"),
        (debtor([]), "no enrolment"),
    ],
)
def test_exits_come_before_everything(view: DebtorView, reason: str):
    rules = Rules()
    found = look(view, rules)
    assert found.action == Stop(reason)
    assert rules.asked == []
    if view.enrolments:
        assert found.exits == ((UUID(int=101), reason),)


@pytest.mark.parametrize(
    "facts",
    [
        stopped(StopKind.DISPUTE, answered_at=NOW),
        stopped(StopKind.DISPUTE, accounts=("another",)),
        stopped(StopKind.CEASE, until=NOW),
        stopped(StopKind.HOSPITALISED),
    ],
)
def test_stops_that_are_over_or_of_another_account_or_kind_end_nothing(facts: DebtorFacts):
    assert isinstance(look(debtor([enrolment(cadence())], facts=facts)).action, Contact)


def test_an_exit_that_the_cadence_leaves_out_is_left_to_the_rules():
    on = cadence(exits=frozenset({Exit.PAID, Exit.VANISHED, Exit.CLOSED, Exit.CURED}))
    assert isinstance(look(debtor([enrolment(on)], facts=stopped(StopKind.DISPUTE))).action, Contact)


def test_a_ban_of_one_channel_of_two_ends_nothing():
    facts = DebtorFacts(timezones=("Asia/Shanghai",), banned_channels=(ContactChannel.SMS,))
    view = debtor([enrolment(cadence(step(), after("b", channels=(Channel.EMAIL,))))], facts=facts)
    assert look(view).exits == ()


def test_a_promise_rests_the_account_until_the_day_after():
    view = debtor([enrolment(cadence())], promised_until={UUID(int=1): date(2026, 6, 12)})
    assert look(view).action == Wait(local("2026-06-13T00:00"))
    assert isinstance(look(view, now=local("2026-06-13T10:00")).action, Contact)


def test_other_accounts_go_on_while_one_rests_or_leaves():
    on = cadence()
    view = debtor(
        [enrolment(on, 1), enrolment(on, 2), enrolment(on, 3)],
        [account(1, state="paid"), account(2), account(3)],
        promised_until={UUID(int=2): TODAY},
    )
    found = look(view)
    assert found.exits == ((UUID(int=101), "paid"),)
    assert isinstance(found.action, Contact)
    assert found.action.accounts == (UUID(int=3),)
    assert found.again == local("2026-06-11T00:00")


# What is under way, paused or done


def test_the_wait_ends_with_the_earliest_of_all_accounts():
    on = cadence(step(days=20))
    view = debtor([enrolment(on, 1), enrolment(on, 2)], [account(1, days_past_due=5), account(2, days_past_due=15)])
    assert look(view).action == Wait(local("2026-06-15T09:00"))


def test_what_is_under_way_or_paused_waits_for_an_event():
    assert look(one(step(), attempt_id=UUID(int=5))).action == Wait(None)
    assert look(one(step(), is_running=False)).action == Wait(None)


def test_no_step_left_finishes():
    found = look(one(step(), step=None))
    assert (found.finished, found.action) == ((UUID(int=101),), Stop("finished"))


def test_a_paused_campaign_still_lets_go_of_what_was_paid():
    view = debtor([enrolment(cadence(), is_running=False)], [account(state="paid")])
    assert look(view).action == Stop("paid")


# Channels and points


def test_the_best_live_point_that_takes_the_channel_is_used():
    points = (
        point(name="dead", is_dead=True, priority=9),
        point(name="off", channels_off=frozenset({Channel.SMS}), priority=8),
        point(name="best", priority=2),
        point(name="other", priority=1),
        EMAIL,
    )
    found = look(debtor([enrolment(cadence())], points=points))
    assert isinstance(found.action, Contact)
    assert found.action.point_id == "best"


def test_a_point_that_is_refused_gives_way_to_the_next():
    points = (point(name="first", priority=2), point(name="second"))
    rules = Rules(lambda proposal: REFUSED if proposal.contact_point == "first" else ALLOWED)
    found = look(debtor([enrolment(cadence())], points=points), rules)
    assert isinstance(found.action, Contact)
    assert found.action.point_id == "second"


def test_a_refused_channel_falls_back_and_says_so():
    found = look(one(step(channels=(Channel.SMS, Channel.EMAIL))), Rules(refusing(Channel.SMS)))
    assert isinstance(found.action, Contact)
    assert (found.action.channel, found.action.rank, found.action.point_id) == (Channel.EMAIL, 1, "e1")
    assert [(held.channel, held.decision) for held in found.held] == [(Channel.SMS, REFUSED)]


def test_a_channel_without_a_point_falls_back():
    view = debtor([enrolment(cadence(step(channels=(Channel.SMS, Channel.EMAIL))))], points=(EMAIL,))
    found = look(view)
    assert isinstance(found.action, Contact)
    assert found.action.channel is Channel.EMAIL
    assert found.held[0].decision.rules[0].rule == "contact-point"


def test_a_deferred_channel_is_waited_for_and_does_not_fall_back():
    opens = local("2026-06-10T11:00")
    rules = Rules(open_between((opens, opens + timedelta(hours=1))))
    found = look(one(step(channels=(Channel.SMS, Channel.EMAIL))), rules)
    assert found.action == Wait(opens)
    assert [(held.channel, held.until) for held in found.held] == [(Channel.SMS, opens)]


def test_the_rank_of_the_enrolment_is_where_trying_begins_and_is_due_at_once():
    view = one(step(days=30, channels=(Channel.SMS, Channel.EMAIL)), rank=1)
    found = look(view)
    assert isinstance(found.action, Contact)
    assert (found.action.channel, found.action.rank) == (Channel.EMAIL, 1)


def test_what_every_channel_refuses_is_looked_at_again_the_next_day():
    found = look(one(step(), after("b", 9)), Rules(refusing(Channel.SMS)))
    assert found.action == Wait(local("2026-06-11T09:00"))
    assert found.moved == ()


def test_a_step_that_cannot_be_made_gives_way_when_the_next_of_its_stage_is_due():
    steps = (step("a", 3), step("b", 5, channels=(Channel.EMAIL,)))
    found = look(one(*steps), Rules(refusing(Channel.SMS)))
    assert found.moved == (Moved(UUID(int=101), "early", "b", 0),)
    assert found.action == Wait(local("2026-06-11T09:00"))


def test_a_stage_is_never_entered_by_the_calendar_alone():
    steps = (step("a", 3), step("b", 5, channels=(Channel.EMAIL,), stage="mid"))
    assert look(one(*steps), Rules(refusing(Channel.SMS))).moved == ()


def test_the_proposal_tells_the_rules_what_they_ask():
    rules = Rules()
    look(one(step(channels=(Channel.VOICE,), kind=Kind.LEGAL_NOTICE)), rules)
    assert rules.asked == [
        Proposal(
            at=NOW,
            channel=ContactChannel.CALL,
            accounts=(str(UUID(int=1)),),
            contact_point="m1",
            by="lender",
            purpose=Purpose.STATUTORY_NOTICE,
            automated=True,
            has_opt_out_notice=True,
            discloses_debt=False,
            limited_content=False,
        )
    ]


# Hours


def test_outside_the_preferred_hours_it_is_held_until_hours_and_rules_agree():
    now = local("2026-06-10T20:00")
    legal = open_between(
        (local("2026-06-10T08:00"), local("2026-06-10T22:00")), (local("2026-06-11T12:00"), local("2026-06-11T22:00"))
    )
    found = look(one(step()), Rules(legal), now)
    assert found.action == Wait(local("2026-06-11T12:00"))
    [held] = found.held
    assert held.decision.verdict is Verdict.DEFERRED
    assert held.decision.rules[-1].rule == "preferred-window"
    assert held.decision.until == local("2026-06-11T09:00")
    assert held.until == local("2026-06-11T12:00")


def test_hours_and_rules_that_chase_each_other_meet():
    """Rules are open when the preferred hours are closed, day after day, until one day they overlap."""
    spans = [(local(f"2026-06-{day}T06:00"), local(f"2026-06-{day}T08:00")) for day in range(11, 15)]
    rules = Rules(open_between(*spans, (local("2026-06-15T07:00"), local("2026-06-15T10:00"))))
    assert look(one(step()), rules).action == Wait(local("2026-06-15T09:00"))


def test_it_closes_with_the_rules_where_they_close_first():
    closes = local("2026-06-10T12:00")
    found = look(one(step()), Rules(lambda _: Decision(Verdict.ALLOWED, closes=closes)))
    assert isinstance(found.action, Contact)
    assert found.action.closes_at == closes


def test_zones_of_dead_numbers_do_not_count_where_no_place_is_known():
    points = (point(timezones=("Asia/Shanghai",)), point(name="old", is_dead=True, timezones=("America/New_York",)))
    found = look(debtor([enrolment(cadence())], points=points, facts=DebtorFacts()))
    assert isinstance(found.action, Contact)


def test_preferred_hours_hold_in_every_zone_of_the_debtor():
    facts = DebtorFacts(timezones=("Asia/Shanghai", "Asia/Kolkata"))
    view = debtor([enrolment(cadence())], facts=facts)
    found = look(view)
    assert found.action == Wait(local("2026-06-10T11:30"))
    found = look(view, now=local("2026-06-10T12:00"))
    assert isinstance(found.action, Contact)
    assert found.action.closes_at == local("2026-06-10T18:00")


def test_preferred_hours_that_never_come_together_are_held_by_the_day():
    facts = DebtorFacts(timezones=("Asia/Shanghai", "America/New_York"))
    found = look(debtor([enrolment(cadence())], [account(days_past_due=9)], facts=facts))
    assert [held.decision.rules[0].rule for held in found.held] == ["preferred-window"]
    assert isinstance(found.action, Wait)
    assert found.action.until is not None
    assert NOW < found.action.until <= NOW + 2 * DAY
