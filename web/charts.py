"""The geometry of the charts: numbers in, rectangles out, in the units of a viewBox. The templates draw them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle with the value that it stands for; `index` is its bucket."""

    x: float
    y: float
    width: float
    height: float
    value: int
    index: int


@dataclass(frozen=True, slots=True)
class Bars:
    """A row of bars in a viewBox of `width` × `height`; `zero` is where they stand."""

    width: float
    height: float
    zero: float
    up: tuple[Bar, ...]
    down: tuple[Bar, ...]


def bars(
    values: Sequence[int],
    top: int,
    *,
    width: float = 600,
    height: float = 48,
    below: Sequence[int] = (),
    gap: float = 2,
) -> Bars:
    """Bars for `values`, scaled so that `top` fills the height; `below`, one for each, hang from the zero line.

    A value above zero is at least a line high, so that a single contact can be seen; where there is anything below, it
    has a quarter of the height at most.
    """
    zero = height * 0.78 if any(below) else height - 1
    slot = width / max(1, len(values))
    scale = (zero - 2) / max(1, top)
    up = tuple(
        Bar(*_box(index, slot, gap), max(1.5, min(value * scale, zero - 2)), value, index)
        for index, value in enumerate(values)
        if value > 0
    )
    down = tuple(
        Bar(*_box(index, slot, gap), max(1, min(value * scale, height - zero - 1)), value, index)
        for index, value in enumerate(below)
        if value > 0
    )
    return Bars(
        width,
        height,
        round(zero, 2),
        tuple(_at(bar, zero - bar.height) for bar in up),
        tuple(_at(bar, zero + 1) for bar in down),
    )


def shares(parts: Sequence[int], width: float = 100) -> tuple[tuple[float, float], ...]:
    """Where each part begins and how wide it is, side by side, together `width`; all zero where there is nothing."""
    whole = sum(parts)
    if not whole:
        return tuple((0.0, 0.0) for _ in parts)
    found, begin = [], 0.0
    for part in parts:
        length = width * part / whole
        found.append((round(begin, 3), round(length, 3)))
        begin += length
    return tuple(found)


def _box(index: int, slot: float, gap: float) -> tuple[float, float, float]:
    pad = min(gap, slot / 3)
    return round(index * slot + pad / 2, 2), 0.0, round(slot - pad, 2)


def _at(bar: Bar, y: float) -> Bar:
    return Bar(bar.x, round(y, 2), bar.width, round(bar.height, 2), bar.value, bar.index)
