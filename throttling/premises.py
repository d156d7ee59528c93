"""The conditions of the rule language, as models: what must hold for a gate to open or an exception to lift.

`conditions.py` says when they do; the reference for people who write packs is `docs/policies.md`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.facts import StopKind
from throttling.terms import Bounds, Channels, Count, Events, Proposals, Term, Wait

Text = Annotated[str, Field(min_length=1)]


class Consented(Term):
    """A consent of the debtor, live at the instant in question and covering its channel, day and hour.

    `lasts` ends it by itself; `until_conversation` has the next conversation use it up; `direct` asks that the debtor
    gave it to the collector; `in_contact` that it names the contact in which it was given. `channels: any` accepts a
    consent for any channel.
    """

    direct: bool = False
    in_contact: bool = False
    lasts: Wait | None = None
    until_conversation: bool = False
    channels: Literal["same", "any"] = "same"
    hours_stated: bool = False


class Replied(Term):
    """The debtor wrote or called first, in the same medium, and has had fewer than `times` answers since."""

    times: Count = 1
    within: Wait | None = None


class Noticed(Term):
    """A notice of this kind was given, `wait` ago or longer, and no longer ago than `within`."""

    notice: Text
    wait: Wait | None = None
    within: Wait | None = None


class PointState(Term):
    """What is known of the contact point proposed."""

    used_by_debtor: bool | None = None
    checked_within: Wait | None = None
    is_only_one: bool | None = None


class Unreached(Term):
    """The debtor cannot be reached: the last contacts, `attempts` in a row on at least `on_days` days, all failed."""

    attempts: Count
    on_days: Count = 1
    channels: Channels | None = None


class Happened(Term):
    """A past contact of this sort, no longer ago than `within` where that is said."""

    events: Events
    within: Wait | None = None


class Condition(Term):
    """What must hold; every field that is said must. `all` and `any` nest, `none` turns around."""

    proposal: Proposals | None = None
    consent: Consented | None = None
    reply: Replied | None = None
    notice: Noticed | None = None
    days_past_due: Bounds | None = None
    debt_age: Wait | None = None
    reachable: bool | None = None
    location_known: bool | None = None
    stop: StopKind | None = None
    point: PointState | None = None
    unreached: Unreached | None = None
    happened: Happened | None = None
    all: tuple["Condition", ...] = ()
    any: tuple["Condition", ...] = ()
    none: tuple["Condition", ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("an empty condition always holds; say what must hold")
        return self
