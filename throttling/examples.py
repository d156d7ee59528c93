"""Worked examples: each pack carries its own, and they are its tests.

Read from the second document of a pack's file, run by `forbear policy check` and by the tests.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from domain.decision import Decision, Effect, Verdict
from domain.errors import BadInput
from domain.facts import Facts, Proposal
from throttling import content, retention
from throttling.compose import compile_rules
from throttling.decide import decide, prepare
from throttling.facts_json import parse_facts
from throttling.language import Content, LanguageTag, Retention, RuleId
from throttling.packs import Filed, Library
from throttling.premises import Text
from throttling.terms import Term
from throttling.yaml_source import Source, build, complaint, know


class Check(Term):
    """One question to an example: at an instant, with changes to its facts, and what must be answered."""

    at: Text
    change: dict[str, Any] = Field(default_factory=dict)
    verdict: Verdict
    until: Text | None = None
    closes: Text | None = None
    rules: tuple[RuleId, ...] = ()
    lifted: tuple[RuleId, ...] = ()
    counted: dict[RuleId, tuple[int, ...]] = Field(default_factory=dict)


class Example(Term):
    """A worked example, named after its source."""

    name: Text
    source: Text
    facts: dict[str, Any]
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]


class ContentExample(Term):
    """A message, and whether a content rule is content with it."""

    rule: RuleId
    channel: Text
    language: LanguageTag
    text: Text
    values: dict[str, str] = Field(default_factory=dict)
    ok: bool


class RetentionExample(Term):
    """A day from which a record is kept, and the first day on which it need not be."""

    rule: RuleId
    since: dt.date
    until: dt.date


class Examples(Term):
    """The second document of a pack's file."""

    base: dict[str, Any] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    content: tuple[ContentExample, ...] = ()
    retention: tuple[RetentionExample, ...] = ()


know(Check, Example, ContentExample, RetentionExample, Examples)


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that does not hold: where it stands, and what was answered instead."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Case:
    """One check with its facts; `place` leads to it in the document."""

    name: str
    place: tuple[str | int, ...]
    facts: Facts
    check: Check


def read_examples(filed: Filed) -> Examples:
    """The examples of a pack; none where its file has no second document. Raises BadInput."""
    return Examples() if filed.examples is None else build(Examples, filed.examples)


def cases(filed: Filed, examples: Examples) -> Iterator[Case]:
    """Every check of every example, with its facts put together. Raises BadInput where the facts are wrong."""
    for number, example in enumerate(examples.examples):
        facts = merge({"packs": [filed.pack.id], **examples.base}, example.facts)
        for index, check in enumerate(example.checks):
            place = ("examples", number, "checks", index)
            merged = merge(merge(facts, check.change), {"proposal": {"at": check.at}})
            try:
                parsed = parse_facts({"id": example.name, **merged})
            except BadInput as error:
                raise complaint(_source(filed), place, error.what, f"It stands at {error.where}.") from error
            yield Case(f"{example.name} [{index + 1}]", place, parsed, check)


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """One object laid over another: maps key by key, everything else replaced."""
    merged = dict(base)
    for key, value in change.items():
        below = merged.get(key)
        both_maps = isinstance(value, Mapping) and isinstance(below, Mapping) and key != "agreed_caps"
        merged[key] = merge(below, value) if both_maps and isinstance(below, Mapping) else value
    return merged


def run(filed: Filed, library: Library) -> tuple[list[Failure], set[str]]:
    """The examples of a pack that do not hold, and the ids of the rules that some example shows at work."""
    examples = read_examples(filed)
    failures: list[Failure] = []
    shown: set[str] = set()
    for case in cases(filed, examples):
        decision = _decide(case.facts, library)
        shown |= {line.rule for line in decision.rules if line.pack == filed.pack.id}
        failures += [
            Failure(_where(filed, case.place), f"{case.name}: {what}") for what in judge(case, decision, library)
        ]
    for group, found in (("content", _run_content(filed, examples)), ("retention", _run_retention(filed, examples))):
        for index, rule, what in found:
            shown.add(rule)
            if what:
                failures.append(Failure(_where(filed, (group, index)), what))
    return failures, shown


def judge(case: Case, decision: Decision, library: Library) -> Iterator[str]:
    """What differs between a decision and what its check expects; nothing where it holds."""
    check = case.check
    stopped = [line for line in decision.rules if line.effect is not Effect.ALLOWS]
    lines = "; ".join(f"{line.rule}: {line.why}" for line in stopped)
    if decision.verdict is not check.verdict:
        yield f"{decision.verdict.value}, not {check.verdict.value}. {lines}"
        return
    for name, expected, found in (("until", check.until, decision.until), ("closes", check.closes, decision.closes)):
        if expected is not None and (found is None or found != dt.datetime.fromisoformat(expected)):
            yield f"{name} is {found and found.isoformat()}, not {expected}. {lines}"
    missing = set(check.rules) - {line.rule for line in stopped}
    if missing:
        yield f"{', '.join(sorted(missing))} did not speak. {lines}"
    told = " ".join(line.why for line in decision.rules if line.effect is Effect.ALLOWS)
    for lift in check.lifted:
        if f"({lift}, " not in told:
            yield f"the exception {lift} was not relied on. {told}"
    for rule, indexes in check.counted.items():
        found_indexes = {line.counted for line in stopped if line.rule == rule}
        if indexes not in found_indexes:
            yield f"{rule} counted {sorted(found_indexes)}, not {indexes}"
    if decision.until is not None:
        yield from _is_exact(case.facts, decision.until, library)


def _is_exact(facts: Facts, until: dt.datetime, library: Library) -> Iterator[str]:
    for at, wanted in ((until - dt.timedelta(seconds=1), False), (until, True)):
        if at <= facts.proposal.at and not wanted:
            continue
        later = facts.proposal._replace(at=at)
        if facts.proposal.expected_delivery is not None:
            delay = facts.proposal.expected_delivery - facts.proposal.at
            later = later._replace(expected_delivery=at + delay)
        if _decide_at(facts, later, library).is_allowed is not wanted:
            yield f"until is not exact: {'not allowed at it' if wanted else 'allowed one second before'}"


def _decide(facts: Facts, library: Library) -> Decision:
    return decide(compile_rules(library, facts.packs or ()), facts)


def _decide_at(facts: Facts, later: Proposal, library: Library) -> Decision:
    ruleset = compile_rules(library, facts.packs or ())
    prepared = prepare(
        ruleset,
        facts.debtor,
        facts.contact_points,
        facts.accounts,
        facts.history,
        facts.collector,
        as_of=facts.proposal.at,
        is_chosen=facts.packs is None,
    )
    return prepared.decide(later)


def _run_content(filed: Filed, examples: Examples) -> Iterator[tuple[int, str, str]]:
    rules = {rule.id: rule for rule in filed.pack.rules if isinstance(rule, Content)}
    for index, example in enumerate(examples.content):
        rule = rules.get(example.rule)
        if rule is None:
            yield index, example.rule, f"{example.rule} is no content rule of this pack"
            continue
        breach = content.breach(rule, example.language, example.text, example.values)
        wrong = (breach is None) is not example.ok
        yield index, rule.id, f"{rule.id}: {breach or 'nothing is wrong'}, against what is expected" if wrong else ""


def _run_retention(filed: Filed, examples: Examples) -> Iterator[tuple[int, str, str]]:
    rules = {rule.id: rule for rule in filed.pack.rules if isinstance(rule, Retention)}
    for index, example in enumerate(examples.retention):
        rule = rules.get(example.rule)
        if rule is None:
            yield index, example.rule, f"{example.rule} is no retention rule of this pack"
            continue
        until = retention.kept_until(rule, example.since)
        wrong = until != example.until
        yield index, rule.id, f"{rule.id}: until {until}, not {example.until}" if wrong else ""


def _source(filed: Filed) -> Source:
    return filed.examples or filed.source


def _where(filed: Filed, place: tuple[str | int, ...]) -> str:
    return complaint(_source(filed), place, "").where
