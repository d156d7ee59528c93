"""A relay that does what a test asks: any extension, any reply at any step, a cut or silence at any step.

aiosmtpd plays the well-behaved relay in other tests; it offers no delivery reports and cannot misbehave.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

EXTENSIONS = ("PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "DELIVERBY 240")
BY_TURNS = EXTENSIONS[1:]
"""Those of a relay that wants each command by itself."""
CUT, SILENCE, MISSING = b"", None, b"\0"
"""Instead of a reply: close the connection; never answer; pass over this one and go on."""

Reply = bytes | None


@dataclass(slots=True)
class Taken:
    """One mail that the relay took."""

    sender: str
    recipient: str
    body: bytes


@dataclass(slots=True)
class SmtpPeer:
    """The relay. `replies` replaces its answer at a step: greeting, ehlo, mail, rcpt, data, body, rset, noop, quit.

    `in_one_packet`: what it says to MAIL and RCPT it keeps back until DATA has come. `takes_any_data`: it wants a mail
    though it has no recipient for it.
    """

    replies: dict[str, Reply] = field(default_factory=dict)
    in_one_packet: bool = False
    takes_any_data: bool = False
    extensions: tuple[str, ...] = EXTENSIONS
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _kept_back: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client until it leaves."""
        self.connections += 1
        self._open.add(writer)
        self._kept_back.clear()
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, _Cut):
                await self._say(writer, "greeting", b"220 relay.example ESMTP")
                await self._talk(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    def drop_all(self) -> None:
        """Close every connection, as a relay that restarts does."""
        for writer in self._open:
            writer.transport.abort()

    def say_to_all(self, reply: bytes) -> None:
        """Say something on every connection that nobody asked for."""
        for writer in self._open:
            writer.write(reply + b"\r\n")

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = recipient = ""
        while line := await reader.readline():
            text = line.decode("latin-1").rstrip("\r\n")
            self.commands.append(text)
            word, _, rest = text.partition(" ")
            match word.upper():
                case "EHLO" | "HELO":
                    offered = [b"250-" + one.encode() for one in self.extensions]
                    await self._say(writer, "ehlo", b"\r\n".join([b"250-relay.example", *offered, b"250 HELP"]))
                case "MAIL":
                    sender = rest if await self._say(writer, "mail", b"250 2.1.0 Ok") else ""
                case "RCPT":
                    recipient = rest if await self._say(writer, "rcpt", b"250 2.1.5 Ok") else ""
                case "DATA" if not ((sender and recipient) or self.takes_any_data):
                    await self._say(writer, "no recipient", b"554 5.5.1 Error: no valid recipients")
                case "DATA":
                    if not await self._say(writer, "data", b"354 End data with <CR><LF>.<CR><LF>"):
                        continue
                    body = await reader.readuntil(b"\r\n.\r\n")
                    self.taken.append(Taken(sender, recipient, body[:-3].replace(b"\r\n..", b"\r\n.")))
                    await self._say(writer, "body", b"250 2.0.0 Ok: queued as 4Z0hV12345")
                case "QUIT":
                    await self._say(writer, "quit", b"221 2.0.0 Bye")
                    return
                case other:
                    await self._say(writer, other.lower(), b"250 2.0.0 Ok")

    async def _say(self, writer: asyncio.StreamWriter, step: str, usual: bytes) -> bool:
        """Answer; whether the answer grants what was asked."""
        reply = self.replies.get(step, usual)
        if reply is SILENCE:
            await asyncio.sleep(3600)
        if reply == CUT:
            raise _Cut
        if reply != MISSING:
            self._kept_back.append((reply or b"") + b"\r\n")
        if not (self.in_one_packet and step in ("mail", "rcpt")):
            writer.write(b"".join(self._kept_back))
            self._kept_back.clear()
            await writer.drain()
        return step not in self.replies or reply == MISSING or (reply or b"")[:1] in (b"2", b"3")


class _Cut(Exception):
    """The relay hangs up."""


@contextlib.asynccontextmanager
async def relay(tls: ssl.SSLContext | None = None, **options: object) -> AsyncIterator[SmtpPeer]:
    """A relay for as long as the block lasts; with `tls`, over TLS from the start."""
    peer = SmtpPeer(**options)  # type: ignore[arg-type]
    tasks: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(_tracked(peer.serve, tasks), "127.0.0.1", 0, ssl=tls, limit=2**20)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


def _tracked(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object], tasks: set[asyncio.Task[None]]
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))  # type: ignore[arg-type]
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return accept
