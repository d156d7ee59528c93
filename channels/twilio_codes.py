"""What Twilio's codes and statuses mean to us. One table each; what is not in a table is UNKNOWN and never tried again.

Source: Twilio's error dictionary and the Message and Call resources, as of November 2026.
"""

from typing import NamedTuple

from domain.attempt import AttemptState
from domain.facts import Outcome
from domain.message import Failure


class Meaning(NamedTuple):
    """What a code says of the message, and whether the same message may be handed over again later."""

    failure: Failure
    is_retryable: bool = False


CODES: dict[int, Meaning] = {
    # the recipient
    21610: Meaning(Failure.OPTED_OUT),
    21211: Meaning(Failure.INVALID_POINT),
    21217: Meaning(Failure.INVALID_POINT),
    21614: Meaning(Failure.NOT_FOR_CHANNEL),
    21635: Meaning(Failure.NOT_FOR_CHANNEL),
    13224: Meaning(Failure.INVALID_POINT),
    # the route
    21612: Meaning(Failure.BLOCKED),
    21408: Meaning(Failure.BLOCKED),
    21214: Meaning(Failure.BLOCKED),
    21215: Meaning(Failure.BLOCKED),
    21216: Meaning(Failure.BLOCKED),
    21219: Meaning(Failure.BLOCKED),
    13227: Meaning(Failure.BLOCKED),
    # our request
    21201: Meaning(Failure.BAD_REQUEST),
    21205: Meaning(Failure.BAD_REQUEST),
    21210: Meaning(Failure.BAD_REQUEST),
    21212: Meaning(Failure.BAD_REQUEST),
    21602: Meaning(Failure.BAD_REQUEST),
    21603: Meaning(Failure.BAD_REQUEST),
    21604: Meaning(Failure.BAD_REQUEST),
    21606: Meaning(Failure.BAD_REQUEST),
    21617: Meaning(Failure.BAD_REQUEST),
    21619: Meaning(Failure.BAD_REQUEST),
    30010: Meaning(Failure.BAD_REQUEST),
    # too much at once: certainly not processed
    20429: Meaning(Failure.BUSY, is_retryable=True),
    21611: Meaning(Failure.BUSY, is_retryable=True),
    10004: Meaning(Failure.BUSY, is_retryable=True),
    30001: Meaning(Failure.BUSY, is_retryable=True),
    # our account: nothing is wrong with the message, and the circuit opens
    20003: Meaning(Failure.AUTHENTICATION, is_retryable=True),
    20005: Meaning(Failure.AUTHENTICATION, is_retryable=True),
    20006: Meaning(Failure.AUTHENTICATION, is_retryable=True),
    30002: Meaning(Failure.AUTHENTICATION, is_retryable=True),
    # delivery
    30003: Meaning(Failure.UNREACHABLE, is_retryable=True),
    30004: Meaning(Failure.BLOCKED),
    30005: Meaning(Failure.INVALID_POINT),
    30006: Meaning(Failure.NOT_FOR_CHANNEL),
    30007: Meaning(Failure.FILTERED),
    30008: Meaning(Failure.UNKNOWN, is_retryable=True),
    30036: Meaning(Failure.EXPIRED),
    # the sender's registration or limits
    30022: Meaning(Failure.SENDER_LIMITED),
    30023: Meaning(Failure.SENDER_LIMITED),
    30032: Meaning(Failure.SENDER_LIMITED),
    30034: Meaning(Failure.SENDER_LIMITED),
}
UNKNOWN = Meaning(Failure.UNKNOWN)

MESSAGE_STATES: dict[str, tuple[AttemptState, Outcome | None]] = {
    "accepted": (AttemptState.ACCEPTED, None),
    "scheduled": (AttemptState.ACCEPTED, None),
    "queued": (AttemptState.ACCEPTED, None),
    "sending": (AttemptState.ACCEPTED, None),
    "sent": (AttemptState.ACCEPTED, Outcome.SENT),
    "delivered": (AttemptState.DELIVERED, Outcome.DELIVERED),
    "partially_delivered": (AttemptState.DELIVERED, Outcome.DELIVERED),
    "read": (AttemptState.DELIVERED, Outcome.DELIVERED),
    "undelivered": (AttemptState.UNDELIVERED, Outcome.FAILED),
    "failed": (AttemptState.UNDELIVERED, Outcome.FAILED),
    "canceled": (AttemptState.UNDELIVERED, Outcome.FAILED),
}
"""`sent` may be the last that is ever heard."""

CALL_STATES: dict[str, tuple[AttemptState, Outcome | None]] = {
    "queued": (AttemptState.ACCEPTED, None),
    "initiated": (AttemptState.ACCEPTED, None),
    "ringing": (AttemptState.ACCEPTED, None),
    "in-progress": (AttemptState.ACCEPTED, None),
    "completed": (AttemptState.DELIVERED, Outcome.DROPPED),
    "busy": (AttemptState.UNDELIVERED, Outcome.BUSY),
    "no-answer": (AttemptState.UNDELIVERED, Outcome.NO_ANSWER),
    "failed": (AttemptState.UNDELIVERED, Outcome.FAILED),
    "canceled": (AttemptState.UNDELIVERED, Outcome.FAILED),
}
"""A call that completed without a verified person was dropped, unless an earlier step of it says more."""

NOT_IN_SERVICE = frozenset({"404", "410", "484", "604"})
"""SIP responses that mean nobody has this number."""

MACHINES = frozenset({"machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other"})


def meaning(code: int | None) -> Meaning:
    """What a code means; UNKNOWN for one that is in no table."""
    return CODES.get(code, UNKNOWN) if code is not None else UNKNOWN
