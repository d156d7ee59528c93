"""A hostile SMTP relay on this machine: it misbehaves by a seed, and writes down which mails it accepted.

What it does to a mail follows from the seed, the recipient and how often it was asked about them; what it does before
it knows the recipient, from the seed and how many came before. It runs on a thread of its own, as the hostile provider
does. Nothing that the system under test says is believed here but the Message-ID of a mail, which names its attempt.
"""

import asyncio
import contextlib
import datetime as dt
import hashlib
import hmac
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from random import Random
from uuid import UUID

import aiohttp

from tests.faults.provider import Creation, Stop, drawn
from tests.faults.relay_tables import ANSWERS, AT_MAIL, AT_RCPT, GREETINGS, RARE, REPORTS, TOGETHER, Table
from tests.faults.returned import Posted, complaint, reply, report

SECRET = b"what signs returned mail"
OFFER = b"250-relay.example\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250 DELIVERBY 240"
OFFER_TOGETHER = OFFER.replace(b"250-DSN", b"250-PIPELINING\r\n250-DSN")
GARBAGE = (b"\xff\x00{[\r\n", b"\r\n", b"2\r\n", b"queued\r\n", b"250-unfinished\r\n", b"x" * 40_000)
MOST_CONNECTIONS = 12
HANG = 35.0
"""Longer than the client waits."""
LATE = 4.0
"""Seconds."""


@dataclass(slots=True)
class Envelope:
    """A mail under way: what MAIL and RCPT said, and what will be done to it. `is_refused`: its recipient was."""

    attempt_id: UUID
    begun_at: dt.datetime
    valid_for: int | None
    to: str
    behaviour: str
    chance: Random
    is_refused: bool = False


class HangUp(Exception):
    """The relay ends the connection."""


@dataclass(slots=True)
class HostileRelay:
    """The server and its memory. `is_kind` makes it answer well from then on; `latency` and `slow` in seconds.

    `returns` is where returned mail is posted to. `reported` are the attempts about which a report was taken there.
    """

    seed: int
    now: Callable[[], dt.datetime]
    latency: float = 0.1
    address: str = "127.0.0.1"
    slow: float = 1.5
    is_kind: bool = False
    port: int = 0
    returns: str = ""
    created: list[Creation] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    reported: set[UUID] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    held: list[Posted] = field(default_factory=list)
    _open: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _over: asyncio.Event | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator["HostileRelay"]:
        """Serve for as long as the block lasts."""
        is_ready = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._live(is_ready)), daemon=True)
        thread.start()
        assert is_ready.wait(10)
        try:
            yield self
        finally:
            assert self._loop
            assert self._over
            self._loop.call_soon_threadsafe(self._over.set)
            thread.join(30)

    async def _live(self, is_ready: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as self._session:
            server = await asyncio.start_server(self._serve, self.address, 0, limit=2**20)
            self.port = server.sockets[0].getsockname()[1]
            is_ready.set()
            await self._over.wait()
            server.close()
            left = asyncio.all_tasks() - {asyncio.current_task()}  # reports, and those that let a client wait
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    @property
    def is_quiet(self) -> bool:
        """Whether no report is still to be made."""
        return not self._tasks

    def release(self) -> None:
        """Make the reports that were held back."""
        held, self.held = self.held, []

        async def post_all() -> None:
            for mail in held:
                await self._report(mail, "delivered")

        assert self._loop
        asyncio.run_coroutine_threadsafe(post_all(), self._loop).result(60)

    def stop_from(self, sender: str) -> bool:
        """Have somebody write STOP; whether the system acknowledged it."""
        assert self._loop
        number = Random(f"{self.seed}/{sender}").getrandbits(60)
        written = self._stop(sender, self._return(reply(sender, "STOP", number)))
        return asyncio.run_coroutine_threadsafe(written, self._loop).result(30)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            with contextlib.suppress(HangUp, ConnectionError, asyncio.IncompleteReadError, ValueError):
                await self._talk(reader, writer, await self._greet(writer))
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()

    async def _greet(self, writer: asyncio.StreamWriter) -> str:
        """Greet a client; how it is treated until it says who it is."""
        if self._open > MOST_CONNECTIONS and not self.is_kind:
            self.injected["421, too many connections"] += 1
            await _say(writer, b"421 4.7.0 relay.example too many connections")
            raise HangUp
        how = self._behaviour(GREETINGS, self._chance("connection"))
        if how == "421 at the greeting":
            await _say(writer, b"421 4.3.2 relay.example shutting down")
        if how in ("421 at the greeting", "connection cut at the greeting"):
            raise HangUp
        if how == "slow greeting":
            await asyncio.sleep(self.slow)
        await _say(writer, b"220 relay.example ESMTP")
        return how

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        begun, mail = (self.now(), ""), None
        while line := await reader.readline():
            word, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
            match word.upper():
                case "EHLO":
                    if how == "silence after EHLO":
                        await asyncio.sleep(HANG)
                    await _say(writer, OFFER if self._chance("offer").random() >= TOGETHER else OFFER_TOGETHER)
                case "MAIL":
                    mail = None
                    begun = self.now(), rest if await self._sender(writer) else ""
                case "RCPT" if begun[1]:
                    mail = await self._recipient(writer, begun, rest)
                case "RCPT":
                    await _say(writer, b"503 5.5.1 need MAIL")
                case "DATA" if mail and not mail.is_refused:
                    await self._data(reader, writer, mail)
                    mail = None
                case "DATA":
                    await self._mail_to_nobody(reader, writer, mail.behaviour if mail else "")
                    mail = None
                case "QUIT":
                    await _say(writer, b"221 2.0.0 Bye")
                    return
                case _:
                    await _say(writer, b"250 2.0.0 Ok")

    async def _mail_to_nobody(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        """Answer DATA where no recipient was taken. Who sends a mail all the same has not looked at the replies."""
        if not how.endswith("DATA taken"):
            await _say(writer, b"554 5.5.1 no valid recipients")
            return
        await _say(writer, b"354 go on")
        if said := await reader.read(2**20):
            self.strange.append(f"strange: {len(said)} bytes came as a mail to nobody")
        raise HangUp

    async def _sender(self, writer: asyncio.StreamWriter) -> bool:
        how = self._behaviour(AT_MAIL, self._chance("MAIL"))
        if how == "connection cut at MAIL":
            raise HangUp
        await _say(writer, b"451 4.3.0 try later" if how else b"250 2.1.0 Ok")
        return not how

    async def _recipient(self, writer: asyncio.StreamWriter, begun: tuple[dt.datetime, str], rest: str) -> Envelope:
        """Draw what is done to the mail, and begin with it, or refuse its recipient."""
        to = rest.partition("<")[2].partition(">")[0]
        chance = self._chance(to)
        at, sender = begun
        mail = Envelope(UUID(_option("ENVID", sender)), at, _seconds(_option("BY", sender)), to, "", chance)
        mail.behaviour = self._behaviour(ANSWERS, chance) or "well"
        if mail.behaviour == "slow at RCPT":
            await asyncio.sleep(self.slow)
        reply = AT_RCPT.get(mail.behaviour, b"250 2.1.5 Ok")
        if mail.behaviour in AT_RCPT:
            mail.is_refused = True
            self._write_down(mail, is_accepted=False)
        if reply is None:
            raise HangUp
        if reply:
            await _say(writer, reply)
        return mail

    async def _data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mail: Envelope) -> None:
        """Take the mail, or not, and say so, or not."""
        how = mail.behaviour
        if how == "4xx at DATA":
            self._write_down(mail, is_accepted=False)
            await _say(writer, b"451 4.3.1 no room")
            return
        if how == "slow at DATA":
            await asyncio.sleep(self.slow)
        await _say(writer, b"354 go on")
        if how == "connection dropped in the middle of DATA":
            await reader.readexactly(200)
            self._write_down(mail, is_accepted=False)
            raise HangUp
        headers = (await reader.readuntil(b"\r\n.\r\n")).partition(b"\r\n\r\n")[0] + b"\r\n"
        read = message_from_bytes(headers)
        named = UUID(str(read["Message-ID"]).strip("<>").partition("@")[0])
        if named != mail.attempt_id:
            self.strange.append(f"strange: the mail of {named} came in the envelope of {mail.attempt_id}")
        mail.attempt_id = named
        is_accepted = how == "well" or how.startswith("slow") or how.endswith(", accepted")
        queue_id = self._write_down(mail, is_accepted=is_accepted)
        if is_accepted:
            await self._come_back(Posted(queue_id, named, mail.to, headers), read, mail.chance)
        await asyncio.sleep(self.latency * (0.5 + mail.chance.random()))
        await self._answer(writer, mail, f"250 2.0.0 Ok: queued as {queue_id}".encode())

    async def _answer(self, writer: asyncio.StreamWriter, mail: Envelope, well: bytes) -> None:
        how = mail.behaviour
        if how == "slow after DATA":
            await asyncio.sleep(self.slow)
        if how.startswith("time-out"):
            await asyncio.sleep(HANG)
        if how.startswith(("time-out", "connection cut")):
            raise HangUp
        if how.startswith("garbage"):
            writer.write(mail.chance.choice(GARBAGE))
            await writer.drain()
            raise HangUp
        if how.startswith("4xx"):
            await _say(writer, b"452 4.3.1 no room")
        elif how.startswith("5xx"):
            await _say(writer, b"554 5.7.1 looks like spam")
        else:
            await _say(writer, well + b"\r\n" + well if how.startswith("reply said twice") else well)
        if how.endswith("then silence"):
            await asyncio.sleep(HANG)
        if how.startswith("connection closed"):
            raise HangUp

    def _write_down(self, mail: Envelope, *, is_accepted: bool) -> str:
        """Note what was asked and what became of it; the mail's name here."""
        queue_id, at = f"4Z{len(self.created):08X}", self.now()
        left = None if mail.valid_for is None else mail.valid_for - round((at - mail.begun_at).total_seconds())
        self.created.append(Creation(mail.attempt_id, "Mail", mail.to, at, is_accepted, mail.behaviour, queue_id, left))
        return queue_id

    def _chance(self, what: str) -> Random:
        """The chance of one of these, the same whenever a run of this seed comes to it."""
        self.asked[what] += 1
        return Random(f"{self.seed}/{what}/{self.asked[what]}")

    def _behaviour(self, table: Table, chance: Random) -> str:
        """What is done, counted as a fault; an empty text: nothing but what is right."""
        chosen = drawn(table, chance)
        if self.is_kind or not chosen or (chosen in RARE and self.injected[chosen]):
            return ""
        self.injected[chosen] += 1
        return chosen

    async def _come_back(self, mail: Posted, read: Mail, chance: Random) -> None:
        """Have come back what comes back of an accepted mail, some of it badly."""
        how = self._behaviour(REPORTS, chance)
        if how == "report lost":
            return
        if how == "report hours or days late":
            self.held.append(mail)
            return
        delay = 0.0 if how == "report before the reply" else LATE if how == "report late" else self.latency * 2
        work = self._return_all(mail, how, str(read["List-Unsubscribe"]).strip("<>"), delay)
        if how == "report before the reply":
            await work
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _return_all(self, mail: Posted, how: str, unsubscribe: str, delay: float) -> None:
        await asyncio.sleep(delay)
        action = {"report of delay alone": "delayed", "report of relaying alone": "relayed"}.get(how, "delivered")
        action = "failed" if how == "report of failure" else action
        for _ in range(2 if how == "report doubled" else 1):
            await self._report(mail, action, is_envelope_lost=how == "report that lost the envelope's id")
        if how == "complaint":
            await self._stop(mail.to, self._return(complaint(mail)))
        if how == "one-click unsubscription":
            await self._stop(mail.to, self._post(unsubscribe, b"List-Unsubscribe=One-Click", {}))

    async def _report(self, mail: Posted, action: str, *, is_envelope_lost: bool = False) -> None:
        if await self._return(report(mail, action, is_envelope_lost=is_envelope_lost)):
            self.reported.add(mail.attempt_id)

    async def _stop(self, sender: str, said: Coroutine[None, None, bool]) -> bool:
        """Say stop in one of the ways there are; whether it was acknowledged, which is noted with its instant."""
        if not await said:
            return False
        self.stops.append(Stop(sender, self.now()))
        return True

    async def _return(self, mail: bytes) -> bool:
        """Post a mail as docs/channels.md tells under «returned mail», once; whether it was taken."""
        signature = hmac.new(SECRET, self.returns.encode() + b"\n" + mail, hashlib.sha256).hexdigest()
        return await self._post(
            self.returns, mail, {"X-Forbear-Signature": signature, "Content-Type": "message/rfc822"}
        )

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> bool:
        assert self._session
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._session.post(url, data=body, headers=headers) as response:
                await response.read()
                return response.status < 300
        return False


async def _say(writer: asyncio.StreamWriter, reply: bytes) -> None:
    writer.write(reply + b"\r\n")
    await writer.drain()


def _option(name: str, command: str) -> str:
    """What a command says of an option; an empty text where it says nothing."""
    found = re.search(rf"\b{name}=(\S+)", command)
    return found[1] if found else ""


def _seconds(deliver_by: str) -> int | None:
    return int(deliver_by.partition(";")[0]) if deliver_by else None
