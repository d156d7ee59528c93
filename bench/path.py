"""The path, from due to recorded, with real worker processes, beside dramatiq's own messages that do nothing.

A contact is claimed, decided, reserved, queued, let through the gate, rendered, sealed, marked as sending, sent to a
sandbox that takes it at once, recorded and chained into the ledger four times over. What it is compared with fetches
a message, calls an empty function and acknowledges: once with what dramatiq fetches ahead by itself, once tuned.

    python -m bench.path [DEBTORS [ROUNDS]]
"""

import datetime as dt
import json
import statistics
import sys
import time
from uuid import UUID

from bench._children import Crew
from bench._figures import beside, figure, say
from bench._noop import DEFAULTS, noop_rate, tuned_rate
from bench._processor import spent
from bench._world import World, world

PROCESSES = 2
THREADS = 4
MESSAGES = 12_000
SECONDS_AT_HALF_LOAD = 15


def main(debtors: int = 8_000, rounds: int = 5) -> dict[str, object]:
    """Measure, and say how."""
    with world() as one:
        paths, tuned, default, costs = rounds_beside(one, debtors, rounds)
        half = statistics.median(paths) / 2
        p50, p99 = due_to_sent(one, half)
        scaled = {processes: statistics.median(path_rates(one, processes, debtors // 2, 3)) for processes in (1, 4)}
    scaled[PROCESSES] = statistics.median(paths)
    common = {"processes": PROCESSES, "threads": THREADS, "contacts": debtors}
    return {
        "figures": [
            beside("path", paths, "contacts/s", "tuned dramatiq no-op", tuned, **common),
            beside("path, against defaults", paths, "contacts/s", "default dramatiq no-op", default, **common),
            *(
                figure(f"processor time of a contact, {name}", statistics.median(each[name] for each in costs), "µs")
                for name in costs[0]
            ),
            figure("due to sent, p99 at half load", p99, "s", contacts_a_second=round(half)),
            figure("due to sent, p50 at half load", p50, "s", contacts_a_second=round(half)),
            *(figure(f"path, {n} worker processes", scaled[n], "contacts/s") for n in sorted(scaled)),
        ]
    }


def rounds_beside(
    one: World, debtors: int, rounds: int
) -> tuple[list[float], list[float], list[float], list[dict[str, float]]]:
    """Contacts a second, messages a second tuned and not, and µs of processor time a contact: by turns, once warm."""
    paths, tuned, default, costs = [], [], [], []
    url = one.servers.redis_url
    with one.workers(PROCESSES, "quiet", WORKER_THREADS=THREADS) as crew:
        one.rate(one.creditor(debtors // 4))
        for _ in range(rounds):
            rate, cost = rate_and_cost(one, crew, debtors)
            paths.append(rate)
            costs.append(cost)
            tuned.append(tuned_rate(url, processes=PROCESSES, threads=THREADS, messages=MESSAGES))
            default.append(
                noop_rate(url, processes=PROCESSES, threads=THREADS, prefetch=DEFAULTS, messages=MESSAGES // 3)
            )
            say(f"path {paths[-1]:,.0f}/s, no-op {tuned[-1]:,.0f}/s tuned, {default[-1]:,.0f}/s at defaults; {cost}")
    return paths, tuned, default, costs


def rate_and_cost(one: World, crew: Crew, debtors: int) -> tuple[float, dict[str, float]]:
    """Contacts a second of a new creditor, and the µs of processor time that workers and servers took for each."""
    creditor_id = one.creditor(debtors)
    pids = [process.pid for process in crew.processes]
    before = spent(one.settings.state_dir, pids)
    rate = one.rate(creditor_id)
    after = spent(one.settings.state_dir, pids)
    return rate, {name: round(1e6 * (after[name] - before[name]) / debtors) for name in after}


def path_rates(one: World, processes: int, debtors: int, rounds: int) -> list[float]:
    """Contacts a second with a number of worker processes."""
    with one.workers(processes, "quiet", WORKER_THREADS=THREADS):
        one.rate(one.creditor(debtors // 4))
        rates = [one.rate(one.creditor(debtors)) for _ in range(rounds)]
    say(f"path with {processes} worker processes: {', '.join(f'{rate:,.0f}' for rate in rates)}/s")
    return rates


def due_to_sent(one: World, rate: float) -> tuple[float, float]:
    """Median and 99th percentile of the seconds from due to sent; debtors become due evenly, `rate` a second."""
    count = int(rate * SECONDS_AT_HALF_LOAD)
    with one.workers(PROCESSES, "quiet", WORKER_THREADS=THREADS):
        one.rate(one.creditor(count // 8))
        creditor_id = one.creditor(count)
        due = spread(one, creditor_id, count)
        time.sleep(max(0.0, (min(due.values()) - one.clock.now()).total_seconds()))
        tick_through(one, creditor_id, max(due.values()))
        with one.db.tenant(creditor_id) as connection:
            sent = connection.exec_driver_sql("SELECT debtor_id, sending_at FROM attempts").all()
    waits = sorted((at - due[debtor_id]).total_seconds() for debtor_id, at in sent)
    p50, p99 = waits[len(waits) // 2], waits[int(0.99 * (len(waits) - 1))]
    say(f"due to sent at {rate:,.0f}/s: p50 {p50:.2f} s, p99 {p99:.2f} s")
    return p50, p99


def tick_through(one: World, creditor_id: UUID, last: dt.datetime) -> None:
    """Tick every second until the last debtor was due, and what is left after it is done."""
    while one.clock.now() <= last:
        one.scheduler.tick()
        time.sleep(1)
    one.until_idle(creditor_id)


def spread(one: World, creditor_id: UUID, count: int) -> dict[UUID, dt.datetime]:
    """Have the debtors become due one after the other over some seconds from soon on; when each is."""
    begin = one.clock.now() + dt.timedelta(seconds=2)
    step = dt.timedelta(seconds=SECONDS_AT_HALF_LOAD) / count
    with one.db.tenant(creditor_id) as connection:
        rows = connection.exec_driver_sql(
            """UPDATE lanes l SET due_at = %(begin)s::timestamptz + n.place * %(step)s::interval
               FROM (SELECT debtor_id, row_number() OVER (ORDER BY debtor_id) AS place FROM lanes) n
               WHERE l.debtor_id = n.debtor_id RETURNING l.debtor_id, l.due_at""",
            {"begin": begin, "step": step},
        )
        return {row.debtor_id: row.due_at for row in rows}


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
