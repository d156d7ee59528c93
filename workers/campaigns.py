"""Campaigns as a whole: launch, enrol, pause, resume, stop. Joins the cadence with what the database does about it.

Everything runs in batches, a transaction each, and can be run again after it died in the middle: a launch that was
cut short is finished by the scheduler's next enrolment, a stop by stopping again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from campaigns.audience import Audience
from campaigns.cadence import Cadence
from campaigns.cadence_file import CadenceFile, read_cadence
from domain.errors import BadInput, Refused
from domain.identity import new_id
from storage import campaigns as rows
from storage.campaigns import CampaignRow, Criteria
from storage.session import Database


@dataclass(frozen=True, slots=True)
class Launched:
    """A version that runs, and how many accounts it enrolled."""

    campaign_id: UUID
    name: str
    version: int
    enrolled: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What a pause, resume or stop did: enrolments ended, and attempts still in flight by channel and state."""

    campaign: CampaignRow
    ended: int
    in_flight: dict[tuple[str, str], int]


def launch(
    db: Database,
    creditor_id: UUID,
    file: CadenceFile,
    now: datetime,
    random: bytes,
    *,
    enrolled: Callable[[int], None] = lambda _: None,
) -> Launched:
    """Keep the file as the next version of its campaign and enrol all accounts that fit. `random`: 10 bytes.

    `enrolled` is told the number so far after each batch. Raises Refused where another version runs.
    """
    campaign_id = new_id(now, random)
    cadence = file.cadence
    with db.tenant(creditor_id) as connection:
        version = rows.create_version(connection, creditor_id, campaign_id, cadence.name, file.source, file.digest, now)
    total = enrol(db, creditor_id, campaign_id, cadence, now, enrolled=enrolled)
    return Launched(campaign_id, cadence.name, version, total)


def enrol(
    db: Database,
    creditor_id: UUID,
    campaign_id: UUID,
    cadence: Cadence,
    now: datetime,
    *,
    enrolled: Callable[[int], None] = lambda _: None,
) -> int:
    """Enrol every account of the creditor that fits a running campaign and is not on it yet; how many."""
    criteria = criteria_of(cadence.audience)
    steps = {step.id: step.stage for step in cadence.steps}
    total, after = 0, None
    while True:
        with db.tenant(creditor_id) as connection:
            batch = rows.enrol(connection, creditor_id, campaign_id, criteria, steps, now, after=after)
            if batch.last is None:
                rows.mark_enrolled(connection, campaign_id, now)
        total += batch.enrolled
        enrolled(total)
        if batch.last is None:
            return total
        after = batch.last


def pause(db: Database, creditor_id: UUID, name: str) -> Changed:
    """Let nothing new leave. Raises BadInput or Refused where there is nothing to pause."""
    with db.tenant(creditor_id) as connection:
        campaign = _moved(rows.versions(connection, creditor_id, name), name, ("running",), "paused")
        rows.set_state(connection, campaign.campaign_id, ("running",), "paused")
        return Changed(campaign, 0, rows.in_flight(connection, campaign.campaign_id))


def resume(db: Database, creditor_id: UUID, name: str, now: datetime) -> Changed:
    """Go on after a pause: every debtor with an active enrolment is looked at again."""
    with db.tenant(creditor_id) as connection:
        campaign = _moved(rows.versions(connection, creditor_id, name), name, ("paused",), "running")
        rows.set_state(connection, campaign.campaign_id, ("paused",), "running")
    after: UUID | None = UUID(int=0)
    while after is not None:
        with db.tenant(creditor_id) as connection:
            after = rows.wake_enrolled(connection, campaign.campaign_id, now, after=after)
    with db.tenant(creditor_id) as connection:
        return Changed(campaign, 0, rows.in_flight(connection, campaign.campaign_id))


def stop(db: Database, creditor_id: UUID, name: str, now: datetime) -> Changed:
    """End a campaign: nothing new leaves from this instant on; enrolments end, and what is reserved is taken back."""
    with db.tenant(creditor_id) as connection:
        known = rows.versions(connection, creditor_id, name)
        campaign = _moved(known, name, ("running", "paused", "stopped"), "stopped")
        rows.set_state(connection, campaign.campaign_id, ("running", "paused"), "stopped")
    ended = finish_stop(db, creditor_id, campaign.campaign_id, now)
    with db.tenant(creditor_id) as connection:
        return Changed(campaign, ended, rows.in_flight(connection, campaign.campaign_id))


def finish_stop(db: Database, creditor_id: UUID, campaign_id: UUID, now: datetime) -> int:
    """End the enrolments that a stopped campaign still has; how many there were."""
    ended = 0
    while True:
        with db.tenant(creditor_id) as connection:
            left = rows.leave(connection, creditor_id, campaign_id, now)
        ended += left
        if not left:
            return ended


def cadence_of(campaign: CampaignRow) -> Cadence:
    """The cadence of a kept version. Worth caching by `campaign_id`: a version never changes."""
    return read_cadence(campaign.source, f"{campaign.name} version {campaign.version}").cadence


def criteria_of(audience: Audience) -> Criteria:
    """The audience as the database is asked for it."""
    return Criteria(
        products=sorted(audience.products),
        days_from=audience.days_past_due_from,
        days_to=audience.days_past_due_to,
        currency=audience.currency,
        balance_from=audience.balance_from,
        balance_to=audience.balance_to,
        kinds=sorted(audience.kinds),
        languages=sorted(audience.languages),
        flags_all=sorted(audience.flags_all),
        flags_none=sorted(audience.flags_none),
        tags_all=sorted(audience.tags_all),
        tags_none=sorted(audience.tags_none),
    )


def _moved(known: list[CampaignRow], name: str, sources: tuple[str, ...], to: str) -> CampaignRow:
    """The newest version of the campaign, as it will be; refused where it does not stand where it should."""
    if not known:
        raise BadInput(f"there is no campaign `{name}`.", where=name, remedy="`forbear campaign status` lists them.")
    if known[0].state not in sources:
        raise Refused(
            f"version {known[0].version} of {name} is {known[0].state}, not {' or '.join(sources)}.", where=name
        )
    return known[0]._replace(state=to)
