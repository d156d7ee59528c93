"""What an attempt says, as it is kept while it is under way: JSON, to be sealed under the debtor's key."""

import dataclasses
from typing import Any

import orjson

from domain.errors import Tampered
from domain.message import Content, Email, Letter, Sms, Voice

CONTEXT = "attempts.content_cipher"
"""What the ciphertext belongs to: the associated data of `storage.crypto.seal`, with the attempt's id."""

_KINDS: dict[str, type[Content]] = {"sms": Sms, "voice": Voice, "email": Email, "letter": Letter}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_FIELDS = {kind: tuple(each.name for each in dataclasses.fields(kind)) for kind in _NAMES}


def pack(content: Content) -> bytes:
    """A content as JSON."""
    kind = type(content)
    return orjson.dumps({"kind": _NAMES[kind], **{name: getattr(content, name) for name in _FIELDS[kind]}})


def unpack(packed: bytes) -> Content:
    """A content as it was packed. Raises Tampered where that is none."""
    try:
        fields = orjson.loads(packed)
        kind = _KINDS[fields.pop("kind")]
        return kind(**{name: _frozen(value) for name, value in fields.items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Tampered("what was kept of an attempt is no message.", where=CONTEXT) from None


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
