"""One record of a file as one row of the portfolio: an account, its debtor, contact points, place; or why not. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from domain.facts import Place, PointKind, StopKind


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row, or one of its contact points, was not taken; never the value itself.

    `other_line` is the line that it contradicts or repeats. `is_fatal` False: the row came in without the point.
    """

    line: int
    column: str
    value_class: str
    reason: str
    other_line: int | None = None
    is_fatal: bool = True


class Point(NamedTuple):
    """A contact point with its value in the one form that is compared and dialled.

    `rank` is its column's place in the mapping: the lower, the sooner it is tried.
    """

    rank: int
    kind: PointKind
    value: str
    country: str | None
    zones: tuple[str, ...]
    is_verified: bool


class Stop(NamedTuple):
    """Contact must stop, since this day."""

    kind: StopKind
    since: date


class Row(NamedTuple):
    """A good record. Amounts are minor units of `currency` at the end of `as_of`; `proofs` are the digits."""

    line: int
    reference: str
    product: str
    currency: str
    principal: int
    interest: int
    penalty: int
    fees: int
    penalty_daily: Decimal
    as_of: date
    due_on: date | None
    days_past_due: int
    group: str | None
    tags: tuple[str, ...]
    debtor: str
    kind: str
    name: str
    language: str
    flags: tuple[str, ...]
    place: Place | None
    points: tuple[Point, ...]
    proofs: tuple[str, ...]
    stops: tuple[Stop, ...]
    notices: tuple[tuple[str, date], ...]
    dropped: tuple[Problem, ...] = ()


class Outside(NamedTuple):
    """A record that the mapping's `where` leaves out."""

    line: int
    reference: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A bad record with all its problems; `reference` empty where it could not be read."""

    line: int
    reference: str
    problems: tuple[Problem, ...]
