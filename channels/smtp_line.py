"""One connection to a relay, once it stands: commands go out, and each reply is heard as the answer to one of them.

aiosmtplib connects, secures the connection and logs in; then this takes its place. Its own dialogue loses replies to
commands that were written together (RFC 2920), and takes a lock, a time-out and a task's turn for each of them.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple, Self, cast

from aiosmtplib import SMTP, SMTPResponseException, SMTPServerDisconnected

MOST_REPLY = 64 * 1024
"""Bytes of one reply; RFC 5321 has 512 a line."""
GARBAGE = -1
CLOSING = 421


class Reply(NamedTuple):
    """What the relay said: the code, and the text of all its lines."""

    code: int
    text: str


class Line(asyncio.Protocol):
    """The connection. Replies that came before it fell are heard all the same.

    A reply that nobody asked for ends it: whatever came after would be taken for the answer to something else.
    """

    def __init__(self, transport: asyncio.Transport, extensions: Mapping[str, str]) -> None:
        self.extensions = extensions
        self.owed = 0
        """Replies to what was said that nobody has heard yet."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._read = b""
        self._texts: list[str] = []
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended: Exception | None = None

    @classmethod
    def take_over(cls, smtp: SMTP) -> Self:
        """Talk on where aiosmtplib has connected and said hello. Raises SMTPServerDisconnected where it fell since."""
        transport = smtp.protocol.transport if smtp.protocol else None
        if transport is None:
            raise SMTPServerDisconnected("the connection fell after the greeting")
        line = cls(cast(asyncio.Transport, transport), smtp.esmtp_extensions)
        line._transport.set_protocol(line)
        return line

    @property
    def is_connected(self) -> bool:
        """Whether more may be said."""
        return self._ended is None and not self._transport.is_closing()

    def say(self, *commands: bytes) -> None:
        """Write commands, in one packet; each is owed a reply. Raises SMTPServerDisconnected, ValueError."""
        for command in commands:
            if b"\r" in command or b"\n" in command:
                raise ValueError("a command has a line end in it")
        self.write(b"\r\n".join(commands) + b"\r\n", len(commands))

    def write(self, data: bytes, replies: int = 1) -> None:
        """Write bytes as they are, which are owed so many replies. Raises SMTPServerDisconnected."""
        if not self.is_connected:
            raise SMTPServerDisconnected("the connection fell")
        self.owed += replies
        self._transport.write(data)

    async def hear(self) -> Reply:
        """The next reply. Raises SMTPServerDisconnected where none comes any more, SMTPResponseException for garbage.

        It waits as long as it takes. A relay that says that it closes the connection is taken at its word.
        """
        while not self._replies:
            if self._ended is not None:
                raise self._ended
            self._waiter = self._loop.create_future()
            await self._waiter
        self.owed -= 1
        reply = self._replies.popleft()
        if reply.code == CLOSING:
            self.close()
        return reply

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what the relay says, a whole line at a time."""
        *lines, self._read = (self._read + data).split(b"\n")
        for line in lines:
            if self._ended is None:
                self._take(line)
        if len(self._read) + sum(map(len, self._texts)) > MOST_REPLY:
            self._end(SMTPResponseException(GARBAGE, "a reply without an end"))
        self._wake()

    def eof_received(self) -> bool:
        """The relay hangs up; so does this side."""
        self._end(SMTPServerDisconnected("the relay hung up"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        lost = SMTPServerDisconnected("the connection fell")
        lost.__cause__ = exc
        self._end(lost)

    def _take(self, line: bytes) -> None:
        code, mark = line[:3], line[3:4]
        if not (code.isdigit() and len(code) == 3 and mark.strip() in (b"", b"-")):
            self._end(SMTPResponseException(GARBAGE, "that is no reply"))
            return
        self._texts.append(line[4:].strip().decode("utf-8", "surrogateescape"))
        if mark == b"-":
            return
        if len(self._replies) >= self.owed:
            self._end(SMTPServerDisconnected("the relay answers what nobody asked"))
            return
        self._replies.append(Reply(int(code), "\n".join(self._texts)))
        self._texts.clear()

    def _end(self, why: Exception) -> None:
        if self._ended is None:
            self._ended = why
        self._transport.close()
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and (self._replies or self._ended) and not waiter.done():
            waiter.set_result(None)
