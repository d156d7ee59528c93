"""Requests over HTTP/1.1 as fast as a server answers: prepared bytes on open connections, one at a time on each.

It reads no more of an answer than where it ends and its status, so that the server is measured and not the client.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import uvloop


@dataclass(slots=True)
class Tally:
    """What was answered: how many by status, the seconds it took, and the latencies in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that this share of answers kept below, in seconds."""
        return sorted(self.latencies)[int(share * (len(self.latencies) - 1))]


class _Connection(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, end: float, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._tally = tally
        self._end = end
        self._done = done
        self._read = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, separator, body = self._read.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._tally.statuses[int(head[9:12])] += 1
        self._tally.latencies.append(time.perf_counter() - self._sent)
        self._read = b""
        self._next()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)

    def _next(self) -> None:
        request = next(self._requests, None)
        now = time.perf_counter()
        if request is None or now >= self._end:
            self._transport.close()
            return
        self._sent = now
        self._transport.write(request)


def _length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def load(port: int, requests: Sequence[bytes] | Iterator[bytes], *, connections: int, seconds: float) -> Tally:
    """Send requests for some seconds, or until there are no more."""
    return uvloop.run(_load(port, iter(requests), connections, seconds))


async def _load(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Tally:
    loop = asyncio.get_running_loop()
    tally, began = Tally(), time.perf_counter()
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        made = partial(_Connection, requests, tally, began + seconds, end)
        await loop.create_connection(made, "127.0.0.1", port)
    await asyncio.gather(*ends)
    tally.seconds = time.perf_counter() - began
    return tally
