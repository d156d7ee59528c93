"""The cost of a contact as the ledger grows: the same path, once 10^5 contacts have been made before, and once 10^6.

Cost is time of the wall, and, as other work on the machine moves that, processor time of workers and servers.

What was made before belongs to other debtors of the same creditor, in the same month, so that new rows go into the same
partition and the same indexes. An attempt was delivered, and has three entries of the usual length; ids are in the
order of time, as all ids here are. The entries are not chained: nothing reads them here but
indexes. The server writes them by itself, as COPY is refused under row-level security.

    python -m bench.growth [DEBTORS [ROUNDS [SIZE …]]]
"""

import json
import statistics
import sys
from collections.abc import Iterator, Mapping
from uuid import UUID

import psycopg

from bench._figures import figure, say
from bench._world import START, World, world
from bench.path import rate_and_cost

PROCESSES = 2
THREADS = 4
SIZES = (100_000, 1_000_000)
AT_ONCE = 100_000

_ATTEMPTS = """INSERT INTO attempts (attempt_id, creditor_id, debtor_id, campaign_id, enrolment_id, enrolments,
    accounts, point_id, channel, stage, step, rank, template, language, state, reserved_at, closes_at, queued_at,
    sending_at, accepted_at, settled_at, tries, provider, provider_ref, outcome, segments, cost, content_digest,
    content_cipher)
SELECT uuidv7(), %(c)s, uuidv7(), %(c)s, e, ARRAY[e], ARRAY[e], e, 'sms', 'early', 'first', 0,
    'card-reminder', 'zh-Hans', 'delivered', %(at)s, %(at)s, %(at)s, %(at)s, %(at)s, %(at)s, 1, 'sandbox', e::text,
    'delivered', 3, 1000, decode(repeat('00', 32), 'hex'), decode(repeat(md5(n::text), 20), 'hex')
FROM (SELECT n, uuidv7() AS e FROM generate_series(1, %(n)s) AS n) AS rows"""

_ENTRIES = """INSERT INTO ledger (debtor_id, seq, at, creditor_id, kind, body, previous, hash)
SELECT d, kinds.seq, %(at)s, %(c)s, kinds.kind,
    json_build_object('attempt', d, 'text', repeat(md5(d::text), kinds.size)),
    decode(md5(d::text), 'hex'), decode(md5(d::text), 'hex')
FROM (SELECT uuidv7() AS d FROM generate_series(1, %(n)s)) AS rows,
    (VALUES (1, 'reserved', 30), (2, 'sending', 6), (3, 'accepted', 4)) AS kinds(seq, kind, size)"""


def main(debtors: int = 3_000, rounds: int = 5, *sizes: int) -> dict[str, object]:
    """Measure, and say how."""
    walls: dict[int, float] = {}
    processors: dict[int, float] = {}
    with world() as one, one.workers(PROCESSES, "quiet", WORKER_THREADS=THREADS) as crew:
        old = one.creditor(1)
        made = 0
        for size in sizes or SIZES:
            fill(one, old, size - made)
            made = size
            one.rate(one.creditor(debtors))
            measured = [rate_and_cost(one, crew, debtors) for _ in range(rounds)]
            walls[size] = 1e6 / statistics.median(rate for rate, _ in measured)
            processors[size] = statistics.median(sum(cost.values()) for _, cost in measured)
            rates = ", ".join(f"{rate:,.0f}" for rate, _ in measured)
            say(f"after {size:,} contacts: {rates}/s, {processors[size]:,.0f} µs of processor time a contact")
    return {
        "figures": [*beside_first("time", walls), *beside_first("processor time", processors)],
        "processes": PROCESSES,
        "rounds": rounds,
    }


def beside_first(what: str, costs: Mapping[int, float]) -> Iterator[dict[str, object]]:
    """The cost of a contact after each number of contacts, beside that after the first."""
    first, *later = costs
    yield figure(f"{what} of a contact after {first:,}", costs[first], "µs")
    for size in later:
        yield figure(
            f"{what} of a contact after {size:,}",
            costs[size],
            "µs",
            baseline=f"after {first:,}",
            baseline_value=round(costs[first]),
            ratio=round(costs[size] / costs[first], 3),
        )


def fill(one: World, creditor_id: UUID, contacts: int) -> None:
    """Write so many contacts of the past, and have the planner know of them."""
    with psycopg.connect(one.servers.owner_url, autocommit=True) as owner:
        owner.execute("SELECT set_config('forbear.creditor', %s, false)", [str(creditor_id)])
        for start in range(0, contacts, AT_ONCE):
            given = {"c": creditor_id, "at": START, "n": min(AT_ONCE, contacts - start)}
            owner.execute(_ATTEMPTS, given)
            owner.execute(_ENTRIES, given)
        for table in ("attempts", "ledger"):  # else the server would see to it by itself, while it is measured
            owner.execute(f"VACUUM ANALYZE {table}")


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
