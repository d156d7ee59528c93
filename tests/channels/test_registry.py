"""Only what was asked for is built, nothing real without `live`, and nobody who is nobody is ever sent to."""

from dataclasses import replace
from pathlib import Path

import pytest

from channels.fiction import fictional_numbers
from channels.registry import (
    PROVIDERS,
    ChannelSettings,
    Feature,
    Guarded,
    build_adapters,
    guard,
)
from channels.sandbox import Sandbox
from channels.smtp import SmtpSettings
from channels.twilio import TwilioSettings
from config.embedded.state import ROOT
from domain.channel import Channel
from domain.errors import BadSettings, Refused
from domain.message import Accepted, Failure, NotAccepted
from tests.contract import twilio_stub
from tests.contract.messages import email, letter, message, now, sms, voice
from tests.contract.rigs import twilio_settings

TWILIO = TwilioSettings("AC1", "token", "+13125550100", "+13125550101")
SMTP = SmtpSettings("relay.example", "care@lender.example")
REAL = {
    Channel.SMS: ("twilio", "sandbox"),
    Channel.VOICE: ("twilio",),
    Channel.EMAIL: ("smtp",),
    Channel.LETTER: ("sandbox",),
}
EVERYTHING = ChannelSettings(live=True, providers=REAL, twilio=TWILIO, smtp=SMTP)


def test_by_default_nothing_is_real() -> None:
    adapters = build_adapters(ChannelSettings(), now)
    assert set(adapters) == {"sandbox"}
    assert isinstance(adapters["sandbox"], Sandbox)


def test_everything_that_is_named_is_built_once() -> None:
    adapters = build_adapters(EVERYTHING, now)
    assert set(adapters) == {"twilio", "smtp", "sandbox"}
    for name, adapter in adapters.items():
        assert adapter.name == name
        assert adapter.channels == PROVIDERS[name].channels
        assert isinstance(adapter, Guarded) == PROVIDERS[name].is_live


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (replace(EVERYTHING, live=False), "live sending is off"),
        (replace(EVERYTHING, rehearsal=True), "rehearsal"),
        (ChannelSettings(providers={Channel.LETTER: ("twilio",)}), "'twilio' does not carry letter. Use sandbox."),
        (ChannelSettings(providers={Channel.SMS: ("pigeon",)}), "'pigeon' does not carry sms. Use sandbox or twilio."),
        (replace(EVERYTHING, twilio=None), "Twilio account"),
        (replace(EVERYTHING, twilio=replace(TWILIO, auth_token="")), "Twilio account"),
        (replace(EVERYTHING, twilio=replace(TWILIO, voice_from="")), "FORBEAR_TWILIO_VOICE_FROM"),
        (replace(EVERYTHING, smtp=None), "SMTP relay"),
        (replace(EVERYTHING, smtp=replace(SMTP, sender="")), "SMTP relay"),
        (replace(EVERYTHING, smtp=replace(SMTP, tls="off", username="u", password="p")), "unencrypted"),
        (replace(EVERYTHING, smtp=replace(SMTP, dkim_domain="lender.example")), "FORBEAR_DKIM_KEY_FILE"),
    ],
)
def test_settings_that_cannot_work_say_what_to_do(settings: ChannelSettings, says: str) -> None:
    with pytest.raises(BadSettings) as caught:
        build_adapters(settings, now)
    assert says in str(caught.value)


def test_a_sender_is_needed_only_for_what_is_sent() -> None:
    sms_alone = replace(TWILIO, voice_from="")
    adapters = build_adapters(ChannelSettings(live=True, providers={Channel.SMS: ("twilio",)}, twilio=sms_alone), now)
    assert adapters["twilio"].channels == {Channel.SMS}


NOBODY = [
    (Channel.SMS, sms(fictional_numbers("US")[7])),
    (Channel.SMS, sms(fictional_numbers("CN")[7])),
    (Channel.VOICE, voice(fictional_numbers("HK")[7])),
    (Channel.EMAIL, email("a@example.org")),
    (Channel.EMAIL, email("a@lender.test")),
    (Channel.EMAIL, email("a@mail.invalid")),
]
# number plans that no subscriber has: +999 is no country's
SOMEBODY = [
    (Channel.SMS, sms("+99912345678")),
    (Channel.VOICE, voice("+99912345678")),
    (Channel.EMAIL, email("a@mailbox.internal")),
    (Channel.LETTER, letter()),
]


@pytest.mark.parametrize(("channel", "content"), NOBODY)
def test_nobody_is_never_sent_to_but_in_a_rehearsal(channel: Channel, content: object) -> None:
    sent = message(channel, content)  # type: ignore[arg-type]
    with pytest.raises(Refused) as caught:
        guard(sent)
    assert str(content.to) not in str(caught.value)  # type: ignore[attr-defined]
    guard(sent, rehearsal=True)


@pytest.mark.parametrize(("channel", "content"), SOMEBODY)
def test_a_rehearsal_reaches_nobody_real(channel: Channel, content: object) -> None:
    sent = message(channel, content)  # type: ignore[arg-type]
    guard(sent)
    with pytest.raises(Refused):
        guard(sent, rehearsal=True)


async def test_the_guard_stands_before_the_provider() -> None:
    async with twilio_stub.running() as stub:
        settings = replace(EVERYTHING, twilio=twilio_settings(stub.url))
        live = build_adapters(settings, now)["twilio"]
        refused = NotAccepted(Failure.BAD_REQUEST, "not_to_be_reached", is_retryable=False)
        assert await live.send(message(Channel.SMS)) == refused
        assert stub.seen == []
        rehearsal = build_adapters(replace(settings, live=False, rehearsal=True), now)["twilio"]
        assert isinstance(await rehearsal.send(message(Channel.SMS)), Accepted)
        assert await rehearsal.send(message(Channel.SMS, sms("+99912345678"))) == refused
        assert len(stub.made) == 1
        await live.close()
        await rehearsal.close()


def matrix(page: Path) -> dict[str, dict[str, str]]:
    """The table of the page: feature by provider."""
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in page.read_text(encoding="utf-8").splitlines()
        if (line.startswith("| ") and "feature" not in line[:12]) or line.startswith("| feature")
    ]
    head = next(row for row in rows if row[0] == "feature")
    body = [row for row in rows if len(row) == len(head) and row[0] != "feature"]
    return {name: {row[0]: row[column] for row in body} for column, name in enumerate(head) if column}


def test_the_page_shows_the_registry() -> None:
    shown = matrix(ROOT / "docs" / "channels.md")
    assert set(shown) == set(PROVIDERS)
    for name, provider in PROVIDERS.items():
        for channel in Channel:
            assert shown[name][channel.value] == ("yes" if channel in provider.channels else "–")
        for feature in Feature:
            assert shown[name][feature.value] == ("yes" if feature in provider.features else "–")


def test_the_page_names_every_failure() -> None:
    text = (ROOT / "docs" / "channels.md").read_text(encoding="utf-8")
    assert [failure.value for failure in Failure if f"| `{failure.value}` |" not in text] == []
