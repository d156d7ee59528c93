"""Messages for the contract suite: one of each channel, to people who are nobody."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.channel import Channel
from domain.message import Content, Email, Letter, Message, Sms, Voice

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
CREDITOR = UUID(int=7)
TO = "+13125550142"
MAILBOX = "client.4711@example.com"
SECRET = "you owe 1,284.50 dollars"
DIGITS = "19840229"
SALT = "salt"
URL = "https://forbear.example.org/webhooks/{provider}/{creditor}/{attempt}"
PRIVATE = (TO, MAILBOX, SECRET, DIGITS, "Evergreen")
"""What no log, error or repr may ever show."""

_numbers = itertools.count(1)


def now() -> datetime:
    """The present of the suite."""
    return NOW


def sms(to: str = TO, text: str = f"Harbour Bank: {SECRET}. Reply STOP to end.") -> Sms:
    """An SMS."""
    return Sms(to, text)


def voice(
    to: str = TO, machine: str | None = "Hello, this is Harbour. Please call back.", language: str = "en"
) -> Voice:
    """A call that asks for a date of birth."""
    return Voice(
        to=to,
        language=language,
        opening="Hello. This is an automated call from Harbour for Kim Evergreen.",
        verify="Key in your date of birth, then press the pound key.",
        verify_salt=SALT,
        verify_digests=(hashlib.sha256(f"{SALT}{DIGITS}".encode()).hexdigest(),),
        message=f"Thank you. {SECRET} & press 1 <now>.",
        machine=machine,
        goodbye="Goodbye.",
        keys=(("1", "promise_to_pay"), ("8", "wrong_person"), ("9", "stop")),
    )


def email(to: str = MAILBOX, subject: str = "Your card payment") -> Email:
    """A mail of about the usual size."""
    return Email(
        to=to,
        language="en",
        subject=subject,
        text=f"Dear Kim Evergreen,\n\n{SECRET}.\n.\nFrom here on: pay at https://pay.example.com/x\n",
        html=f"<html><body><p>Dear Kim Evergreen,</p><p>{SECRET}</p>{'<p>Terms apply.</p>' * 200}</body></html>",
        unsubscribe_url="https://forbear.example.org/unsubscribe/abc",
        reply_to="care@lender.example",
    )


def letter() -> Letter:
    """A letter."""
    return Letter(("Kim Evergreen", "1 Example Street", "Chicago"), "en", SECRET)


CONTENTS: dict[Channel, Content] = {
    Channel.SMS: sms(),
    Channel.VOICE: voice(),
    Channel.EMAIL: email(),
    Channel.LETTER: letter(),
}


def message(channel: Channel, content: Content | None = None, *, hours: float = 5.0, provider: str = "any") -> Message:
    """A new attempt, valid for `hours` from now."""
    attempt_id = UUID(int=next(_numbers), version=4)
    return Message(
        attempt_id=attempt_id,
        creditor_id=CREDITOR,
        channel=channel,
        content=content or CONTENTS[channel],
        valid_until=NOW + timedelta(hours=hours),
        callback_url=URL.format(provider=provider, creditor=CREDITOR, attempt=attempt_id),
    )
