"""When an attempt is tried again: inside its window, not before the provider said, with an end."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from domain.message import Failure, NotAccepted
from workers.retries import LONGEST, MOST_TRIES, next_try

NOW = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
CLOSES = NOW + dt.timedelta(hours=8)
DOWN = NotAccepted(Failure.PROVIDER_DOWN, "refused", is_retryable=True)


@given(
    st.integers(1, 20),
    st.booleans(),
    st.none() | st.floats(0, 100_000),
    st.integers(-100, 40_000),
    st.floats(0, 1, exclude_max=True),
)
def test_it_is_never_early_never_late_and_ends(
    tries: int,
    is_retryable: bool,
    after: float | None,
    left: int,
    jitter: float,
) -> None:
    closes = NOW + dt.timedelta(seconds=left)
    result = NotAccepted(Failure.BUSY, "busy", is_retryable, after)
    at = next_try(tries, result, NOW, closes, jitter)
    if at is None:
        assert not is_retryable or tries >= MOST_TRIES
    else:
        assert is_retryable
        assert tries < MOST_TRIES
        assert at <= closes
        if at < closes:
            assert NOW + dt.timedelta(seconds=max(1.0, after or 0.0)) <= at + dt.timedelta(microseconds=1)
        else:
            assert NOW + dt.timedelta(seconds=max(1.0, after or 0.0, LONGEST)) >= closes


def test_waits_double_and_jitter_spreads_them() -> None:
    waits = [next_try(tries, DOWN, NOW, CLOSES, 0.999) for tries in range(1, MOST_TRIES)]
    seconds = [round((at - NOW).total_seconds()) for at in waits if at]
    assert seconds == [5, 10, 20, 40, 80]
    assert next_try(3, DOWN, NOW, CLOSES, 0.0) == NOW + dt.timedelta(seconds=1)
    assert next_try(MOST_TRIES, DOWN, NOW, CLOSES, 0.5) is None
