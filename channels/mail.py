"""A mail as bytes, put together from vetted parts: in microseconds, where `EmailMessage` takes half a millisecond.

Pure. Nothing that was filled in can add a header or a part: what holds a control character is refused, the boundary
comes from the attempt's id, and text and HTML are encoded so that no line of theirs can look like one. The Message-ID
comes from the attempt, so a mail that was handed over twice is one mail to whoever gets it.
"""

import re
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from uuid import UUID

from domain.errors import BadInput
from domain.message import Email

CRLF = b"\r\n"
_LINE = 76
_WORD = 39
"""Bytes of text in one encoded word, so that it fits the line after `Subject:` (RFC 2047)."""
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_PLAIN_HEADER = re.compile(r"[ -~]{0,900}")
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*"
)
_MESSAGE_ID = re.compile(r"<?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})@")
_URL = re.compile(r"https?://[!-;=?-~]{1,900}")
_PRINTED = bytes(range(0x20, 0x7F)) + b"\t\n"
_UNPRINTED = re.compile(rb"[^\t\n -~]+")
_PIECE = re.compile(rb".{1,73}(?<!=)(?<!=.)")
"""What fits a line with its soft break, should it begin with a dot too; no escape is cut."""
_ROW = re.compile(rb".{1,76}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")

Headers = list[tuple[bytes, bytes]]
Signer = Callable[[Headers, bytes, datetime], bytes]
"""Makes the value of a DKIM-Signature header from the headers and the body."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: the bare address, and an optional name before it."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """The part behind the @."""
        return self.address.rpartition("@")[2]


def compose(content: Email, attempt_id: UUID, sender: Sender, at: datetime, sign: Signer | None = None) -> bytes:
    """The mail, with CRLF line ends and no line that begins with a dot: ready for DATA.

    Raises BadInput, which quotes nothing, where an address, the subject or the unsubscribe address is unsafe.
    """
    boundary = f"=_{attempt_id.hex}".encode()
    headers: Headers = [
        (b"Date", _date(at.replace(microsecond=0))),
        (b"From", _mailbox(sender)),
        (b"To", b"<" + address(content.to) + b">"),
        (b"Subject", header_text(content.subject)),
        (b"Message-ID", message_id(attempt_id, sender.domain)),
    ]
    if content.reply_to:
        headers.append((b"Reply-To", b"<" + address(content.reply_to) + b">"))
    if content.unsubscribe_url:
        headers.append((b"List-Unsubscribe", b"<" + _matched(_URL, content.unsubscribe_url, "unsubscribe_url") + b">"))
        headers.append((b"List-Unsubscribe-Post", b"List-Unsubscribe=One-Click"))
    headers += [
        (b"Auto-Submitted", b"auto-generated"),
        (b"Content-Language", _matched(_LANGUAGE, content.language, "language")),
        (b"MIME-Version", b"1.0"),
        (b"Content-Type", b'multipart/alternative; boundary="' + boundary + b'"'),
    ]
    body = CRLF.join(
        (
            b"--" + boundary,
            _part(b"text/plain", content.text),
            b"--" + boundary,
            _part(b"text/html", content.html),
            b"--" + boundary + b"--",
            b"",
        )
    )
    if sign is not None:
        headers.insert(0, (b"DKIM-Signature", sign(headers, body, at)))
    return b"".join(name + b": " + value + CRLF for name, value in headers) + CRLF + body


def message_id(attempt_id: UUID, domain: str) -> bytes:
    """The Message-ID of an attempt, the same whenever it is made."""
    return f"<{attempt_id}@{domain}>".encode()


def attempt_of(reference: str) -> UUID | None:
    """The attempt that a Message-ID of ours names; None for another's."""
    found = _MESSAGE_ID.search(reference)
    return UUID(found[1]) if found else None


def address(text: str) -> bytes:
    """A bare address, safe in a header and an envelope. Raises BadInput."""
    if len(text) > 254 or text.find("@") > 64:
        raise _unsafe("address")
    return _matched(_ADDRESS, text, "address")


def header_text(text: str) -> bytes:
    """Free text as the value of a header: encoded words where it is not plain ASCII. Raises BadInput."""
    if _CONTROL.search(text):
        raise _unsafe("subject")
    if _PLAIN_HEADER.fullmatch(text) and "=?" not in text and len(text) <= _LINE - 9:
        return text.encode()
    step = _WORD // len(max(text).encode("utf-8", "replace"))
    words = [text[start : start + step].encode("utf-8", "replace") for start in range(0, len(text), step)]
    return b"\r\n ".join([b"=?utf-8?B?" + b64encode(word) + b"?=" for word in words])


def _part(kind: bytes, text: str) -> bytes:
    """One part with its headers: base64 where that is about as short as quoted-printable."""
    data = text.encode("utf-8", "replace")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if 8 * data.count(b"=") + 12 * (len(data) - len(text)) > len(data):  # a quarter more by =XX, 3 bytes a character
        packed = b2a_base64(data.replace(b"\n", CRLF), newline=False)
        coded = CRLF.join(_ROW.findall(packed))
        how = b"base64"
    else:
        coded = _quoted(data)
        how = b"quoted-printable"
    return b"Content-Type: " + kind + b'; charset="utf-8"\r\nContent-Transfer-Encoding: ' + how + b"\r\n\r\n" + coded


def _quoted(data: bytes) -> bytes:
    """Quoted-printable (RFC 2045, 6.7): `binascii.b2a_qp` looks at each byte by itself, in several times the time."""
    text = data.replace(b"=", b"=3D")
    if text.translate(None, _PRINTED):
        text = _UNPRINTED.sub(_escaped, text)
    coded = CRLF.join([_broken(line) for line in text.split(b"\n")]).replace(b"\r\n.", b"\r\n=2E")
    return b"=2E" + coded[1:] if coded.startswith(b".") else coded


def _broken(line: bytes) -> bytes:
    """A line, with soft breaks where it is too long, and no blank at its end."""
    if line.endswith((b" ", b"\t")):
        line = line[:-1] + b"=%02X" % line[-1]
    return line if len(line) <= _LINE - 2 else b"=\r\n".join(_PIECE.findall(line))


def _escaped(found: re.Match[bytes]) -> bytes:
    return b"=" + found[0].hex("=").upper().encode()


@lru_cache(maxsize=16)
def _date(second: datetime) -> bytes:
    return format_datetime(second).encode()


@lru_cache(maxsize=64)
def _mailbox(sender: Sender) -> bytes:
    bare = b"<" + address(sender.address) + b">"
    if not sender.name:
        return bare
    name = sender.name
    if _PLAIN_HEADER.fullmatch(name) and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" '.encode() + bare
    return header_text(name) + b"\r\n " + bare


def _matched(pattern: re.Pattern[str], text: str, what: str) -> bytes:
    if pattern.fullmatch(text) is None:
        raise _unsafe(what)
    return text.encode()


def _unsafe(what: str) -> BadInput:
    return BadInput(
        f"the {what} of a mail is not safe to send.", where=what, remedy="Correct the template or the data."
    )
