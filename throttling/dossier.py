"""What the engine keeps of one debtor, ready to be asked: past contacts in order, debts, each rule's clocks."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from datetime import datetime
from math import ceil

from domain.facts import AccountFacts, Collector, DebtorFacts, Direction, PastContact, PointFacts, PointKind, Proposal
from throttling import zonetime
from throttling.compose import CompiledRule, Ruleset, products_of
from throttling.selectors import Masks, Shape
from throttling.spans_of_time import Ending, Moment
from throttling.whereabouts import Whereabouts, Zones, candidates


class Dossier:
    """One debtor under one ruleset. Read-only once made.

    `history` is as it was given, `masks` stand beside it: which selectors each contact may or must match. `moments`
    are in the order of time. `may` holds the selectors that any of the contacts may match.
    """

    __slots__ = (
        "accounts",
        "as_of",
        "collector",
        "debtor",
        "groups",
        "has_terms",
        "history",
        "is_chosen",
        "masks",
        "may",
        "moments",
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
            or any(consent.hours is not None for consent in debtor.consents)
            or debtor.agreed_hours is not None
            or debtor.requested_hours is not None
        )
        self.whereabouts: Whereabouts = ruleset.whereabouts(candidates(debtor, points, ruleset.legal_zones))
        self.history = tuple(history)
        self.moments = sorted([(ceil(contact.at.timestamp()), index) for index, contact in enumerate(history)])
        self.may = 0
        self.masks = self._masks() if history else []

    def _masks(self) -> list[Masks]:
        known = self.ruleset.masks
        kinds: dict[str | None, PointKind] = {point.id: point.kind for point in self.points.values()}
        found = []
        for contact in self.history:
            masks = known[
                contact.channel,
                contact.direction,
                contact.outcome,
                contact.purpose,
                contact.person,
                kinds.get(contact.contact_point),
                contact.in_reply,
            ]
            self.may |= masks[0]
            found.append(masks)
        return found

    def zones(self, compiled: CompiledRule) -> Zones:
        """The zones on whose clocks a rule runs here; none where they are not known."""
        return self.whereabouts.zones(compiled.index, compiled.clock)

    def ending(self, compiled: CompiledRule) -> Ending:
        """Until when past contacts count under a cap, or call for rest under a cool-down."""
        known = self.whereabouts.endings
        found = known.get(compiled.index)
        if found is None:
            found = known[compiled.index] = self.ruleset.ending(compiled, self.zones(compiled))
        return found

    def debts(self, accounts: Collection[str]) -> Collection[str]:
        """The debts that accounts stand for: those of one group are one."""
        groups = self.groups
        return frozenset([groups.get(account, account) for account in accounts]) if groups else accounts

    def was_last_inbound(self, at: int) -> bool:
        """Whether the debtor made the last contact up to an instant."""
        place = bisect_left(self.moments, (at + 1, -1))
        return place > 0 and self.history[self.moments[place - 1][1]].direction is Direction.IN


class Asked:
    """A contact as conditions see it: one that is proposed, or one of the past with only what came before it."""

    __slots__ = ("accounts", "at", "by", "debts", "moments", "point", "shape")

    def __init__(
        self,
        dossier: Dossier,
        contact: Proposal | PastContact,
        at: int,
        moments: Sequence[Moment],
        shape: Shape,
    ) -> None:
        self.at = at
        self.shape = shape
        self.accounts = contact.accounts
        self.debts = frozenset(dossier.debts(contact.accounts))
        self.point = contact.contact_point
        self.by = contact.by or dossier.collector.name
        self.moments = moments


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
        products_of(dossier.accounts, proposal.accounts),
    )


def past_as_asked(dossier: Dossier, index: int) -> Asked:
    """A past contact as if it were proposed at its moment; what its facts do not say is unknown."""
    contact = dossier.history[index]
    at = zonetime.ceil_second(contact.at)
    point = dossier.points.get(contact.contact_point or "")
    shape = Shape(
        contact.channel,
        None if point is None else point.kind,
        contact.person,
        contact.purpose,
        contact.in_reply,
        collector_account=contact.collector_account,
        first_party=None if contact.by != dossier.collector.name else dossier.collector.first_party,
        products=products_of(dossier.accounts, contact.accounts),
    )
    return Asked(dossier, contact, at, dossier.moments[: bisect_left(dossier.moments, (at, index))], shape)
