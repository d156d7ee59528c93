"""The sandbox is a world by seed: the same after a restart, late in nothing, believable in its shares, and cheap."""

import asyncio
import socket
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid5

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import RedisError

from channels.protocol import SentAttempt
from channels.sandbox import Sandbox, followed, planned
from channels.sandbox_events import (
    DueEvent,
    RedisSandboxEvents,
    SandboxEvent,
    SandboxEvents,
    decode,
    encode,
)
from channels.sandbox_plan import CODES, Rates, SandboxPayment, SandboxSettings, outcome
from channels.sandbox_replies import key_press, language_of, reply
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, Inbound, Intent
from domain.facts import Outcome
from domain.message import Accepted, Failure, Message, NotAccepted, Sms
from tests.contract.kept_in_memory import KeptInMemory
from tests.contract.messages import CREDITOR, NOW, message, now, sms

SETTINGS = SandboxSettings(latency=0)
CALM = Rates(*([0.0] * len(Rates.__slots__)))
channels = st.sampled_from(Channel)
seeds = st.integers(-(2**40), 2**40)
SPACE = UUID(int=1)


def attempt(number: int, channel: Channel = Channel.SMS) -> Message:
    return replace(message(channel, hours=9), attempt_id=uuid5(SPACE, str(number)))


def told(settings: SandboxSettings, sent: Message) -> list[SandboxEvent]:
    return list(followed(planned(settings, sent, 0), sent, NOW))


@given(seeds, st.uuids(), channels, st.text(max_size=20))
def test_the_same_attempt_has_the_same_fate(seed: int, attempt_id: UUID, channel: Channel, to: str) -> None:
    settings = replace(SETTINGS, seed=seed)
    assert outcome(settings, attempt_id, channel, to) == outcome(settings, attempt_id, channel, to)


def test_another_seed_is_another_world() -> None:
    other = replace(SETTINGS, seed=2)
    fates = [
        (
            outcome(SETTINGS, uuid5(SPACE, str(n)), Channel.VOICE, "x"),
            outcome(other, uuid5(SPACE, str(n)), Channel.VOICE, "x"),
        )
        for n in range(50)
    ]
    assert any(one != two for one, two in fates)


@given(st.integers(0, 10**6), channels)
def test_nothing_is_delivered_at_or_after_the_end_of_its_window(number: int, channel: Channel) -> None:
    sent = replace(attempt(number, channel), valid_until=NOW + timedelta(seconds=3))
    for event in told(SETTINGS, sent):
        if isinstance(event, DeliveryEvent) and channel is not Channel.LETTER:
            assert event.state is not AttemptState.DELIVERED or event.at < sent.valid_until


@given(st.integers(0, 10**6), channels)
def test_events_come_in_order_after_the_call_and_have_keys_of_their_own(number: int, channel: Channel) -> None:
    sent = attempt(number, channel)
    events = told(SETTINGS, sent)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert all(event.at > NOW for event in events)
    assert len({event.key for event in events}) == len(events)
    assert all(event.attempt_id == sent.attempt_id for event in events)


@given(st.integers(0, 10**6), channels)
def test_an_event_is_kept_as_it_is_and_holds_no_contact_value(number: int, channel: Channel) -> None:
    sent = attempt(number, channel)
    for event in told(SETTINGS, sent):
        kept = encode(CREDITOR, event)
        assert decode(kept) == DueEvent(CREDITOR, event, kept)
        to = sent.content.to if isinstance(sent.content.to, str) else sent.content.to[0]
        assert to.encode() not in kept


def test_the_shares_are_those_that_were_asked_for() -> None:
    many = 6000
    fates = Counter[str]()
    for number in range(many):
        sent = attempt(number, Channel.VOICE)
        plan = planned(SETTINGS, replace(sent, content=replace(sent.content, to=f"+1312555{number:04d}")), 0)  # type: ignore[arg-type]
        fates[type(plan.result).__name__] += 1
        for step in plan.steps:
            fates[str(getattr(step, "outcome", type(step).__name__))] += 1
    rates = SETTINGS.rates
    assert fates["NotAccepted"] / many == pytest.approx(rates.invalid + rates.too_many, abs=0.006)
    assert fates[Outcome.BUSY] / many == pytest.approx(rates.busy, abs=0.02)
    assert fates[Outcome.NO_ANSWER] / many == pytest.approx(rates.no_answer, abs=0.03)
    assert fates[Outcome.LIMITED_VOICEMAIL] / many == pytest.approx(rates.machine, abs=0.03)
    assert fates["Pays"] > 100
    assert fates["Reply"] > 500


@pytest.mark.parametrize(
    ("rates", "channel", "code"),
    [
        (Rates(invalid=1.0), Channel.SMS, "invalid_point"),
        (replace(CALM, landline=2.0), Channel.SMS, "landline"),
        (replace(CALM, opted_out=1.0), Channel.SMS, "opted_out"),
        (Rates(invalid=1.0), Channel.VOICE, "invalid_point"),
        (replace(CALM, too_many=1.0), Channel.EMAIL, "too_many"),
    ],
)
async def test_refusals_by_point(rates: Rates, channel: Channel, code: str) -> None:
    result = await Sandbox(SandboxSettings(latency=0, rates=rates), now, KeptInMemory()).send(attempt(1, channel))
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == CODES[code]


async def test_too_many_passes_in_another_second() -> None:
    moment = [NOW]
    sandbox = Sandbox(SandboxSettings(latency=0, rates=replace(CALM, too_many=0.5)), lambda: moment[0], KeptInMemory())
    sent = attempt(1)
    kinds = set()
    for _ in range(30):
        kinds.add(type(await sandbox.send(sent)))
        moment[0] += timedelta(seconds=1)
    assert kinds == {Accepted, NotAccepted}


@pytest.mark.parametrize(
    ("rates", "channel", "code", "failure"),
    [
        (replace(CALM, unreachable=1.0), Channel.SMS, "unreachable", Failure.UNREACHABLE),
        (replace(CALM, filtered=1.0), Channel.SMS, "filtered", Failure.FILTERED),
        (replace(CALM, blocked=1.0), Channel.SMS, "blocked", Failure.BLOCKED),
        (replace(CALM, unreachable=1.0), Channel.EMAIL, "mailbox_full", Failure.UNREACHABLE),
        (replace(CALM, invalid=1.0), Channel.EMAIL, "invalid_point", Failure.INVALID_POINT),
        (replace(CALM, busy=1.0), Channel.VOICE, "busy", Failure.UNREACHABLE),
        (replace(CALM, no_answer=1.0), Channel.VOICE, "no_answer", Failure.UNREACHABLE),
        (replace(CALM, invalid=0.5), Channel.LETTER, "invalid_point", Failure.INVALID_POINT),
    ],
)
def test_failures_that_come_later(rates: Rates, channel: Channel, code: str, failure: Failure) -> None:
    (event,) = told(SandboxSettings(rates=rates), attempt(3, channel))
    assert isinstance(event, DeliveryEvent)
    assert (event.state, event.code, event.failure) == (AttemptState.UNDELIVERED, code, failure)


def test_a_person_who_cannot_be_verified_is_no_conversation() -> None:
    (event,) = told(SandboxSettings(rates=CALM), attempt(1, Channel.VOICE))
    assert isinstance(event, DeliveryEvent)
    assert (event.outcome, event.code, event.failure) == (Outcome.DROPPED, "not_verified", None)


def test_the_verified_press_keys_that_the_call_offers() -> None:
    rates = replace(CALM, verified=1.0, presses=1.0)
    pressed = set()
    for number in range(200):
        conversation, *rest = told(SandboxSettings(rates=rates), attempt(number, Channel.VOICE))
        assert isinstance(conversation, DeliveryEvent)
        assert conversation.outcome is Outcome.CONVERSATION
        pressed |= {event.intent for event in rest if isinstance(event, Inbound)}
    assert pressed == {Intent.PROMISE, Intent.STOP, Intent.WRONG_PERSON}


def test_payments_are_fractions() -> None:
    rates = replace(CALM, pays=1.0, pays_in_full=0.5)
    paid = [
        event
        for n in range(100)
        for event in told(SandboxSettings(rates=rates), attempt(n))
        if isinstance(event, SandboxPayment)
    ]
    assert len(paid) == 100
    assert {event.fraction == 1.0 for event in paid} == {True, False}
    assert all(0.1 <= event.fraction <= 1.0 for event in paid)


@pytest.mark.parametrize(
    ("text", "language"), [("Pay now", "en"), ("请还款", "zh-Hans"), ("請還款", "zh-Hant"), ("Payé €1", "en")]
)
def test_the_language_of_a_message_is_that_of_its_answer(text: str, language: str) -> None:
    assert language_of(text) == language
    rates = replace(CALM, replies=1.0)
    (_, answer, *_) = told(SandboxSettings(rates=rates), replace(attempt(1), content=sms(text=text)))
    assert isinstance(answer, Inbound)
    assert (answer.sender, answer.intent) == (None, None)


@given(st.sampled_from(["en", "zh-Hans", "zh-Hant", "tlh"]), st.floats(0, 1, exclude_max=True))
def test_every_chance_says_something(language: str, chance: float) -> None:
    assert reply(language, chance)[0]
    assert key_press((("1", "promise_to_pay"), ("9", "stop")), chance) in (Intent.PROMISE, Intent.STOP)
    assert key_press((), chance) is None


async def test_a_refused_point_is_found_refused_and_the_rest_accepted() -> None:
    for rates, state in (
        (Rates(invalid=1.0), AttemptState.REJECTED),
        (replace(CALM, too_many=1.0), AttemptState.ACCEPTED),
    ):
        sandbox = Sandbox(SandboxSettings(rates=rates), now)
        found = await sandbox.find(SentAttempt(UUID(int=1), Channel.SMS, NOW, "+13125550100"))
        assert found is not None
        assert found.state is state


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """Both places where the future can be kept."""
    if request.param == "memory":
        yield KeptInMemory()
        return
    kept = RedisSandboxEvents(request.getfixturevalue("redis_url"))
    yield kept
    await kept.close()


async def test_what_is_due_is_given_until_it_is_done(store: SandboxEvents) -> None:
    sandbox = Sandbox(replace(SETTINGS, rates=replace(CALM, pays=1.0)), now, store)
    await asyncio.gather(*(sandbox.send(attempt(number)) for number in range(40)))
    assert store.take_due(NOW, 100) == []
    soon = NOW + timedelta(minutes=1)
    first = store.take_due(soon, 10)
    assert len(first) == 10
    assert [due.event.at for due in first] == sorted(due.event.at for due in first)
    assert store.take_due(soon, 10) == first
    store.done(first)
    assert len(store.take_due(soon, 100)) == 30
    later = store.take_due(NOW + timedelta(days=9), 100)
    assert len(later) == 70
    assert {type(due.event) for due in later} == {DeliveryEvent, SandboxPayment}
    store.done([])


async def test_the_same_message_twice_is_kept_once(store: SandboxEvents) -> None:
    sandbox = Sandbox(replace(SETTINGS, rates=CALM), now, store)
    for _ in range(3):
        await sandbox.send(attempt(1))
    assert len(store.take_due(NOW + timedelta(days=9), 100)) == 1


async def test_writes_at_once_share_a_round_trip(redis_url: str) -> None:
    kept = RedisSandboxEvents(f"{redis_url}?client_name=sandbox-events")
    sandbox = Sandbox(replace(SETTINGS, rates=CALM), now, kept)
    with redis.Redis.from_url(redis_url) as client:
        try:
            await asyncio.gather(*(sandbox.send(attempt(number)) for number in range(100)))
            ours = [each for each in client.client_list() if each["name"] == "sandbox-events"]
            assert client.zcard("forbear:sandbox-events") == 100
            assert 0 < sum(int(each["tot-cmds"]) for each in ours) < 15, "a few that greet, and those that write"
            assert kept.next_due() is not None
        finally:
            await kept.close()


async def test_without_its_store_the_sandbox_takes_nothing() -> None:
    kept = RedisSandboxEvents("redis://127.0.0.1:9")
    result = await Sandbox(replace(SETTINGS, rates=CALM), now, kept).send(attempt(1))
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (Failure.PROVIDER_DOWN, True)
    with pytest.raises(RedisError):
        kept.take_due(NOW, 1)
    await kept.close()


async def test_silent_and_without_latency_it_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the sandbox uses no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    store = KeptInMemory()
    sandbox = Sandbox(SandboxSettings(latency=0, events=False, rates=CALM), now, store)
    sent = [replace(attempt(0), attempt_id=UUID(int=number)) for number in range(2000)]
    start = time.process_time()
    results = [await sandbox.send(one) for one in sent]
    took = (time.process_time() - start) / len(sent)
    assert {type(result) for result in results} == {Accepted}
    assert store.take_due(NOW + timedelta(days=9), 1) == []
    assert took < 100e-6, "6 µs of processor time on the machine it was written on"


async def test_latency_is_drawn_by_the_seed() -> None:
    sandbox = Sandbox(SandboxSettings(latency=0.02, rates=CALM), now)
    start = time.perf_counter()
    await asyncio.gather(*(sandbox.send(attempt(number)) for number in range(50)))
    assert 0.01 < time.perf_counter() - start < 2


def test_a_landline_takes_no_sms_however_it_is_told() -> None:
    rates = replace(CALM, landline=1.0)
    told_at_once = told_later = 0
    for number in range(200):
        sent = replace(attempt(number), content=Sms(f"+131255501{number % 100:02d}", "x"))
        plan = planned(SandboxSettings(rates=rates), sent, 0)
        told_at_once += isinstance(plan.result, NotAccepted)
        told_later += any(getattr(step, "code", "") == "landline" for step in plan.steps)
    assert told_at_once + told_later == 200
    assert told_at_once
    assert told_later


async def test_what_never_came_is_found_so(store) -> None:  # type: ignore[no-untyped-def]
    sandbox = Sandbox(SandboxSettings(rates=CALM, latency=0), now, store)
    sent = message(Channel.SMS)
    asked = SentAttempt(sent.attempt_id, Channel.SMS, NOW, sent.content.to)
    found = await sandbox.find(asked)
    assert found is not None
    assert (found.state, found.code) == (AttemptState.REJECTED, "never_came")
    await sandbox.send(sent)
    found = await sandbox.find(asked)
    assert found is not None
    assert found.state is AttemptState.ACCEPTED
