"""What the sandbox makes of one attempt, as a pure function of a seed: the same attempt, the same fate.

Two things are drawn from a hash: the nature of the contact point (some numbers are dead, some are landlines, some have
opted out at the carrier), and the course of the attempt (delivered, busy, answered by a machine, replied to, paid).
"""

import struct
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from channels.sandbox_replies import key_press, reply
from domain.attempt import AttemptState
from domain.channel import Channel
from domain.event import Intent
from domain.facts import Outcome
from domain.message import Accepted, Failure, InDoubt, NotAccepted, SendResult

CODES: dict[str, tuple[Failure, bool]] = {
    "invalid_point": (Failure.INVALID_POINT, False),
    "landline": (Failure.NOT_FOR_CHANNEL, False),
    "opted_out": (Failure.OPTED_OUT, False),
    "blocked": (Failure.BLOCKED, False),
    "unreachable": (Failure.UNREACHABLE, True),
    "filtered": (Failure.FILTERED, False),
    "mailbox_full": (Failure.UNREACHABLE, True),
    "too_many": (Failure.BUSY, True),
    "expired": (Failure.EXPIRED, False),
}
"""The sandbox's own codes: what each means, and whether another try may help."""

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of 1. Those of points are of all points of the channel; the others of the attempts that come so far."""

    invalid: float = 0.012
    landline: float = 0.015
    opted_out: float = 0.005
    blocked: float = 0.003
    too_many: float = 0.002
    in_doubt: float = 0.0005
    unreachable: float = 0.04
    filtered: float = 0.003
    busy: float = 0.07
    no_answer: float = 0.33
    machine: float = 0.25
    verified: float = 0.72
    replies: float = 0.045
    presses: float = 0.65
    unsubscribes: float = 0.006
    pays: float = 0.05
    pays_after_talk: float = 0.2
    pays_in_full: float = 0.7


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How the sandbox behaves. `latency`: seconds until it takes a message, at most. `events` off: nothing follows."""

    seed: int = 1
    latency: float = 0.04
    events: bool = True
    rates: Rates = field(default_factory=Rates)


@dataclass(frozen=True, slots=True)
class SandboxPayment:
    """A debtor pays after an attempt: the receiver finds the account, and pays `fraction` of what is owed on it."""

    key: str
    attempt_id: UUID
    at: datetime
    fraction: float


class Report(NamedTuple):
    """The provider reports on the attempt, `after` seconds."""

    after: float
    state: AttemptState | None
    outcome: Outcome | None = None
    code: str | None = None


class Reply(NamedTuple):
    """The debtor answers, `after` seconds: by free text, or by a key or click whose intent is beyond doubt."""

    after: float
    text: str
    intent: Intent | None


class Pays(NamedTuple):
    """The debtor pays a fraction of what is owed, `after` seconds."""

    after: float
    fraction: float


@dataclass(frozen=True, slots=True)
class SandboxPlan:
    """How the call ends, and what follows it in time."""

    result: SendResult
    steps: tuple[Report | Reply | Pays, ...] = ()


Draws = tuple[float, float, float, float, float, float, float, float]
_EIGHT = struct.Struct("<8Q")
_UNIT = 2.0**-64


def draws(seed: int, what: bytes, ident: bytes) -> Draws:
    """Eight numbers in [0, 1) that depend on the arguments alone."""
    digest = blake2b(ident, key=seed.to_bytes(8, "little", signed=True), person=what).digest()
    return tuple(number * _UNIT for number in _EIGHT.unpack(digest))


def draw(seed: int, what: bytes, ident: bytes) -> float:
    """One number in [0, 1) that depends on the arguments alone; another than the first of `draws`."""
    digest = blake2b(ident, digest_size=8, key=seed.to_bytes(8, "little", signed=True), person=what).digest()
    return int.from_bytes(digest, "little") * _UNIT


def provider_ref(attempt_id: UUID) -> str:
    """The sandbox's name for what it took."""
    return f"SB{attempt_id.hex}"


def result(settings: SandboxSettings, attempt_id: UUID, channel: Channel, to: str, second: int | None) -> SendResult:
    """How the sandbox answers the call. `second` since 1970 is when it is asked, for it is too busy at times.

    `second` None asks what it makes of the attempt when it is not too busy.
    """
    rates = settings.rates
    nature = draw(settings.seed, b"point", to.encode())
    refusal = _refusal(rates, channel, nature)
    if refusal is not None:
        failure, is_retryable = CODES[refusal]
        return NotAccepted(failure, refusal, is_retryable)
    if second is not None and draw(settings.seed, b"rate", b"%d %b" % (second, attempt_id.bytes)) < rates.too_many:
        return NotAccepted(Failure.BUSY, "too_many", is_retryable=True, retry_after=2.0)
    if draw(settings.seed, b"doubt", attempt_id.bytes) < rates.in_doubt:
        return InDoubt("timeout")
    return Accepted(provider_ref(attempt_id))


def outcome(
    settings: SandboxSettings,
    attempt_id: UUID,
    channel: Channel,
    to: str,
    *,
    language: str = "en",
    keys: tuple[tuple[str, str], ...] = (),
    second: int | None = None,
) -> SandboxPlan:
    """The whole fate of an attempt. `keys` are those that a call offers; `language` is the debtor's."""
    answer = result(settings, attempt_id, channel, to, second)
    if isinstance(answer, NotAccepted):
        return SandboxPlan(answer)
    course = draws(settings.seed, b"course", attempt_id.bytes)
    after = draws(settings.seed, b"after", attempt_id.bytes)
    if channel is Channel.VOICE:
        steps = _call(settings.rates, course, after, keys)
    elif channel is Channel.LETTER:
        steps = _letter(settings.rates, course, after)
    else:
        nature = draw(settings.seed, b"point", to.encode())
        steps = _text(settings.rates, channel, nature, course, after, language)
    return SandboxPlan(answer, tuple(steps))


def _refusal(rates: Rates, channel: Channel, nature: float) -> str | None:
    """The code for which the point is refused at once. A mailbox is never known to be dead until it bounces."""
    if channel not in (Channel.SMS, Channel.VOICE):
        return None
    if nature < rates.invalid:
        return "invalid_point"
    if channel is Channel.VOICE:
        return None
    if nature < rates.invalid + rates.landline / 2:
        return "landline"
    if nature > 1 - rates.opted_out:
        return "opted_out"
    return None


def _text(
    rates: Rates, channel: Channel, nature: float, course: Draws, after: Draws, language: str
) -> list[Report | Reply | Pays]:
    """An SMS or email that was taken: delivered within seconds, or not; read, answered, paid, or nothing."""
    soon = 1 + 18 * after[0] if channel is Channel.SMS else 2 + 80 * after[0]
    lost = _lost(rates, channel, nature, course[0])
    if lost is not None:
        return [Report(soon, AttemptState.UNDELIVERED, Outcome.FAILED, lost)]
    steps: list[Report | Reply | Pays] = [Report(soon, AttemptState.DELIVERED, Outcome.DELIVERED)]
    later = soon + MINUTE + 5 * HOUR * after[1] ** 3
    if channel is Channel.EMAIL and course[1] < rates.unsubscribes:
        return [*steps, Reply(later, "", Intent.STOP)]
    if course[1] > 1 - rates.replies:
        text, ends = reply(language, course[2])
        steps.append(Reply(later, text, None))
        if ends:
            return steps
    return steps + _payment(rates, rates.pays, soon, course, after)


def _lost(rates: Rates, channel: Channel, nature: float, chance: float) -> str | None:
    """The code for which a text that was taken does not arrive."""
    if channel is Channel.SMS and rates.invalid <= nature < rates.invalid + rates.landline:
        return "landline"
    if channel is Channel.EMAIL and nature < rates.invalid:
        return "invalid_point"
    if nature > 1 - rates.opted_out - rates.blocked:
        return "blocked"
    if chance < rates.filtered:
        return "filtered"
    if chance < rates.filtered + rates.unreachable:
        return "unreachable" if channel is Channel.SMS else "mailbox_full"
    return None


def _call(rates: Rates, course: Draws, after: Draws, keys: tuple[tuple[str, str], ...]) -> list[Report | Reply | Pays]:
    """A call that was taken: busy, not answered, a machine, or a person who can or cannot say who they are."""
    ring = 5 + 22 * after[0]
    chance = course[0]
    if chance < rates.busy:
        return [Report(ring, AttemptState.UNDELIVERED, Outcome.BUSY, "busy")]
    if chance < rates.busy + rates.no_answer:
        return [Report(30.0 + ring, AttemptState.UNDELIVERED, Outcome.NO_ANSWER, "no_answer")]
    talk = ring + 20 + 90 * after[2]
    if chance < rates.busy + rates.no_answer + rates.machine:
        machine = Report(talk, AttemptState.DELIVERED, Outcome.LIMITED_VOICEMAIL)
        return [machine, *_payment(rates, rates.pays, talk, course, after)]
    if course[1] >= rates.verified:
        return [Report(talk, AttemptState.DELIVERED, Outcome.DROPPED, "not_verified")]
    steps: list[Report | Reply | Pays] = [Report(talk, AttemptState.DELIVERED, Outcome.CONVERSATION)]
    intent = key_press(keys, course[3]) if course[2] < rates.presses else None
    if intent is not None:
        steps.append(Reply(talk + 2, "", intent))
        if intent not in (Intent.PROMISE, Intent.OTHER):
            return steps
    return steps + _payment(rates, rates.pays_after_talk, talk, course, after)


def _letter(rates: Rates, course: Draws, after: Draws) -> list[Report | Reply | Pays]:
    """A letter: in the box after some days, or returned."""
    days = (2 + 3 * after[0]) * DAY
    if course[0] < 2 * rates.invalid:
        return [Report(days + 4 * DAY, AttemptState.UNDELIVERED, Outcome.FAILED, "invalid_point")]
    delivered = Report(days, AttemptState.DELIVERED, Outcome.DELIVERED)
    return [delivered, *_payment(rates, rates.pays, days, course, after)]


def _payment(rates: Rates, share: float, since: float, course: Draws, after: Draws) -> list[Report | Reply | Pays]:
    if course[5] >= share:
        return []
    fraction = 1.0 if course[6] < rates.pays_in_full else 0.1 + 0.5 * course[7]
    return [Pays(since + 10 * MINUTE + 3 * DAY * after[5] ** 2, fraction)]
