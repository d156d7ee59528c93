"""The path over real wires: Twilio's client to a stub of HTTP, aiosmtplib to a stub of SMTP, each with two processes.

Each figure stands beside what the same client does alone, with the same connections against the same stub, and beside
what prepared bytes do: the raw limit of the stub. Stub, servers and workers share the machine's cores.

    python -m bench.channels [CONTACTS [ROUNDS]]
"""

import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench._children import children
from bench._figures import beside, figure, say
from bench._noop import tuned_rate
from bench._world import World, world
from domain.channel import Channel

PROCESSES = 2
THREADS = 4
"""For each channel: so many batches are under way in a process."""
HTTP_CONNECTIONS = 64
SMTP_CONNECTIONS = 8
"""What the adapters keep in each process."""
TWILIO: dict[str, object] = {
    "REHEARSAL": "true",
    "SMS_PROVIDER": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 31 + "1",
    "TWILIO_AUTH_TOKEN": "token-of-the-stub",
    "TWILIO_SMS_FROM": "+15005550006",
}
SMTP: dict[str, object] = {
    "REHEARSAL": "true",
    "EMAIL_PROVIDER": "smtp",
    "SMTP_HOST": "127.0.0.1",
    "SMTP_TLS": "off",
    "EMAIL_FROM": "care@lender.example",
}


def main(contacts: int = 2_500, rounds: int = 5) -> dict[str, object]:
    """Measure, and say how."""
    with world() as one:
        figures = [
            *http(one, contacts, rounds, latency=0.0),
            *http(one, contacts, rounds, latency=0.05),
            *smtp(one, contacts, rounds),
        ]
    return {"figures": figures, "processes": PROCESSES, "contacts": contacts}


def http(one: World, contacts: int, rounds: int, *, latency: float) -> Iterator[dict[str, object]]:
    """Contacts a second over HTTP to a stub with some latency in seconds."""
    name = f"path over HTTP, {latency * 1000:.0f} ms"
    with stub("bench._http_stub", latency) as port:
        settings = TWILIO | {"TWILIO_BASE_URL": f"http://127.0.0.1:{port}"}
        found = measured(one, Channel.SMS, settings, ("twilio", "raw-http"), port, HTTP_CONNECTIONS, contacts, rounds)
    paths, client, raw, noop = found
    if not latency:
        yield beside(name, paths, "contacts/s", "tuned dramatiq no-op", noop)
    yield beside(f"{name}, beside its client", paths, "contacts/s", "Twilio's client alone", client)
    yield figure(f"raw HTTP, {latency * 1000:.0f} ms", statistics.median(raw), "requests/s")


def smtp(one: World, contacts: int, rounds: int) -> Iterator[dict[str, object]]:
    """Emails a second to a relay."""
    with stub("bench._smtp_stub") as port:
        settings = SMTP | {"SMTP_PORT": port, "SMTP_CONNECTIONS": SMTP_CONNECTIONS}
        clients = ("aiosmtplib", "raw-smtp")
        found = measured(one, Channel.EMAIL, settings, clients, port, SMTP_CONNECTIONS, contacts, rounds)
    paths, client, raw, _ = found
    yield beside("emails over SMTP", paths, "emails/s", "aiosmtplib alone", client)
    yield figure("raw SMTP, pipelined", statistics.median(raw), "emails/s")


def measured(
    one: World,
    channel: Channel,
    settings: dict[str, object],
    clients: tuple[str, str],
    port: int,
    connections: int,
    contacts: int,
    rounds: int,
) -> tuple[list[float], list[float], list[float], list[float]]:
    """By turns: the path, the client alone, prepared bytes, and dramatiq's no-op; after a round that warms up."""
    paths, alone, raw, noop = [], [], [], []
    with one.workers(PROCESSES, WORKER_THREADS=THREADS, **settings):
        one.rate(one.creditor(contacts // 4, channel))
        for _ in range(rounds):
            paths.append(one.rate(one.creditor(contacts, channel)))
            alone.append(client_rate(clients[0], port, connections, contacts))
            raw.append(client_rate(clients[1], port, connections, 2 * contacts))
            noop.append(tuned_rate(one.servers.redis_url, processes=PROCESSES, threads=THREADS, messages=contacts))
            say(f"{channel} {paths[-1]:,.0f}/s, client {alone[-1]:,.0f}/s, raw {raw[-1]:,.0f}/s")
    return paths, alone, raw, noop


def client_rate(name: str, port: int, connections: int, messages: int) -> float:
    """Messages a second of a client alone, in as many processes as there are workers."""
    each = messages // PROCESSES
    with children("bench._clients", [(name, port, connections, each)] * PROCESSES, {}) as crew:
        begin = time.perf_counter()
        crew.begin()
        crew.results()
        return each * PROCESSES / (time.perf_counter() - begin)


@contextmanager
def stub(module: str, *arguments: object) -> Iterator[int]:
    """A server in a process of its own; its port."""
    with children(module, [arguments], {}) as crew:
        yield int(crew.said[0])


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
