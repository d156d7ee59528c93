"""The cadence: what a campaign file says, as frozen values. `campaigns/cadence_file.py` reads it from YAML.

A cadence is a graph of steps that only leads forward: from each step to `then`, or to `otherwise` where its condition
does not hold. An enrolment stands on one step at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.audience import Audience
from campaigns.conditions import Condition
from domain.channel import Channel

ALL_DAYS = frozenset(range(7))
MINUTES = 24 * 60


class Kind(StrEnum):
    """What a step is for; the order is the priority by which a scarce contact is given away."""

    LEGAL_NOTICE = "legal_notice"
    PLAN_REMINDER = "plan_reminder"
    PROMISE_REMINDER = "promise_reminder"
    REMINDER = "reminder"


class Anchor(StrEnum):
    """What the days of a step are counted from."""

    DAY_IN_ARREARS = "day_in_arrears"
    LAST_CONTACT = "days_after_last_contact"


class Exit(StrEnum):
    """Why an enrolment ends before its last step. `promised` only rests it, until the day after the promise."""

    PAID = "paid"
    VANISHED = "vanished"
    CLOSED = "closed"
    CURED = "cured"
    ABOVE = "days_past_due_above"
    PROMISED = "promised"
    DISPUTED = "disputed"
    OPTED_OUT = "opted_out"
    PLAN_ACTIVE = "plan_active"
    ATTORNEY = "attorney"
    BANKRUPTCY = "bankruptcy"
    DECEASED = "deceased"


ALWAYS = frozenset({Exit.PAID, Exit.VANISHED, Exit.CLOSED, Exit.CURED, Exit.DECEASED})
"""Exits that hold whether the cadence names them or not."""


@dataclass(frozen=True, slots=True)
class Window:
    """Preferred local hours, half-open, in minutes of the day, on `days` (0 Monday … 6 Sunday)."""

    start: int
    end: int
    days: frozenset[int] = ALL_DAYS


@dataclass(frozen=True, slots=True)
class Step:
    """One intended contact.

    Due when `days` have passed by `anchor`; never sooner than `spacing` days after the last contact made. Tried on
    `channels` in order (the first, then the fallbacks). `then` and `otherwise` name the step that follows (None: the
    end); `otherwise` is taken where `condition` does not hold.
    """

    id: str
    stage: str
    anchor: Anchor
    days: int
    channels: tuple[Channel, ...]
    template: str
    window: Window
    kind: Kind = Kind.REMINDER
    condition: Condition | None = None
    merge: bool = False
    then: str | None = None
    otherwise: str | None = None
    spacing: int = 0


@dataclass(frozen=True, slots=True)
class Pacing:
    """How fast the whole campaign may go, so that what it stirs up can be answered. None: no limit of its own."""

    per_hour: int | None = None
    per_day: int | None = None
    channels: Mapping[Channel, int] = field(default_factory=dict)
    """Contacts an hour by channel."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """One cadence. `packs` hold in addition to those that place, product and collector bring with them.

    `leaves_above`: the days past due beyond which an account leaves (None: never). Balances whose `as_of` is more than
    `balances_no_older_than` days old are not sent on. `verification` names what a caller is asked before the debt is
    spoken of; `priority` (0…9, high first) settles between campaigns what kind and stage leave open.
    """

    name: str
    title: str
    audience: Audience
    stages: tuple[str, ...]
    steps: tuple[Step, ...]
    exits: frozenset[Exit]
    leaves_above: int | None
    pacing: Pacing
    packs: tuple[str, ...]
    priority: int
    verification: tuple[str, ...]
    balances_no_older_than: int
    by_id: Mapping[str, Step] = field(repr=False, compare=False)
    stage_rank: Mapping[str, int] = field(repr=False, compare=False)

    @property
    def first(self) -> Step:
        """The step on which an enrolment begins."""
        return self.steps[0]

    @property
    def channels(self) -> frozenset[Channel]:
        """Every channel that some step uses."""
        return frozenset(channel for step in self.steps for channel in step.channels)
