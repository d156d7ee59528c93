"""What one look at a debtor sees: everything that `next_action` may use, as frozen values, and nothing else.

The dispatcher fills it from the database, the forecast from a simulation, the tests from thin air.
"""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from campaigns.cadence import Cadence
from domain.account import Balances
from domain.channel import Channel
from domain.facts import AccountFacts, Collector, DebtorFacts, PastContact, PointFacts


class PointView(NamedTuple):
    """One contact point. `point.id` is the text of its UUID; of those that serve, the highest `priority` is taken.

    `channels_off` are channels that it was proved not to take; `is_dead`: nothing reaches it any more.
    """

    point: PointFacts
    channels_off: frozenset[Channel]
    is_dead: bool
    priority: int


class AccountView(NamedTuple):
    """One account. `facts.days_past_due` is as of `campaigns.calendar.local_today`, not of the balances.

    `state` is that of the table: open, paid, vanished, closed. `paid_at` is the last payment, whole or in part: it
    anchors the steps that count from the last contact anew.
    """

    account_id: UUID
    facts: AccountFacts
    balances: Balances
    tags: frozenset[str]
    state: str
    paid_at: datetime | None = None


class EnrolmentView(NamedTuple):
    """One active enrolment: `step` is to be done next (None: all are done), on the channel of `rank` (0 the first).

    `is_running`: neither its campaign nor its creditor is paused or stopped. `attempt_id`: what is under way for it.
    """

    enrolment_id: UUID
    campaign_id: UUID
    cadence: Cadence
    is_running: bool
    account_id: UUID
    stage: str
    step: str | None
    rank: int
    attempt_id: UUID | None
    last_contact_at: datetime | None
    entered_at: datetime


class DebtorView(NamedTuple):
    """One debtor with all that bears on the next contact.

    `facts` has stops and bans of the suppressions already merged in; `history` holds what is reserved or in doubt as
    well. `promised_until` gives the last due day of an open promise by account; `has_plan` the accounts on a plan.
    `unread_since`: when the first of the debtor's messages came that a person has yet to read.
    """

    debtor_id: UUID
    kind: str
    language: str
    flags: frozenset[str]
    collector: Collector
    facts: DebtorFacts
    points: tuple[PointView, ...]
    accounts: tuple[AccountView, ...]
    enrolments: tuple[EnrolmentView, ...]
    history: tuple[PastContact, ...] = ()
    promised_until: Mapping[UUID, date] = MappingProxyType({})
    has_plan: frozenset[UUID] = frozenset()
    unread_since: datetime | None = None
