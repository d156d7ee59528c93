"""Under a provider that misbehaves at random, no answer of the adapter is ever a lie, and nothing is sent twice."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from channels.protocol import callback_request
from channels.twilio import Twilio
from config.embedded.state import ROOT
from domain.channel import Channel
from domain.message import Accepted, InDoubt, NotAccepted
from tests.contract import twilio_stub
from tests.contract.messages import NOW, message, now
from tests.contract.rigs import twilio_settings
from tests.contract.twilio_stub import ACCOUNT, FAULTS, TOKEN


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VOICE])
async def test_no_answer_is_a_lie(seed: int, channel: Channel) -> None:
    async with twilio_stub.running(hostile=seed) as stub:
        adapter = Twilio(twilio_settings(stub.url), now)
        sent = [message(channel) for _ in range(250)]
        results = dict(zip((one.callback_url for one in sent), await _all(adapter, sent), strict=True))
        await adapter.close()
        exists = Counter(str(line["form"]["StatusCallback"]) for line in stub.seen if line["accepted"])  # type: ignore[index]
        faults = {str(line["fault"]) for line in stub.seen}
    assert len(faults) >= 6, f"seed {seed} injects too little"
    assert max(exists.values()) == 1
    for url, result in results.items():
        assert not isinstance(result, Accepted) or exists[url] == 1
        assert not isinstance(result, NotAccepted) or exists[url] == 0
    assert Counter(type(result) for result in results.values())[InDoubt] > 5


async def _all(adapter: Twilio, sent: list):  # type: ignore[no-untyped-def, type-arg]
    room = asyncio.Semaphore(40)

    async def one(message):  # type: ignore[no-untyped-def]
        async with room:
            return await adapter.send(message)

    return await asyncio.gather(*(one(message) for message in sent))


async def test_signed_callbacks_arrive_lost_doubled_and_reordered() -> None:
    got: list[str] = []
    adapter = Twilio(twilio_settings(""), now)

    async def receive(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        asked = callback_request(request.method, str(request.url), dict(request.headers), body)
        adapter.verify(asked)
        got.extend(event.key for event in adapter.parse_events(asked, NOW))
        return web.Response(status=204)

    runner = web.ServerRunner(web.Server(receive), shutdown_timeout=0.1)  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with twilio_stub.running(hostile=5, callbacks=True) as stub:
        sender = Twilio(twilio_settings(stub.url), now)
        sent = [replace(message(Channel.SMS), callback_url=f"http://127.0.0.1:{port}/{number}") for number in range(80)]
        await _all(sender, sent)
        await asyncio.gather(*stub._tasks)
        made = len(stub.made)
        await sender.close()
    await runner.cleanup()
    told = Counter(got)
    assert any(count == 2 for count in told.values())
    assert len({key.split("/")[0] for key in told}) < made


def test_the_stub_runs_by_itself_and_writes_down_what_it_saw(tmp_path: Path) -> None:
    record = tmp_path / "seen.jsonl"
    command = [sys.executable, "-m", "tests.contract.twilio_stub", "--record", str(record), "--latency", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ}) as stub:
        assert stub.stdout
        url = stub.stdout.readline().strip()

        async def send() -> object:
            adapter = Twilio(replace(twilio_settings(url), account_sid=ACCOUNT, auth_token=TOKEN, seconds=5.0), now)
            result = await adapter.send(message(Channel.SMS))
            await adapter.close()
            return result

        assert isinstance(asyncio.run(send()), Accepted)
        stub.send_signal(signal.SIGTERM)
        assert stub.wait(10) == 0
    (line,) = [json.loads(text) for text in record.read_text(encoding="utf-8").splitlines()]
    assert (line["accepted"], line["kind"], line["status"]) == (True, "Messages", 201)


def test_the_faults_leave_room_for_ordinary_answers() -> None:
    assert sum(share for _, share in FAULTS) < 0.5
