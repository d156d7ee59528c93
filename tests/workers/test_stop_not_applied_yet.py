"""A STOP that was acknowledged to the provider holds at once, before a worker has come to apply it."""

import datetime as dt
import threading

from domain.channel import Channel
from domain.event import Inbound, Intent
from storage.sending import lock_of
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
    object.__setattr__(deliverer, "monotonic", lambda: next(seconds, 1000.0))
    small.deliver(reserved)
    assert provider.asked == []
    assert small.states()["rejected"] == 1
    assert dt.timedelta(seconds=1000) > deliverer.lease
