"""The small words of the rule language: times of day, spans, lengths of time, and who or what a rule is about.

`throttling/language.py` builds rules from them. Nothing here reads a file or a clock.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from domain.facts import ContactChannel, Direction, Outcome, Person, PointKind, Purpose

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MINUTES_A_DAY = 24 * 60

CHANNEL_GROUPS: dict[str, tuple[ContactChannel, ...]] = {
    "any": tuple(ContactChannel),
    "voice": (ContactChannel.CALL, ContactChannel.AI_CALL, ContactChannel.RINGLESS_VOICEMAIL),
    "text": (ContactChannel.SMS, ContactChannel.IM, ContactChannel.IN_APP),
    "electronic": (ContactChannel.SMS, ContactChannel.EMAIL, ContactChannel.IM, ContactChannel.IN_APP),
    "remote": tuple(channel for channel in ContactChannel if channel is not ContactChannel.VISIT),
}
"""Names that stand for several channels."""

PERSON_GROUPS: dict[str, tuple[Person, ...]] = {
    "liable": (Person.DEBTOR, Person.CO_DEBTOR, Person.GUARANTOR),
    "third": (
        Person.SPOUSE,
        Person.HOUSEHOLD,
        Person.NEIGHBOUR,
        Person.EMERGENCY_CONTACT,
        Person.EMPLOYER,
        Person.STRANGER,
    ),
}
"""Names that stand for several persons: those who owe, and those who do not."""

POINT_GROUPS: dict[str, tuple[PointKind, ...]] = {
    "personal": (PointKind.MOBILE, PointKind.LANDLINE, PointKind.EMAIL, PointKind.ADDRESS),
    "workplace": (PointKind.WORK, PointKind.WORK_EMAIL),
}
"""Names that stand for several kinds of contact point."""


class Term(BaseModel):
    """The base of everything that is read from a pack: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)


def parse_minute(text: Any) -> int:
    """Minutes since midnight for `HH:MM`; `24:00` ends a day. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d{2}):(\d{2})", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is not a time of day; write HH:MM in quotes, such as '08:00'")
    minute = int(found[1]) * 60 + int(found[2])
    if int(found[2]) > 59 or minute > MINUTES_A_DAY:
        raise ValueError(f"{text!r} is not a time of day; the last one is '24:00'")
    return minute


def parse_span(text: Any) -> tuple[int, int]:
    """`HH:MM-HH:MM` as minutes, half-open. Raises ValueError where it ends before it starts."""
    start, dash, end = str(text).partition("-")
    if not dash:
        raise ValueError(f"{text!r} is not a span; write 'HH:MM-HH:MM'")
    span = parse_minute(start.strip()), parse_minute(end.strip())
    if span[0] >= span[1]:
        raise ValueError(f"{text!r} ends before it starts; split a span over midnight in two")
    return span


def _spans(value: Any) -> tuple[tuple[int, int], ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, list):
        raise ValueError("write a list of spans, such as ['08:00-21:00'], or [] for none")
    spans = tuple(sorted(parse_span(item) for item in value))
    if any(a[1] > b[0] for a, b in pairwise(spans)):
        raise ValueError("the spans overlap; join them")
    return spans


def _expanded(groups: dict[str, Any]) -> BeforeValidator:
    def expand(value: Any) -> Any:
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list):
            value = [each for item in value for each in groups.get(str(item), (item,))]
        return value

    return BeforeValidator(expand)


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Spans = Annotated[tuple[tuple[int, int], ...], BeforeValidator(_spans)]
Channels = Annotated[frozenset[ContactChannel], _expanded(CHANNEL_GROUPS), Field(min_length=1)]
Persons = Annotated[frozenset[Person], _expanded(PERSON_GROUPS), Field(min_length=1)]
Points = Annotated[frozenset[PointKind], _expanded(POINT_GROUPS), Field(min_length=1)]
Purposes = Annotated[frozenset[Purpose], BeforeValidator(_one_or_many), Field(min_length=1)]
Outcomes = Annotated[frozenset[Outcome], BeforeValidator(_one_or_many), Field(min_length=1)]
Names = Annotated[frozenset[str], BeforeValidator(_one_or_many), Field(min_length=1)]
Party = Literal["first_party", "third_party"]
Parties = Annotated[frozenset[Party], BeforeValidator(_one_or_many), Field(min_length=1)]
Count = Annotated[int, Field(ge=1, strict=True)]


def exactly_one(term: BaseModel, names: Iterable[str]) -> None:
    """Raise ValueError unless one and only one of the named fields is set."""
    listed = tuple(names)
    given = [name for name in listed if getattr(term, name) not in (None, False)]
    if len(given) != 1:
        raise ValueError(f"say exactly one of {', '.join(listed)}")


class Wait(Term):
    """A length of time after an event.

    `minutes` and `hours` run by the clock. `days`, `business_days`, `weeks`, `months`, `years` run over local calendar
    days and end at midnight; `first_day: event` counts the day of the event as day one, `next` the day after it.
    """

    minutes: Count | None = None
    hours: Count | None = None
    days: Count | None = None
    business_days: Count | None = None
    weeks: Count | None = None
    months: Count | None = None
    years: Count | None = None
    first_day: Literal["event", "next"] = "event"

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        exactly_one(self, ("minutes", "hours", "days", "business_days", "weeks", "months", "years"))
        return self

    @property
    def seconds(self) -> int | None:
        """Its length where it runs by the clock."""
        if self.minutes is not None:
            return self.minutes * 60
        return None if self.hours is None else self.hours * 3600


class Window(Term):
    """The stretch of time over which a cap counts.

    `hours: 24` rolls by the clock; `days: 7` rolls over local calendar days, today among them; `every: 2` means one in
    each two days; `per` is the calendar day, week, month, quarter or year; `ever` never ends.
    """

    hours: Count | None = None
    days: Count | None = None
    business_days: Count | None = None
    every: Count | None = None
    per: Literal["day", "week", "month", "quarter", "year"] | None = None
    week_starts: Literal["monday", "sunday"] = "monday"
    ever: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        exactly_one(self, ("hours", "days", "business_days", "every", "per", "ever"))
        return self

    @property
    def seconds(self) -> int | None:
        """Its length where it rolls by the clock."""
        return None if self.hours is None else self.hours * 3600


class Bounds(Term):
    """A range of days past due, both ends included."""

    min: int | None = None
    max: int | None = None

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("say min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self


class Events(Term):
    """Which past contacts a rule is about.

    A field left out means any; what is unknown of a contact counts as a match.
    """

    channels: Channels | None = None
    direction: Direction | None = None
    outcomes: Outcomes | None = None
    purposes: Purposes | None = None
    persons: Persons | None = None
    points: Points | None = None
    in_reply: bool | None = None
    placed_by: Literal["anyone", "collector"] = "anyone"


class Proposals(Term):
    """Which proposed contacts a rule is about. A field left out means any.

    In `applies`, what is unknown of a proposal counts as a match, so that the rule speaks; in an exception or a
    requirement it does not, so that nothing is lifted by a guess.
    """

    channels: Channels | None = None
    points: Points | None = None
    persons: Persons | None = None
    purposes: Purposes | None = None
    parties: Parties | None = None
    products: Names | None = None
    except_products: Names | None = None
    in_reply: bool | None = None
    automated: bool | None = None
    has_opt_out_notice: bool | None = None
    discloses_debt: bool | None = None
    limited_content: bool | None = None
    collector_account: Literal["official", "private"] | None = None
