"""What replies of SMTP servers and reports of non-delivery mean to us, by enhanced status (RFC 3463) and reply code.

The enhanced status is looked up whole, then without its class, then the reply code. What is in no table is UNKNOWN; its
class alone then says whether it may be tried again: 4 is transient by protocol, 5 is not.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from domain.message import Failure


class Meaning(NamedTuple):
    """What a reply says of the mail, and whether the same mail may be handed over again later."""

    failure: Failure
    is_retryable: bool


class Phase(StrEnum):
    """How far a mail had come when the server refused it."""

    CONNECT = "connect"
    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


DETAILS: dict[str, Failure] = {
    "1.1": Failure.INVALID_POINT,
    "1.2": Failure.INVALID_POINT,
    "1.3": Failure.INVALID_POINT,
    "1.6": Failure.INVALID_POINT,
    "1.10": Failure.INVALID_POINT,
    "1.8": Failure.BAD_REQUEST,
    "2.1": Failure.INVALID_POINT,
    "2.2": Failure.UNREACHABLE,
    "2.3": Failure.BAD_REQUEST,
    "3.1": Failure.BUSY,
    "3.2": Failure.BUSY,
    "3.4": Failure.BAD_REQUEST,
    "4.1": Failure.UNREACHABLE,
    "4.2": Failure.UNREACHABLE,
    "4.3": Failure.UNREACHABLE,
    "4.4": Failure.UNREACHABLE,
    "4.5": Failure.BUSY,
    "4.7": Failure.EXPIRED,
    "5.3": Failure.BUSY,
    "7.1": Failure.FILTERED,
    "7.8": Failure.AUTHENTICATION,
    "7.9": Failure.AUTHENTICATION,
    "7.20": Failure.SENDER_LIMITED,
    "7.23": Failure.SENDER_LIMITED,
    "7.25": Failure.SENDER_LIMITED,
    "7.26": Failure.SENDER_LIMITED,
    "7.28": Failure.SENDER_LIMITED,
}
"""By subject and detail of the enhanced status, for both classes."""

TRANSIENT: dict[str, Failure] = {"4.7.1": Failure.BUSY, "4.2.1": Failure.UNREACHABLE}
"""Where the transient class says something else than the permanent: 4.7.1 is greylisting."""

REPLIES: dict[int, Failure] = {
    421: Failure.PROVIDER_DOWN,
    450: Failure.BUSY,
    451: Failure.BUSY,
    452: Failure.BUSY,
    454: Failure.PROVIDER_DOWN,
    500: Failure.BAD_REQUEST,
    501: Failure.BAD_REQUEST,
    502: Failure.BAD_REQUEST,
    503: Failure.BAD_REQUEST,
    504: Failure.BAD_REQUEST,
    530: Failure.AUTHENTICATION,
    534: Failure.AUTHENTICATION,
    535: Failure.AUTHENTICATION,
    538: Failure.AUTHENTICATION,
    550: Failure.INVALID_POINT,
    551: Failure.INVALID_POINT,
    552: Failure.UNREACHABLE,
    553: Failure.INVALID_POINT,
    554: Failure.FILTERED,
}
"""By reply code, where the server gives no enhanced status that we know."""

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_ABOUT_US = frozenset({Failure.AUTHENTICATION})


def meaning(code: int, text: str, phase: Phase) -> tuple[Meaning, str]:
    """What a refusal means, and its code for the record: the reply code, and the enhanced status where there is one."""
    found = _STATUS.search(text)
    status = found[0] if found else ""
    name = f"{code} {status}".strip()
    failure = of_status(status) or REPLIES.get(code)
    if failure is None:
        return Meaning(Failure.UNKNOWN, 400 <= code < 500), name
    if failure is Failure.INVALID_POINT and phase is not Phase.RECIPIENT:
        # a 550 to MAIL or DATA is about us or the text; the mailbox was not the reason
        failure = Failure.FILTERED if phase is Phase.CONTENT else Failure.SENDER_LIMITED
    if phase is Phase.CONNECT and failure is not Failure.AUTHENTICATION:
        failure = Failure.PROVIDER_DOWN
    return Meaning(failure, 400 <= code < 500 or failure in _ABOUT_US or phase is Phase.CONNECT), name


def of_status(status: str) -> Failure | None:
    """What an enhanced status means by itself; None where it is in no table."""
    if status in TRANSIENT:
        return TRANSIENT[status]
    return DETAILS.get(status.partition(".")[2])
