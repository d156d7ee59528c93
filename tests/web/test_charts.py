"""Charts stay inside their boxes, keep proportions, and show the smallest value."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.charts import bars, shares

VALUES = st.lists(st.integers(0, 10**9), min_size=1, max_size=60)


@given(pairs=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=60))
def test_bars_stay_inside(pairs: list[tuple[int, int]]) -> None:
    up, below = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    drawn = bars(up, max(up), below=below)
    for bar in (*drawn.up, *drawn.down):
        assert 0 <= bar.x <= bar.x + bar.width <= drawn.width + 0.01
        assert -0.01 <= bar.y <= bar.y + bar.height <= drawn.height + 0.01
        assert bar.width > 0
    assert [bar.value for bar in drawn.up] == [value for value in up if value]
    assert [bar.value for bar in drawn.down] == [value for value in below if value]


@given(values=VALUES)
def test_more_is_never_lower(values: list[int]) -> None:
    drawn = sorted(bars(values, max(values)).up, key=lambda bar: bar.value)
    assert all(low.height <= high.height + 0.01 for low, high in itertools.pairwise(drawn))


@given(parts=VALUES)
def test_shares_fill_the_width(parts: list[int]) -> None:
    drawn = shares(parts)
    assert sum(width for _, width in drawn) == pytest.approx(100 if sum(parts) else 0, abs=0.1)
