"""A hostile provider on this machine: it speaks Twilio's API, misbehaves by a seed, and writes down what it accepted.

What it does to a request follows from the seed, the recipient and how often it was asked about them, so a seed replays
whatever the order in which requests come. It runs on a thread of its own, so that it sees what processes send while
the test injects faults. Nothing that the system under test says is believed here.
"""

import asyncio
import contextlib
import datetime as dt
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qsl
from uuid import UUID

import aiohttp
from aiohttp import web

from tests.contract.twilio_stub import API, Made, callback_form, error, sign

ANSWERS = (
    ("429, with Retry-After", 0.08),
    ("5xx, not accepted", 0.05),
    ("5xx, accepted", 0.06),
    ("connection cut, not accepted", 0.04),
    ("connection cut, accepted", 0.06),
    ("garbage, not accepted", 0.02),
    ("garbage, accepted", 0.04),
    ("number refused", 0.02),
    ("slow", 0.15),
    ("time-out, not accepted", 0.01),
    ("time-out, accepted", 0.01),
)
CALLBACKS = (
    ("callback lost", 0.10),
    ("callback doubled", 0.18),
    ("callbacks reordered", 0.18),
    ("callback late", 0.10),
    ("callback before the answer", 0.15),
    ("callback hours or days late", 0.06),
    ("undelivered", 0.04),
)
"""What is done to how many requests, and to how many of the messages that were accepted."""
MOST_TIMEOUTS = 1
"""Time-outs of each kind in a run: each takes as long as the client waits."""
HANG = 25.0
LATE = 4.0
SLOW = 1.5
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Creation:
    """One request to create a message or a call. `at` is by the simulated clock, when it came in."""

    attempt_id: UUID
    kind: str
    to: str
    at: dt.datetime
    accepted: bool
    behaviour: str
    sid: str
    valid_for: int | None


@dataclass(frozen=True, slots=True)
class Stop:
    """A debtor's STOP that the system acknowledged, and the instant at which it had done so."""

    sender: str
    at: dt.datetime


@dataclass(slots=True)
class HostileProvider:
    """The server and its memory. `is_kind` makes it answer well from then on; `latency` in seconds."""

    seed: int
    now: Callable[[], dt.datetime]
    latency: float = 0.1
    address: str = "127.0.0.1"
    is_kind: bool = False
    url: str = ""
    created: list[Creation] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    made: dict[str, Made] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    held: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @contextlib.contextmanager
    def running(self) -> Iterator["HostileProvider"]:
        """Serve for as long as the block lasts."""

        async def begin() -> web.ServerRunner:
            runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0.1)
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
            await runner.setup()
            await web.TCPSite(runner, self.address, 0).start()
            self.url = f"http://{self.address}:{runner.addresses[0][1]}"
            return runner

        async def end(runner: web.ServerRunner) -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            assert self._session
            await self._session.close()
            await runner.cleanup()
            left = asyncio.all_tasks() - {asyncio.current_task()}  # those that let a client wait
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        runner = asyncio.run_coroutine_threadsafe(begin(), self._loop).result(10)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(end(runner), self._loop).result(30)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)
            self._loop.close()

    @property
    def is_quiet(self) -> bool:
        """Whether no callback is still to be made."""
        return not self._tasks

    def release(self) -> None:
        """Make the callbacks that were held back."""
        held, self.held = self.held, []

        async def post_all() -> None:
            for url, form in held:
                await self._post(url, form)

        asyncio.run_coroutine_threadsafe(post_all(), self._loop).result(60)

    def stop_from(self, sender: str, url: str) -> bool:
        """Reply STOP from a number; whether the system acknowledged it."""
        return asyncio.run_coroutine_threadsafe(self._stop(sender, url), self._loop).result(30)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        kind = "Messages" if request.path.startswith(f"{API}/Messages") else "Calls"
        if request.method == "GET":
            return self._read(request, kind)
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        to = form["To"]
        self.asked[to] += 1
        chance = Random(f"{self.seed}/{to}/{self.asked[to]}")
        at, behaviour = self.now(), self._behaviour(chance)
        accepted = behaviour in ("well", "slow") or behaviour.endswith(", accepted")
        attempt_id = UUID(form["StatusCallback"].rpartition("/")[2])
        sid = f"{'SM' if kind == 'Messages' else 'CA'}{len(self.created):032x}"
        validity = int(form["ValidityPeriod"]) if "ValidityPeriod" in form else None
        self.created.append(Creation(attempt_id, kind, to, at, accepted, behaviour, sid, validity))
        made = Made(sid, kind, to, form.get("From", ""), at.timestamp())
        if accepted:
            self.made[sid] = made
            await self._call_back(made, form["StatusCallback"], chance)
        await asyncio.sleep(self.latency * (0.5 + chance.random()))
        return await self._answer(request, behaviour, made)

    def _behaviour(self, chance: Random) -> str:
        """What is done to a request, counted as a fault unless it is answered well."""
        chosen = drawn(ANSWERS, chance)
        is_spent = chosen.startswith("time-out") and self.injected[chosen] >= MOST_TIMEOUTS
        if self.is_kind or not chosen or is_spent:
            return "well"
        self.injected[chosen] += 1
        return chosen

    async def _answer(self, request: web.BaseRequest, behaviour: str, made: Made) -> web.StreamResponse:
        if behaviour == "slow":
            await asyncio.sleep(SLOW)
        if behaviour.startswith("time-out"):
            await asyncio.sleep(HANG)
        if behaviour.startswith(("time-out", "connection cut")):
            if request.transport:
                request.transport.abort()
            return web.Response()
        if behaviour.startswith("429"):
            body = error(429, 20429, "Too Many Requests").body
            return web.Response(status=429, body=body, headers={"Retry-After": "1"}, content_type="application/json")
        if behaviour.startswith("5xx"):
            return web.Response(status=503, text="<html>Service Unavailable</html>")
        if behaviour.startswith("garbage"):
            return web.Response(status=201, body=b'{"sid": ["', content_type="application/json")
        if behaviour == "number refused":
            body = error(400, 21211, "Invalid 'To' Phone Number").body
            return web.Response(status=400, body=body, content_type="application/json")
        return web.Response(status=201, body=made.json(), content_type="application/json")

    async def _call_back(self, made: Made, url: str, chance: Random) -> None:
        """Make the status callbacks of a message, some of them badly."""
        how = "" if self.is_kind else drawn(CALLBACKS, chance)
        if how:
            self.injected[how] += 1
        statuses = ["sent", "delivered"] if made.kind == "Messages" else ["completed"]
        if how == "undelivered":
            statuses[-1], made.error_code = ("undelivered", 30003) if made.kind == "Messages" else ("no-answer", None)
        made.status = statuses[-1]
        if how == "callback lost":
            return
        if how == "callbacks reordered":
            statuses.reverse()
        if how == "callback hours or days late":
            self.held += [(url, callback_form(made, status)) for status in statuses[-1:]]
            return
        if how == "callback doubled":
            statuses = [*statuses, *statuses]
        delay = 0.0 if how == "callback before the answer" else LATE if how == "callback late" else self.latency * 2
        work = self._post_all(made, url, statuses, delay)
        if how == "callback before the answer":
            await work
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post_all(self, made: Made, url: str, statuses: list[str], delay: float) -> None:
        await asyncio.sleep(delay)
        for number, status in enumerate(statuses):
            said = Made(made.sid, made.kind, made.to, made.sender, made.created, status, made.error_code)
            await self._post(url, callback_form(said, status, number))

    async def _stop(self, sender: str, url: str) -> bool:
        sid = f"SM{Random(f'{self.seed}/{sender}').getrandbits(120):032x}"
        form = {"MessageSid": sid, "SmsSid": sid, "SmsStatus": "received", "From": sender, "To": "+447700900123"}
        if not await self._post(url, form | {"Body": "STOP"}):
            return False
        self.stops.append(Stop(sender, self.now()))
        return True

    async def _post(self, url: str, form: dict[str, str]) -> bool:
        """Post a signed form, once, as Twilio does; whether it was taken."""
        assert self._session
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            headers = {"X-Twilio-Signature": sign(url, form)}
            async with self._session.post(url, data=form, headers=headers) as response:
                await response.read()
                return response.status < 300
        return False

    def _read(self, request: web.BaseRequest, kind: str) -> web.StreamResponse:
        """Answer what is asked about messages: one by its id, or those to a number."""
        sid = request.path.removeprefix(f"{API}/{kind}").strip("/").removesuffix(".json")
        if sid:
            found = self.made.get(sid)
            body = found.json() if found else error(404, 20404, "not found").body
            return web.Response(status=200 if found else 404, body=body, content_type="application/json")
        to = request.query.get("To", "")
        items = [json.loads(one.json()) for one in self.made.values() if one.to == to and one.kind == kind][::-1]
        body = json.dumps({kind.lower(): items, "page": 0, "page_size": 50, "next_page_uri": None}).encode()
        return web.Response(body=body, content_type="application/json")


def drawn(table: tuple[tuple[str, float], ...], chance: Random) -> str:
    """One of the table by its share; an empty text where none is drawn."""
    left = chance.random()
    for name, share in table:
        if left < share:
            return name
        left -= share
    return ""
