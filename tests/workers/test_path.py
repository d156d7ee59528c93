"""The whole path on real servers: from due to recorded, over days; every account accounted for, nothing unlawful."""

import datetime as dt
from pathlib import Path
from uuid import UUID

import pytest

from channels.protocol import SentAttempt
from channels.sandbox import Sandbox
from config.settings import Settings
from domain.channel import Channel
from domain.errors import Unavailable
from domain.event import DeliveryEvent, Inbound, Intent
from domain.message import Accepted, Failure, InDoubt, Message, NotAccepted, SendResult
from storage import suppressions
from storage.ledger import append
from tests.workers.world import World, world
from workers.receive import Paid
from workers.routing import Router

HOUR = dt.timedelta(hours=1)


class Answering:
    """A sandbox whose next answers are set; it counts what it was asked to send."""

    def __init__(self, inner: Sandbox, answers: list[SendResult | None]) -> None:
        self.inner = inner
        self.answers = answers
        self.asked: list[UUID] = []
        self.name, self.channels = inner.name, inner.channels
        self.finds_by_attempt, self.at_once = inner.finds_by_attempt, inner.at_once

    async def send(self, message: Message) -> SendResult:
        self.asked.append(message.attempt_id)
        answer = self.answers.pop(0) if self.answers else None
        return answer if answer is not None else await self.inner.send(message)

    async def find(self, sent: SentAttempt) -> DeliveryEvent | None:
        return await self.inner.find(sent)

    async def close(self) -> None:
        await self.inner.close()


def answering(one: World, *answers: SendResult | None) -> Answering:
    made = Answering(one.shop.deliverer.caller.adapters["sandbox"], list(answers))  # type: ignore[arg-type]
    one.shop.deliverer.caller.adapters["sandbox"] = made  # type: ignore[index, assignment]
    return made


def test_days_of_a_campaign_leave_nothing_lost_and_nothing_unlawful(small: World) -> None:
    for _ in range(24 * 12 // 2):
        small.step(2 * HOUR)
    states = small.states()
    assert states["delivered"] > 50
    assert not {"sending", "in_doubt"} & states.keys()
    [[active], [waiting]] = [
        small.query("SELECT count(*) FROM enrolments WHERE state = 'active'")[0],
        small.query(
            """SELECT count(*) FROM enrolments e JOIN lanes l USING (debtor_id)
               WHERE e.state = 'active' AND (l.due_at IS NOT NULL OR e.attempt_id IS NOT NULL)"""
        )[0],
    ]
    assert active == waiting, "an active enrolment that nobody will look at again is lost"
    report = small.audit()
    assert report.checked == sum(
        int(str(row[0])) for row in small.query("SELECT count(*) FROM ledger WHERE kind = 'sending'")
    )
    assert report.violations == []
    assert not report.unjudged


def test_a_batch_that_comes_twice_finds_nothing_to_do(small: World) -> None:
    provider = answering(small)
    reserved = small.look()
    small.deliver(reserved)
    before = len(provider.asked)
    assert small.deliver(reserved) == 0
    assert before == len(provider.asked) == len(set(provider.asked)) > 0


def test_a_stop_takes_back_what_is_reserved_and_nothing_leaves_after_it(small: World) -> None:
    provider = answering(small)
    reserved = small.look()
    attempt = reserved["sms"][0]
    wish = Inbound("key", "link", Channel.SMS, small.clock.at, None, attempt, "", Intent.STOP)
    small.shop.asker.keep(small.creditor_id, [wish])
    assert small.shop.receiver.apply(small.creditor_id) == 1
    small.deliver(reserved)
    assert attempt not in provider.asked
    [[state, code]] = small.query("SELECT state, code FROM attempts WHERE attempt_id = %(id)s", id=attempt)
    assert (state, code) == ("cancelled", "stop")
    [[debtor]] = small.query("SELECT debtor_id FROM attempts WHERE attempt_id = %(id)s", id=attempt)
    for _ in range(40):
        small.step(6 * HOUR)
    later = small.query("SELECT channel FROM attempts WHERE debtor_id = %(id)s AND sending_at IS NOT NULL", id=debtor)
    assert ("sms",) not in later
    assert small.audit().violations == []


def test_a_payment_takes_back_the_reminder_and_ends_the_enrolment(small: World) -> None:
    reserved = small.look()
    attempt = reserved["sms"][0]
    [[debtor, accounts]] = small.query("SELECT debtor_id, accounts FROM attempts WHERE attempt_id = %(id)s", id=attempt)
    account = accounts[0]  # type: ignore[index]
    paid = Paid("payment-1", account, UUID(str(debtor)), small.clock.at, fraction=1.0)
    assert small.shop.receiver.pay(small.creditor_id, [paid, paid]) == 1
    assert small.shop.receiver.pay(small.creditor_id, [paid]) == 0
    [[state]] = small.query("SELECT state FROM attempts WHERE attempt_id = %(id)s", id=attempt)
    assert state == "cancelled"
    small.look()
    [[state, reason]] = small.query("SELECT state, reason FROM enrolments WHERE account_id = %(id)s", id=account)
    assert (state, reason) == ("exited", "paid")


def test_a_window_that_closed_sends_nothing_and_comes_again(small: World) -> None:
    provider = answering(small)
    reserved = small.look()
    small.clock.at += 12 * HOUR
    small.deliver(reserved)
    assert provider.asked == []
    assert set(small.states()) == {"expired"}
    small.clock.at += 12 * HOUR
    small.deliver(small.look())
    assert len(provider.asked) > 0


def test_what_the_provider_refused_for_a_while_is_tried_again_in_its_window(small: World) -> None:
    busy = NotAccepted(Failure.BUSY, "too_many", is_retryable=True, retry_after=30)
    provider = answering(small, busy)
    reserved = {"sms": small.look()["sms"][:1]}
    small.deliver(reserved)
    [[state, not_before, tries]] = small.query(
        "SELECT state, not_before, tries FROM attempts WHERE attempt_id = %(id)s", id=reserved["sms"][0]
    )
    assert (state, tries) == ("reserved", 1)
    assert not_before >= small.clock.at + dt.timedelta(seconds=30)  # type: ignore[operator]
    assert small.sweep() == {}, "it is not its time yet"
    small.clock.at += HOUR
    again = small.sweep()
    assert reserved["sms"][0] in again["sms"]
    assert small.deliver({"sms": reserved["sms"]}) + small.states().get("rejected", 0) >= 1
    assert provider.asked.count(reserved["sms"][0]) == 2
    assert small.audit().violations == []


def test_a_permanent_refusal_marks_the_point_and_goes_on_to_the_fallback(small: World) -> None:
    dead = NotAccepted(Failure.INVALID_POINT, "21211", is_retryable=False)
    answering(small, dead)
    reserved = {"sms": small.look()["sms"][:1]}
    small.deliver(reserved)
    [[debtor, point]] = small.query(
        "SELECT debtor_id, point_id FROM attempts WHERE attempt_id = %(id)s", id=reserved["sms"][0]
    )
    assert small.query("SELECT is_dead FROM contact_points WHERE point_id = %(id)s", id=point) == [(True,)]
    small.look()
    next_ = small.query("SELECT channel, rank FROM attempts WHERE debtor_id = %(id)s AND state = 'reserved'", id=debtor)
    email = small.query("SELECT 1 FROM contact_points WHERE debtor_id = %(id)s AND kind = 'email'", id=debtor)
    assert next_ == ([("email", 1)] if email else [])


def test_who_dies_while_sending_leaves_doubt_which_the_provider_settles(small: World) -> None:
    class Dying(Exception):
        pass

    provider = answering(small)
    ids = small.look()["sms"][:3]

    def die(_coroutine: object) -> object:
        _coroutine.close()  # type: ignore[attr-defined]
        raise Dying

    calls = 0

    def wait(coroutine: object) -> object:
        nonlocal calls
        calls += 1
        return small.shop.loop.wait(coroutine) if calls == 1 else die(coroutine)  # type: ignore[arg-type]

    with pytest.raises(Dying):
        small.shop.deliverer.deliver(small.creditor_id, ids, wait)
    assert small.states()["sending"] == 3
    assert provider.asked == []
    small.sweep()
    assert small.states()["sending"] == 3, "its lease has not ended"
    with small.shop.db.tenant(small.creditor_id) as connection:
        connection.exec_driver_sql("UPDATE attempts SET lease_until = clock_timestamp() - interval '1 second'")
    small.sweep()
    assert small.states()["in_doubt"] == 3
    assert small.deliver({"sms": ids}) == 0, "what is in doubt is never sent again"
    small.shop.asker.settle(small.creditor_id, small.shop.loop.wait)
    small.hear()
    assert "in_doubt" not in small.states()
    assert provider.asked == []


def test_an_answer_in_doubt_counts_and_its_callback_settles_it(small: World) -> None:
    answering(small, InDoubt("timeout"))
    ids = small.look()["sms"][:1]
    small.deliver({"sms": ids})
    assert small.states()["in_doubt"] == 1
    said = DeliveryEvent("k1", "sandbox", Channel.SMS, small.clock.at, ids[0], "SB1", "delivered", "delivered")  # type: ignore[arg-type]
    small.shop.asker.keep(small.creditor_id, [said, said])
    small.hear()
    [[state, ref]] = small.query("SELECT state, provider_ref FROM attempts WHERE attempt_id = %(id)s", id=ids[0])
    assert (state, ref) == ("delivered", "SB1")


def test_a_callback_may_come_before_the_call_returned(small: World) -> None:
    ids = small.look()["sms"][:1]

    class Early(Answering):
        async def send(self, message: Message) -> SendResult:
            said = DeliveryEvent(
                "k1",
                "sandbox",
                Channel.SMS,
                small.clock.at,
                message.attempt_id,
                "SB9",
                "delivered",
                "delivered",  # type: ignore[arg-type]
            )
            small.shop.asker.keep(small.creditor_id, [said])
            small.shop.receiver.apply(small.creditor_id)
            return Accepted("SB9")

    inner = small.shop.deliverer.caller.adapters["sandbox"]
    small.shop.deliverer.caller.adapters["sandbox"] = Early(inner, [])  # type: ignore[index, arg-type, assignment]
    small.deliver({"sms": ids})
    [[state, ref]] = small.query("SELECT state, provider_ref FROM attempts WHERE attempt_id = %(id)s", id=ids[0])
    assert (state, ref) == ("delivered", "SB9")
    assert small.query("SELECT step FROM enrolments WHERE attempt_id = %(id)s", id=ids[0]) == []
    assert small.audit().violations == []


def test_events_in_any_order_and_number_lead_to_the_same_end(small: World) -> None:
    ids = small.look()["sms"][:1]
    small.deliver({"sms": ids})
    at = small.clock.at
    events = [
        DeliveryEvent("b", "p", Channel.SMS, at, ids[0], None, "delivered", "delivered"),  # type: ignore[arg-type]
        DeliveryEvent("a", "p", Channel.SMS, at, ids[0], None, "accepted"),  # type: ignore[arg-type]
    ]
    for _ in range(2):
        small.shop.asker.keep(small.creditor_id, list(events))
        small.hear()
    assert small.query("SELECT state FROM attempts WHERE attempt_id = %(id)s", id=ids[0]) == [("delivered",)]


def test_a_paused_campaign_sends_nothing_and_goes_on_after(small: World) -> None:
    from workers import campaigns

    provider = answering(small)
    reserved = small.look()
    campaigns.pause(small.shop.db, small.creditor_id, "card-early")
    small.deliver(reserved)
    assert provider.asked == []
    assert small.sweep() == {}
    campaigns.resume(small.shop.db, small.creditor_id, "card-early", small.clock.at)
    small.deliver(small.sweep())
    assert len(provider.asked) == sum(map(len, reserved.values()))


def test_without_redis_nothing_is_sent(small: World) -> None:
    provider = answering(small)
    reserved = small.look()
    router = small.shop.deliverer.caller.routing
    assert isinstance(router, Router)
    away = Router(router.routes, "redis://127.0.0.1:1/0", router.draw, False, type(router.limits)())
    object.__setattr__(small.shop.deliverer.caller, "routing", away)
    with pytest.raises(Unavailable):
        small.deliver(reserved)
    assert provider.asked == []
    assert set(small.states()) == {"reserved"}


def test_a_message_that_cannot_be_written_stops_no_other_and_is_shown(small: World) -> None:
    reserved = small.look()
    attempt = reserved["sms"][0]
    with small.shop.db.tenant(small.creditor_id) as connection:
        connection.exec_driver_sql(
            "UPDATE attempts SET template = 'no-such' WHERE attempt_id = %(id)s", {"id": attempt}
        )
    sent = small.deliver(reserved)
    assert sent > 0
    [[reason, what]] = small.query("SELECT reason, detail->>'what' FROM dead_letters")
    assert reason == "cannot_be_written"
    assert "no-such" in str(what)
    [[state, due]] = small.query(
        """SELECT a.state, l.due_at FROM attempts a JOIN lanes l USING (debtor_id)
           WHERE attempt_id = %(id)s""",
        id=attempt,
    )
    assert state == "cancelled"
    assert due >= small.clock.at + 23 * HOUR  # type: ignore[operator]


def test_a_reply_that_a_person_has_to_read_rests_the_reminders(small: World) -> None:
    reserved = small.look()
    attempt = reserved["sms"][0]
    small.deliver(reserved)
    words = Inbound("key", "sandbox", Channel.SMS, small.clock.at, None, attempt, "who are you?", None)
    small.shop.asker.keep(small.creditor_id, [words])
    small.hear()
    [[debtor]] = small.query("SELECT debtor_id FROM attempts WHERE attempt_id = %(id)s", id=attempt)
    for _ in range(10):
        small.step(6 * HOUR)
        made = small.query(
            "SELECT count(*) FROM attempts WHERE debtor_id = %(id)s AND reserved_at > %(at)s",
            id=debtor,
            at=small.clock.at,
        )
        assert made == [(0,)]
    assert small.query("SELECT handled_at FROM inbound WHERE key = 'key'") == [(None,)]


def test_creditors_do_not_see_each_others_debtors(own_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with world(own_settings, tmp_path / "a", accounts=40) as first:
        other = first.shop.dispatcher.look(UUID(int=7), first.clock.at, 100)
        assert other.debtors == 0
        with first.shop.db.tenant(UUID(int=7)) as connection:
            entries = suppressions.add(connection, UUID(int=7), [])
            append(connection, UUID(int=7), entries)
            assert connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar_one() == 0


def test_what_an_import_tells_after_the_reservation_holds_at_the_gate(small: World) -> None:
    provider = answering(small)
    ids = small.look()["sms"][:3]
    [[first, accounts], [second, _], [_, _]] = [
        small.query("SELECT debtor_id, accounts FROM attempts WHERE attempt_id = %(id)s", id=one)[0] for one in ids
    ]
    small.clock.at += dt.timedelta(minutes=1)
    with small.shop.db.tenant(small.creditor_id) as connection:
        connection.exec_driver_sql(
            "UPDATE accounts SET state = 'vanished' WHERE account_id = ANY(%(ids)s)", {"ids": accounts}
        )
        wish = suppressions.Suppressed(UUID(str(second)), "attorney", None, None, "file", small.clock.at)
        append(connection, small.creditor_id, suppressions.add(connection, small.creditor_id, [wish]))
    small.deliver({"sms": ids})
    assert provider.asked == [ids[2]]
    codes = dict(small.query("SELECT attempt_id, code FROM attempts WHERE state = 'cancelled'"))  # type: ignore[arg-type]
    assert codes == {ids[0]: "account_changed", ids[1]: "suppressed"}
    small.look()
    reasons = dict(small.query("SELECT debtor_id, reason FROM enrolments WHERE state = 'exited'"))  # type: ignore[arg-type]
    assert reasons[first] == "vanished"
    assert reasons[second] == "attorney"
    assert small.audit().violations == []
