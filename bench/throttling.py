"""Decisions a second on one core, under all packs of a US state, beside the same caps kept naively on Valkey.

*Fresh*: facts in memory, the debtor made ready and asked once, as the dispatcher does; with 0, 3 and 30 past contacts
of the last 60 days, and once more under the packs of a consumer loan in the PRC. *First deferral*: what a ready debtor
answers when asked for the first time, at night, with exact T and every rule that spoke; *written out*: with all that it
says as the bytes of its JSON. Each of these is asked of debtors who were never seen before, so that nothing is found
again but what is the same for everybody there. *Ready*: asked before, at the same 20 instants of the next 13 hours in
another order, so that the stretches of time in which the answer stays the same are known; with 30 past contacts.
The baseline asks the `limits` library once for each cap whether another contact still fits its moving window, and
records it where all do, on this machine's Valkey; it knows no hours, no keys but the debtor, and no T.

    python -m bench.throttling [DEBTORS]
"""

import gc
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from limits import RateLimitItemPerHour
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from config.embedded.servers import hold
from domain.decision import Decision, Verdict
from domain.facts import (
    AccountFacts,
    Collector,
    ContactChannel,
    DebtorFacts,
    Facts,
    Outcome,
    PastContact,
    Place,
    PointFacts,
    PointKind,
    Proposal,
)
from throttling.compose import Ruleset, compile_rules, select
from throttling.decide import Prepared, prepare
from throttling.decision_json import decision_to_json
from throttling.language import Cap
from throttling.packs import load_packs
from workers.consuming import spare_the_collector

NOW = datetime(2026, 11, 24, 17, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 8, tzinfo=UTC)
"""Three in the morning: contact waits for the hours and, where two were made in a week, for the older to lapse."""
NIGHT_IN_SHANGHAI = NIGHT + timedelta(hours=12)
HISTORIES = (0, 3, 30)
CONTACTS = 30
ASKED = 20
"""At how many instants a ready debtor is asked."""
ROUNDS = 5
OUTCOMES = (Outcome.NO_ANSWER, Outcome.VOICEMAIL, Outcome.BUSY, Outcome.DELIVERED)


def main(debtors: int = 2_000) -> dict[str, object]:
    """Measure, and say what was measured."""
    library = load_packs()
    ids = select(case(0, CONTACTS), library)
    begin = time.perf_counter()
    ruleset = compile_rules(library, ids)
    compiled_s = time.perf_counter() - begin
    with tempfile.TemporaryDirectory(prefix="forbear-bench-") as folder:
        Path(folder).chmod(0o711)
        with hold(Path(folder) / "state", durable=False) as servers:
            naive = statistics.median(naively(ruleset, servers.redis_url) for _ in range(3))
    beside: dict[str, Any] = {"baseline_value": round(naive), "baseline": "limits on Valkey, one moving window a cap"}
    chinese = compile_rules(library, select(in_shanghai(case(0, CONTACTS)), library))
    figures = []
    for contacts in HISTORIES:
        strangers = never_seen(debtors, contacts)
        figures += speed(f"fresh, {contacts} contacts", "decisions", *measure_fresh(ruleset, strangers), **beside)
        strangers = (list(map(in_shanghai, each)) for each in never_seen(debtors, contacts))
        figures += speed(f"fresh in the PRC, {contacts} contacts", "decisions", *measure_fresh(chinese, strangers))
    for name, finish in (("first deferral with T", answer), ("first deferral with T, written out", write_out)):
        strangers = never_seen(debtors, CONTACTS)
        figures += speed(name, "deferrals", *measure_first_deferrals(ruleset, strangers, finish), **beside)
        strangers = (list(map(in_shanghai, each)) for each in never_seen(debtors, CONTACTS))
        measured = measure_first_deferrals(chinese, strangers, finish, NIGHT_IN_SHANGHAI)
        figures += speed(f"in the PRC: {name}", "deferrals", *measured)
    cases = [case(number, CONTACTS) for number in range(debtors)]
    figures += speed("deferral with T, ready", "deferrals", *measure_ready_deferrals(ruleset, cases), **beside)
    figures += speed("ready", "decisions", *measure_ready(ruleset, cases), **beside)
    return {
        "figures": [
            *figures,
            figure("compile the packs", compiled_s * 1000, "ms"),
            figure("memory, ready, per 100,000 debtors", memory(ruleset, cases) * 100_000 / 2**20, "MiB"),
        ],
        "packs": list(ids),
        "rules": len(ruleset.rules),
        "caps": len(caps(ruleset)),
        "packs_in_the_prc": list(chinese.ids),
        "debtors": debtors,
    }


def figure(name: str, value: float, unit: str, **beside: Any) -> dict[str, object]:
    """One figure, with its ratio to the baseline where it has one."""
    found: dict[str, object] = {"figure": name, "value": round(value, 1), "unit": unit, **beside}
    if "baseline_value" in beside:
        found["ratio"] = round(value / beside["baseline_value"], 2)
    return found


def speed(name: str, unit: str, value: float, p99: float, **beside: Any) -> list[dict[str, object]]:
    """Two figures: how many a second, and the slowest in a hundred."""
    return [figure(name, value, f"{unit}/s", **beside), figure(f"{name}, p99", p99 * 1e6, "µs")]


def case(number: int, contacts: int) -> Facts:
    """A debtor in Massachusetts with two accounts and past contacts spread over 60 days, few of them in the last 7."""
    draw = random.Random(number)  # the same debtors every time
    points = (PointFacts("n1", PointKind.MOBILE, country="US"), PointFacts("e1", PointKind.EMAIL))
    channels = (ContactChannel.CALL, ContactChannel.SMS, ContactChannel.EMAIL)
    history = tuple(
        PastContact(
            NOW - timedelta(days=60 * (index + draw.random()) / contacts, hours=1),
            draw.choice(channels),
            outcome=draw.choice(OUTCOMES),
            accounts=("a",) if draw.random() < 0.5 else ("a", "b"),
            contact_point="n1",
        )
        for index in range(contacts)
    )
    return Facts(
        proposal=Proposal(
            NOW,
            ContactChannel.CALL,
            ("a", "b"),
            "n1",
            automated=False,
            has_opt_out_notice=True,
        ),
        collector=Collector(first_party=False, name="agency"),
        debtor=DebtorFacts(places=(Place("US", "MA", "02108", "America/New_York"),)),
        contact_points=points,
        accounts=(AccountFacts("a", "credit_card", 45), AccountFacts("b", "credit_card", 20)),
        history=history,
    )


def never_seen(debtors: int, contacts: int) -> Iterator[list[Facts]]:
    """Other debtors each time."""
    for first in itertools.count(0, debtors):
        yield [case(number, contacts) for number in range(first, first + debtors)]


def in_shanghai(facts: Facts) -> Facts:
    """The same debtor with a consumer loan in Shanghai, asked about at one in the afternoon there."""
    return replace(
        facts,
        debtor=DebtorFacts(places=(Place("CN", "SH", None, "Asia/Shanghai"),)),
        contact_points=(PointFacts("n1", PointKind.MOBILE, country="CN"),),
        accounts=tuple(each._replace(product="consumer_loan") for each in facts.accounts),
        proposal=facts.proposal._replace(at=NOW - timedelta(hours=12)),
    )


def ready_for(ruleset: Ruleset, facts: Facts) -> Prepared:
    """The debtor of a case, made ready."""
    return prepare(
        ruleset,
        facts.debtor,
        facts.contact_points,
        facts.accounts,
        facts.history,
        facts.collector,
        as_of=NOW,
    )


def fresh_decision(ruleset: Ruleset, facts: Facts) -> Verdict:
    """Make ready and ask once, with nothing remembered of the debtor."""
    return ready_for(ruleset, facts).decide(facts.proposal).verdict


def measure(pieces: Callable[[], Iterable[Callable[[], object]]]) -> tuple[float, float]:
    """How many pieces of work a second, and the slowest in a hundred: the median of the rounds, after one to warm up.

    `pieces` makes them anew for each round, which is not measured. The collector comes as seldom as in a worker.
    """
    rates, slowest = [], []
    for each in range(ROUNDS + 1):
        took = []
        ready = pieces()
        spare_the_collector()
        for work in ready:
            begin = time.perf_counter()
            work()
            took.append(time.perf_counter() - begin)
        if each:
            rates.append(len(took) / sum(took))
            slowest.append(statistics.quantiles(took, n=100)[98])
    return statistics.median(rates), statistics.median(slowest)


def measure_fresh(ruleset: Ruleset, strangers: Iterator[list[Facts]]) -> tuple[float, float]:
    """Debtors made ready and asked once."""
    return measure(lambda: [partial(fresh_decision, ruleset, each) for each in next(strangers)])


def measure_first_deferrals(
    ruleset: Ruleset,
    strangers: Iterator[list[Facts]],
    finish: Callable[[Callable[[], Decision]], object],
    night: datetime = NIGHT,
) -> tuple[float, float]:
    """The first answers of ready debtors, each a deferral with T, and what is done with them."""
    must_defer(deferrals(ruleset, next(strangers), night))
    return measure(lambda: [partial(finish, ask) for ask in deferrals(ruleset, next(strangers), night)])


def answer(ask: Callable[[], Decision]) -> Decision:
    """The decision as the dispatcher takes it."""
    return ask()


def write_out(ask: Callable[[], Decision]) -> bytes:
    """The decision with every record as JSON."""
    return orjson.dumps(decision_to_json(ask()))


def measure_ready_deferrals(ruleset: Ruleset, cases: list[Facts]) -> tuple[float, float]:
    """Deferrals of debtors who were asked before."""
    asked = deferrals(ruleset, cases)
    must_defer(asked)
    return measure(lambda: asked)


def must_defer(asked: list[Callable[[], Decision]]) -> None:
    """Raise AssertionError unless every answer is a deferral: else these would not be measured."""
    if any(ask().verdict is not Verdict.DEFERRED for ask in asked):
        raise AssertionError("not every case is deferred")


def deferrals(ruleset: Ruleset, cases: list[Facts], night: datetime = NIGHT) -> list[Callable[[], Decision]]:
    """Ready debtors to be asked at night."""
    return [partial(ready_for(ruleset, each).decide, each.proposal._replace(at=night)) for each in cases]


def measure_ready(ruleset: Ruleset, cases: list[Facts]) -> tuple[float, float]:
    """Ready debtors, each asked at many instants of the day."""
    asked = []
    for facts in cases:
        prepared = ready_for(ruleset, facts)
        proposals = [facts.proposal._replace(at=NOW + timedelta(minutes=41 * index)) for index in range(ASKED)]
        asked += [partial(prepared.decide, proposal) for proposal in proposals]
    random.Random(1).shuffle(asked)
    return measure(lambda: asked)


def memory(ruleset: Ruleset, cases: list[Facts]) -> float:
    """Bytes that a ready debtor takes beside the facts that it was made from, once it was asked."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = [ready_for(ruleset, each) for each in cases]
    for one, each in zip(kept, cases, strict=True):
        one.decide(each.proposal)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(kept)


def caps(ruleset: Ruleset) -> list[Cap]:
    """The caps of a ruleset, but for those that forbid."""
    found = [compiled.rule for compiled in ruleset.rules]
    return [rule for rule in found if isinstance(rule, Cap) and rule.at_most > 0]


def hours(rule: Cap) -> int:
    """The length of a cap's window as a naive team would put it: a month has 30 days."""
    within = rule.within
    days = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365, None: 365}[within.per]
    return within.hours or 24 * (within.days or within.every or within.business_days or days)


def naively(ruleset: Ruleset, url: str) -> float:
    """Decisions a second where each asks a moving window of `limits` for every cap and records what it allows."""
    limiter = MovingWindowRateLimiter(RedisStorage(url))
    windows = [(rule.id, RateLimitItemPerHour(rule.at_most, hours(rule))) for rule in caps(ruleset)]
    debtors = 300
    begin = time.perf_counter()
    for number in range(debtors):
        if all(limiter.test(item, name, str(number)) for name, item in windows):
            for name, item in windows:
                limiter.hit(item, name, str(number))
    return debtors / (time.perf_counter() - begin)


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
