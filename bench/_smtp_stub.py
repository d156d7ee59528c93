"""An SMTP relay that takes every mail, and looks at nothing but where commands and mails end; it knows PIPELINING."""

import asyncio
from typing import cast

import uvloop

from bench._children import is_ready, wait_for_line

HELLO = b"250-relay.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10485760\r\n"
REPLIES = {
    b"EHLO": HELLO,
    b"HELO": b"250 relay.example\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
END = b"\r\n.\r\n"


class Taking(asyncio.Protocol):
    """One session."""

    def __init__(self) -> None:
        self._read = b""
        self._is_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 relay.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._read += data
        replies = []
        while True:
            ending = END if self._is_mail else b"\r\n"
            line, found, rest = self._read.partition(ending)
            if not found:
                break
            self._read = rest
            if self._is_mail:
                self._is_mail = False
                replies.append(b"250 2.0.0 taken\r\n")
                continue
            word = line[:4].upper()
            self._is_mail = word == b"DATA"
            replies.append(REPLIES.get(word, b"250 2.0.0 fine\r\n"))
        if replies:
            self._transport.write(b"".join(replies))


async def serve() -> None:
    """Say the port, and serve until the input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Taking, "127.0.0.1", 0)
    is_ready(server.sockets[0].getsockname()[1])
    while await loop.run_in_executor(None, wait_for_line):
        pass


if __name__ == "__main__":
    uvloop.run(serve())
