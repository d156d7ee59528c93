"""Connections to one SMTP relay, kept open and used in turns by one event loop."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from aiosmtplib import SMTP, SMTPException, SMTPServerDisconnected

from channels.smtp_line import Line

MOST_PER_CONNECTION = 500
"""Mails after which a connection is given back: many relays allow no more."""
IDLE_SECONDS = 10.0
"""After lying idle for longer a connection is asked whether it still stands before it is used."""
ASK_SECONDS = 5.0
GO_ON = 354
"""The relay took DATA, and waits for the mail."""


@dataclass(slots=True)
class Connection:
    """One connection, how many mails it carried, and when it was last used (seconds of the loop's clock).

    `is_amid`: its last mail was refused, and the relay is to be told to forget it before the next one.
    """

    line: Line
    carried: int = 0
    used_at: float = 0.0
    is_amid: bool = False


class Pool:
    """At most `size` connections at once; `room` is held while one is used."""

    def __init__(self, make: Callable[[], SMTP], size: int) -> None:
        self.room = asyncio.Semaphore(size)
        self._make = make
        self._free: list[Connection] = []

    def at_hand(self) -> Connection | None:
        """A kept connection that stands, as far as can be told without asking it; None: see what `take` finds."""
        if self._free and self._free[-1].line.is_connected and not _must_be_asked(self._free[-1]):
            return self._free.pop()
        return None

    async def take(self) -> Connection:
        """A connection that stands, kept or new. Raises what connecting raises."""
        while self._free:
            held = self._free.pop()
            if not held.line.is_connected:
                continue
            if await _is_ready(held):
                return held
            held.line.close()
        return await self.fresh()

    async def fresh(self) -> Connection:
        """A new connection. Raises what connecting raises."""
        smtp = self._make()
        await smtp.connect()
        try:
            if smtp.is_ehlo_or_helo_needed:
                try:
                    await smtp.ehlo()
                except SMTPException:
                    await smtp.helo()
            return Connection(Line.take_over(smtp))
        except BaseException:
            smtp.close()  # nobody else knows of it
            raise

    def keep(self, held: Connection) -> None:
        """Give a connection back; one that fell, or carried enough, is let go."""
        if held.carried >= MOST_PER_CONNECTION or not held.line.is_connected:
            held.line.close()
            return
        held.used_at = asyncio.get_running_loop().time()
        self._free.append(held)

    async def close(self) -> None:
        """Take leave on every connection that is not in use."""
        while self._free:
            held = self._free.pop()
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                await _asked(held.line, b"QUIT")
            held.line.close()


def _must_be_asked(held: Connection) -> bool:
    """Whether a mail was refused on it, or it lay idle: it is asked then before it carries the next mail."""
    return held.is_amid or asyncio.get_running_loop().time() - held.used_at >= IDLE_SECONDS


async def _is_ready(held: Connection) -> bool:
    """Whether a kept connection can carry the next mail."""
    if not _must_be_asked(held):
        return True
    try:
        code = await _asked(held.line, b"RSET" if held.is_amid else b"NOOP")
    except (SMTPException, OSError, TimeoutError):
        return False
    held.is_amid = False
    return code == 250


async def _asked(line: Line, command: bytes) -> int:
    """The code with which the relay answers a command, once it has answered all that was said before.

    Raises SMTPServerDisconnected too where it took a DATA that had been sent together with a recipient whom it refused:
    it waits for a mail, and would take the command for one.
    """
    async with asyncio.timeout(ASK_SECONDS):
        while line.owed:
            if (await line.hear()).code == GO_ON:
                raise SMTPServerDisconnected("the relay waits for a mail to nobody")
        line.say(command)
        return (await line.hear()).code


def tls_context(ca: str | None) -> ssl.SSLContext:
    """Certificates are checked, against the system's authorities or the given file of them."""
    return ssl.create_default_context(cafile=ca)
