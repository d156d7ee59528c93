"""What an import did or, in a dry run, would do."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of accounts, but for `lines` (records of the file), `debtors…` and `points`.

    added + updated + unchanged + rejected + outside = lines. `outside`: left out by the mapping's `where`. `vanished`:
    in an earlier file of the portfolio, open, and not in this one. `dropped_points`: bad contact points of rows that
    came in without them.
    """

    portfolio: str
    is_dry_run: bool
    lines: int
    added: int
    updated: int
    unchanged: int
    rejected: int
    outside: int
    vanished: int
    debtors: int
    debtors_added: int
    debtors_changed: int
    points: Mapping[str, int]
    dropped_points: int
    countries: Mapping[str, int]
    unread_columns: tuple[str, ...]
    rejects_file: str | None

    def as_json(self) -> dict[str, Any]:
        """Plain values, for scripts and for the portfolio's row."""
        return asdict(self)
