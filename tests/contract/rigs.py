"""What the contract suite needs of each adapter: the adapter itself, and a peer that can be told how to behave."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from channels.protocol import Adapter, CallbackRequest, callback_request
from channels.sandbox import Sandbox
from channels.sandbox_plan import Rates, SandboxSettings
from channels.smtp import SIGNATURE_HEADER, Smtp, SmtpSettings, signature
from channels.twilio import Twilio, TwilioSettings
from domain.channel import Channel
from domain.message import Message
from tests.contract import twilio_stub
from tests.contract.kept_in_memory import KeptInMemory
from tests.contract.messages import CREDITOR, URL, message, now
from tests.contract.smtp_peer import CUT, SILENCE, SmtpPeer, relay
from tests.contract.twilio_stub import Answer, TwilioStub, error, sign

SECONDS = 1.0
"""How long adapters under test wait for an answer: so long that none is late because the machine is busy."""
SMTP_SECRET = b"callback-secret"


@dataclass(slots=True)
class Rig:
    """One adapter on one channel. `behave` takes the name of a behaviour; `taken` counts what the peer took."""

    adapter: Adapter
    channel: Channel
    behave: Callable[[str], None]
    taken: Callable[[], int]
    unknown_code: str = ""
    retry_after: float | None = None

    def message(self, **options: float) -> Message:
        """A message for it."""
        return message(self.channel, provider=self.adapter.name, **options)


BEHAVIOURS = ("accept", "refuse", "refuse_for_now", "lose", "cut", "garbage", "unknown")
"""Take it; refuse it for good, or for now; take it and never answer, cut the line, talk garbage; an unknown code."""


@contextlib.asynccontextmanager
async def sandbox(channel: Channel) -> AsyncIterator[Rig]:
    """The sandbox: it behaves by its rates."""
    calm = Rates(*([0.0] * len(Rates.__slots__)))
    rates = {
        "accept": calm,
        "refuse": replace(calm, invalid=1.0),
        "refuse_for_now": replace(calm, too_many=1.0),
        "lose": replace(calm, in_doubt=1.0),
    }
    events = KeptInMemory()
    rig = Rig(Sandbox(SandboxSettings(latency=0), now, events), channel, lambda _: None, lambda: 0, retry_after=2.0)

    def behave(name: str) -> None:
        rig.adapter = Sandbox(SandboxSettings(latency=0, rates=rates[name]), now, events)

    rig.behave = behave
    behave("accept")
    yield rig


@contextlib.asynccontextmanager
async def twilio(channel: Channel) -> AsyncIterator[Rig]:
    """Twilio's adapter against the stub."""
    async with twilio_stub.running() as stub:
        adapter = Twilio(twilio_settings(stub.url), now)
        yield Rig(adapter, channel, _twilio_behaviour(stub), lambda: len(stub.made), "29999", retry_after=3.0)
        await adapter.close()


def twilio_settings(url: str) -> TwilioSettings:
    """Settings for the stub."""
    return TwilioSettings(
        twilio_stub.ACCOUNT,
        twilio_stub.TOKEN,
        sms_from="+13125550100",
        voice_from="+13125550101",
        base_url=url,
        seconds=SECONDS,
    )


def _twilio_behaviour(stub: TwilioStub) -> Callable[[str], None]:
    refusal = error(429, 20429, "Too Many Requests")
    answers = {
        "accept": Answer(),
        "refuse": error(400, 21211, "Invalid 'To' Phone Number: +13125550142"),
        "refuse_for_now": Answer(429, refusal.body, {"Retry-After": "3"}, accepts=False),
        "lose": Answer(delay=3 * SECONDS, accepts=True),
        "cut": Answer(cuts=True, accepts=True),
        "garbage": Answer(201, b"\xff\x00{[", accepts=True),
        "unknown": error(400, 29999, "Something new about +13125550142"),
    }
    return lambda name: stub.script.append(answers[name])


@contextlib.asynccontextmanager
async def smtp(channel: Channel) -> AsyncIterator[Rig]:
    """The SMTP adapter against a relay in this process."""
    async with relay() as peer:
        adapter = Smtp(smtp_settings(peer.port), now)
        yield Rig(adapter, channel, _smtp_behaviour(peer), lambda: len(peer.taken), "599")
        await adapter.close()


def smtp_settings(port: int) -> SmtpSettings:
    """Settings for a relay on this machine, without TLS."""
    return SmtpSettings(
        "127.0.0.1",
        "Harbour Bank <care@lender.example>",
        port=port,
        tls="off",
        seconds=SECONDS,
        callback_secret=SMTP_SECRET,
    )


def _smtp_behaviour(peer: SmtpPeer) -> Callable[[str], None]:
    replies: dict[str, dict[str, bytes | None]] = {
        "accept": {},
        "refuse": {"rcpt": b"550 5.1.1 <client.4711@example.com>: user unknown"},
        "refuse_for_now": {"rcpt": b"451 4.7.1 <client.4711@example.com>: greylisted"},
        "lose": {"body": SILENCE},
        "cut": {"body": CUT},
        "garbage": {"body": b"\xff\x00 what?"},
        "unknown": {"rcpt": b"599 a new reply about client.4711@example.com"},
    }
    return lambda name: setattr(peer, "replies", replies[name])


RIGS = {
    ("sandbox", Channel.SMS): sandbox,
    ("sandbox", Channel.VOICE): sandbox,
    ("sandbox", Channel.EMAIL): sandbox,
    ("sandbox", Channel.LETTER): sandbox,
    ("twilio", Channel.SMS): twilio,
    ("twilio", Channel.VOICE): twilio,
    ("smtp", Channel.EMAIL): smtp,
}


def unreachable(name: str) -> Adapter:
    """A real adapter that was pointed to a port where nobody listens."""
    return Twilio(twilio_settings("http://127.0.0.1:9"), now) if name == "twilio" else Smtp(smtp_settings(9), now)


def genuine(name: str, attempt: Message, form: dict[str, str] | None = None, body: bytes = b"") -> CallbackRequest:
    """A callback as the provider itself would make it."""
    url = URL.format(provider=name, creditor=CREDITOR, attempt=attempt.attempt_id)
    if name == "twilio":
        return twilio_request(url, form or {}, attempt)
    unsigned = callback_request("POST", url, {}, body, attempt.attempt_id)
    headers = {SIGNATURE_HEADER: signature(SMTP_SECRET, unsigned), "content-type": "message/rfc822"}
    return callback_request("POST", url, headers, body, attempt.attempt_id)


def twilio_request(url: str, form: dict[str, str], attempt: Message | None = None) -> CallbackRequest:
    """A form as Twilio posts and signs it."""
    headers = {"X-Twilio-Signature": sign(url, form), "Content-Type": "application/x-www-form-urlencoded"}
    return callback_request("POST", url, headers, urlencode(form).encode(), attempt.attempt_id if attempt else None)
