"""The file of routes: what it says, and that what is wrong in it is named with its place."""

from pathlib import Path

import pytest

from config.routes import Route, read_routes, routes_of
from config.settings import Settings
from domain.channel import Channel
from domain.errors import BadSettings


def read(tmp_path: Path, text: str) -> dict[Channel, tuple[Route, ...]]:
    path = tmp_path / "routes.yaml"
    path.write_text(text, encoding="utf-8")
    return read_routes(path)


def test_a_file_says_all_of_a_route(tmp_path: Path) -> None:
    text = """sms:
  - {provider: twilio, priority: 2, weight: 3, rate: 20, burst: 40, concurrency: 9, domain_rate: 0.5,
     daily_spend: "500.25", patience: 0}
  - {provider: sandbox}
"""
    assert read(tmp_path, text) == {
        Channel.SMS: (
            Route(Channel.SMS, "twilio", 2, 3, 20, 40, 9, 0.5, 500_250_000, 0),
            Route(Channel.SMS, "sandbox"),
        )
    }


def test_channels_that_it_does_not_name_keep_their_setting(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text("email:\n- {provider: smtp, rate: 5}\n")
    routes = routes_of(Settings(routes_file=path))
    assert set(routes) == set(Channel)
    assert [one.provider for one in routes[Channel.EMAIL]] == ["smtp"]
    assert [one.name for one in routes[Channel.SMS]] == ["sms:sandbox"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        *(
            (f"{key}: {value}", f"`{key}` is no")
            for key in ("rate", "weight", "burst", "domain_rate", "patience", "concurrency", "priority")
            for value in (".nan", ".inf", "-.inf", "-1", "true", "'5'", "1e12", "[]")
        ),
        *(
            (f"{key}: 0", f"`{key}` is no")
            for key in ("rate", "weight", "burst", "domain_rate", "concurrency", "priority")
        ),
        *((f"{key}: 1.5", f"`{key}` is no whole number") for key in ("concurrency", "priority")),
        *(
            (f"daily_spend: {value}", "`daily_spend` is no amount")
            for value in (
                '"NaN"',
                '"sNaN"',
                "Infinity",
                ".inf",
                ".nan",
                "-1",
                '"-0.01"',
                "1e300",
                "true",
                "much",
                "[]",
                "''",
            )
        ),
        ("rat: 5", "unknown key `rat`"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(BadSettings) as caught:
        read(tmp_path, f"sms:\n  - provider: sandbox\n    {line}\n")
    assert says in caught.value.what
    column = 5 if line.startswith("rat:") else 5 + line.index(":") + 2
    assert caught.value.where == f"{tmp_path / 'routes.yaml'}:3:{column}"


@pytest.mark.parametrize(
    ("text", "says", "at"),
    [
        ("fax:\n- {provider: sandbox}\n", "`fax` is no channel", ":1:1"),
        ("sms: {}\n", "needs a list", ":1:1"),
        ("sms: []\n", "needs a list", ":1:1"),
        ("sms:\n- {provider: sandbox}\n- {provider: sandbox}\n", "twice", ":1:1"),
        ("sms:\n- {rate: 1}\n", "needs its `provider`", ":2:3"),
        ("sms: [x]\n", "needs keys", ":1:1"),
        ("[]", "names no channels", ":1:1"),
        ("sms: [\n", "not YAML", ":2:1"),
    ],
)
def test_a_wrong_shape_is_named_with_its_place(tmp_path: Path, text: str, says: str, at: str) -> None:
    with pytest.raises(BadSettings) as caught:
        read(tmp_path, text)
    assert says in caught.value.what
    assert caught.value.where.endswith(at)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        read_routes(tmp_path / "none.yaml")
