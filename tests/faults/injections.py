"""The faults that are injected into a run: each does one thing to a process or a server, and counts itself."""

import contextlib
import datetime as dt
import os
import signal
from collections.abc import Callable
from pathlib import Path

import orjson
import psycopg

from config.embedded import postgres, processes, servers
from tests.faults.ground import Ground
from workers.broker import NAMESPACE

LEADS = b"scheduler_leads"
Inject = Callable[[Ground], None]


def kill_a_process(ground: Ground) -> None:
    """Kill -9 one of the processes, whatever it does just then, and start it again."""
    alive = sorted(member.name for member in ground.crew.members.values() if member.is_alive)
    if alive:
        name = ground.random.choice(alive)
        ground.crew.kill(name)
        ground.injected[f"kill -9 of a {ground.crew.members[name].kind}"] += 1
    ground.crew.revive()


def kill_the_leader(ground: Ground) -> None:
    """Kill -9 the scheduler that leads, and start it again once the other does."""
    schedulers = [member for member in ground.crew.members.values() if member.kind == "scheduler"]
    leads = next(one for one in schedulers if one.is_alive and LEADS in one.log.read_bytes())
    ground.crew.kill(leads.name)
    others = [one for one in schedulers if one is not leads]
    assert processes.wait_until(lambda: any(LEADS in one.log.read_bytes() for one in others), 15), "nobody leads"
    ground.crew.revive()
    ground.injected["leading scheduler killed -9, the other took over"] += 1


def step_the_clock(ground: Ground) -> None:
    """Have the clock of all processes jump, in either direction."""
    minutes = ground.random.choice((-15, -5, 5, 15))
    ground.clock.step(dt.timedelta(minutes=minutes))
    ground.injected["clock stepped " + ("forward" if minutes > 0 else "back")] += 1


def flush_the_queue(ground: Ground) -> None:
    """Empty Valkey: queues, places under limits, everything."""
    with ground.queue() as client:
        client.flushall()
    ground.injected["Valkey flushed"] += 1


def kill_the_queue(ground: Ground) -> None:
    """Kill -9 Valkey and start it again on what it had on disk."""
    _kill(_pid(ground.settings.state_dir / "valkey" / "data" / "valkey.pid"))
    ground.wait_for_requests(3, 1.5)
    servers.start_queue(ground.settings.state_dir)
    ground.injected["Valkey killed -9 and restarted"] += 1


def lose_the_queue(ground: Ground) -> None:
    """Have Valkey answer nobody for some seconds, which is a minute of the simulated clock."""
    pid = _pid(ground.settings.state_dir / "valkey" / "data" / "valkey.pid")
    os.kill(pid, signal.SIGSTOP)
    try:
        ground.wait_for_requests(60, 6)
    finally:
        os.kill(pid, signal.SIGCONT)
    ground.injected["Valkey lost for a minute"] += 1


def fill_the_queue(ground: Ground) -> None:
    """Have Valkey refuse every write for want of memory."""
    with ground.queue() as client:
        client.config_set("maxmemory", "1")
        ground.wait_for_requests(10, 3)
        client.config_set("maxmemory", "0")
    ground.injected["Valkey out of memory"] += 1


def cut_connections(ground: Ground) -> None:
    """End all sessions of the processes in the database, in the middle of what they do."""
    with ground.owner() as connection:
        ended = connection.execute(
            """SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'forbear_app'"""
        ).fetchall()
        for (pid,) in ended:
            with contextlib.suppress(psycopg.Error):
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    ground.injected["connections to PostgreSQL cut"] += len(ended)


def kill_the_database(ground: Ground) -> None:
    """Kill -9 PostgreSQL; it recovers from its log."""
    _kill(_pid(ground.settings.state_dir / "postgres" / "data" / "postmaster.pid"))
    servers.start_database(ground.settings.state_dir)
    ground.injected["PostgreSQL killed -9 and recovered"] += 1


def restart_the_database(ground: Ground) -> None:
    """Restart PostgreSQL in good order, while everyone works."""
    postgres.stop(ground.settings.state_dir)
    servers.start_database(ground.settings.state_dir)
    ground.injected["PostgreSQL restarted"] += 1


def refuse_commits(ground: Ground) -> None:
    """Have the database end every other transaction for its own reasons, some of them only at the commit."""
    with ground.owner() as connection:
        for statement in _REFUSE:
            connection.execute(statement)
        ground.wait_for_requests(1000, 4)
        for statement in _RELENT:
            connection.execute(statement)
        [(refused,)] = connection.execute("SELECT last_value FROM fault_refused").fetchall()
        connection.execute("DROP SEQUENCE fault_refused")
    assert isinstance(refused, int)
    ground.injected["transaction ended by PostgreSQL: serialization failure or deadlock"] += refused


_REFUSE = (
    "CREATE SEQUENCE fault_refused MINVALUE 0 START 0",
    """CREATE FUNCTION fault_refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
       BEGIN
           IF random() < 0.5 THEN
               PERFORM nextval('fault_refused');
               RAISE EXCEPTION 'a fault' USING ERRCODE = TG_ARGV[0];
           END IF;
           RETURN NULL;
       END $$""",
    """CREATE TRIGGER fault_refuse AFTER UPDATE ON lanes FOR EACH STATEMENT
       EXECUTE FUNCTION fault_refuse('serialization_failure')""",
    """CREATE CONSTRAINT TRIGGER fault_refuse AFTER INSERT OR UPDATE ON attempts DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION fault_refuse('deadlock_detected')""",
    """CREATE CONSTRAINT TRIGGER fault_refuse AFTER INSERT ON delivery_events DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION fault_refuse('serialization_failure')""",
)
_RELENT = (
    "DROP TRIGGER fault_refuse ON lanes",
    "DROP TRIGGER fault_refuse ON attempts",
    "DROP TRIGGER fault_refuse ON delivery_events",
    "DROP FUNCTION fault_refuse",
)


def pause_a_worker(ground: Ground) -> None:
    """Stop a worker in the middle of its work until its lease is over, then let it go on."""
    alive = sorted(one.name for one in ground.crew.members.values() if one.is_alive and one.kind == "worker")
    name = ground.random.choice(alive)
    ground.wait_for_requests(2, 3)
    ground.crew.signal(name, signal.SIGSTOP)
    processes.wait_until(lambda: not ground.left().get("sending"), 7)
    ground.crew.signal(name, signal.SIGCONT)
    ground.injected["worker stopped past its lease"] += 1


def poison(ground: Ground) -> None:
    """Put messages on a queue that no worker can make sense of."""
    queue = ground.random.choice(("sms", "dispatch"))
    creditor = str(ground.creditor_id)
    strange: tuple[bytes, ...] = (
        b"no message at all",
        _message("sms", "nobody", []),
        _message("dispatch", "deliver", [creditor, ["no attempt"]]),
    )
    with ground.queue() as client:
        for body in strange:
            number = f"poison-{ground.random.getrandbits(60):x}"
            client.hset(f"{NAMESPACE}:{queue}.msgs", number, body)
            client.rpush(f"{NAMESPACE}:{queue}", number)
            ground.injected["poison message"] += 1
    ground.poisoned += 1


def _message(queue: str, actor: str, arguments: list[object]) -> bytes:
    fields = {"queue_name": queue, "actor_name": actor, "args": arguments, "kwargs": {}, "options": {}}
    return orjson.dumps(fields | {"message_id": "poison", "message_timestamp": 1})


def _pid(path: Path) -> int:
    return int(path.read_text().split("\n", 1)[0])


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    processes.wait_until(lambda: not processes.is_alive(pid), 10)
