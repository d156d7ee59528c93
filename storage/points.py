"""What is proved of contact points: dead, or not for a channel."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from storage import arrays


class Proved(StrEnum):
    """What a provider's failure, or a person, proves of a contact point."""

    DEAD = "dead"
    """Nothing reaches it, or it is somebody else's."""
    NOT_FOR_CHANNEL = "not_for_channel"
    """It never takes this channel, such as a landline for SMS, or the carrier blocks us there."""
    OPTED_OUT = "opted_out"
    """Whoever has it told the carrier to stop this channel."""


class Effect(NamedTuple):
    """One proof."""

    point_id: UUID
    channel: str
    proved: Proved


def mark(connection: Connection, effects: Sequence[Effect]) -> None:
    """Keep what was proved: dead points are not used any more, others not for these channels."""
    if not effects:
        return
    connection.exec_driver_sql(
        """UPDATE contact_points p SET is_dead = p.is_dead OR n.dead,
                channels_off = CASE WHEN n.dead OR n.c = ANY(p.channels_off) THEN p.channels_off
                    ELSE p.channels_off || n.c END
           FROM unnest(%(p)s::uuid[], %(c)s::text[], %(d)s::text[]) AS raw(p, c, d)
                CROSS JOIN LATERAL (SELECT raw.p, raw.c, raw.d = 'dead' AS dead) n
           WHERE p.point_id = n.p""",
        {
            "p": arrays.ids(one.point_id for one in effects),
            "c": arrays.texts(one.channel for one in effects),
            "d": arrays.texts(one.proved for one in effects),
        },
    )
