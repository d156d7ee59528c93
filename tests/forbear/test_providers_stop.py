"""Commands that steer providers and stop all sending; what leaves after a stop, and when."""

import asyncio
import datetime as dt
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from config.embedded.processes import wait_until
from config.settings import Settings
from domain.channel import Channel
from domain.event import Inbound, Intent
from domain.message import Accepted, Message, SendResult
from forbear import cli
from tests.workers.conftest import own_settings as own_settings
from tests.workers.test_path import Answering
from tests.workers.world import World, world

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Runs a command; its exit code, output and errors."""
    routes = tmp_path / "routes.yaml"
    routes.write_text("sms:\n- {provider: sandbox, rate: 20, concurrency: 9, daily_spend: '500'}\n")
    monkeypatch.setenv("FORBEAR_DATABASE_URL", str(own_settings.database_url))
    monkeypatch.setenv("FORBEAR_REDIS_URL", str(own_settings.redis_url))
    monkeypatch.setenv("FORBEAR_STATE_DIR", str(own_settings.state_dir))
    monkeypatch.setenv("FORBEAR_ROUTES_FILE", str(routes))
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: str) -> tuple[int, str, str]:
        code = cli.run(words)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def line(shown: str, channel: str) -> list[str]:
    return next(re.split(r"\s{2,}", one.strip()) for one in shown.splitlines() if one.strip().startswith(channel))


def test_providers_are_shown_paused_resumed_and_slowed(run: Run) -> None:
    assert line(run("providers")[1], "sms") == [
        "sms",
        "sandbox",
        "1",
        "1",
        "closed",
        "–",
        "20/s",
        "0 of 9",
        "0.00 of 500.00",
    ]
    assert run("providers", "pause", "sms:sandbox", "--for", "10m")[:2] == (0, "Paused for 10m: sms:sandbox.\n")
    code, shown, _ = run("providers")
    assert code == 0
    assert re.fullmatch(r"(600|599|598|597|596) s", line(shown, "sms")[5])
    assert line(shown, "voice")[5] == "–"
    assert (
        run("providers", "resume", "sandbox")[1]
        == "Resumed: sms:sandbox, voice:sandbox, email:sandbox, letter:sandbox.\n"
    )
    assert line(run("providers")[1], "sms")[5] == "–"
    assert run("providers", "rate", "sms:sandbox", "2.5")[0] == 0
    assert line(run("providers")[1], "sms")[6] == "2.5/s (set)"
    assert run("providers", "rate", "sms:sandbox")[0] == 0
    assert line(run("providers")[1], "sms")[6] == "20/s"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pause", "nobody", "--for", "1m"), "no channel is carried by `nobody`"),
        (("pause", "sandbox", "--for", "soon"), "that is no duration"),
        (("pause", "sandbox", "--for", "0s"), "that is no duration"),
        (("rate", "sandbox", "0"), "above 0"),
        (("rate", "sandbox", "nan"), "above 0"),
    ],
)
def test_what_is_wrong_is_named(run: Run, words: tuple[str, ...], says: str) -> None:
    code, _, errors = run("providers", *words)
    assert code == 2
    assert says in errors
    assert "Redis" not in errors


def test_a_stop_names_whom(run: Run) -> None:
    for words in (("stop",), ("start",), ("stop", "--all", "--creditor", "x"), ("stop", "--creditor", "nobody")):
        assert run(*words)[0] == 2
    assert run("stop", "--all")[1] == "Stopped: none. Were stopped already: 0.\n"


def slow(one: World, left: list[float], sent: list[UUID], pause: float) -> None:
    """Have a provider take every message, one at a time and each after a pause; when it was given which."""

    class OneByOne(Answering):
        async def send(self, message: Message) -> SendResult:
            left.append(time.monotonic())
            sent.append(message.attempt_id)
            await asyncio.sleep(pause)
            return Accepted(message.attempt_id.hex)

    made = OneByOne(one.shop.deliverer.caller.adapters["sandbox"], [])  # type: ignore[arg-type]
    made.at_once = 1
    one.shop.deliverer.caller.adapters["sandbox"] = made  # type: ignore[index, assignment]


def test_what_waits_for_a_slow_provider_is_held_back_by_a_stop(
    run: Run, own_settings: Settings, tmp_path: Path
) -> None:
    left: list[float] = []
    sent: list[UUID] = []
    with world(own_settings, tmp_path) as one:
        slow(one, left, sent, 0.1)
        reserved = {"sms": one.look()["sms"][:30]}
        working = threading.Thread(target=one.deliver, args=(reserved,))
        working.start()
        assert wait_until(lambda: len(left) >= 3, 60)
        assert run("stop", "--creditor", "harbour-bank")[0] == 0
        stopped = time.monotonic()
        working.join(60)
        assert max(left) - stopped <= 1.0
        assert one.states()["reserved"] > 10, "they had passed the gate in one chunk"
        assert run("start", "--all")[0] == 0
        one.clock.at += dt.timedelta(minutes=1)
        one.deliver(one.sweep())
        assert sorted(sent) == sorted(reserved["sms"]), "each left once"
        assert one.audit().violations == []


def test_what_waits_for_a_slow_provider_is_held_back_by_its_debtor(own_settings: Settings, tmp_path: Path) -> None:
    left: list[float] = []
    sent: list[UUID] = []
    with world(own_settings, tmp_path) as one:
        slow(one, left, sent, 0.2)
        ids = one.look()["sms"][:10]
        working = threading.Thread(target=one.deliver, args=({"sms": ids},))
        working.start()
        assert wait_until(lambda: bool(left), 60)
        wish = Inbound("k1", "sandbox", Channel.SMS, one.clock.at, None, ids[-1], "", Intent.STOP)
        one.shop.asker.keep(one.creditor_id, [wish])
        working.join(60)
        assert sorted(sent) == sorted(ids[:-1])
        one.hear()
        [[state]] = one.query("SELECT state FROM attempts WHERE attempt_id = %(id)s", id=ids[-1])
        assert state == "cancelled"


def test_where_nobody_can_tell_the_rest_is_held_back_and_no_answer_is_lost(
    own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("nobody foresaw this")

    left: list[float] = []
    sent: list[UUID] = []
    with world(own_settings, tmp_path) as one:
        slow(one, left, sent, 0.2)
        ids = one.look()["sms"][:10]
        monkeypatch.setattr("storage.sending.held_back", fail)
        one.deliver({"sms": ids})
        assert 0 < len(sent) < len(ids)
        rows = one.query("SELECT attempt_id, state FROM attempts WHERE attempt_id = ANY(%(ids)s)", ids=ids)
        assert {id_ for id_, state in rows if state == "accepted"} == set(sent)
        assert {id_ for id_, state in rows if state == "reserved"} == set(ids) - set(sent)


def test_nothing_leaves_later_than_a_second_after_a_stop(run: Run, own_settings: Settings, tmp_path: Path) -> None:
    left: list[float] = []

    class Noting(Answering):
        async def send(self, message: Message) -> SendResult:
            left.append(time.monotonic())
            return await super().send(message)

    with world(own_settings.model_copy(update={"send_chunk": 2}), tmp_path) as one:
        one.shop.deliverer.caller.adapters["sandbox"] = Noting(one.shop.deliverer.caller.adapters["sandbox"], [])  # type: ignore[index, arg-type]
        reserved = one.look()
        working = threading.Thread(target=one.deliver, args=(reserved,))
        working.start()
        assert wait_until(lambda: len(left) >= 3, 60)
        code, shown, log = run("stop", "--creditor", "harbour-bank")
        stopped = time.monotonic()
        working.join(60)
        assert (code, shown) == (0, "Stopped: harbour-bank. Were stopped already: 0.\n")
        [entry] = [json.loads(each) for each in log.splitlines() if each.startswith("{")]
        assert entry["event"] == "sending_stopped"
        assert (entry["creditor"], entry["state"]) == (str(one.creditor_id), "changed")
        assert len(left) < sum(map(len, reserved.values())), "it was stopped in the middle"
        assert max(left) - stopped <= 1.0
        assert one.deliver(one.sweep()) == 0
        before = len(left)
        assert run("stop", "--all")[1] == "Stopped: none. Were stopped already: 1.\n"
        assert run("start", "--all")[1] == "Started: harbour-bank. Were not stopped: 0.\n"
        assert one.deliver(one.sweep()) > 0
        assert len(left) > before
