"""What the engine keeps of one debtor, ready to be asked: events in order, debts, and the clocks of each rule."""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter

from domain.facts import AccountFacts, Collector, DebtorFacts, Direction, PastContact, PointFacts, Proposal
from throttling import zonetime
from throttling.compose import CompiledRule, Ruleset, products_of
from throttling.selectors import Shape, medium
from throttling.spans_of_time import Ending
from throttling.whereabouts import Whereabouts, Zones, candidates


class Event:
    """One past contact: its second, its place in the history as given, and which selectors it may or must match."""

    __slots__ = ("at", "contact", "index", "may", "must")

    def __init__(self, at: int, index: int, contact: PastContact, masks: tuple[int, int]) -> None:
        self.at = at
        self.index = index
        self.contact = contact
        self.may, self.must = masks


class Dossier:
    """One debtor under one ruleset. Read-only once made."""

    __slots__ = (
        "accounts",
        "as_of",
        "collector",
        "debtor",
        "events",
        "groups",
        "has_terms",
        "is_chosen",
        "may",
        "points",
        "ruleset",
        "whereabouts",
    )

    def __init__(
        self,
        ruleset: Ruleset,
        debtor: DebtorFacts,
        points: Sequence[PointFacts],
        accounts: Sequence[AccountFacts],
        history: Sequence[PastContact],
        collector: Collector,
        as_of: datetime | None,
        *,
        is_chosen: bool,
    ) -> None:
        self.ruleset = ruleset
        self.debtor = debtor
        self.points = {point.id: point for point in points}
        self.accounts = {account.id: account for account in accounts}
        self.groups = {account.id: account.group for account in accounts if account.group is not None}
        self.collector = collector
        self.as_of = None if as_of is None else zonetime.floor_second(as_of)
        self.is_chosen = is_chosen
        self.has_terms = bool(  # of the debtor's own, which widen or narrow hours
            debtor.inconvenient
            or debtor.consents
            or debtor.agreed_hours is not None
            or debtor.requested_hours is not None
        )
        self.whereabouts: Whereabouts = ruleset.whereabouts(candidates(debtor, points, ruleset.legal_zones))
        self.may = 0  # the selectors that any of the events may match
        self.events = self._in_order(history)

    def _in_order(self, history: Sequence[PastContact]) -> list[Event]:
        points, masks, second = self.points, self.ruleset.masks, zonetime.ceil_second
        events = []
        for index, contact in enumerate(history):
            point = points.get(contact.contact_point or "")
            seen = (
                contact.channel,
                contact.direction,
                contact.outcome,
                contact.purpose,
                contact.person,
                None if point is None else point.kind,
                contact.in_reply,
            )
            event = Event(second(contact.at), index, contact, masks(seen))
            self.may |= event.may
            events.append(event)
        events.sort(key=_AT)  # stable: what happened in the same second stays in the order given
        return events

    def zones(self, compiled: CompiledRule) -> Zones:
        """The zones on whose clocks a rule runs here; none where they are not known."""
        return self.whereabouts.zones(compiled.index, compiled.clock)

    def ending(self, compiled: CompiledRule) -> Ending:
        """Until when events count under a cap, or call for rest under a cool-down."""
        return self.ruleset.ending(compiled, self.zones(compiled))

    def debts(self, accounts: Collection[str]) -> Collection[str]:
        """The debts that accounts stand for: those of one group are one."""
        groups = self.groups
        return frozenset([groups.get(account, account) for account in accounts]) if groups else accounts

    def inbound_before(self, at: int) -> Event | None:
        """The last contact up to an instant, if the debtor made it."""
        before = [event for event in self.events if event.at <= at]
        if before and before[-1].contact.direction is Direction.IN:
            return before[-1]
        return None


_AT = attrgetter("at")


class Asked:
    """A contact as conditions see it: one that is proposed, or one of the past with only what came before it."""

    __slots__ = ("accounts", "at", "by", "counting", "debts", "events", "is_past", "medium", "point", "shape")

    def __init__(
        self,
        dossier: Dossier,
        contact: Proposal | PastContact,
        at: int,
        events: Sequence[Event],
        shape: Shape,
    ) -> None:
        self.at = at
        self.shape = shape
        self.medium = medium(shape.channel)
        self.accounts = contact.accounts
        self.debts = frozenset(dossier.debts(contact.accounts))
        self.point = contact.contact_point
        self.by = contact.by or dossier.collector.name
        self.events = events
        self.is_past = isinstance(contact, PastContact)
        self.counting: dict[int, list[tuple[int, Event]]] = {}  # what caps count, as far as it was asked for


def shape_of(dossier: Dossier, proposal: Proposal) -> Shape:
    """What selectors see of a proposal."""
    point = dossier.points.get(proposal.contact_point or "")
    return Shape(
        proposal.channel,
        None if point is None else point.kind,
        proposal.person,
        proposal.purpose,
        proposal.in_reply,
        proposal.automated,
        proposal.has_opt_out_notice,
        proposal.discloses_debt,
        proposal.limited_content,
        proposal.collector_account,
        dossier.collector.first_party,
        products_of(dossier.accounts.values(), proposal.accounts),
    )


def past_as_asked(dossier: Dossier, event: Event) -> Asked:
    """A past contact as if it were proposed at its moment; what its facts do not say is unknown."""
    contact = event.contact
    point = dossier.points.get(contact.contact_point or "")
    shape = Shape(
        contact.channel,
        None if point is None else point.kind,
        contact.person,
        contact.purpose,
        contact.in_reply,
        collector_account=contact.collector_account,
        first_party=None if contact.by != dossier.collector.name else dossier.collector.first_party,
        products=products_of(dossier.accounts.values(), contact.accounts),
    )
    before = [each for each in dossier.events if (each.at, each.index) < (event.at, event.index)]
    return Asked(dossier, contact, event.at, before, shape)
