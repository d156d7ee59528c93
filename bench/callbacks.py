"""Callbacks: signed by Twilio's algorithm, over HTTP, stored and sealed, against the same server's empty endpoint.

The server is one process on embedded servers with durable commits; each callback is of an attempt of its own.
"""

import itertools
import json
import multiprocessing
import secrets
import statistics
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID, uuid4

from twilio.request_validator import RequestValidator

from bench._figures import beside, figure
from bench._load import Tally, load
from channels.twilio import Twilio, TwilioSettings
from config.clock import Clock, SystemClock
from config.embedded.servers import hold
from config.settings import Settings
from domain.event import ProviderEvent
from storage import migrate
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing, seal
from storage.received import store
from storage.session import Database
from storage.vault import Vault
from web.composition import Work, open_services
from web.server import listening, serve

ROUNDS = 5
SECONDS = 2.0
CONNECTIONS = 64
DEBTORS = 500
MOST = 90_000
"""Callbacks that are prepared, more than are answered in all rounds."""
PUBLIC = "https://forbear.example.com"
TOKEN = "twilio-token"
FIRST = UUID(int=1 << 100)


def main() -> dict[str, object]:
    """Measure, and say how."""
    with tempfile.TemporaryDirectory(prefix="forbear-bench-") as folder:
        Path(folder).chmod(0o711)
        with hold(Path(folder) / "state") as servers:
            migrate.upgrade(servers.owner_url)
            settings = Settings(
                state_dir=Path(folder) / "state",
                database_url=servers.database_url,
                redis_url=servers.redis_url,
                public_url=PUBLIC,
            )
            creditor_id = seed(settings)
            rounds = list(measure(settings, creditor_id))
    p99 = statistics.median(one.percentile(0.99) for _, one in rounds)
    return {
        "figures": [
            beside(
                "callbacks",
                [one.rate for _, one in rounds],
                "callbacks/s",
                "empty endpoint",
                [empty.rate for empty, _ in rounds],
            ),
            figure("callback p99", 1000 * p99, "ms"),
        ],
        "connections": CONNECTIONS,
        "rounds": ROUNDS,
        "seconds_a_round": SECONDS,
    }


def measure(settings: Settings, creditor_id: UUID) -> Iterator[tuple[Tally, Tally]]:
    """Rounds of the empty endpoint and of callbacks, by turns, after one that is thrown away."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=run_server, args=(settings, there))
    server.start()
    port = here.recv()
    empty = itertools.repeat(b"GET /health HTTP/1.1\r\nhost: forbear.example.com\r\n\r\n")
    callbacks = iter(prepared(creditor_id))
    try:
        for number in range(ROUNDS + 1):
            idle = load(port, empty, connections=CONNECTIONS, seconds=SECONDS)
            busy = load(port, callbacks, connections=CONNECTIONS, seconds=SECONDS)
            if set(idle.statuses) != {200} or set(busy.statuses) != {204}:
                raise SystemExit(f"bench: the server answered {dict(idle.statuses)}, {dict(busy.statuses)}")
            print(f"bench: empty {idle.rate:,.0f}/s, callbacks {busy.rate:,.0f}/s", file=sys.stderr, flush=True)
            if number:
                yield idle, busy
    finally:
        server.terminate()
        server.join()


def prepared(creditor_id: UUID) -> list[bytes]:
    """Requests as Twilio makes them."""
    validator, requests = RequestValidator(TOKEN), []
    for number in range(MOST):
        path = f"/webhooks/twilio/{creditor_id}/{attempt(number)}"
        sid = f"SM{number:032x}"
        form = {
            "SmsSid": sid,
            "SmsStatus": "delivered",
            "MessageStatus": "delivered",
            "To": "+447700900001",
            "MessageSid": sid,
            "AccountSid": "AC" + "0" * 32,
            "From": "+15005550006",
            "ApiVersion": "2010-04-01",
        }
        body = urlencode(form).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: forbear.example.com\r\nuser-agent: TwilioProxy/1.1\r\naccept: */*\r\n"
            f"content-type: application/x-www-form-urlencoded; charset=UTF-8\r\ncontent-length: {len(body)}\r\n"
            f"i-twilio-idempotency-token: {number}\r\n"
            f"x-twilio-signature: {validator.compute_signature(PUBLIC + path, form)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def attempt(number: int) -> UUID:
    """The id of the attempt of a callback."""
    return UUID(int=FIRST.int + number)


def run_server(settings: Settings, pipe: Pipe) -> None:
    """Serve in a process of its own; tells its port first."""
    with listening("127.0.0.1", 0) as door, open_services(settings, compose) as services:
        pipe.send(door.getsockname()[1])
        serve(services, door, 1)


def compose(_settings: Settings, db: Database, ring: KeyRing, clock: Clock) -> Work:
    """Twilio's adapter, and a receiver that stores."""
    vault = Vault(ring, 10_000)

    def receive(creditor_id: UUID, events: list[ProviderEvent]) -> None:
        with db.tenant(creditor_id) as connection:
            store(connection, vault, ring, creditor_id, events, clock.now(), uuid4)

    twilio = Twilio(TwilioSettings("AC" + "0" * 32, TOKEN, "+15005550006"), clock.now)
    return Work({"twilio": twilio}, receive, lambda _creditor, _attempt: None, ())


def seed(settings: Settings) -> UUID:
    """A creditor with debtors, their keys, and an attempt for each callback."""
    now = SystemClock().now()
    db, ring = Database(str(settings.database_url)), KeyRing.open(settings.keys_path, create=True)
    creditor_id = ensure_creditor(db, "bench", {}, now, secrets.token_bytes(10))
    vault, campaign = Vault(ring, DEBTORS), uuid4()
    debtors = [uuid4() for _ in range(DEBTORS)]
    with db.tenant(creditor_id) as connection:
        for number, debtor_id in enumerate(debtors):
            key, ring_key, wrapped = vault.new_key(debtor_id)
            connection.exec_driver_sql(
                """INSERT INTO debtors (debtor_id, creditor_id, reference, kind, language, name_cipher, created_at)
                   VALUES (%(d)s, %(c)s, %(r)s, 'person', 'en', %(n)s, %(now)s)""",
                {"d": debtor_id, "c": creditor_id, "r": str(number), "now": now, "n": seal(key, "", debtor_id, b"")},
            )
            connection.exec_driver_sql(
                "INSERT INTO debtor_keys (debtor_id, creditor_id, ring_key, wrapped) "
                "VALUES (%(d)s, %(c)s, %(k)s, %(w)s)",
                {"d": debtor_id, "c": creditor_id, "k": ring_key, "w": wrapped},
            )
        connection.exec_driver_sql(
            "INSERT INTO campaigns (campaign_id, creditor_id, name, version, digest, source, state) "
            "VALUES (%(g)s, %(c)s, 'bench', 1, '', '', 'running')",
            {"g": campaign, "c": creditor_id},
        )
        connection.exec_driver_sql(
            """INSERT INTO attempts (attempt_id, creditor_id, debtor_id, campaign_id, enrolment_id, enrolments,
                    accounts, point_id, channel, stage, step, rank, template, language, state, reserved_at, closes_at)
               SELECT a, %(c)s, d, %(g)s, gen_random_uuid(), '{}', '{}', gen_random_uuid(), 'sms', 'early', 'day-3', 0,
                    't', 'en', 'reserved', %(now)s, %(now)s
               FROM unnest(%(a)s::uuid[], %(d)s::uuid[]) AS n(a, d)""",
            {
                "c": creditor_id,
                "g": campaign,
                "now": now,
                "a": [attempt(number) for number in range(MOST)],
                "d": [debtors[number % DEBTORS] for number in range(MOST)],
            },
        )
    db.close()
    return creditor_id


if __name__ == "__main__":
    print(json.dumps(main()))
