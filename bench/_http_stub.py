"""An HTTP server that takes every message as Twilio does, by prepared answers: so that clients are measured, not it.

It reads no more of a request than where it ends. Each answer has a number of its own, and waits for the latency.
"""

import asyncio
import sys
from typing import cast

import uvloop

from bench._children import is_ready, wait_for_line

BODY = (
    b'{"sid":"SM%032x","account_sid":"AC00000000000000000000000000000001","to":"","from":"","status":"queued",'
    b'"error_code":null,"error_message":null,"direction":"outbound-api","num_segments":"1","price":null,'
    b'"price_unit":"USD","api_version":"2010-04-01","date_created":"Mon, 02 Mar 2026 03:00:00 +0000",'
    b'"date_updated":"Mon, 02 Mar 2026 03:00:00 +0000","date_sent":null,"body":"","uri":""}'
)
HEAD = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
LENGTH = b"content-length:"


class Taking(asyncio.Protocol):
    """One connection: a request, an answer, the next."""

    number = 0

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, separator, body = self._read.partition(b"\r\n\r\n")
        if not separator or len(body) < length(head):
            return
        self._read = b""
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        Taking.number += 1
        body = BODY % Taking.number
        if not self._transport.is_closing():
            self._transport.write(HEAD % len(body) + body)


def length(head: bytes) -> int:
    """How long the body is, as its head says."""
    at = head.lower().find(LENGTH)
    return int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def serve(latency: float) -> None:
    """Say the port, and serve until the input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Taking(latency), "127.0.0.1", 0)
    is_ready(server.sockets[0].getsockname()[1])
    while await loop.run_in_executor(None, wait_for_line):
        pass


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))
