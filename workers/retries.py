"""When an attempt that a provider did not take is tried again: by the attempt, not the queue, and with an end."""

import datetime as dt

from domain.message import NotAccepted

MOST_TRIES = 6
FIRST = 5.0
LONGEST = 900.0
"""Seconds: the longest wait after the first failure, doubling up to this."""


def next_try(
    tries: int, result: NotAccepted, now: dt.datetime, closes_at: dt.datetime, jitter: float
) -> dt.datetime | None:
    """When to try again after `tries` tries; None: not at all. `jitter` in [0, 1) keeps failures from coming together.

    Only where another try may help, and never before the provider said. What would be later than the permitted window
    waits for its end, where it expires: nobody refused it, so its step comes again when the hours do.
    """
    if not result.is_retryable or tries >= MOST_TRIES:
        return None
    wait = jitter * min(LONGEST, FIRST * 2 ** (tries - 1))
    at = now + dt.timedelta(seconds=max(1.0, wait, result.retry_after or 0.0))
    return min(at, closes_at)
