"""Returned mail as events: reports as relays write them, complaints, replies, and whatever else a mailbox gets."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.bounces import events
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import DeliveryEvent, Inbound, Intent
from domain.facts import Outcome
from domain.message import Failure
from tests.contract.messages import NOW

ATTEMPT = UUID("01234567-89ab-4def-8123-456789abcdef")


def report(
    action: str = "failed",
    status: str = "5.1.1",
    envelope: str = f"Original-Envelope-Id: {ATTEMPT.hex}\n",
    enclosed: str = "",
) -> bytes:
    """A report as Postfix writes it."""
    return f"""Return-Path: <>
From: MAILER-DAEMON@relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: care@lender.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Message-Id: <20261124150000.ABC@relay.example>
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4Z0hV.1/relay.example"

--4Z0hV.1/relay.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.example.

--4Z0hV.1/relay.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
{envelope}X-Postfix-Queue-ID: 4Z0hV12345
Arrival-Date: Tue, 24 Nov 2026 15:00:00 +0000 (UTC)

Final-Recipient: rfc822; client.4711@example.com
Original-Recipient: rfc822;client.4711@example.com
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 {status} <client.4711@example.com>: no such user

--4Z0hV.1/relay.example
Content-Description: Undelivered Message Headers
Content-Type: {enclosed or "text/rfc822-headers"}

Return-Path: <care@lender.example>
Date: Tue, 24 Nov 2026 15:00:00 +0000
From: care@lender.example
To: client.4711@example.com
Message-ID: <{ATTEMPT}@lender.example>

--4Z0hV.1/relay.example--
""".encode()


@pytest.mark.parametrize(
    ("action", "status", "state", "outcome", "failure"),
    [
        ("failed", "5.1.1", AttemptState.UNDELIVERED, Outcome.FAILED, Failure.INVALID_POINT),
        ("failed", "5.2.2", AttemptState.UNDELIVERED, Outcome.FAILED, Failure.UNREACHABLE),
        ("failed", "5.7.1", AttemptState.UNDELIVERED, Outcome.FAILED, Failure.FILTERED),
        ("failed", "5.4.7", AttemptState.UNDELIVERED, Outcome.FAILED, Failure.EXPIRED),
        ("failed", "5.9.9", AttemptState.UNDELIVERED, Outcome.FAILED, Failure.UNKNOWN),
        ("delivered", "2.0.0", AttemptState.DELIVERED, Outcome.DELIVERED, None),
        ("relayed", "2.0.0", AttemptState.ACCEPTED, Outcome.SENT, None),
        ("expanded", "2.0.0", AttemptState.ACCEPTED, Outcome.SENT, None),
        ("delayed", "4.4.1", AttemptState.ACCEPTED, None, None),
        ("beamed", "2.0.0", None, None, None),
    ],
)
def test_each_action(
    action: str, status: str, state: AttemptState | None, outcome: Outcome | None, failure: Failure | None
) -> None:
    (event,) = events(report(action, status), NOW)
    assert isinstance(event, DeliveryEvent)
    assert (event.state, event.outcome, event.failure, event.code) == (state, outcome, failure, status)
    assert (event.attempt_id, event.channel, event.key) == (ATTEMPT, Channel.EMAIL, f"{ATTEMPT}/{action}/{status}")
    assert "no such user" in event.raw
    assert "client.4711" not in repr(event)


@pytest.mark.parametrize("enclosed", ["text/rfc822-headers", "message/rfc822"])
def test_a_relay_that_lost_the_envelope_is_understood_by_what_it_encloses(enclosed: str) -> None:
    (event,) = events(report(envelope="", enclosed=enclosed), NOW)
    assert isinstance(event, DeliveryEvent)
    assert event.attempt_id == ATTEMPT


def test_a_report_about_nothing_of_ours_says_nothing() -> None:
    raw = report(envelope="").replace(str(ATTEMPT).encode(), b"someone-else")
    assert events(raw, NOW) == []


def test_a_complaint_is_a_stop() -> None:
    raw = f"""From: abuse@example.com
Subject: FW: Your card payment
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
--b
Content-Type: message/rfc822

From: care@lender.example
Message-ID: <{ATTEMPT}@lender.example>

hello
--b--
""".encode()
    assert events(raw, NOW) == [
        Inbound(f"{ATTEMPT}/complaint", "smtp", Channel.EMAIL, NOW, None, ATTEMPT, "", Intent.STOP)
    ]


def reply(extra: str = "", body: str = "I will pay on Friday.\n") -> bytes:
    return f"""From: Kim Evergreen <client.4711@example.com>
To: care@lender.example
Subject: Re: Your card payment
Message-ID: <abc@example.com>
In-Reply-To: <{ATTEMPT}@lender.example>
{extra}Content-Type: text/plain; charset=utf-8

{body}""".encode()


@pytest.mark.parametrize(
    "body",
    [
        "I will pay on Friday.\n",
        "I will pay on Friday.\n\nOn Tue, 24 Nov 2026 at 15:00, Harbour <care@lender.example> wrote:\n> you owe\n",
        "I will pay on Friday.\n> you owe\n",
    ],
)
def test_a_reply_is_what_its_writer_wrote(body: str) -> None:
    (event,) = events(reply(body=body), NOW)
    assert event == Inbound(
        "<abc@example.com>", "smtp", Channel.EMAIL, NOW, "client.4711@example.com", ATTEMPT, "I will pay on Friday."
    )


@pytest.mark.parametrize("extra", ["Auto-Submitted: auto-replied\n", "Precedence: bulk\n", "Precedence: auto_reply\n"])
def test_what_a_machine_answers_says_nothing(extra: str) -> None:
    assert events(reply(extra), NOW) == []


@pytest.mark.parametrize("charset", ["nonsense", "utf-8", "gb18030"])
def test_any_charset_is_read_as_well_as_can_be(charset: str) -> None:
    raw = reply().replace(b"charset=utf-8", f"charset={charset}".encode())
    assert events(raw, NOW)[0].text.startswith("I will pay")  # type: ignore[union-attr]


@given(st.binary(max_size=600))
def test_any_bytes_may_come(raw: bytes) -> None:
    events(raw, NOW)


@given(st.integers(0, 2200), st.binary(max_size=6))
def test_a_damaged_report_breaks_nothing(where: int, damage: bytes) -> None:
    whole = report()
    found = events(whole[:where] + damage + whole[where + len(damage) :], NOW)
    assert all(event.key for event in found)
