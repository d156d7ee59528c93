"""One debtor's story from its ledger: what was done, what was not and by which clause, until when."""

import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from storage.debtor_screen import EntryRow, PromisedRow, Story, Subject, SuppressedRow
from tests.web.entries import HOURS
from web import story as stories

NOW = dt.datetime(2026, 11, 24, 14, 40, tzinfo=dt.UTC)
UNTIL = dt.datetime(2026, 11, 25, 0, 0, tzinfo=dt.UTC)
SUBJECT = Subject(UUID(int=1), "HB-1", "person", "en", b"", {"timezones": ["Asia/Shanghai"]}, UNTIL, None)


def entries(*told: tuple[str, dict[str, Any]]) -> list[EntryRow]:
    """Entries a minute apart, the last one at `NOW`."""
    first = NOW - dt.timedelta(minutes=len(told) - 1)
    return [
        EntryRow(number + 1, first + dt.timedelta(minutes=number), kind, body)
        for number, (kind, body) in enumerate(told)
    ]


def test_the_entries_of_an_attempt_are_one_item() -> None:
    said = {"attempt": "1", "outcome": "conversation", "failure": None, "code": None, "provider": "sandbox"}
    told = entries(
        (
            "reserved",
            {
                "attempt": "1",
                "channel": "voice",
                "stage": "early",
                "step": "day-7",
                "rules": [HOURS | {"effect": "allows"}],
            },
        ),
        ("deferred", {"channel": "sms", "step": "day-9", "until": UNTIL.isoformat(), "rules": [HOURS]}),
        ("sending", {"attempt": "1", "provider": "sandbox"}),
        ("accepted", said | {"outcome": None}),
        ("delivered", said),
    )
    held, contact = stories.timeline(told)
    assert contact.title == "Voice: delivered – answered by a person"
    assert [state for state, _ in contact.course] == ["reserved", "sending", "accepted", "delivered"]
    assert contact.tone == "good"
    assert contact.clauses[0].effect == "allows"
    assert held.kind == "held"


def test_what_was_held_again_and_again_is_told_once() -> None:
    body = {"channel": "sms", "step": "day-9", "until": UNTIL.isoformat(), "rules": [HOURS]}
    later = UNTIL + dt.timedelta(days=1)
    told = entries(
        *[("deferred", body)] * 3,
        ("deferred", body | {"until": later.isoformat()}),
        ("paid", {"minor": 100, "currency": "CNY"}),
        ("deferred", body),
    )
    newest, paid, held = stories.timeline(told)
    assert (held.times, held.until, newest.times) == (4, later, 1)
    assert paid.title == "Paid CNY 1.00"


def test_a_hold_names_rule_clause_and_end() -> None:
    [item] = stories.timeline(entries(("deferred", {"channel": "sms", "until": UNTIL.isoformat(), "rules": [HOURS]})))
    [clause] = item.clauses
    assert item.title == "SMS not made: deferred"
    assert (clause.pack, clause.rule, clause.cite) == ("cn-consumer-credit", "hours", HOURS["cite"])
    assert item.until == UNTIL
    assert "08:00" in clause.why


def test_those_that_bind_come_before_those_that_were_close() -> None:
    rules = [HOURS | {"effect": "allows", "rule": "close"}, HOURS]
    assert [clause.rule for clause in stories.clauses(rules)] == ["hours", "close"]


@pytest.mark.parametrize(
    ("kind", "body", "title"),
    [
        ("inbound", {"intent": "stop", "channel": "sms"}, "Debtor asked to stop"),
        ("suppressed", {"kind": "opt_out", "channel": "sms", "source": "reply"}, "Opted out"),
        ("lifted", {"kind": "dispute"}, "Lifted: Dispute open"),
        ("promised", {"account": "a", "due_on": "2026-12-01"}, "Promised to pay by 2026-12-01"),
        ("exited", {"reason": "opted_out"}, "Left a campaign"),
        (
            "outside_contact",
            {"channel": "call", "by": "agency_1", "outcome": "voicemail"},
            "call by agency_1, outside Forbear",
        ),
        ("looked", {"who": "an auditor", "what": "name", "why": "complaint"}, "Looked at by an auditor"),
        ("debtor_imported", {"accounts": [{}], "contact_points": [{}, {}]}, "Imported"),
        ("something_new", {}, "Something new"),
    ],
)
def test_every_kind_of_entry_is_told(kind: str, body: dict[str, Any], title: str) -> None:
    [item] = stories.timeline(entries((kind, body)))
    assert item.title == title


def story(**changes: Any) -> Story:
    return Story(SUBJECT, [], [], [], [], [], [], [])._replace(**changes)


def test_what_stands_is_what_is_neither_lifted_nor_answered_nor_over() -> None:
    stands = SuppressedRow("opt_out", "sms", None, "reply", NOW, None, None, None)
    suppressions = [
        stands,
        stands._replace(lifted_at=NOW),
        stands._replace(answered_at=NOW),
        stands._replace(until=NOW),
        stands._replace(until=NOW + dt.timedelta(seconds=1)),
    ]
    promises = [PromisedRow(dt.date(2026, 12, 1), None, None, state, NOW) for state in ("open", "kept")]
    found = stories.standing(story(suppressions=suppressions, promises=promises), NOW)
    assert found.suppressions == (suppressions[0], suppressions[4])
    assert [promise.state for promise in found.promises] == ["open"]
    assert found.next_at == UNTIL


@pytest.mark.parametrize("is_list", [True, False])
def test_what_a_lane_waits_for_is_one_object_or_several(is_list: bool) -> None:
    one = {"channel": "sms", "step": "day-9", "verdict": "deferred", "until": UNTIL.isoformat(), "rules": [HOURS]}
    subject = SUBJECT._replace(waiting={"held": [one]} if is_list else one)
    [item] = stories.standing(story(subject=subject), NOW).held
    assert item.until == UNTIL
    assert item.clauses[0].rule == "hours"


def test_the_debtors_zone_comes_from_facts_then_places_then_points() -> None:
    assert stories.debtor_zone(story()) == "Asia/Shanghai"
    at_a_place = SUBJECT._replace(facts={"places": [{"country": "US", "timezone": "America/New_York"}]})
    assert stories.debtor_zone(story(subject=at_a_place)) == "America/New_York"
    assert stories.debtor_zone(story(subject=SUBJECT._replace(facts={}))) == "UTC"
