"""What is beyond doubt is understood; where a stop is possible it is taken for one; traps are not."""

import pytest

from domain.event import Intent
from workers.replies import meaning


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop.", "Stop!", "ＳＴＯＰ", "StopAll", "unsubscribe", "END", "quit", "Revoke", "OPT OUT", "opt-out",
        "TD", "t", "退订", "退訂。", "取消订阅", "Stop. Thank you", "please don't text me any more", "don’t call me",
        "no more messages please", "别再发了", "不要再发", "請不要再傳了", "leave me alone", "STOP 🛑",
    ],
)  # fmt: skip
def test_stops_are_stops(text: str) -> None:
    assert meaning(text) is Intent.STOP


@pytest.mark.parametrize(
    "text",
    [
        "I'll stop by tomorrow to pay", "don't stop helping me", "ok", "thanks", "周五还", "I will pay on Friday",
        "nonstop trouble", "", "👍", "Texas", "my weekend starts now",
    ],
)  # fmt: skip
def test_what_is_no_stop_is_for_a_person(text: str) -> None:
    assert meaning(text) is Intent.OTHER


@pytest.mark.parametrize(("text", "intent"), [("START", Intent.START), ("Help", Intent.HELP), ("帮助", Intent.HELP)])
def test_start_and_help(text: str, intent: Intent) -> None:
    assert meaning(text) is intent
