"""How much lies on the queues and how many processes use them, as the broker's own keys in Redis tell."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import redis

from domain.errors import Unavailable

BEATS = 60
"""Seconds after its last heartbeat for which the broker counts a process as alive."""


class Depth(NamedTuple):
    """Messages of one queue: waiting, fetched and not yet acknowledged, dead."""

    queue: str
    waiting: int
    fetched: int
    dead: int


class Depths:
    """Reads the queues of the broker. `queues` are their names; `namespace` is the broker's prefix of keys."""

    def __init__(
        self,
        client: redis.Redis,
        queues: Sequence[str],
        namespace: str = "dramatiq",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._queues = tuple(queues)
        self._namespace = namespace
        self._now = now

    def read(self) -> tuple[list[Depth], int]:
        """The depth of each queue, and how many processes use them: workers and schedulers. Raises Unavailable."""
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for queue in self._queues:
                    key = f"{self._namespace}:{queue}"
                    pipeline.llen(key)
                    pipeline.hlen(f"{key}.msgs")
                    pipeline.zcard(f"{key}.XQ")
                since = (self._now() - BEATS) * 1000
                pipeline.zcount(f"{self._namespace}:__heartbeats__", since, "+inf")
                found = [int(value) for value in pipeline.execute()]
        except redis.RedisError as error:
            raise Unavailable(
                f"the queue cannot be read ({type(error).__name__}).",
                where="FORBEAR_REDIS_URL",
                remedy="See that Redis or Valkey runs and can be reached.",
            ) from error
        depths = [
            Depth(queue, waiting, max(0, kept - waiting), dead)
            for queue, waiting, kept, dead in zip(self._queues, found[0::3], found[1::3], found[2::3], strict=False)
        ]
        return depths, found[-1]

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
