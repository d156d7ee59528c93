"""What the engine answers: allowed, deferred until an instant, or refused, and every rule that spoke."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """`deferred`: time alone releases it. `refused`: time alone does not."""

    ALLOWED = "allowed"
    DEFERRED = "deferred"
    REFUSED = "refused"


class Effect(StrEnum):
    """What one rule said. `allows`: it was close, or an exception lifted it."""

    ALLOWS = "allows"
    DEFERS = "defers"
    REFUSES = "refuses"


@dataclass(frozen=True, slots=True)
class SpokenRule:
    """One rule that spoke, with its clause, the history entries it counted, and why in plain words."""

    pack: str
    version: str
    rule: str
    cite: str
    effect: Effect
    why: str
    until: datetime | None = None
    counted: tuple[int, ...] = ()
    presumption: bool = False


@dataclass(frozen=True, slots=True)
class PackUsed:
    """A pack that the decision applied: its id, version, and the SHA-256 of its canonical content."""

    id: str
    version: str
    digest: str


class Decision(NamedTuple):
    """The answer to one proposal.

    `until` is set only when deferred: the first instant at which every rule allows it if nothing else happens.
    `closes` is set only when allowed: the instant at which the permitted interval that holds `at` ends (half-open),
    or None where no rule bounds the hours. A contact still unsent then must not leave.
    """

    verdict: Verdict
    rules: tuple[SpokenRule, ...] = ()
    packs: tuple[PackUsed, ...] = ()
    local: tuple[tuple[str, datetime], ...] = ()
    until: datetime | None = None
    closes: datetime | None = None

    @property
    def is_allowed(self) -> bool:
        """True where the contact may be made now."""
        return self.verdict is Verdict.ALLOWED
