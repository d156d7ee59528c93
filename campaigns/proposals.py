"""One step as a contact that could be made: through which point, under which decision, and when if not now."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from campaigns.cadence import Cadence, Kind, Step
from campaigns.calendar import opening
from campaigns.due import Place
from campaigns.view import DebtorView, PointView
from domain.channel import CONTACT_CHANNEL, REACHES, Channel
from domain.decision import Decision, Effect, SpokenRule, Verdict
from domain.facts import Proposal, Purpose

CADENCE = "cadence"
"""The pack that a cadence's own rules are shown under, beside those of the law."""
_LOOKS = 64


class Decides(Protocol):
    """What decides proposals for one debtor: `throttling.decide.prepare` makes it."""

    def decide(self, proposal: Proposal) -> Decision:
        """The decision on one proposal."""


class Tried(NamedTuple):
    """What came of trying a step now: a decision on `channel`, for `point` where one was found.

    Allowed: `closes_at` ends it. Deferred or refused: `until` is when to try again, None at the next day's opening.
    """

    channel: Channel
    rank: int
    point: PointView | None
    decision: Decision
    closes_at: datetime | None = None
    until: datetime | None = None


def attempts(
    view: DebtorView, cadence: Cadence, step: Step, rank: int, accounts: tuple[str, ...], place: Place, decides: Decides
) -> Iterator[Tried]:
    """Try the step's channels in order from `rank`; ends with the first that is not refused."""
    span = opening(step.window, place.zones, place.now)
    for tried, channel in enumerate(step.channels[rank:], start=rank):
        last: Tried | None = None
        for point in points_for(view, channel):
            proposal = proposal_for(step, channel, point.point.id, accounts, view.collector.name, place.now)
            decision = decides.decide(proposal)
            if decision.verdict is Verdict.REFUSED:
                last = last or Tried(channel, tried, point, decision)
                continue
            if span is None:
                yield Tried(channel, tried, point, refusal(cadence, "preferred-window", _NEVER_OPEN))
            elif decision.is_allowed and span[0] <= place.now:
                closes = span[1] if decision.closes is None else min(span[1], decision.closes)
                yield Tried(channel, tried, point, decision, closes)
            else:
                yield _later(cadence, step, Tried(channel, tried, point, decision), proposal, span[0], place, decides)
            return
        why = (
            f"No live contact point takes {channel.value}; one that does, or the step's next channel, would change it."
        )
        yield last or Tried(channel, tried, None, refusal(cadence, "contact-point", why))


_NEVER_OPEN = "The step's preferred hours never come together in all zones where the debtor may be."


def points_for(view: DebtorView, channel: Channel) -> list[PointView]:
    """The live contact points that take the channel, the best first."""
    kinds, banned = REACHES[channel], view.facts.banned_points
    found = [
        point
        for point in view.points
        if not point.is_dead and point.point.kind in kinds and channel not in point.channels_off
    ]
    if len(found) > 1:
        found.sort(key=lambda point: (point.point.id in banned, -point.priority, point.point.id))
    return found


def refusal(cadence: Cadence, rule: str, why: str) -> Decision:
    """A refusal by the cadence itself."""
    return Decision(Verdict.REFUSED, (_spoken(cadence, rule, Effect.REFUSES, why, None),))


def _later(
    cadence: Cadence, step: Step, tried: Tried, proposal: Proposal, opens: datetime, place: Place, decides: Decides
) -> Tried:
    """The same with the first instant at which the rules and the hours, which open at `opens`, agree."""
    decision = tried.decision
    start = opens if decision.until is None else max(opens, decision.until)
    until = _earliest(step, proposal, start, place, decides)
    if decision.is_allowed:
        why = f"The step's preferred hours, {_clock(step.window.start)} to {_clock(step.window.end)}, are not now."
        rule = _spoken(cadence, "preferred-window", Effect.DEFERS, why, opens)
        decision = decision._replace(verdict=Verdict.DEFERRED, rules=(*decision.rules, rule), until=opens, closes=None)
    return tried._replace(decision=decision, until=until)


def _earliest(step: Step, proposal: Proposal, start: datetime, place: Place, decides: Decides) -> datetime | None:
    """The first instant from `start` on that is in the preferred hours and allowed, or at which it becomes refused."""
    moment = start
    for _ in range(_LOOKS):
        span = opening(step.window, place.zones, moment)
        if span is None:
            return None
        moment = span[0]
        decision = decides.decide(proposal._replace(at=moment))
        if decision.verdict is not Verdict.DEFERRED or decision.until is None:
            return moment
        moment = max(decision.until, moment + timedelta(seconds=1))
    return moment


def proposal_for(
    step: Step, channel: Channel, point: str, accounts: tuple[str, ...], by: str | None, at: datetime
) -> Proposal:
    """The facts of the contact. Templates are linted for the opt-out wording; calls verify before they name a debt."""
    return Proposal(
        at=at,
        channel=CONTACT_CHANNEL[channel],
        accounts=accounts,
        contact_point=point,
        by=by,
        purpose=Purpose.STATUTORY_NOTICE if step.kind is Kind.LEGAL_NOTICE else Purpose.COLLECT,
        automated=True,
        has_opt_out_notice=True,
        discloses_debt=channel is not Channel.VOICE,
        limited_content=False,
    )


def _spoken(cadence: Cadence, rule: str, effect: Effect, why: str, until: datetime | None) -> SpokenRule:
    return SpokenRule(CADENCE, "", rule, f"{cadence.name}: {rule}", effect, why, until)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
