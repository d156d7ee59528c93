"""The contract: what every adapter does, whatever its provider does. Each runs over the wire against a peer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.protocol import SentAttempt, callback_request
from channels.registry import PROVIDERS, Feature
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.errors import Tampered
from domain.message import Accepted, Failure, InDoubt, NotAccepted
from tests.contract.messages import CONTENTS, NOW, PRIVATE, URL, message
from tests.contract.rigs import BEHAVIOURS, RIGS, Rig, genuine, smtp, twilio, unreachable

REAL = [key for key in RIGS if PROVIDERS[key[0]].is_live]


@pytest.fixture(params=RIGS, ids="-".join)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Each adapter on each of its channels."""
    async with RIGS[request.param](request.param[1]) as made:
        yield made


@pytest.fixture(params=REAL, ids="-".join)
async def real(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Each adapter that has a peer on the wire."""
    async with RIGS[request.param](request.param[1]) as made:
        yield made


def test_every_provider_of_the_registry_is_held_to_the_contract() -> None:
    assert set(RIGS) == {(name, channel) for name, provider in PROVIDERS.items() for channel in provider.channels}


async def test_it_says_who_it_is(rig: Rig) -> None:
    assert rig.adapter.name in PROVIDERS
    assert rig.adapter.channels == PROVIDERS[rig.adapter.name].channels


async def test_what_is_taken_is_accepted(rig: Rig) -> None:
    rig.behave("accept")
    result = await rig.adapter.send(rig.message())
    assert isinstance(result, Accepted)
    assert result.provider_ref


async def test_what_is_refused_for_good_is_not_tried_again(rig: Rig) -> None:
    if rig.channel in (Channel.EMAIL, Channel.LETTER) and rig.adapter.name == "sandbox":
        pytest.skip("the sandbox's mailboxes bounce later")
    rig.behave("refuse")
    result = await rig.adapter.send(rig.message())
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (Failure.INVALID_POINT, False)
    assert rig.taken() == 0


async def test_what_is_refused_for_now_can_be_tried_again(rig: Rig) -> None:
    rig.behave("refuse_for_now")
    result = await rig.adapter.send(rig.message())
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (Failure.BUSY, True)
    assert result.retry_after == rig.retry_after
    assert (result.retry_after is not None) == (Feature.RETRY_AFTER in PROVIDERS[rig.adapter.name].features)
    assert rig.taken() == 0


async def test_silence_after_it_was_taken_is_in_doubt(rig: Rig) -> None:
    rig.behave("lose")
    assert isinstance(await rig.adapter.send(rig.message()), InDoubt)


@pytest.mark.parametrize("behaviour", ["lose", "cut", "garbage"])
async def test_what_may_have_been_taken_is_never_sent_twice(real: Rig, behaviour: str) -> None:
    real.behave(behaviour)
    result = await real.adapter.send(real.message())
    assert isinstance(result, InDoubt)
    assert real.taken() == 1
    assert len(result.code) < 40


async def test_an_unknown_code_is_unknown_and_not_tried_again(real: Rig) -> None:
    real.behave("unknown")
    result = await real.adapter.send(real.message())
    assert result == NotAccepted(Failure.UNKNOWN, real.unknown_code, is_retryable=False)


@pytest.mark.parametrize("hours", [0.0, -1.0])
async def test_nothing_leaves_at_or_after_the_end_of_its_window(rig: Rig, hours: float) -> None:
    result = await rig.adapter.send(rig.message(hours=hours))
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (Failure.EXPIRED, False)
    assert rig.taken() == 0


async def test_what_it_does_not_carry_is_refused(real: Rig) -> None:
    wrong = CONTENTS[Channel.LETTER]
    result = await real.adapter.send(replace(real.message(), channel=Channel.LETTER, content=wrong))
    assert isinstance(result, NotAccepted)
    assert result.failure is Failure.BAD_REQUEST
    assert real.taken() == 0


async def test_without_a_connection_nothing_was_taken(real: Rig) -> None:
    await real.adapter.close()
    nowhere = unreachable(real.adapter.name)
    result = await nowhere.send(real.message())
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (Failure.PROVIDER_DOWN, True)
    await nowhere.close()


async def test_many_are_sent_at_once(rig: Rig) -> None:
    results = await asyncio.gather(*(rig.adapter.send(rig.message()) for _ in range(60)))
    assert {type(result) for result in results} == {Accepted}
    assert len({result.provider_ref for result in results if isinstance(result, Accepted)}) in (1, 60)
    assert rig.taken() in (0, 60)


async def test_nothing_personal_is_shown_or_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sent = rig.message()
    shown = [repr(sent), repr(rig.adapter), repr(vars(rig.adapter) if hasattr(rig.adapter, "__dict__") else "")]
    for behaviour in BEHAVIOURS if rig.adapter.name != "sandbox" else BEHAVIOURS[:1]:
        rig.behave(behaviour)
        shown.append(repr(await rig.adapter.send(rig.message())))
    text = "\n".join([*shown, *(record.getMessage() for record in caplog.records)])
    assert [private for private in (*PRIVATE, "token-of-the-stub") if private in text] == []


async def test_what_is_forged_is_refused(rig: Rig) -> None:
    sent = rig.message()
    url = URL.format(provider=rig.adapter.name, creditor=sent.creditor_id, attempt=sent.attempt_id)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for headers in (
        {},
        {"x-twilio-signature": "AAAA"},
        {"x-forbear-signature": "00" * 32},
        {"x-twilio-signature": "é"},
    ):
        for body in (b"", b"MessageSid=SM1&MessageStatus=delivered", b"{}", b"\xff\xfe"):
            with pytest.raises(Tampered):
                rig.adapter.verify(callback_request("POST", url, {**form, **headers}, body, sent.attempt_id))


async def test_a_genuine_callback_passes_and_an_altered_one_does_not(real: Rig) -> None:
    sent, name = real.message(), real.adapter.name
    request = genuine(name, sent, {"MessageSid": "SM1", "MessageStatus": "sent"}, b"From: a@example.com\r\n\r\nhello")
    real.adapter.verify(request)
    other = URL.format(provider=name, creditor=sent.creditor_id, attempt=UUID(int=99))
    altered = [
        replace(request, url=other),
        replace(request, body=request.body + b"x", form=(*request.form, ("MessageStatus", "delivered"))),
        replace(request, headers={}),
    ]
    for one in altered:
        with pytest.raises(Tampered):
            real.adapter.verify(one)


@given(st.binary(max_size=400), st.sampled_from(["application/x-www-form-urlencoded", "message/rfc822", "", "a/b"]))
def test_garbage_says_nothing_and_breaks_nothing(body: bytes, kind: str) -> None:
    async def parse() -> None:
        for make, channel in ((twilio, Channel.SMS), (smtp, Channel.EMAIL)):
            async with make(channel) as rig:
                request = callback_request(
                    "POST", f"https://forbear.example.org/?step={body!r}", {"content-type": kind}, body
                )
                events = rig.adapter.parse_events(request, NOW)
                assert events == rig.adapter.parse_events(request, NOW)
                rig.adapter.respond(request, None)

    asyncio.run(parse())


async def test_an_attempt_in_doubt_can_be_asked_about(rig: Rig) -> None:
    rig.behave("lose")
    sent = rig.message()
    await rig.adapter.send(sent)
    rig.behave("accept")
    to = getattr(sent.content, "to", "")
    found = await rig.adapter.find(
        SentAttempt(sent.attempt_id, rig.channel, NOW, to if isinstance(to, str) else "\n".join(to))
    )
    if Feature.FIND not in PROVIDERS[rig.adapter.name].features:
        assert found is None
    elif rig.adapter.name == "sandbox":
        assert found is not None
        assert (found.attempt_id, found.state) == (sent.attempt_id, AttemptState.ACCEPTED)


async def test_closing_twice_is_harmless_and_it_can_be_used_again(rig: Rig) -> None:
    await rig.adapter.close()
    await rig.adapter.close()
    assert isinstance(await rig.adapter.send(rig.message()), Accepted)


def test_each_event_loop_has_connections_of_its_own() -> None:
    async def once() -> None:
        for key, make in RIGS.items():
            async with make(key[1]) as rig:
                assert isinstance(await rig.adapter.send(message(key[1])), Accepted)

    asyncio.run(once())
    asyncio.run(once())
