"""A calendar of a week: when each channel may be used to reach a debtor, and what closes it otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.decision import Decision, SpokenRule, Verdict
from domain.facts import ContactChannel, Facts
from throttling.compose import Ruleset
from throttling.decide import prepare

CHANNELS = (ContactChannel.CALL, ContactChannel.SMS, ContactChannel.EMAIL, ContactChannel.LETTER)
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A half-open stretch of time in which one channel is open, or closed by the rules that spoke at its start."""

    channel: ContactChannel
    start: datetime
    end: datetime
    is_open: bool
    closed_by: tuple[SpokenRule, ...] = ()


def week(
    facts: Facts,
    ruleset: Ruleset,
    start: datetime,
    channels: Sequence[ContactChannel] = CHANNELS,
    length: timedelta = WEEK,
) -> tuple[Stretch, ...]:
    """Stretches that cover `length` from `start` for each channel, in order, open and closed in turn.

    The contact is the facts' proposal, but for its instant and channel; where the channel differs, its contact point
    is left open. It supposes that nothing happens in between. Edges are exact to the second.
    """
    prepared = prepare(
        ruleset,
        facts.debtor,
        facts.contact_points,
        facts.accounts,
        facts.history,
        facts.collector,
        as_of=start,
        is_chosen=facts.packs is None,
    )
    end = start + length
    found: list[Stretch] = []
    for channel in channels:
        point = facts.proposal.contact_point if channel is facts.proposal.channel else _point_for(facts, channel)
        at = start
        while at < end:
            proposal = facts.proposal._replace(at=at, channel=channel, contact_point=point, expected_delivery=None)
            stretch = _stretch(channel, at, end, prepared.decide(proposal))
            found.append(stretch)
            at = stretch.end
    return tuple(found)


KINDS = {
    ContactChannel.CALL: ("mobile", "landline"),
    ContactChannel.SMS: ("mobile",),
    ContactChannel.EMAIL: ("email",),
    ContactChannel.LETTER: ("address",),
    ContactChannel.VISIT: ("address",),
}


def _point_for(facts: Facts, channel: ContactChannel) -> str | None:
    kinds = KINDS.get(channel, ())
    return next((point.id for point in facts.contact_points if point.kind in kinds), None)


def _stretch(channel: ContactChannel, at: datetime, end: datetime, decision: Decision) -> Stretch:
    if decision.verdict is Verdict.ALLOWED:
        return Stretch(channel, at, min(end, decision.closes or end), is_open=True)
    until = min(end, decision.until) if decision.until is not None else end
    return Stretch(channel, at, until, is_open=False, closed_by=decision.rules)
