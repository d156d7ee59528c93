"""What a look at a debtor can answer, as frozen values: contact, wait, stop, and what became of each enrolment."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.channel import Channel
from domain.decision import Decision


class Contact(NamedTuple):
    """Make this contact now. `enrolments` and `accounts` run in parallel, the leading one first.

    It must not leave at or after `closes_at`: the end of the permitted interval or of the preferred window.
    """

    channel: Channel
    point_id: str
    enrolments: tuple[UUID, ...]
    accounts: tuple[UUID, ...]
    stage: str
    step: str
    rank: int
    template: str
    decision: Decision
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again at `until`; None: only an event can change anything, such as the end of an attempt under way."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Stop:
    """No active enrolment remains."""

    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The enrolment now stands on `step` with `rank`; `contacted_at` is a contact just made, None leaves what was."""

    enrolment_id: UUID
    stage: str
    step: str
    rank: int
    contacted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The enrolment has no step left; `contacted_at` as in `Moved`."""

    enrolment_id: UUID
    contacted_at: datetime | None = None


class Held(NamedTuple):
    """A contact that the cadence wanted now and could not make: deferred or refused, by the rules in `decision`.

    `until` is when it is tried again if nothing else happens: rules and preferred window taken together.
    """

    enrolment_id: UUID
    step: str
    channel: Channel
    decision: Decision
    until: datetime | None = None


class NextAction(NamedTuple):
    """The outcome of one look. Write `exits`, `finished` and `moved` first, then make the contact.

    `again` goes with a Contact: when to look next for the debtor's other enrolments, counting that contact as history.
    """

    action: Contact | Wait | Stop
    exits: tuple[tuple[UUID, str], ...] = ()
    finished: tuple[UUID, ...] = ()
    moved: tuple[Moved, ...] = ()
    held: tuple[Held, ...] = ()
    again: datetime | None = None
