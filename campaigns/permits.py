"""Whether the packs can ever permit a step: asked of the rules themselves, over a week, for a debtor who agreed to all.

Before a launch this finds the step that could only ever wait. The debtor is placed where each pack holds in turn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.cadence import Anchor, Cadence, Step
from campaigns.calendar import opening
from campaigns.proposals import proposal_for
from campaigns.rules import Rules
from domain.channel import REACHES, Channel
from domain.decision import Decision, SpokenRule, Verdict
from domain.facts import (
    AccountFacts,
    Collector,
    Consent,
    DebtorFacts,
    Facts,
    Notice,
    Place,
    PointFacts,
    PointKind,
)
from throttling import places
from throttling.decide import prepare
from throttling.packs import Library

WEEK = timedelta(days=7)
_POINT = "point"
_ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Never:
    """A step that is never made in a place: the country and region, and the rules that bar its first channel."""

    step: str
    place: str
    rules: tuple[SpokenRule, ...]


@dataclass(frozen=True, slots=True)
class Permits:
    """For each step the places where it can be made, and where it never can."""

    places: dict[str, list[str]]
    never: tuple[Never, ...]


def permits(cadence: Cadence, library: Library, rules: Rules, now: datetime) -> Permits:
    """Ask the rules over the week from `now` whether each step can be made, in every place that the packs know."""
    found: dict[str, list[str]] = {step.id: [] for step in cadence.steps}
    never: list[Never] = []
    for place in _places(cadence, library, now):
        for step in cadence.steps:
            barred = _barred(cadence, step, place, rules, now)
            if barred is None:
                found[step.id].append(_name(place))
            else:
                never.append(Never(step.id, _name(place), barred))
    return Permits(found, tuple(never))


def _places(cadence: Cadence, library: Library, now: datetime) -> list[Place]:
    """A place for each pack in force that has one: of the cadence's packs, or of all where it names none."""
    seen: dict[tuple[str, str | None], Place] = {}
    for pack in library.at(cadence.packs or None, now):
        region = pack.part_of or pack.region
        zones = places.zones_of(pack.country, region) if pack.country else ()
        if pack.country and zones:
            place = Place(
                pack.country, region, next(iter(pack.postcodes), None), _zone(pack.zone, zones), "address", True
            )
            seen.setdefault((pack.country, pack.region), place)
    return list(seen.values())


def _barred(cadence: Cadence, step: Step, place: Place, rules: Rules, now: datetime) -> tuple[SpokenRule, ...] | None:
    """The rules that bar the step on every channel; None where one can be used at some time of the week."""
    spoken: tuple[SpokenRule, ...] = ()
    for channel in step.channels:
        for facts in _debtors(cadence, step, channel, place, now):
            last = _week(step, facts, rules, now)
            if last is None:
                return None
            spoken = spoken or last.rules
    return spoken


def _week(step: Step, facts: Facts, rules: Rules, now: datetime) -> Decision | None:
    """None where the rules allow it in the preferred hours of the week; otherwise their last answer."""
    zones = facts.debtor.timezones
    prepared = prepare(
        rules(facts), facts.debtor, facts.contact_points, facts.accounts, facts.history, facts.collector, as_of=now
    )
    decision = Decision(Verdict.REFUSED)
    moment = now
    while moment < now + WEEK:
        span = opening(step.window, zones, moment)
        if span is None or span[0] >= now + WEEK:
            break
        decision = prepared.decide(facts.proposal._replace(at=span[0]))
        if decision.is_allowed:
            return None
        moment = span[1] if decision.until is None else max(decision.until, span[0] + timedelta(seconds=1))
    return decision


def _debtors(cadence: Cadence, step: Step, channel: Channel, place: Place, now: datetime) -> Iterator[Facts]:
    """Debtors of the audience who agreed to everything, one for each product and for a lender's and an agency's own."""
    zone = str(place.timezone)
    kind = next(kind for kind in PointKind if kind in REACHES[channel])
    point = PointFacts(_POINT, kind, (zone,), place.country, now - timedelta(days=1), True)
    debtor = DebtorFacts(
        timezones=(zone,),
        places=(place,),
        location_known=True,
        reachable=True,
        consents=(Consent(now - timedelta(days=1), direct=True),),
        notices=(Notice("first_written_notice", now - timedelta(days=60)),),
    )
    days = step.days if step.anchor is Anchor.DAY_IN_ARREARS else cadence.audience.days_past_due_to
    for product in sorted(cadence.audience.products):
        account = AccountFacts(_ACCOUNT, product, max(days, 1), now - timedelta(days=max(days, 1)))
        for is_first_party in (True, False):
            yield Facts(
                proposal=proposal_for(step, channel, _POINT, (_ACCOUNT,), "us", now),
                packs=cadence.packs or None,
                collector=Collector(is_first_party, "us"),
                debtor=debtor,
                contact_points=(point,),
                accounts=(account,),
            )


def _zone(own: str, zones: tuple[str, ...]) -> str:
    return own if own in zones else zones[0]


def _name(place: Place) -> str:
    return f"{place.country}-{place.region}" if place.region else place.country
