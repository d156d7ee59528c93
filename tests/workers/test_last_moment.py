"""What keeps a message from leaving at the last moment: a STOP just acknowledged, a lease slept through."""

import datetime as dt
import threading
import time
from uuid import UUID

import pytest

from channels.protocol import EXPIRED
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import Inbound, Intent
from domain.message import Failure, NotAccepted
from storage.sending import AttemptMove, lock_of, move_attempts
from tests.workers.test_path import answering
from tests.workers.world import World


def test_nothing_leaves_between_the_acknowledgement_and_its_application(small: World) -> None:
    provider = answering(small)
    reserved = {"sms": small.look()["sms"][:2]}
    stopped, other = reserved["sms"]
    wish = Inbound("key", "link", Channel.SMS, small.clock.at, None, stopped, "", Intent.STOP)
    small.shop.asker.keep(small.creditor_id, [wish])
    assert small.deliver(reserved) <= 1
    assert provider.asked == [other]
    assert small.states()["reserved"] >= 1
    small.hear()
    [[state, code]] = small.query("SELECT state, code FROM attempts WHERE attempt_id = %(id)s", id=stopped)
    assert (state, code) == ("cancelled", "stop")
    assert small.audit().violations == []


def test_an_acknowledgement_waits_for_a_gate_that_is_being_passed(small: World) -> None:
    attempt = small.look()["sms"][0]
    wish = Inbound("key", "link", Channel.SMS, small.clock.at, None, attempt, "", Intent.STOP)
    kept = threading.Thread(target=small.shop.asker.keep, args=(small.creditor_id, [wish]))
    with small.shop.db.tenant(small.creditor_id) as connection:
        lock_of(connection, [attempt])
        kept.start()
        kept.join(0.5)
        assert kept.is_alive(), "acknowledged while the message was on its way out of the gate"
    kept.join(10)
    assert small.query("SELECT count(*) FROM inbound") == [(1,)]


def test_a_worker_that_slept_between_its_commit_and_its_call_calls_nobody(small: World) -> None:
    provider = answering(small)
    reserved = {"sms": small.look()["sms"][:1]}
    seconds = iter([0.0])
    deliverer = small.shop.deliverer
    object.__setattr__(deliverer.caller, "monotonic", lambda: next(seconds, 1000.0))
    small.deliver(reserved)
    assert provider.asked == []
    assert states_of(small, reserved["sms"]) == {"reserved"}
    assert dt.timedelta(seconds=1000) > deliverer.caller.lease


def test_a_worker_that_was_taken_for_dead_may_prove_that_it_called_nobody(small: World) -> None:
    provider = answering(small)
    reserved = {"sms": small.look()["sms"][:2]}
    deliverer = small.shop.deliverer
    seconds = iter([0.0])

    def sleeping() -> float:
        """Nothing has passed at first; then, when it would call, a long time."""
        if (now := next(seconds, None)) is not None:
            return now
        with small.shop.db.tenant(small.creditor_id) as connection:
            connection.exec_driver_sql("UPDATE attempts SET lease_until = clock_timestamp() WHERE state = 'sending'")
        small.sweep()
        return 1000.0

    object.__setattr__(deliverer.caller, "monotonic", sleeping)
    small.deliver(reserved)
    assert provider.asked == []
    assert states_of(small, reserved["sms"]) == {"reserved"}
    kinds = small.query(
        "SELECT kind FROM ledger WHERE body->>'attempt' = %(id)s ORDER BY seq", id=str(reserved["sms"][0])
    )
    assert [kind for (kind,) in kinds] == ["reserved", "sending", "in_doubt", "reserved"]
    object.__setattr__(deliverer.caller, "monotonic", time.monotonic)
    small.clock.at += dt.timedelta(minutes=1)
    assert small.deliver(small.sweep()) >= 2
    assert set(reserved["sms"]) <= set(provider.asked)
    assert small.audit().violations == []


def test_an_answer_moves_only_the_try_that_it_is_about(small: World) -> None:
    [attempt] = small.look()["sms"][:1]
    with small.shop.db.tenant(small.creditor_id) as connection:
        connection.exec_driver_sql(
            "UPDATE attempts SET state = 'sending', tries = 2 WHERE attempt_id = %(id)s", {"id": attempt}
        )
        old = AttemptMove(attempt, AttemptState.RESERVED, small.clock.at, of_try=1)
        assert move_attempts(connection, [old]) == set(), "its answer was recorded, and it was taken again since"
        assert move_attempts(connection, [old._replace(of_try=2)]) == {attempt}


@pytest.mark.parametrize("answer", [EXPIRED, NotAccepted(Failure.BUSY, "busy", is_retryable=True, retry_after=90_000)])
def test_what_cannot_leave_in_its_window_any_more_comes_again_as_the_same_step(
    small: World, answer: NotAccepted
) -> None:
    provider = answering(small, answer)
    reserved = {"sms": small.look()["sms"][:1]}
    [[debtor, step, rank]] = small.query(
        "SELECT debtor_id, step, rank FROM attempts WHERE attempt_id = %(id)s", id=reserved["sms"][0]
    )
    small.deliver(reserved)
    assert states_of(small, reserved["sms"]) == {"reserved"}
    assert not set(small.sweep().get("sms", ())) & set(reserved["sms"]), "its window is over: nobody tries it again"
    small.clock.at += dt.timedelta(hours=12)
    small.sweep()
    assert states_of(small, reserved["sms"]) == {"expired"}
    small.clock.at += dt.timedelta(hours=12)
    small.look()
    again = small.query("SELECT step, rank FROM attempts WHERE debtor_id = %(id)s AND state = 'reserved'", id=debtor)
    assert (len(provider.asked), again) == (1, [(step, rank)])
    assert small.audit().violations == []


def states_of(one: World, ids: list[UUID]) -> set[object]:
    """Where these attempts stand."""
    return {state for (state,) in one.query("SELECT state FROM attempts WHERE attempt_id = ANY(%(ids)s)", ids=ids)}
