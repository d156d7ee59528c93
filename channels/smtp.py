"""SMTP: pooled connections made by aiosmtplib, STARTTLS or TLS, delivery reports, DKIM, one-click unsubscription.

A mail that was refused by a reply was certainly not taken. Once its last line has left and no reply has come, nobody
knows: it is in doubt, SMTP has nobody to ask, and the Message-ID made from the attempt is what makes a repeat visible.
Codes are in `smtp_codes`, the mail itself in `mail`, what comes back in `bounces`.
"""

import asyncio
import hashlib
import hmac
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from weakref import WeakKeyDictionary

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from channels import bounces
from channels.dkim_signature import signer
from channels.mail import Sender, address, compose
from channels.protocol import (
    EXPIRED,
    MOST_BODY,
    UNSUPPORTED,
    CallbackReply,
    CallbackRequest,
    Now,
    SentAttempt,
    seconds_left,
)
from channels.smtp_codes import Phase, meaning
from channels.smtp_line import Line
from channels.smtp_pool import GO_ON, Connection, Pool, tls_context
from domain.channel import Channel
from domain.errors import BadInput, Tampered
from domain.event import DeliveryEvent, ProviderEvent
from domain.message import Accepted, Content, Email, Failure, InDoubt, Message, NotAccepted, SendResult

LEAST_SECONDS = 30
"""Less than this of the window is not worth handing a mail over for."""
SIGNATURE_HEADER = "x-forbear-signature"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The relay, and who sends. `sender`: `care@lender.example` or `Name <care@lender.example>`.

    `bounces` is the envelope's sender, to which reports return; where it is set, reports of success are asked for too.
    `connections` are held by each event loop; `seconds` bound one mail. `callback_secret` signs what is posted to us.
    """

    host: str
    sender: str
    port: int = 587
    tls: Literal["starttls", "implicit", "off"] = "starttls"
    ca: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    connections: int = 8
    seconds: float = 30.0
    bounces: str = ""
    dkim_domain: str = ""
    dkim_selector: str = "forbear"
    dkim_key: bytes = field(default=b"", repr=False)
    callback_secret: bytes = field(default=b"", repr=False)


class Smtp:
    """The adapter. Any number of event loops may use it at once. Raises BadInput, BadSettings for bad settings."""

    name = bounces.PROVIDER
    finds_by_attempt = True
    channels = frozenset({Channel.EMAIL})

    def __init__(self, settings: SmtpSettings, now: Now) -> None:
        self._settings = settings
        self._now = now
        self._sender = _sender(settings.sender)
        self._envelope = b"FROM:<" + address(settings.bounces or self._sender.address) + b">"
        self._sign = None
        if settings.dkim_domain:
            self._sign = signer(settings.dkim_domain, settings.dkim_selector, settings.dkim_key)
        ca = str(settings.ca) if settings.ca else None
        self._tls = tls_context(ca) if settings.tls != "off" else None
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()

    @property
    def at_once(self) -> int:
        """As many as there are connections."""
        return self._settings.connections

    async def send(self, message: Message) -> SendResult:
        """Hand the mail to the relay."""
        content = message.content
        if not isinstance(content, Email):
            return UNSUPPORTED
        pool = self._pool()
        async with pool.room:
            if seconds_left(message, self._now()) < LEAST_SECONDS:
                return EXPIRED
            try:
                recipient = b"TO:<" + address(content.to) + b">"
                body = compose(content, message.attempt_id, self._sender, self._now(), self._sign)
            except BadInput as unsafe:
                return NotAccepted(Failure.BAD_REQUEST, f"unsafe_{unsafe.where}", is_retryable=False)
            notify = b"NOTIFY=SUCCESS,FAILURE,DELAY" if self._settings.bounces else b"NOTIFY=FAILURE,DELAY"
            mail = _Mail(
                self._envelope,
                recipient,
                body,
                message.attempt_id.hex,
                content.to,
                notify,
                lambda: seconds_left(message, self._now()),
            )
            return await self._deliver(pool, mail)

    def verify(self, request: CallbackRequest) -> None:
        """Raise Tampered unless X-Forbear-Signature is the HMAC-SHA256, in hex, of address, line feed and body."""
        secret = self._settings.callback_secret
        given = request.headers.get(SIGNATURE_HEADER, "")
        if not secret or not given.isascii() or not hmac.compare_digest(given, signature(secret, request)):
            raise Tampered(
                "the signature does not fit.", where="webhooks/smtp", remedy="See docs/channels.md, returned mail."
            )

    def parse_events(self, request: CallbackRequest, at: datetime) -> list[ProviderEvent]:
        """What a returned mail says: a report of delivery or non-delivery, a complaint, a reply."""
        return bounces.events(request.body[:MOST_BODY], at)

    def awaits_answer(self, _request: CallbackRequest) -> bool:
        """No: mail is not answered in the same breath."""
        return False

    def respond(self, _request: CallbackRequest, _content: Content | None) -> CallbackReply | None:
        """Nothing."""
        return None

    async def find(self, _sent: SentAttempt) -> DeliveryEvent | None:
        """Nobody can be asked: a relay keeps no list."""
        return None

    async def close(self) -> None:
        """Close the running loop's connections."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.close()

    def _pool(self) -> Pool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = Pool(self._client, self._settings.connections)
        return pool

    def _client(self) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password or None if settings.username else None,
            local_hostname=self._sender.domain,
            timeout=settings.seconds,
            use_tls=settings.tls == "implicit",
            start_tls=settings.tls == "starttls",
            tls_context=self._tls,
        )

    async def _deliver(self, pool: Pool, mail: "_Mail") -> SendResult:
        """Try on a kept connection, and once more on a new one where the kept one had fallen unnoticed."""
        for is_last in (False, True):
            held = None if is_last else pool.at_hand()
            if held is None:
                try:
                    async with asyncio.timeout(self._settings.seconds):
                        held = await (pool.fresh() if is_last else pool.take())
                except (SMTPException, OSError, TimeoutError, ValueError) as error:
                    return unconnected(error)
            was_kept = held.carried > 0
            talk = _Talk(held)
            try:
                async with asyncio.timeout(self._settings.seconds):
                    result = await talk.hand_over(mail)
            except (SMTPException, OSError, TimeoutError, ValueError) as error:
                held.line.close()
                if talk.has_sent_body:
                    return InDoubt("timeout" if isinstance(error, TimeoutError) else "no_reply_to_data")
                if was_kept and not is_last and isinstance(error, SMTPServerDisconnected):
                    continue
                return NotAccepted(Failure.PROVIDER_DOWN, f"lost_at_{talk.phase}", is_retryable=True)
            except BaseException:
                held.line.close()
                raise
            pool.keep(held)
            return result
        return NotAccepted(Failure.PROVIDER_DOWN, "no_connection", is_retryable=True)


@dataclass(frozen=True, slots=True, repr=False)
class _Mail:
    """One mail with its envelope. `left` tells how many seconds of its window are left."""

    sender: bytes
    recipient: bytes
    body: bytes
    envelope_id: str
    to: str
    notify: bytes
    left: Callable[[], float]


STEPS = ((Phase.SENDER, (250,)), (Phase.RECIPIENT, (250, 251)), (Phase.CONTENT, (GO_ON,)))
"""What MAIL, RCPT and DATA ask, and the replies with which each is granted."""


class _Talk:
    """One mail's dialogue with the relay: how far it has come decides what a failure means."""

    def __init__(self, held: Connection) -> None:
        self._held = held
        self.phase = Phase.SENDER
        self.has_sent_body = False

    async def hand_over(self, mail: _Mail) -> SendResult:
        """MAIL, RCPT, DATA, the body. Raises what a line raises where the connection falls.

        A relay that offers PIPELINING (RFC 2920) gets the three commands at once; what is made of its replies is the
        same, one after the other. The window is looked at again before each end of the dialogue: relays let clients
        wait on purpose.
        """
        line = self._held.line
        left = mail.left()
        if left < LEAST_SECONDS:
            return EXPIRED
        commands = _commands(line, mail, int(left))
        is_pipelined = "pipelining" in line.extensions
        if is_pipelined:
            line.say(*commands)
        for command, (phase, wanted) in zip(commands, STEPS, strict=True):
            self.phase = phase
            if not is_pipelined:
                line.say(command)
            code, text = await line.hear()
            if code not in wanted:
                return self._refused(code, text)
        if mail.left() < LEAST_SECONDS:
            line.close()  # it waits for the body, and nothing else would end that
            return EXPIRED
        if not line.is_connected:
            raise SMTPServerDisconnected("the connection fell before the body was sent")
        self.has_sent_body = True
        line.write(mail.body + b".\r\n")
        code, text = await line.hear()
        self._held.carried += 1
        if code != 250:
            if not 400 <= code < 600:
                line.close()
                return InDoubt(f"reply_{code}")
            return self._refused(code, text)
        return Accepted(_queue_id(text) or mail.envelope_id)

    def _refused(self, code: int, text: str) -> NotAccepted:
        """What a refusal means. What is none is a reply to something else: then the connection is given up."""
        if not 400 <= code < 600:
            raise SMTPServerDisconnected("the relay answers out of turn")
        found, name = meaning(code, text, self.phase)
        self._held.carried += 1
        self._held.is_amid = True
        return NotAccepted(found.failure, name, found.is_retryable)


def unconnected(error: Exception) -> NotAccepted:
    """Why there is no connection; nothing was handed over, so all of it may be tried again."""
    if isinstance(error, SMTPAuthenticationError):
        return NotAccepted(Failure.AUTHENTICATION, str(error.code), is_retryable=True)
    if isinstance(error, SMTPResponseException):
        found, name = meaning(error.code, str(error.message), Phase.CONNECT)
        return NotAccepted(found.failure, name, is_retryable=True)
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    code = "tls" if isinstance(cause, ssl.SSLError) else "no_connection"
    return NotAccepted(Failure.PROVIDER_DOWN, code, is_retryable=True)


def signature(secret: bytes, request: CallbackRequest) -> str:
    """What X-Forbear-Signature must be for this request."""
    return hmac.new(secret, request.url.encode() + b"\n" + request.body, hashlib.sha256).hexdigest()


def _commands(line: Line, mail: _Mail, left: int) -> tuple[bytes, bytes, bytes]:
    """MAIL, RCPT and DATA, asking for as much as the relay offers; `left` are the seconds of the window."""
    offered = line.extensions
    sender, recipient = [b"MAIL", mail.sender], [b"RCPT", mail.recipient]
    if "size" in offered:
        sender.append(b"SIZE=%d" % len(mail.body))
    if "dsn" in offered:
        sender += [b"RET=HDRS", b"ENVID=" + mail.envelope_id.encode()]
        recipient += [mail.notify, b"ORCPT=rfc822;" + _xtext(mail.to)]
    if "deliverby" in offered:
        # RFC 2852: returned, not delivered late, should the window close before it arrives
        sender.append(b"BY=%d;R" % left)
    return b" ".join(sender), b" ".join(recipient), b"DATA"


def _xtext(text: str) -> bytes:
    return "".join(
        character if "!" <= character <= "~" and character not in "+=" else f"+{ord(character):02X}"
        for character in text
    ).encode()


_NAMED = re.compile(r"(?s)\s*(?:\"?(?P<name>[^<>\"]*?)\"?\s*<(?P<inside>[^<>]+)>|(?P<bare>\S+))\s*")
_QUEUED = re.compile(r"(?i)\bqueued (?:as|id:?) ([\w.-]{4,64})\b")


def _queue_id(text: str) -> str | None:
    """The relay's own name for the mail, where it tells it as Postfix and others do."""
    found = _QUEUED.search(text)
    return found[1] if found else None


def _sender(text: str) -> Sender:
    found = _NAMED.fullmatch(text)
    bare = (found["inside"] or found["bare"]) if found else ""
    address(bare)
    return Sender(bare, (found["name"] or "").strip() if found else "")
