"""Which providers there are, what each can do, and how the ones that are set up become adapters.

Real sending is off until it is configured, and even then nothing goes to a number or address that is nobody's. Between
the two stands the rehearsal: real adapters against peers on this machine, to which nothing but fiction may be sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from channels.fiction import is_fictional, is_fictional_address
from channels.protocol import Adapter, CallbackReply, CallbackRequest, Now, SentAttempt
from channels.sandbox import Sandbox
from channels.sandbox_events import SandboxEvents
from channels.sandbox_plan import SandboxSettings
from channels.smtp import Smtp, SmtpSettings
from channels.twilio import Twilio, TwilioSettings
from domain.channel import Channel
from domain.errors import BadSettings, Refused
from domain.event import DeliveryEvent, ProviderEvent
from domain.message import Content, Email, Failure, Letter, Message, NotAccepted, SendResult


class Feature(StrEnum):
    """What a provider may or may not be able to do."""

    VALIDITY = "ends with the window"
    CALLBACKS = "tells what became of it"
    SIGNED = "signs its callbacks"
    FIND = "can be asked about an attempt"
    RETRY_AFTER = "says when to try again"
    REPLIES = "brings replies"
    VERIFIES = "verifies the person"
    MACHINES = "tells machines from people"
    UNSUBSCRIBE = "one-click unsubscribe"
    LIVE = "reaches real people"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: what it carries and can do. docs/channels.md shows this table."""

    name: str
    channels: frozenset[Channel]
    features: frozenset[Feature]

    @property
    def is_live(self) -> bool:
        """Whether it reaches real people."""
        return Feature.LIVE in self.features


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("sandbox", frozenset(Channel), frozenset(Feature) - {Feature.LIVE, Feature.SIGNED}),
        Provider("twilio", frozenset({Channel.SMS, Channel.VOICE}), frozenset(Feature) - {Feature.UNSUBSCRIBE}),
        Provider(
            "smtp",
            frozenset({Channel.EMAIL}),
            frozenset(
                {
                    Feature.VALIDITY,
                    Feature.CALLBACKS,
                    Feature.SIGNED,
                    Feature.REPLIES,
                    Feature.UNSUBSCRIBE,
                    Feature.LIVE,
                }
            ),
        ),
    )
}
"""Letters are carried by the sandbox alone: no print provider has an adapter yet."""

SANDBOX_ALONE: Mapping[Channel, tuple[str, ...]] = dict.fromkeys(Channel, ("sandbox",))


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Who carries each channel, first choice first, and the settings of each provider that is named.

    `live`: real people may be contacted. `rehearsal`: real adapters may be used, but reach nothing except numbers and
    addresses reserved for fiction, so that they can be tried against peers on this machine.
    """

    live: bool = False
    rehearsal: bool = False
    providers: Mapping[Channel, tuple[str, ...]] = field(default_factory=lambda: SANDBOX_ALONE)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    twilio: TwilioSettings | None = None
    smtp: SmtpSettings | None = None


def build_adapters(
    settings: ChannelSettings, now: Now, sandbox_events: SandboxEvents | None = None
) -> dict[str, Adapter]:
    """An adapter for each provider that is named, by name. Raises BadSettings, and connects to nothing yet."""
    if settings.live and settings.rehearsal:
        raise BadSettings("a rehearsal reaches nobody real, so it excludes live sending.", where="FORBEAR_LIVE")
    named = {name: channel for channel, names in settings.providers.items() for name in names}
    for channel, names in settings.providers.items():
        for name in names:
            _check(settings, channel, name)
    return {name: _build(settings, name, channel, now, sandbox_events) for name, channel in named.items()}


def guard(message: Message, *, rehearsal: bool = False) -> None:
    """Raise Refused where a live provider may not be asked to reach this recipient.

    Nobody has a number or an address reserved for fiction; in a rehearsal nobody who is real may be reached.
    """
    content = message.content
    if isinstance(content, Letter):
        is_fiction = False
    elif isinstance(content, Email):
        is_fiction = is_fictional_address(content.to)
    else:
        is_fiction = is_fictional(content.to)
    if is_fiction and not rehearsal:
        raise Refused("numbers and addresses reserved for fiction are never sent to.", where=message.channel)
    if rehearsal and not is_fiction:
        raise Refused("a rehearsal sends to numbers and addresses reserved for fiction alone.", where=message.channel)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A live adapter behind `guard`: what may not be reached is refused before the provider hears of it."""

    inner: Adapter
    rehearsal: bool = False

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.inner.name

    @property
    def channels(self) -> frozenset[Channel]:
        """What it carries."""
        return self.inner.channels

    @property
    def at_once(self) -> int:
        """As the adapter."""
        return self.inner.at_once

    async def send(self, message: Message) -> SendResult:
        """Hand the message over, unless nobody may be reached by it."""
        try:
            guard(message, rehearsal=self.rehearsal)
        except Refused:
            return NotAccepted(Failure.BAD_REQUEST, "not_to_be_reached", is_retryable=False)
        return await self.inner.send(message)

    def verify(self, request: CallbackRequest) -> None:
        """As the adapter."""
        self.inner.verify(request)

    def parse_events(self, request: CallbackRequest, at: datetime) -> list[ProviderEvent]:
        """As the adapter."""
        return self.inner.parse_events(request, at)

    def awaits_answer(self, request: CallbackRequest) -> bool:
        """As the adapter."""
        return self.inner.awaits_answer(request)

    def respond(self, request: CallbackRequest, content: Content | None) -> CallbackReply | None:
        """As the adapter."""
        return self.inner.respond(request, content)

    @property
    def finds_by_attempt(self) -> bool:
        """As the adapter."""
        return self.inner.finds_by_attempt

    async def find(self, sent: SentAttempt) -> DeliveryEvent | None:
        """As the adapter."""
        return await self.inner.find(sent)

    async def close(self) -> None:
        """As the adapter."""
        await self.inner.close()


def _check(settings: ChannelSettings, channel: Channel, name: str) -> None:
    where = f"FORBEAR_{channel.upper()}_PROVIDER"
    provider = PROVIDERS.get(name)
    able = [known.name for known in PROVIDERS.values() if channel in known.channels]
    if provider is None or channel not in provider.channels:
        raise BadSettings(f"{name!r} does not carry {channel}.", where=where, remedy=f"Use {' or '.join(able)}.")
    if provider.is_live and not (settings.live or settings.rehearsal):
        raise BadSettings(
            f"{name} reaches real people, and live sending is off.",
            where=where,
            remedy="Set FORBEAR_LIVE=true once everything is right, or use the sandbox.",
        )


def _build(settings: ChannelSettings, name: str, channel: Channel, now: Now, events: SandboxEvents | None) -> Adapter:
    if name == "twilio":
        if settings.twilio is None or not (settings.twilio.account_sid and settings.twilio.auth_token):
            raise _missing(channel, "the Twilio account", "FORBEAR_TWILIO_ACCOUNT_SID and FORBEAR_TWILIO_AUTH_TOKEN")
        for wanted, sender in ((Channel.SMS, settings.twilio.sms_from), (Channel.VOICE, settings.twilio.voice_from)):
            if name in settings.providers.get(wanted, ()) and not sender:
                raise _missing(wanted, "the sender", f"FORBEAR_TWILIO_{wanted.upper()}_FROM")
        return Guarded(Twilio(settings.twilio, now), settings.rehearsal)
    if name == "smtp":
        if settings.smtp is None or not (settings.smtp.host and settings.smtp.sender):
            raise _missing(channel, "the SMTP relay or the sender", "FORBEAR_SMTP_HOST and FORBEAR_EMAIL_FROM")
        if settings.smtp.username and settings.smtp.tls == "off" and not _is_here(settings.smtp.host):
            raise BadSettings("a password would go over the wire unencrypted.", where="FORBEAR_SMTP_TLS")
        return Guarded(Smtp(settings.smtp, now), settings.rehearsal)
    return Sandbox(settings.sandbox, now, events)


def _missing(channel: Channel, what: str, names: str) -> BadSettings:
    return BadSettings(f"{what} for {channel} is not set.", where=names, remedy="See docs/channels.md.")


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
