"""The web process put together from settings: token and keys on disk, packs' words, the queue's own keys."""

import stat
import threading
from pathlib import Path

import dramatiq
import httpx
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.clock import Clock
from config.settings import Settings
from domain.errors import BadSettings, Unavailable
from storage.crypto import KeyRing
from storage.session import Database
from tests.web.provider import Inbox, Signed
from tests.web.serving import serving
from web.access import FILE, kept_token, web_token
from web.composition import Work, open_services
from web.depths import Depth, Depths
from workers.providers import callback_secret


def compose(_settings: Settings, _db: Database, _ring: KeyRing, _clock: Clock) -> Work:
    return Work({"signed": Signed()}, Inbox(), lambda _creditor, _attempt: None, ("sms", "voice"))


def test_the_process_is_ready_on_real_servers(settings: Settings) -> None:
    with open_services(settings, compose) as services, serving(services) as address:
        ready = httpx.get(f"{address}/ready")
        entered = httpx.get(address, params={"token": services.token}, follow_redirects=True)
        assert ("cn-consumer-credit", "hours") in services.rules
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert "There is no creditor yet" in entered.text
    assert stat.S_IMODE(settings.keys_path.stat().st_mode) == 0o600


def test_a_token_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(kept_token(tmp_path / FILE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found[0]) == 43
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_token_that_somebody_sets_is_taken_if_it_is_long_enough(settings: Settings) -> None:
    given = settings.model_copy(update={"web_token": type(settings.web_token)("long-enough-to-resist")})
    assert web_token(given) == "long-enough-to-resist"
    with pytest.raises(BadSettings, match="FORBEAR_WEB_TOKEN"):
        web_token(settings.model_copy(update={"web_token": type(settings.web_token)("short")}))


def test_links_are_signed_by_the_setting_or_by_the_keys(settings: Settings) -> None:
    ring = KeyRing.open(settings.keys_path, create=True)
    own = callback_secret(settings, ring)
    ring.rotate()
    assert callback_secret(settings, KeyRing.open(settings.keys_path)) == own, "links outlive a rotation"
    given = settings.model_copy(update={"webhook_secret": type(settings.webhook_secret)("secret")})
    assert callback_secret(given, ring) == b"secret"


def test_the_depth_of_a_queue_is_what_the_broker_keeps(redis_url: str) -> None:
    broker = RedisBroker(url=redis_url, middleware=[])
    broker.declare_queue("sms")
    for _ in range(3):
        broker.enqueue(dramatiq.Message("sms", "deliver", (), {}, {}))
    with redis.Redis.from_url(redis_url) as client:
        depths = Depths(client, ("sms", "voice"))
        assert depths.read() == ([Depth("sms", 3, 0, 0), Depth("voice", 0, 0, 0)], 1)
        consumer = broker.consume("sms", prefetch=2, timeout=100)
        message = next(consumer)
        assert message is not None
        (sms, _), _ = depths.read()
        assert sms.waiting + sms.fetched == 3
        assert sms.fetched >= 1
        consumer.nack(message)
        (sms, _), _ = depths.read()
        assert sms.dead == 1
        consumer.close()
    broker.close()


def test_a_queue_that_is_away_is_said() -> None:
    with (
        redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(Unavailable, match="FORBEAR_REDIS_URL"),
    ):
        Depths(client, ("sms",)).read()
