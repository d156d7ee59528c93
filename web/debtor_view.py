"""One debtor's page as values: the story from the ledger, what holds now, and what is masked. Pure but for opening."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from domain.errors import Tampered
from storage.crypto import unseal
from storage.debtor_screen import EnrolledRow, OwedRow, Story, Subject
from web import story as stories
from web.masking import DOTS, masked_name, masked_value
from web.story import Item, Standing

ALTERED = "(altered)"


@dataclass(frozen=True, slots=True)
class PointView:
    """One contact point, its value masked."""

    kind: str
    masked: str
    zones: tuple[str, ...]
    is_dead: bool
    channels_off: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DebtorView:
    """Everything on a debtor's page; times are shown on the clocks of `zone`."""

    subject: Subject
    name: str
    zone: str
    points: tuple[PointView, ...]
    accounts: tuple[OwedRow, ...]
    enrolments: tuple[EnrolledRow, ...]
    standing: Standing
    items: tuple[Item, ...]
    counts: tuple[tuple[str, int], ...]


def show(story: Story, key: bytes | None, now: dt.datetime) -> DebtorView:
    """The page of one debtor. Without `key` (it was destroyed: the debtor is erased) nothing personal is shown."""
    items = stories.timeline(story.entries, story.attempts)
    return DebtorView(
        subject=story.subject,
        name=_masked_name(story, key),
        zone=stories.debtor_zone(story),
        points=tuple(
            PointView(
                point.kind,
                _masked_point(point.kind, point.point_id, point.value_cipher, key),
                tuple(point.timezones),
                point.is_dead,
                tuple(point.channels_off),
            )
            for point in story.points
        ),
        accounts=tuple(story.accounts),
        enrolments=tuple(story.enrolments),
        standing=stories.standing(story, now),
        items=items,
        counts=tuple(
            (kind, sum(item.times for item in items if item.kind == kind)) for kind in ("contact", "held", "reply")
        ),
    )


def _masked_name(story: Story, key: bytes | None) -> str:
    opened = _opened("debtors.name_cipher", story.subject.debtor_id, story.subject.name_cipher, key)
    return ALTERED if opened == ALTERED else masked_name(opened or "") or DOTS


def _masked_point(kind: str, point_id: UUID, cipher: bytes, key: bytes | None) -> str:
    opened = _opened("contact_points.value_cipher", point_id, cipher, key)
    return ALTERED if opened == ALTERED else masked_value(kind, opened or "")


def _opened(context: str, row: UUID, cipher: bytes, key: bytes | None) -> str | None:
    """The value; None where the key is gone. What was altered says so, and the rest of the page is still shown."""
    if key is None:
        return None
    try:
        return unseal(key, context, row, cipher).decode()
    except Tampered:
        return ALTERED
