"""The engine against an oracle written apart from it, and the laws that any honest engine obeys."""

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

import audit
from audit.oracle import Oracle
from audit.rulebook import SECOND, whole
from audit.weekly import instants
from domain.decision import Verdict
from domain.facts import Direction, Facts, Person
from tests.properties.cases import facts as cases
from tests.properties.cases import past_contacts
from tests.properties.laws import later, made_ready
from throttling.compose import compile_rules
from throttling.decide import decide
from throttling.packs import WISHES, load_packs

pytestmark = pytest.mark.timeout(3600)  # the thorough profile takes minutes
LIBRARY = load_packs()
IDS = sorted(LIBRARY.ids - {WISHES})
AUDIT = Path(audit.__file__).parent
PARTS = ("oracle", "conditions", "days", "matching", "places", "question", "rulebook", "weekly", "windows")
"""The modules of the oracle."""
pack_sets = st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True)
slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])


def engine(facts: Facts, ids: list[str]) -> tuple[Verdict, datetime | None]:
    decision = decide(compile_rules(LIBRARY, ids), replace(facts, packs=tuple(ids)))
    return decision.verdict, None if decision.until is None else decision.until.astimezone(UTC)  # exact to reckon with


def opens_at(facts: Facts, ids: list[str]) -> datetime:
    """When contact becomes possible, as an instant; never is the end of time."""
    verdict, until = engine(facts, ids)
    if verdict is Verdict.ALLOWED:
        return facts.proposal.at
    return until or datetime.max.replace(tzinfo=UTC)


@slow
@given(cases(), pack_sets)
def test_same_verdict_as_the_oracle(facts: Facts, ids: list[str]) -> None:
    verdict, _ = engine(facts, ids)
    refusing = Oracle(ids, facts).refusing(whole(facts.proposal.at, False))
    note(f"{ids}: engine {verdict}, oracle {refusing}")
    assert (verdict is Verdict.ALLOWED) is (not refusing)


@slow
@given(cases(), pack_sets)
def test_t_is_the_first_instant_that_the_oracle_permits(facts: Facts, ids: list[str]) -> None:
    verdict, until = engine(facts, ids)
    assume(verdict is not Verdict.ALLOWED)
    oracle = Oracle(ids, facts)
    if until is not None:
        assert oracle.permits(until), oracle.refusing(until)
        assert not oracle.permits(until.astimezone(UTC) - SECOND)
    start = whole(facts.proposal.at, False)
    end = until or start + timedelta(days=90)
    length = end - start
    step = timedelta(hours=1) if length < timedelta(days=4) else length / 90
    for at in instants(facts, start, end, step):
        assert not oracle.permits(at), f"the oracle permits {at}; engine: {verdict} {until}"


@slow
@given(cases(), pack_sets)
def test_closes_is_the_end_of_what_is_permitted(facts: Facts, ids: list[str]) -> None:
    decision = decide(compile_rules(LIBRARY, ids), replace(facts, packs=tuple(ids)))
    assume(decision.is_allowed)
    oracle = Oracle(ids, facts)
    start = whole(facts.proposal.at, False)
    if decision.closes is not None:
        assert not oracle.permits(decision.closes)
        assert oracle.permits(decision.closes.astimezone(UTC) - SECOND)
    end = min(decision.closes or start + timedelta(days=30), start + timedelta(days=30))
    for at in instants(facts, start, end, max(timedelta(minutes=30), (end - start) / 40)):
        assert oracle.permits(at), f"{at}: {oracle.refusing(at)}"


@slow
@given(cases(person=Person.DEBTOR, in_reply=False), pack_sets, st.data())
def test_more_history_never_permits_more(facts: Facts, ids: list[str], data: st.DataObject) -> None:
    more = data.draw(past_contacts(facts.proposal.at))
    happened_lifts = more.direction is Direction.IN
    assume(not happened_lifts)
    fuller = replace(facts, history=(*facts.history, more))
    assert opens_at(fuller, ids) >= opens_at(facts, ids)


@slow
@given(cases(), pack_sets, st.sampled_from(IDS))
def test_one_more_pack_never_permits_more(facts: Facts, ids: list[str], extra: str) -> None:
    loosens = {each.pack for pack in LIBRARY.packs if pack.id in (*ids, extra) for each in pack.overrides}
    assume(not loosens & {*ids, extra})
    fewer = compile_rules(LIBRARY, ids)
    more = compile_rules(LIBRARY, [*ids, extra])
    assume(fewer.legal_zones == more.legal_zones or facts.debtor.timezones or facts.debtor.places)
    assert opens_at(facts, [*ids, extra]) >= opens_at(facts, ids)


@slow
@given(cases(), pack_sets, st.randoms(use_true_random=False), st.integers(-12, 14))
def test_order_and_spelling_do_not_matter(facts: Facts, ids: list[str], random: object, offset: int) -> None:
    zone = timezone(timedelta(hours=offset))
    history = [past._replace(at=past.at.astimezone(zone)) for past in facts.history]
    assume(len({past.at for past in history}) == len(history))
    random.shuffle(history)  # type: ignore[attr-defined]
    shuffled = list(ids)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    proposal = facts.proposal._replace(at=facts.proposal.at.astimezone(zone))
    other = replace(facts, history=tuple(history), proposal=proposal)
    assert engine(other, shuffled) == engine(facts, ids)


@slow
@given(cases(), pack_sets, st.lists(st.integers(0, 30 * 86400), min_size=1, max_size=6))
def test_a_prepared_debtor_answers_as_a_fresh_one(facts: Facts, ids: list[str], waits: list[int]) -> None:
    ruleset = compile_rules(LIBRARY, ids)
    ready = made_ready(ruleset, facts)
    for wait in waits:
        proposal = later(facts.proposal, timedelta(seconds=wait))
        assert ready.decide(proposal) == made_ready(ruleset, facts).decide(proposal)


@pytest.mark.parametrize("name", PARTS)
def test_the_oracle_and_the_engine_share_no_code(name: str) -> None:
    tree = ast.parse((AUDIT / f"{name}.py").read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    own = {module.removeprefix("audit.") for module in imported if module.startswith("audit.")}
    assert not any(module.split(".")[0] == "throttling" for module in imported)
    assert own <= set(PARTS)
