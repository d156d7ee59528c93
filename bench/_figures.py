"""Figures as every benchmark prints them, each beside its baseline of the same run."""

import statistics
import sys
from collections.abc import Sequence
from typing import Any


def figure(name: str, value: float, unit: str, **also: Any) -> dict[str, Any]:
    """One figure without a baseline."""
    return {"figure": name, "value": rounded(value), "unit": unit, **also}


def beside(
    name: str, values: Sequence[float], unit: str, baseline: str, others: Sequence[float], **also: Any
) -> dict[str, Any]:
    """One figure beside its baseline: medians of both, and the median of the rounds' ratios."""
    ratios = [value / other for value, other in zip(values, others, strict=True)]
    return figure(
        name,
        statistics.median(values),
        unit,
        baseline=baseline,
        baseline_value=rounded(statistics.median(others)),
        ratio=round(statistics.median(ratios), 3),
        rounds=len(ratios),
        spread=[round(min(ratios), 3), round(max(ratios), 3)],
        **also,
    )


def rounded(value: float) -> float:
    """To four digits that matter, or whole."""
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
