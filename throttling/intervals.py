"""Sets of instants as sorted, disjoint, half-open intervals of whole seconds; and sets known only in part."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from throttling.zonetime import DAWN, FOREVER

Intervals = tuple[tuple[int, int], ...]

ALL: Intervals = ((DAWN, FOREVER),)
NONE: Intervals = ()


class Known(NamedTuple):
    """When a condition certainly holds, and when it may: they differ by what is not known."""

    certain: Intervals
    possible: Intervals


YES = Known(ALL, ALL)
NO = Known(NONE, NONE)
UNKNOWN = Known(NONE, ALL)


def known(truth: bool | None) -> Known:
    """Always, never, or unknown."""
    if truth is None:
        return UNKNOWN
    return YES if truth else NO


def exactly(spans: Intervals) -> Known:
    """A set that is wholly known."""
    return Known(spans, spans)


def both(a: Known, b: Known) -> Known:
    """When two conditions hold together."""
    return Known(intersect(a.certain, b.certain), intersect(a.possible, b.possible))


def either(a: Known, b: Known) -> Known:
    """When one of two conditions holds."""
    return Known(unite(a.certain, b.certain), unite(a.possible, b.possible))


def neither(a: Known) -> Known:
    """When a condition does not hold."""
    return Known(complement(a.possible), complement(a.certain))


def unite(a: Iterable[tuple[int, int]], b: Iterable[tuple[int, int]] = ()) -> Intervals:
    """The union, with touching intervals joined and empty ones dropped."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted((*a, *b)):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def intersect(a: Intervals, b: Intervals) -> Intervals:
    """What lies in both."""
    if a is ALL:
        return b
    if b is ALL:
        return a
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low < high:
            found.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def complement(a: Intervals) -> Intervals:
    """All that lies outside."""
    edges = [DAWN]
    for start, end in a:
        edges += (start, end)
    edges.append(FOREVER)
    return tuple((low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high)


def next_in(a: Intervals, at: int) -> int:
    """The first instant not before `at` that lies inside, or FOREVER."""
    index = bisect_right(a, (at, FOREVER)) - 1
    if index >= 0 and at < a[index][1]:
        return at
    return a[index + 1][0] if index + 1 < len(a) else FOREVER


def end_of(a: Intervals, at: int) -> int:
    """Where the interval that holds `at` ends; `at` itself where none does."""
    index = bisect_right(a, (at, FOREVER)) - 1
    return a[index][1] if index >= 0 and at < a[index][1] else at


def holds(a: Intervals, at: int) -> bool:
    """True where `at` lies inside."""
    return end_of(a, at) > at
