"""The rules that hold for a debtor on a campaign: what place, product and collector bring, and the cadence's own."""

from collections.abc import Callable, Hashable
from dataclasses import replace

from domain.facts import Facts
from throttling.compose import Ruleset, compile_rules, select
from throttling.packs import Library

Rules = Callable[[Facts], Ruleset]
"""Gives the compiled rules for the facts of a debtor; `facts.packs` are the cadence's."""
REMEMBERED = 50_000
"""How many sets of circumstances are remembered with their rules."""


def rules_of(library: Library) -> Rules:
    """Rules from this library. A cadence's packs hold in addition to those that the facts bring: they never loosen.

    What was chosen is remembered by the facts that bear on the choice. The library never changes while it is used.
    """
    known: dict[Hashable, Ruleset] = {}

    def rules(facts: Facts) -> Ruleset:
        key = _circumstances(facts)
        found = known.get(key)
        if found is None:
            own = facts.packs or ()
            found = compile_rules(library, {*select(replace(facts, packs=None), library), *own})
            if len(known) >= REMEMBERED:
                known.clear()
            known[key] = found
        return found

    return rules


def _circumstances(facts: Facts) -> Hashable:
    """All that `select` looks at, and the cadence's packs. Ids only matter where the proposal names some."""
    point, accounts = facts.proposal.contact_point, facts.proposal.accounts
    return (
        facts.packs,
        facts.collector.first_party,
        facts.debtor.timezones,
        facts.debtor.places,
        facts.debtor.location_known,
        tuple([(each.id == point, each.country, each.timezones, each.used_by_debtor) for each in facts.contact_points]),
        point is None,
        tuple([(each.id in accounts, each.product) for each in facts.accounts]),
        len(accounts),
    )
