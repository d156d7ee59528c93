"""The rules that hold for a debtor on a campaign: what place, product and collector bring, and the cadence's own."""

from collections.abc import Callable
from dataclasses import replace

from domain.facts import Facts
from throttling.compose import compile_rules, select
from throttling.decide import Ruleset
from throttling.packs import Library

Rules = Callable[[Facts], Ruleset]
"""Gives the compiled rules for the facts of a debtor; `facts.packs` are the cadence's."""


def rules_of(library: Library) -> Rules:
    """Rules from this library. A cadence's packs hold in addition to those that the facts bring: they never loosen.

    Compiled once for each set of packs; the library never changes while it is used.
    """
    compiled: dict[frozenset[str], Ruleset] = {}

    def rules(facts: Facts) -> Ruleset:
        own = facts.packs or ()
        ids = frozenset(select(replace(facts, packs=None) if own else facts, library)) | frozenset(own)
        found = compiled.get(ids)
        if found is None:
            found = compiled[ids] = compile_rules(library, ids)
        return found

    return rules
