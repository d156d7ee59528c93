"""What happens next where several accounts and campaigns of one debtor want a contact."""

from uuid import UUID

import pytest

from campaigns import next_action as module
from campaigns.cadence import Kind
from campaigns.next_action import Contact, next_action
from domain.channel import Channel
from domain.decision import Decision
from domain.facts import ContactChannel, Proposal
from tests.campaigns.views import (
    ALLOWED,
    DAY,
    NOW,
    REFUSED,
    Rules,
    account,
    cadence,
    debtor,
    enrolment,
    look,
    step,
)


@pytest.fixture(autouse=True)
def _rules_as_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions come from the test's own rules; those of the packs have tests of their own."""
    monkeypatch.setattr(module, "prepare", lambda rules, *_, **__: rules)


# Several accounts and campaigns


def test_accounts_that_are_due_together_become_one_message():
    on = cadence(step(merge=True))
    view = debtor([enrolment(on, 1, entered_at=NOW - DAY), enrolment(on, 2), enrolment(on, 3)])
    rules = Rules()
    found = look(view, rules)
    assert isinstance(found.action, Contact)
    assert found.action.enrolments == (UUID(int=102), UUID(int=103), UUID(int=101)), "the oldest leads"
    assert found.action.accounts == (UUID(int=2), UUID(int=3), UUID(int=1))
    assert len(rules.asked) == 1
    assert found.again is None


def test_without_merge_each_account_has_its_own_contact_one_at_a_time():
    on = cadence(step(merge=False))
    found = look(debtor([enrolment(on, 1), enrolment(on, 2)]))
    assert isinstance(found.action, Contact)
    assert found.action.accounts == (UUID(int=1),)
    assert found.again == NOW


def test_only_accounts_that_are_allowed_are_merged():
    on = cadence(step(merge=True))
    barred = str(UUID(int=1))
    rules = Rules(lambda proposal: REFUSED if barred in proposal.accounts else ALLOWED)
    found = look(debtor([enrolment(on, 1), enrolment(on, 2), enrolment(on, 3)]), rules)
    assert isinstance(found.action, Contact)
    assert found.action.accounts == (UUID(int=2), UUID(int=3))
    assert [held.enrolment_id for held in found.held] == [UUID(int=101)]


def test_nobody_is_moved_to_a_fallback_by_joining():
    on = cadence(step(merge=True, channels=(Channel.SMS, Channel.EMAIL)))
    barred = str(UUID(int=2))

    def answer(proposal: Proposal) -> Decision:
        return REFUSED if proposal.channel is ContactChannel.SMS and barred in proposal.accounts else ALLOWED

    found = look(debtor([enrolment(on, 1), enrolment(on, 2)]), Rules(answer))
    assert isinstance(found.action, Contact)
    assert (found.action.channel, found.action.accounts) == (Channel.SMS, (UUID(int=1),))
    assert found.again == NOW, "the other is looked at again at once"


def test_different_currencies_campaigns_and_steps_are_not_merged():
    on = cadence(step("a", merge=True), step("b", 5, merge=True))
    view = debtor(
        [enrolment(on, 1), enrolment(on, 2), enrolment(on, 3, campaign_id=UUID(int=901)), enrolment(on, 4, step="b")],
        [account(1), account(2, currency="USD"), account(3), account(4)],
    )
    found = look(view)
    assert isinstance(found.action, Contact)
    assert len(found.action.accounts) == 1


def test_a_scarce_contact_goes_to_the_stated_priority():
    early = cadence(step())
    late = cadence(step("a"), step("z", stage="late"))
    plan = cadence(step(kind=Kind.PLAN_REMINDER))
    legal = cadence(step(kind=Kind.LEGAL_NOTICE))
    favoured = cadence(step(), priority=9)
    enrolments = [
        enrolment(early, 1, campaign_id=UUID(int=1), entered_at=NOW - 9 * DAY),
        enrolment(early, 2, campaign_id=UUID(int=2), entered_at=NOW - 8 * DAY),
        enrolment(favoured, 3, campaign_id=UUID(int=3)),
        enrolment(late, 4, campaign_id=UUID(int=4), step="z"),
        enrolment(plan, 5, campaign_id=UUID(int=5)),
        enrolment(legal, 6, campaign_id=UUID(int=6)),
    ]
    order = []
    while enrolments:
        found = look(debtor(enrolments))
        assert isinstance(found.action, Contact)
        order.append(found.action.accounts[0].int)
        enrolments = [one for one in enrolments if one.account_id != found.action.accounts[0]]
    assert order == [6, 5, 4, 3, 1, 2]


def test_rules_are_prepared_once_for_each_set_of_packs():
    prepared = []

    def rules(facts: object) -> Rules:
        prepared.append(facts)
        return Rules(lambda _: REFUSED)

    first, second = cadence(packs=("p",)), cadence(packs=("q",))
    view = debtor([enrolment(first, 1), enrolment(first, 2), enrolment(second, 3)])
    next_action(view, NOW, rules)  # type: ignore[arg-type]
    assert [facts.packs for facts in prepared] == [("p",), ("q",)]  # type: ignore[attr-defined]
