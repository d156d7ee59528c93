"""Messages that nobody sent in earnest take no thread of a worker with them."""

import dramatiq
import orjson
import redis
from dramatiq import Worker

from config.embedded.processes import wait_until
from workers.broker import DELIVER, NAMESPACE, open_broker, send


def test_a_thread_outlives_what_it_cannot_place(redis_url: str) -> None:
    done: list[str] = []
    broker = open_broker(redis_url, "sms")
    dramatiq.Actor(done.append, broker=broker, actor_name=DELIVER, queue_name="dispatch", priority=0, options={})
    with redis.Redis.from_url(redis_url) as client:
        for number, queue in enumerate(("dispatch", "no queue", "sms")):
            body = {"queue_name": queue, "actor_name": DELIVER, "args": [queue], "kwargs": {}, "options": {}}
            body |= {"message_id": f"m{number}", "message_timestamp": 1}
            client.hset(f"{NAMESPACE}:sms.msgs", f"m{number}", orjson.dumps(body))
            client.rpush(f"{NAMESPACE}:sms", f"m{number}")
    send(broker, DELIVER, "real", queue="sms")
    worker = Worker(broker, queues={"sms"}, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        assert wait_until(lambda: "real" in done, 15), done
    finally:
        worker.stop()
        broker.close()
