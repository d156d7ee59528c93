"""Commands that are sent together (RFC 2920), and relays whose replies don't fit them."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from channels.smtp import Smtp
from domain.channel import Channel
from domain.message import Accepted, Failure, NotAccepted
from tests.contract.messages import message, now
from tests.contract.rigs import smtp_settings
from tests.contract.smtp_peer import BY_TURNS, CUT, MISSING, SILENCE, SmtpPeer, relay

TWICE = b"250 2.0.0 Ok\r\n250 2.0.0 Ok"
OUT_OF_TURN = [
    *((step, reply) for step in ("mail", "rcpt", "data") for reply in (MISSING, TWICE, b"220 hello", CUT, SILENCE)),
    ("mail", b"354 go on"),
    ("rcpt", b"354 go on"),
]


@pytest.fixture
async def pipelining() -> AsyncIterator[tuple[Smtp, SmtpPeer]]:
    """The adapter, and a relay that takes commands together."""
    async with relay() as made:
        adapter = Smtp(replace(smtp_settings(made.port), connections=1), now)
        yield adapter, made
        await adapter.close()


async def test_sender_recipient_and_data_are_sent_together(pipelining: tuple[Smtp, SmtpPeer]) -> None:
    smtp, peer = pipelining
    peer.in_one_packet = True
    for _ in range(2):
        assert await smtp.send(message(Channel.EMAIL)) == Accepted("4Z0hV12345")
    assert (peer.connections, len(peer.taken)) == (1, 2)


async def test_a_relay_that_does_not_offer_it_gets_one_command_at_a_time() -> None:
    async with relay(extensions=BY_TURNS, in_one_packet=True) as made:
        adapter = Smtp(smtp_settings(made.port), now)
        assert await adapter.send(message(Channel.EMAIL)) == NotAccepted(
            Failure.PROVIDER_DOWN, "lost_at_sender", is_retryable=True
        )
        assert [one.split()[0] for one in made.commands] == ["EHLO", "MAIL"]
        await adapter.close()


@pytest.mark.parametrize("in_one_packet", [True, False])
@pytest.mark.parametrize("step", ["mail", "rcpt"])
async def test_a_refusal_ahead_of_data_costs_no_connection(
    pipelining: tuple[Smtp, SmtpPeer], step: str, in_one_packet: bool
) -> None:
    smtp, peer = pipelining
    peer.replies, peer.in_one_packet = {step: b"550 5.1.1 no"}, in_one_packet
    failure = {"mail": Failure.SENDER_LIMITED, "rcpt": Failure.INVALID_POINT}[step]
    assert await smtp.send(message(Channel.EMAIL)) == NotAccepted(failure, "550 5.1.1", is_retryable=False)
    peer.replies = {}
    assert await smtp.send(message(Channel.EMAIL)) == Accepted("4Z0hV12345")
    assert (peer.connections, len(peer.taken)) == (1, 1)
    assert "RSET" in peer.commands


@pytest.mark.parametrize("in_one_packet", [True, False])
@pytest.mark.parametrize("step", ["mail", "rcpt"])
async def test_data_that_is_taken_after_a_refusal_gets_no_mail(
    pipelining: tuple[Smtp, SmtpPeer], step: str, in_one_packet: bool
) -> None:
    smtp, peer = pipelining
    peer.replies, peer.takes_any_data, peer.in_one_packet = {step: b"550 5.1.1 no"}, True, in_one_packet
    failure = {"mail": Failure.SENDER_LIMITED, "rcpt": Failure.INVALID_POINT}[step]
    assert await smtp.send(message(Channel.EMAIL)) == NotAccepted(failure, "550 5.1.1", is_retryable=False)
    peer.replies = {}
    assert await smtp.send(message(Channel.EMAIL)) == Accepted("4Z0hV12345")
    assert (peer.connections, len(peer.taken)) == (2, 1)
    assert "RSET" not in peer.commands, "it would have been the first line of a mail"


@pytest.mark.parametrize("in_one_packet", [True, False])
@pytest.mark.parametrize(("step", "reply"), OUT_OF_TURN)
async def test_replies_out_of_turn_never_bring_a_body(
    pipelining: tuple[Smtp, SmtpPeer], step: str, reply: bytes | None, in_one_packet: bool
) -> None:
    smtp, peer = pipelining
    peer.replies, peer.in_one_packet = {step: reply}, in_one_packet
    result = await smtp.send(message(Channel.EMAIL))
    assert isinstance(result, NotAccepted)
    assert (result.failure, result.is_retryable) == (Failure.PROVIDER_DOWN, True)
    assert result.code.startswith("lost_at_")
    assert peer.taken == []
    peer.replies = {}
    assert await smtp.send(message(Channel.EMAIL)) == Accepted("4Z0hV12345")
    assert len(peer.taken) == 1


async def test_a_cut_between_the_replies_of_a_kept_connection_is_tried_on_a_new_one(
    pipelining: tuple[Smtp, SmtpPeer],
) -> None:
    smtp, peer = pipelining
    await smtp.send(message(Channel.EMAIL))
    peer.replies = {"rcpt": CUT}
    assert await smtp.send(message(Channel.EMAIL)) == NotAccepted(
        Failure.PROVIDER_DOWN, "lost_at_recipient", is_retryable=True
    )
    assert (peer.connections, len(peer.taken)) == (2, 1)
