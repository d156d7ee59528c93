"""The sandbox: a provider for every channel that reaches nobody, and behaves as real ones do.

It takes, refuses, delays, loses and answers by a seed (`sandbox_plan`), so a demo, a test and a forecast see the same
world each time. What follows a message goes to a store of events that are due later; no network is ever used.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from redis.exceptions import RedisError

from channels.protocol import EXPIRED, CallbackReply, CallbackRequest, Now, SentAttempt
from channels.sandbox_events import PROVIDER, SandboxEvent, SandboxEvents
from channels.sandbox_plan import (
    CODES,
    Pays,
    Reply,
    Report,
    SandboxPayment,
    SandboxPlan,
    SandboxSettings,
    draw,
    outcome,
    provider_ref,
    result,
)
from channels.sandbox_replies import language_of
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.errors import Tampered
from domain.event import DeliveryEvent, Inbound, ProviderEvent
from domain.facts import Outcome
from domain.message import Content, Failure, Letter, Message, NotAccepted, SendResult, Sms, Voice

_NOT_KEPT = NotAccepted(Failure.PROVIDER_DOWN, "events_not_kept", is_retryable=True, retry_after=5.0)
"""The sandbox has a message once what follows it is kept; what follows has keys, so a second try repeats nothing."""

_NEVER_CAME = NotAccepted(Failure.UNKNOWN, "never_came", is_retryable=False)


class Sandbox:
    """The adapter of the sandbox. `events` None, or `settings.events` off: nothing comes back."""

    name = PROVIDER
    finds_by_attempt = True
    channels = frozenset(Channel)
    at_once = 1_000

    def __init__(self, settings: SandboxSettings, now: Now, events: SandboxEvents | None = None) -> None:
        self._settings = settings
        self._now = now
        self._events = events if settings.events else None

    async def send(self, message: Message) -> SendResult:
        """Take or refuse the message as its plan says."""
        settings = self._settings
        if settings.latency:
            share = draw(settings.seed, b"latency", message.attempt_id.bytes)
            await asyncio.sleep(settings.latency * share)
        now = self._now()
        if now >= message.valid_until:
            return EXPIRED
        second = int(now.timestamp())
        if self._events is None:
            return result(settings, message.attempt_id, message.channel, recipient(message.content), second)
        plan = planned(settings, message, second)
        if plan.steps:
            try:
                await self._events.add(message.creditor_id, followed(plan, message, now))
            except (RedisError, OSError):
                return _NOT_KEPT
        return plan.result

    def verify(self, _request: CallbackRequest) -> None:
        """Refuse: the sandbox makes no requests, so whoever does is not the sandbox."""
        raise Tampered("the sandbox sends no callbacks.", where=f"webhooks/{PROVIDER}")

    def parse_events(self, _request: CallbackRequest, _at: datetime) -> list[ProviderEvent]:
        """Nothing: see `verify`."""
        return []

    def awaits_answer(self, _request: CallbackRequest) -> bool:
        """No: see `verify`."""
        return False

    def respond(self, _request: CallbackRequest, _content: Content | None) -> CallbackReply | None:
        """Nothing: see `verify`."""
        return None

    async def find(self, sent: SentAttempt) -> DeliveryEvent | None:
        """What the sandbox made of the attempt, drawn again; rejected where it never got it.

        Without events it remembers nothing, and takes it that it was asked.
        """
        answer = result(self._settings, sent.attempt_id, sent.channel, sent.to, None)
        at, ref = self._now(), provider_ref(sent.attempt_id)
        if not isinstance(answer, NotAccepted) and not await self._has(sent.attempt_id):
            answer = _NEVER_CAME
        if isinstance(answer, NotAccepted):
            return DeliveryEvent(
                f"{ref}/found",
                self.name,
                sent.channel,
                at,
                sent.attempt_id,
                None,
                AttemptState.REJECTED,
                failure=answer.failure,
                code=answer.code,
            )
        return DeliveryEvent(f"{ref}/found", self.name, sent.channel, at, sent.attempt_id, ref, AttemptState.ACCEPTED)

    async def _has(self, attempt_id: UUID) -> bool:
        return self._events is None or await self._events.has_heard(attempt_id)

    async def close(self) -> None:
        """Nothing is held."""


def recipient(content: Content) -> str:
    """The contact value, as one text."""
    return "\n".join(content.to) if isinstance(content, Letter) else content.to


def planned(settings: SandboxSettings, message: Message, second: int) -> SandboxPlan:
    """The plan of a message that is sent at `second` since 1970."""
    content = message.content
    language = language_of(content.text) if isinstance(content, Sms) else content.language
    keys = content.keys if isinstance(content, Voice) else ()
    to = recipient(content)
    return outcome(settings, message.attempt_id, message.channel, to, language=language, keys=keys, second=second)


def followed(plan: SandboxPlan, message: Message, sent_at: datetime) -> Iterator[SandboxEvent]:
    """What follows a message that was taken at `sent_at`: nothing is delivered at or after its validity ends."""
    for index, step in enumerate(plan.steps):
        at = sent_at + timedelta(seconds=step.after)
        key = f"{provider_ref(message.attempt_id)}/{index}"
        if isinstance(step, Report):
            is_late = at >= message.valid_until and step.state is AttemptState.DELIVERED
            if is_late and message.channel is not Channel.LETTER:
                late = Report(step.after, AttemptState.UNDELIVERED, Outcome.FAILED, "expired")
                yield _report(late, key, message, message.valid_until)
                return
            yield _report(step, key, message, at)
        else:
            yield _from_debtor(step, key, message.attempt_id, message.channel, at)


def _report(step: Report, key: str, message: Message, at: datetime) -> DeliveryEvent:
    failure, _ = CODES.get(step.code or "", (None, False))
    if failure is None and step.state is AttemptState.UNDELIVERED:
        failure = Failure.UNREACHABLE
    ref = provider_ref(message.attempt_id)
    return DeliveryEvent(
        key, PROVIDER, message.channel, at, message.attempt_id, ref, step.state, step.outcome, failure, step.code
    )


def _from_debtor(step: Reply | Pays, key: str, attempt_id: UUID, channel: Channel, at: datetime) -> SandboxEvent:
    if isinstance(step, Pays):
        return SandboxPayment(key, attempt_id, at, round(step.fraction, 3))
    return Inbound(key, PROVIDER, channel, at, None, attempt_id, step.text, step.intent)
