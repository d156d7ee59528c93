"""An HTTP server held to Twilio's documented API: accounts, messages, calls, their errors, and signed callbacks.

    python -m tests.contract.twilio_stub --port 8025 [--latency 50] [--hostile SEED] [--callbacks] [--record FILE]

It writes down all that it saw, one JSON object a line: `accepted` says whether a message now exists, whatever the
caller was answered. With `--hostile` it misbehaves as providers do (`FAULTS`), by the seed. In a test process,
`TwilioStub` is used directly, and `script` holds what the next requests are answered.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from random import Random
from typing import TextIO
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from twilio.request_validator import RequestValidator

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "token-of-the-stub"
API = f"/2010-04-01/Accounts/{ACCOUNT}"

FAULTS = (
    ("too_many", 0.06),
    ("error_before", 0.04),
    ("error_after", 0.04),
    ("cut_before", 0.03),
    ("cut_after", 0.03),
    ("hang_before", 0.01),
    ("hang_after", 0.01),
    ("garbage_after", 0.03),
    ("refused", 0.03),
    ("slow", 0.05),
)
"""What `--hostile` does to a request, and how often. `after`: the message exists although the caller does not know."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request is answered. `accepts` None: as the status says. `cuts` closes without a word."""

    status: int = 201
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    accepts: bool | None = None
    cuts: bool = False


@dataclass(slots=True)
class Made:
    """A message or call that exists."""

    sid: str
    kind: str
    to: str
    sender: str
    created: float
    status: str = "queued"
    error_code: int | None = None

    def json(self) -> bytes:
        """The resource as Twilio shows it, without the fields that nobody reads."""
        date = formatdate(self.created, usegmt=True)
        return (
            b'{"sid":"%b","account_sid":"%b","to":%b,"from":%b,"status":"%b","error_code":%b,"error_message":null,'
            b'"direction":"outbound-api","num_segments":"1","price":null,"price_unit":"USD","api_version":"2010-04-01",'
            b'"date_created":"%b","date_updated":"%b","date_sent":null,"body":"","uri":"%b/%b/%b.json"}'
        ) % (
            self.sid.encode(),
            ACCOUNT.encode(),
            json.dumps(self.to).encode(),
            json.dumps(self.sender).encode(),
            self.status.encode(),
            str(self.error_code or "null").encode(),
            date.encode(),
            date.encode(),
            API.encode(),
            self.kind.encode(),
            self.sid.encode(),
        )


def error(status: int, code: int, message: str) -> Answer:
    """An error as Twilio words it."""
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer(status, json.dumps(body).encode(), accepts=False)


class TwilioStub:
    """The server. `script` answers the next create calls; `seen` is all that was asked, in order."""

    def __init__(
        self,
        *,
        latency: float = 0.0,
        hostile: int | None = None,
        callbacks: bool = False,
        record: Path | None = None,
        keeps: bool = True,
    ) -> None:
        self.script: deque[Answer] = deque()
        self.seen: list[dict[str, object]] = []
        self.made: dict[str, Made] = {}
        self.url = ""
        self._by_recipient: dict[str, list[str]] = {}
        self._latency = latency
        self._chance = Random(hostile) if hostile is not None else None
        self._calls_back = callbacks
        self._record: TextIO | None = record.open("a", encoding="utf-8") if record else None
        self._keeps = keeps
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._authorization = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `url` is then the address."""
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)  # type: ignore[arg-type]
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening, and end what is under way."""
        for task in self._tasks:
            task.cancel()
        if self._session:
            await self._session.close()
        if self._runner:
            await self._runner.cleanup()
        if self._record:
            self._record.close()

    def flush(self) -> None:
        """Bring the record to the file."""
        if self._record:
            self._record.flush()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._latency:
            await asyncio.sleep(self._latency)
        path = request.path
        kind = next((kind for kind in ("Messages", "Calls") if path.startswith(f"{API}/{kind}")), "")
        if request.headers.get("Authorization") != self._authorization:
            return _response(error(401, 20003, "Authenticate"))
        if not kind:
            return _response(error(404, 20404, f"The requested resource {path} was not found"))
        if request.method == "GET":
            return self._read(request, kind)
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        refusal = _validate(kind, form)
        fault, answer = self._answer(refusal)
        if answer.delay and fault != "slow" and not _accepts(answer):
            await asyncio.sleep(answer.delay)
        made = self._create(kind, form) if _accepts(answer) else None
        self._write(kind, form, answer, made, fault)
        if made and self._calls_back:
            self._call_back(made, form)
        if answer.delay and (fault == "slow" or made):
            await asyncio.sleep(answer.delay)
        if answer.cuts:
            if request.transport:
                request.transport.abort()
            return web.Response()
        if made and answer.body is None:
            return web.Response(status=answer.status, body=made.json(), content_type="application/json")
        return _response(answer)

    def _answer(self, refusal: Answer | None) -> tuple[str, Answer]:
        if self.script:
            return "script", self.script.popleft()
        fault = self._fault()
        if fault in _HOSTILE:
            return fault, _HOSTILE[fault]
        return fault, refusal or Answer()

    def _fault(self) -> str:
        if self._chance is None:
            return ""
        left = self._chance.random()
        for name, share in FAULTS:
            if left < share:
                return name
            left -= share
        return ""

    def _create(self, kind: str, form: dict[str, str]) -> Made:
        self._number += 1
        sid = f"{'SM' if kind == 'Messages' else 'CA'}{self._number:032x}"
        sender = form.get("From") or form.get("MessagingServiceSid", "")
        made = Made(sid, kind, form["To"], sender, time.time())
        if self._keeps:
            self.made[sid] = made
            self._by_recipient.setdefault(made.to, []).append(sid)
        return made

    def _read(self, request: web.BaseRequest, kind: str) -> web.StreamResponse:
        sid = request.path.removeprefix(f"{API}/{kind}").strip("/").removesuffix(".json")
        if sid:
            found = self.made.get(sid)
            if found is None:
                return _response(error(404, 20404, f"The requested resource {request.path} was not found"))
            return web.Response(body=found.json(), content_type="application/json")
        size = int(request.query.get("PageSize", "50"))
        sids = self._by_recipient.get(request.query.get("To", ""), [])[::-1]
        listed = [self.made[one] for one in sids if self.made[one].kind == kind][:size]
        items = b",".join(one.json() for one in listed)
        body = b'{"%b":[%b],"page":0,"page_size":%d,"next_page_uri":null,"uri":"%b/%b.json"}' % (
            kind.lower().encode(),
            items,
            size,
            API.encode(),
            kind.encode(),
        )
        return web.Response(body=body, content_type="application/json")

    def _write(self, kind: str, form: dict[str, str], answer: Answer, made: Made | None, fault: str) -> None:
        line: dict[str, object] = {
            "at": time.time(),
            "kind": kind,
            "accepted": made is not None,
            "sid": made.sid if made else None,
            "status": 0 if answer.cuts else answer.status,
            "fault": fault,
            "form": form,
        }
        if self._record:
            self._record.write(json.dumps(line) + "\n")
        elif self._keeps:
            self.seen.append(line)

    def _call_back(self, made: Made, form: dict[str, str]) -> None:
        url = form.get("StatusCallback", "")
        if not url:
            return
        chance = self._chance or Random(0)
        statuses = ["sent", "delivered"] if made.kind == "Messages" else ["completed"]
        if self._chance is not None:
            lot = chance.random()
            statuses = {0: [], 1: statuses * 2, 2: statuses[::-1]}.get(int(lot * 10), statuses)
        task = asyncio.get_running_loop().create_task(self._post_all(made, url, statuses, chance.random() * 0.2))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post_all(self, made: Made, url: str, statuses: list[str], delay: float) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        for number, status in enumerate(statuses):
            if self._chance is not None:
                await asyncio.sleep(delay)
            made.status = status
            form = callback_form(made, status, number)
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                headers = {"X-Twilio-Signature": sign(url, form), "I-Twilio-Idempotency-Token": f"{made.sid}-{number}"}
                async with self._session.post(url, data=form, headers=headers) as response:
                    await response.read()


_HOSTILE: dict[str, Answer] = {
    "too_many": Answer(429, error(429, 20429, "Too Many Requests").body, {"Retry-After": "1"}, accepts=False),
    "error_before": Answer(503, b"<html>Service Unavailable</html>", accepts=False),
    "error_after": Answer(500, error(500, 20500, "An internal server error has occurred").body, accepts=True),
    "cut_before": Answer(cuts=True, accepts=False),
    "cut_after": Answer(cuts=True, accepts=True),
    "hang_before": Answer(delay=60, cuts=True, accepts=False),
    "hang_after": Answer(delay=60, cuts=True, accepts=True),
    "garbage_after": Answer(201, b'{"sid": ["', accepts=True),
    "refused": error(400, 21211, "Invalid 'To' Phone Number"),
    "slow": Answer(delay=2.0),
}


def sign(url: str, form: dict[str, str], token: str = TOKEN) -> str:
    """Twilio's signature of a callback."""
    return str(RequestValidator(token).compute_signature(url, form))


def callback_form(made: Made, status: str, number: int = 0) -> dict[str, str]:
    """A status callback as Twilio posts it."""
    form = {"AccountSid": ACCOUNT, "To": made.to, "From": made.sender, "ApiVersion": "2010-04-01"}
    if made.kind == "Messages":
        form |= {"MessageSid": made.sid, "SmsSid": made.sid, "MessageStatus": status, "SmsStatus": status}
    else:
        stamp = formatdate(time.time(), usegmt=False).replace("-0000", "+0000")
        form |= {"CallSid": made.sid, "CallStatus": status, "SequenceNumber": str(number), "Timestamp": stamp}
        form |= {"CallDuration": "42", "Direction": "outbound-api", "CallbackSource": "call-progress-events"}
    if made.error_code:
        form["ErrorCode"] = str(made.error_code)
    return form


def _accepts(answer: Answer) -> bool:
    return answer.status < 300 and not answer.cuts if answer.accepts is None else answer.accepts


def _validate(kind: str, form: dict[str, str]) -> Answer | None:
    """The refusals that follow from the request alone, in Twilio's codes."""
    to = form.get("To", "")
    if not to:
        return error(400, 21604, "A 'To' phone number is required.")
    if not to.startswith("+") or not to[1:].isdigit() or not 8 <= len(to) <= 16:
        return error(400, 21211, f"Invalid 'To' Phone Number: {to}")
    if not (form.get("From") or form.get("MessagingServiceSid")):
        return error(400, 21603, "A 'From' phone number is required.")
    if kind == "Messages":
        if not form.get("Body"):
            return error(400, 21602, "Message body is required.")
        if len(form["Body"]) > 1600:
            return error(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        if not 1 <= int(form.get("ValidityPeriod", "14400")) <= 36_000:
            return error(400, 30010, "ValidityPeriod is out of range.")
        return None
    if not (form.get("Url") or form.get("Twiml")):
        return error(400, 21205, "Url parameter is required.")
    if len(form.get("Twiml", "")) > 4000:
        return error(400, 21620, "Twiml is longer than 4000 characters.")
    return None


def _response(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.body or b"", headers=answer.headers, content_type="application/json"
    )


@contextlib.asynccontextmanager
async def running(**options: object) -> AsyncIterator[TwilioStub]:
    """A stub for as long as the block lasts."""
    stub = TwilioStub(**options)  # type: ignore[arg-type]
    await stub.start()
    try:
        yield stub
    finally:
        await stub.stop()


async def serve(arguments: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT; print the address once listening."""
    stub = TwilioStub(
        latency=arguments.latency / 1000,
        hostile=arguments.hostile,
        callbacks=arguments.callbacks,
        record=arguments.record,
        keeps=not arguments.forget,
    )
    await stub.start(port=arguments.port)
    print(stub.url, flush=True)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    while not stopped.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), 0.2)
        stub.flush()
    await stub.stop()


def main(arguments: list[str]) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.twilio_stub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds before each answer")
    parser.add_argument("--hostile", type=int, default=None, metavar="SEED", help="misbehave, by this seed")
    parser.add_argument("--callbacks", action="store_true", help="post signed status callbacks")
    parser.add_argument("--record", type=Path, default=None, help="write what was seen to this file, JSON lines")
    parser.add_argument("--forget", action="store_true", help="keep nothing that was made, for long benchmarks")
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run  # type: ignore[assignment]
    run(serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
