"""How fast a campaign may go: each contact gets its place in time, so that what it stirs up can be answered.

A campaign's pace is a virtual schedule (the generic cell rate algorithm, ITU-T I.371): the next contact of a lane (the
whole campaign, or one channel of it) is due one interval after the one before. Places are given away in a transaction
of their own: where a batch fails, its places are lost, and the campaign is slower for a moment but never faster.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.cadence import Pacing
from domain.channel import Channel

ALL, DAY = "all", "day"
HOUR = dt.timedelta(hours=1)
BURST = dt.timedelta(minutes=1)
"""How far a campaign that was idle may run ahead of its schedule: a minute's worth at once."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One limit of a campaign: one contact in each `interval`. A daily one gives all places of a day at its start."""

    campaign_id: UUID
    name: str
    interval: dt.timedelta


def lanes(campaign_id: UUID, pacing: Pacing, channel: Channel) -> Iterator[Lane]:
    """The limits that a contact on `channel` takes a place in."""
    if pacing.per_hour:
        yield Lane(campaign_id, ALL, HOUR / pacing.per_hour)
    if pacing.per_day:
        yield Lane(campaign_id, DAY, 24 * HOUR / pacing.per_day)
    if channel in pacing.channels:
        yield Lane(campaign_id, channel.value, HOUR / pacing.channels[channel])


def take(
    connection: Connection, creditor_id: UUID, wanted: Mapping[Lane, int], now: dt.datetime, zone: ZoneInfo
) -> dict[Lane, list[dt.datetime]]:
    """As many places as are wanted in each lane, in order, each the instant from which its contact may be made.

    Days are those of `zone`, the creditor's.
    """
    taken: dict[Lane, list[dt.datetime]] = {}
    for lane in sorted(wanted, key=lambda each: (each.campaign_id, each.name)):
        n = wanted[lane]
        end = connection.exec_driver_sql(
            """INSERT INTO paces AS p (campaign_id, lane, creditor_id, next_at)
               VALUES (%(campaign)s, %(lane)s, %(creditor)s, %(earliest)s::timestamptz + %(length)s)
               ON CONFLICT (campaign_id, lane)
                   DO UPDATE SET next_at = greatest(p.next_at, %(earliest)s) + %(length)s
               RETURNING next_at""",
            {
                "campaign": lane.campaign_id,
                "lane": lane.name,
                "creditor": creditor_id,
                "earliest": _day_of(now, zone) if lane.name == DAY else now - BURST,
                "length": lane.interval * n,
            },
        ).scalar_one()
        places = [end - lane.interval * (n - place) for place in range(n)]
        taken[lane] = [_day_of(place, zone) for place in places] if lane.name == DAY else places
    return taken


def _day_of(at: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """When the day that holds `at` begins in the zone."""
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(dt.UTC)
