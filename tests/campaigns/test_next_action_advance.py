"""What the end of an attempt does to its enrolment, state by state."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.next_action import Finished, Moved, advance
from domain.attempt import TRANSITIONS, AttemptState
from domain.channel import Channel
from tests.campaigns.views import NOW, after, cadence, enrolment, step

ON = cadence(step("a", channels=(Channel.SMS, Channel.EMAIL)), after("b", stage="mid"), after("c", stage="mid"))
ME = UUID(int=101)
S = AttemptState


@pytest.mark.parametrize("result", [S.ACCEPTED, S.DELIVERED, S.CLOSED])
def test_a_contact_that_was_made_leads_to_the_next_step_and_is_what_it_counts_from(result: AttemptState):
    assert advance(enrolment(ON), result, NOW) == Moved(ME, "mid", "b", 0, NOW)
    assert advance(enrolment(ON), result, NOW, step="a", rank=1) == Moved(ME, "mid", "b", 0, NOW)
    assert advance(enrolment(ON, step="c"), result, NOW) == Finished(ME, NOW)


@pytest.mark.parametrize("result", [S.UNDELIVERED, S.REJECTED])
def test_a_contact_that_failed_goes_to_the_next_channel_then_to_the_next_step_as_missed(result: AttemptState):
    assert advance(enrolment(ON), result, NOW) == Moved(ME, "early", "a", 1)
    assert advance(enrolment(ON, rank=1), result, NOW) == Moved(ME, "mid", "b", 0)
    assert advance(enrolment(ON), result, NOW, step="a", rank=1) == Moved(ME, "mid", "b", 0)
    assert advance(enrolment(ON, step="c"), result, NOW) == Finished(ME)


@pytest.mark.parametrize("result", [S.EXPIRED, S.CANCELLED])
def test_a_contact_that_never_left_is_tried_again(result: AttemptState):
    assert advance(enrolment(ON), result, NOW) == Moved(ME, "early", "a", 0)
    assert advance(enrolment(ON), result, NOW, step="a", rank=1) == Moved(ME, "early", "a", 1)


@pytest.mark.parametrize("result", [S.RESERVED, S.SENDING, S.IN_DOUBT])
def test_what_is_open_holds_the_enrolment_in_place(result: AttemptState):
    assert advance(enrolment(ON), result, NOW) is None


def test_delivery_after_acceptance_changes_nothing():
    assert advance(enrolment(ON, step="b"), S.DELIVERED, NOW, step="a", rank=0) is None


def test_failure_after_acceptance_falls_back_while_nothing_else_has_begun():
    assert advance(enrolment(ON, step="b"), S.UNDELIVERED, NOW, step="a", rank=0) == Moved(ME, "early", "a", 1)
    assert advance(enrolment(ON, step="b"), S.UNDELIVERED, NOW, step="a", rank=1) is None, "no channel is left"
    assert advance(enrolment(ON, step="b", attempt_id=ME), S.UNDELIVERED, NOW, step="a", rank=0) is None
    assert advance(enrolment(ON, step="b", rank=1), S.UNDELIVERED, NOW, step="a", rank=0) is None
    assert advance(enrolment(ON, step="c"), S.UNDELIVERED, NOW, step="a", rank=0) is None
    assert advance(enrolment(ON, rank=1), S.UNDELIVERED, NOW, step="a", rank=0) is None


def test_an_enrolment_without_a_step_is_left_alone():
    assert advance(enrolment(ON, step=None), S.ACCEPTED, NOW) is None


@given(st.lists(st.integers(0, 9), max_size=6))
def test_along_any_life_of_an_attempt_the_enrolment_goes_forward_or_to_a_later_channel(choices: list[int]):
    state, enrolled = S.SENDING, enrolment(ON)
    places = [("a", 0)]
    for choice in choices:
        targets = sorted(TRANSITIONS[state] - {S.RESERVED})
        if not targets:
            break
        state = targets[choice % len(targets)]
        found = advance(enrolled, state, NOW, step="a", rank=0)
        if isinstance(found, Moved):
            enrolled = enrolment(ON, step=found.step, rank=found.rank)
            places.append((found.step, found.rank))
    assert places in ([("a", 0)], [("a", 0), ("b", 0)], [("a", 0), ("a", 1)], [("a", 0), ("b", 0), ("a", 1)])
