"""Short signed links in messages: what a link is for, whom it concerns, until when; without personal data or a row.

A token is base64url(purpose, ids, last day, mac): for one id 42 characters, for two 63. The mac is the first 12 bytes
of HMAC-SHA-256 under a key of our own, and covers the purpose: a link to pay can never be used to stop. Messages are
rendered with `sign`, the web process reads them with `verify`.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
from collections.abc import Sequence
from enum import IntEnum
from uuid import UUID

from domain.errors import BadInput, Tampered

MAC = 12
"""Bytes of the mac: forging one takes 2^95 tries on average, each over the network."""
EPOCH = dt.date(2020, 1, 1)
LONGEST = 120
"""Characters that a token can have; longer ones are not decoded."""


class Purpose(IntEnum):
    """What a link is for. The ids that it carries are, in this order:"""

    PAY = 1
    """creditor"""
    HELP = 2
    """creditor"""
    UNSUBSCRIBE = 3
    """creditor, attempt: the message it stood in, and with it the debtor, the contact point and the channel"""


IDS = {Purpose.PAY: 1, Purpose.HELP: 1, Purpose.UNSUBSCRIBE: 2}


def link_key(secret: bytes) -> bytes:
    """The key of links, derived from a secret that is used for other things too."""
    return hmac.new(secret, b"forbear links", hashlib.sha256).digest()


def sign(key: bytes, purpose: Purpose, ids: Sequence[UUID], last_day: dt.date) -> str:
    """A token for these ids, good until the end of `last_day` (UTC). Raises ValueError where the ids don't fit."""
    if len(ids) != IDS[purpose]:
        raise ValueError(f"a link to {purpose.name.lower()} takes {IDS[purpose]} ids")
    days = max(0, (last_day - EPOCH).days)
    body = bytes([purpose]) + b"".join(one.bytes for one in ids) + days.to_bytes(2, "big")
    return base64.urlsafe_b64encode(body + _mac(key, body)).rstrip(b"=").decode()


def verify(key: bytes, purpose: Purpose, token: str, today: dt.date) -> tuple[UUID, ...]:
    """The ids of a token. Raises Tampered where it is not ours or for something else, BadInput where it is over."""
    body, mac = _parts(token)
    if not hmac.compare_digest(_mac(key, body), mac) or body[:1] != bytes([purpose]):
        raise Tampered("the link is not one of ours.", where="link")
    if len(body) != 3 + 16 * IDS[purpose]:
        raise Tampered("the link is not one of ours.", where="link")
    if today > EPOCH + dt.timedelta(days=int.from_bytes(body[-2:], "big")):
        raise BadInput("the link is too old.", where="link", remedy="Use the one in the newest message.")
    return tuple(UUID(bytes=body[at : at + 16]) for at in range(1, len(body) - 2, 16))


def _parts(token: str) -> tuple[bytes, bytes]:
    """What was signed, and the mac. One token has one spelling: padding bits that are not zero are refused."""
    try:
        if len(token) > LONGEST:
            raise ValueError
        given = token.encode("ascii")
        raw = base64.urlsafe_b64decode(given + b"=" * (-len(given) % 4))
        if base64.urlsafe_b64encode(raw).rstrip(b"=") != given:
            raise ValueError
    except (ValueError, binascii.Error):
        raise Tampered("the link is not one of ours.", where="link") from None
    return raw[:-MAC], raw[-MAC:]


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:MAC]
