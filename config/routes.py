"""Which providers carry each channel, in which order and how fast: from the settings, or from a file of routes.

sms:
  - {provider: twilio, priority: 1, weight: 3, rate: 20, burst: 40, concurrency: 100, daily_spend: "500.00"}
  - {provider: sandbox, priority: 2}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from config.settings import Settings
from domain.channel import Channel
from domain.errors import BadSettings

LEAST = {
    "priority": 1,
    "weight": 0.001,
    "rate": 0.001,
    "burst": 1,
    "concurrency": 1,
    "domain_rate": 0.001,
    "patience": 0,
}
WHOLES = ("priority", "concurrency")
MOST = 1_000_000
MOST_SPEND = 1_000_000_000
KEYS = ("provider", *LEAST, "daily_spend")


@dataclass(frozen=True, slots=True)
class Route:
    """One provider on one channel. Lower `priority` first; equals share by `weight`. Rates a second; None: no limit.

    For `patience` seconds messages wait for it where it is merely full, before the next priority takes them.
    `daily_spend` is in millionths of the price table's currency.
    """

    channel: Channel
    provider: str
    priority: int = 1
    weight: float = 1.0
    rate: float | None = None
    burst: float = 1.0
    concurrency: int | None = None
    domain_rate: float | None = None
    daily_spend: int | None = None
    patience: float = 5.0

    @property
    def name(self) -> str:
        """The name under which its limits are kept: what a provider does on one channel says nothing of another."""
        return f"{self.channel}:{self.provider}"


Routes = Mapping[Channel, tuple[Route, ...]]


def routes_of(settings: Settings) -> Routes:
    """The routes of every channel. Raises BadSettings with file, line and column."""
    own: dict[Channel, tuple[Route, ...]] = {
        channel: (Route(channel, provider),)
        for channel, provider in (
            (Channel.SMS, settings.sms_provider),
            (Channel.VOICE, settings.voice_provider),
            (Channel.EMAIL, settings.email_provider),
            (Channel.LETTER, "sandbox"),
        )
    }
    return own | read_routes(settings.routes_file) if settings.routes_file else own


def read_routes(path: Path) -> dict[Channel, tuple[Route, ...]]:
    """The routes in a file, for the channels that it names."""
    try:
        found = YAML(typ="rt").load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, None, "it cannot be read") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _bad(path, (mark.line, mark.column) if mark else None, "this is not YAML") from error
    if not isinstance(found, CommentedMap):
        raise _bad(path, (0, 0), "it names no channels")
    return {_channel(path, found, name): _routes(path, found, name) for name in found}


def _channel(path: Path, found: CommentedMap, name: Any) -> Channel:
    try:
        return Channel(name)
    except ValueError:
        names = ", ".join(Channel)
        raise _bad(path, found.lc.key(name), f"`{name}` is no channel", f"Channels: {names}.") from None


def _routes(path: Path, found: CommentedMap, name: str) -> tuple[Route, ...]:
    listed = found[name]
    if not isinstance(listed, list) or not listed:
        raise _bad(path, found.lc.key(name), f"`{name}` needs a list of routes")
    made = [_route(path, Channel(name), one, found.lc.key(name)) for one in listed]
    names = [route.provider for route in made]
    if len(set(names)) < len(names):
        raise _bad(path, found.lc.key(name), f"`{name}` names a provider twice")
    return tuple(made)


def _route(path: Path, channel: Channel, one: Any, at: tuple[int, int]) -> Route:
    if not isinstance(one, CommentedMap):
        raise _bad(path, at, "a route needs keys and values")
    for key in one:
        if key not in KEYS:
            raise _bad(path, one.lc.key(key), f"unknown key `{key}`", f"Known: {', '.join(KEYS)}.")
    if not isinstance(one.get("provider"), str):
        raise _bad(path, (one.lc.line, one.lc.col), "a route needs its `provider`")
    values: dict[str, Any] = {key: _number(path, one, key) for key in LEAST if key in one}
    if "daily_spend" in one:
        values["daily_spend"] = _spend(path, one)
    return Route(channel, one["provider"], **values)


def _number(path: Path, one: CommentedMap, key: str) -> float:
    """A number within its bounds; nan and inf are within none."""
    value = one[key]
    kind = int if key in WHOLES else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not LEAST[key] <= value <= MOST:
        what = "whole number" if key in WHOLES else "number"
        raise _bad(path, one.lc.value(key), f"`{key}` is no {what} from {LEAST[key]} to {MOST:,}")
    return value


def _spend(path: Path, one: CommentedMap) -> int:
    """An amount in millionths; a plain number or a text of one."""
    value = one["daily_spend"]
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("nan")
    if isinstance(value, bool) or not (amount.is_finite() and 0 <= amount <= MOST_SPEND):
        raise _bad(path, one.lc.value("daily_spend"), f"`daily_spend` is no amount from 0 to {MOST_SPEND:,}")
    return int(amount.scaleb(6))


def _bad(path: Path, at: tuple[int, int] | None, what: str, remedy: str = "") -> BadSettings:
    where = f"{path}:{at[0] + 1}:{at[1] + 1}" if at else str(path)
    return BadSettings(f"{what}.", where=where, remedy=remedy or "docs/channels.md shows such a file.")
