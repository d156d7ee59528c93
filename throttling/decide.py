"""Decide whether, and when, a debtor may be contacted: pure, exact to the second, and fast.

`decide(ruleset, facts)` answers one case. `prepare(…)` makes one debtor ready, and `prepared.decide(proposal)` then
answers as many proposals as there are. How T is found is in `plan`.
"""

from collections.abc import Sequence
from datetime import datetime

from domain.decision import Decision
from domain.facts import AccountFacts, Collector, DebtorFacts, Facts, PastContact, PointFacts, Proposal
from throttling.compose import Ruleset
from throttling.dossier import Dossier
from throttling.plan import Plan
from throttling.zonetime import DAY, floor_second

SPAN = 300 * DAY
"""For how long after the instant for which it was worked out a plan serves."""


def decide(ruleset: Ruleset, facts: Facts) -> Decision:
    """The decision on one case. Pure: no clock, no input or output."""
    prepared = prepare(
        ruleset,
        facts.debtor,
        facts.contact_points,
        facts.accounts,
        facts.history,
        facts.collector,
        as_of=facts.proposal.at,
        is_chosen=facts.packs is None,
    )
    return prepared.decide(facts.proposal)


def prepare(
    ruleset: Ruleset,
    debtor: DebtorFacts,
    contact_points: Sequence[PointFacts],
    accounts: Sequence[AccountFacts],
    history: Sequence[PastContact],
    collector: Collector,
    *,
    as_of: datetime | None = None,
    is_chosen: bool = True,
) -> "Prepared":
    """One debtor made ready to be asked about. The facts are as of `as_of`, from which days past due grow.

    `is_chosen` says that the packs were chosen from the facts, so that a country without a pack is held; false where
    somebody named them.
    """
    return Prepared(Dossier(ruleset, debtor, contact_points, accounts, history, collector, as_of, is_chosen=is_chosen))


class Prepared:
    """One debtor under one ruleset: answers proposals. Holds nothing but what it was given and what it worked out."""

    __slots__ = ("_dossier", "_plans")

    def __init__(self, dossier: Dossier) -> None:
        self._dossier = dossier
        self._plans: dict[tuple[object, ...], Plan] = {}

    def decide(self, proposal: Proposal) -> Decision:
        """The decision on a proposal: its verdict, the exact instant, and every rule that spoke."""
        when = proposal.at
        at = floor_second(when)
        _, _, verdict, rules, packs, until, closes = self._plan(proposal, at).segment(at)
        local = tuple([(name, when.astimezone(zone)) for name, zone in self._dossier.whereabouts.local])
        return Decision(verdict, rules, packs, local, until, closes)

    def _plan(self, proposal: Proposal, at: int) -> "Plan":
        key = (
            proposal.channel,
            proposal.contact_point,
            proposal.accounts,
            proposal.person,
            proposal.purpose,
            proposal.by,
            proposal.in_reply,
            proposal.automated,
            proposal.has_opt_out_notice,
            proposal.discloses_debt,
            proposal.limited_content,
            proposal.collector_account,
            None if proposal.expected_delivery is None else proposal.expected_delivery - proposal.at,
        )
        plan = self._plans.get(key)
        if plan is None or not plan.made_at <= at < plan.made_at + SPAN:
            plan = self._plans[key] = Plan(self._dossier, proposal, at)
        return plan
