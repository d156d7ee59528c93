"""Keeps what was dear to read for a while that grows with its price, so that no screen burdens a large book."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")

TIMES = 10
"""For how many times the time that reading took a value is kept."""
LONGEST = 60.0
"""Seconds for which a value is kept at most."""
MOST = 256
"""Values that are kept at most; beyond it all are dropped."""


class Kept:
    """Values by key, shared by threads. What takes 20 ms is read anew after 0.2 s, what takes 3 s after 30 s."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._values: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, read: Callable[[], Value]) -> Value:
        """The value of a key: the kept one while it is fresh, else what `read` gives."""
        begun = self._now()
        with self._lock:
            fresh_until, value = self._values.get(key, (begun, None))
        if begun < fresh_until:
            kept: Value = value
            return kept
        found = read()
        ended = self._now()
        with self._lock:
            if len(self._values) >= MOST:
                self._values.clear()
            self._values[key] = ended + min(LONGEST, TIMES * (ended - begun)), found
        return found
