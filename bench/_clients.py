"""The clients of the channels alone, in processes of their own: what a channel could carry were there nothing else.

    python -m bench._clients twilio|raw-http|aiosmtplib|raw-smtp PORT CONNECTIONS MESSAGES

Each says how many seconds its messages took. A mail is composed once and sent again and again: only the wire is
measured. Twilio's official client runs over the same HTTP as in the adapter.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from email.message import EmailMessage

import uvloop
from aiosmtplib import SMTP
from twilio.rest import Client

from bench._children import is_ready, wait_for_line
from channels.twilio_http import Http

ACCOUNT = "AC" + "0" * 31 + "1"
TEXT = "【示例银行】您的信用卡账单已逾期，请尽快还款。如有困难，请致电客服，我们会与您商议。回复 TD 退订。"
FORM = b"To=%2B8615400000001&From=%2B15005550006&Body=" + b"x" * 300
REQUEST = (
    b"POST /2010-04-01/Accounts/%b/Messages.json HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n"
    b"content-type: application/x-www-form-urlencoded\r\n\r\n"
) % (ACCOUNT.encode(), len(FORM)) + FORM
SENDER, RECIPIENT = "care@lender.example", "client.1@example.com"

Work = Callable[[Iterator[int]], Awaitable[None]]
Close = Callable[[], Awaitable[None]]


async def twilio(port: int, connections: int) -> tuple[list[Work], Close]:
    """Twilio's client, as many requests at once as there are connections."""
    http = Http(connections, 30.0)
    client = Client(ACCOUNT, "token", http_client=http)
    client.api.base_url = f"http://127.0.0.1:{port}"

    async def work(numbers: Iterator[int]) -> None:
        for number in numbers:
            await client.messages.create_async(
                to=f"+86154{number:08d}", from_="+15005550006", body=TEXT, validity_period=600
            )

    return [work] * connections, http.close


async def raw_http(port: int, connections: int) -> tuple[list[Work], Close]:
    """Prepared requests."""

    async def work(numbers: Iterator[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in numbers:
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        writer.close()

    return [work] * connections, _nothing


async def aiosmtplib(port: int, connections: int) -> tuple[list[Work], Close]:
    """aiosmtplib with connections that stay open."""
    mail = composed()

    async def work(numbers: Iterator[int]) -> None:
        smtp = SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await smtp.connect()
        for _ in numbers:
            await smtp.sendmail(SENDER, [RECIPIENT], mail)
        await smtp.quit()

    return [work] * connections, _nothing


async def raw_smtp(port: int, connections: int) -> tuple[list[Work], Close]:
    """Prepared commands, pipelined: sender, recipient and DATA at once, then the mail."""
    mail = composed() + b".\r\n"
    commands = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n".encode()

    async def work(numbers: Iterator[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        for _ in numbers:
            writer.write(commands)
            for _ in range(3):
                await reader.readline()
            writer.write(mail)
            await reader.readline()
        writer.close()

    return [work] * connections, _nothing


async def _nothing() -> None:
    """Each work closed its own connection."""


def composed() -> bytes:
    """A mail of usual size."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = SENDER, RECIPIENT, "Your account"
    mail.set_content(TEXT * 8)
    mail.add_alternative(f"<p>{TEXT * 40}</p>", subtype="html")
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


CLIENTS = {"twilio": twilio, "raw-http": raw_http, "aiosmtplib": aiosmtplib, "raw-smtp": raw_smtp}


async def main(name: str, port: int, connections: int, messages: int) -> None:
    """Be ready, begin when told, and say how long it took."""
    works, close = await CLIENTS[name](port, connections)
    loop = asyncio.get_running_loop()
    is_ready()
    if not await loop.run_in_executor(None, wait_for_line):
        return
    begin = time.perf_counter()
    numbers = iter(range(messages))
    await asyncio.gather(*(work(numbers) for work in works))
    print(time.perf_counter() - begin, flush=True)
    await close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], *map(int, sys.argv[2:])))
