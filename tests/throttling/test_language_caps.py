"""Caps and cool-downs of the rule language: what counts, on which keys, and until when, to the second."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.decision import Verdict
from domain.facts import AccountFacts, Collector, Consent, ContactChannel, Direction, Outcome, Person, Purpose
from tests.properties.laws import at, cap, case, law, past, rule

NOON = at("2026-06-07T12:00:00-04:00")
CN = {"zone": "Asia/Shanghai", "country": "CN", "calendar": "cn"}


@pytest.mark.parametrize(
    ("key", "same", "other", "unsaid"),
    [
        ("person", {"person": Person.DEBTOR}, {"person": Person.SPOUSE}, {}),
        ("debt", {"accounts": ("B",)}, {"accounts": ("C",)}, {"accounts": ()}),
        ("account", {"accounts": ("A", "C")}, {"accounts": ("B",)}, {"accounts": ()}),
        ("point", {"contact_point": "n1"}, {"contact_point": "n2"}, {"contact_point": None}),
        ("channel", {}, {"channel": ContactChannel.SMS}, {}),
        ("collector", {"by": "one"}, {"by": "two"}, {"by": None}),
        ("creditor", {"by": "two"}, {"channel": ContactChannel.VISIT}, {"accounts": (), "contact_point": None}),
    ],
)
def test_a_cap_counts_by_its_key(
    tmp_path: Path, key: str, same: dict[str, Any], other: dict[str, Any], unsaid: dict[str, Any]
) -> None:
    """A and B are one group, so one debt. What a past contact does not say counts."""
    rules = law(tmp_path, cap(1, {"days": 7}, key, counts={"channels": ["call", "sms"], "direction": "out"}))
    accounts = (AccountFacts("A", group="G"), AccountFacts("B", group="G"), AccountFacts("C"))

    def opens(**said: Any) -> object:
        before = past("2026-06-01T10:00:00-04:00", **said)
        asked = case("2026-06-03T10:00:00-04:00", before, accounts_on_file=accounts, collector=Collector(name="one"))
        return rules.opens(asked)

    assert opens(**same) == at("2026-06-08T00:00:00-04:00")
    assert opens(**other) == at("2026-06-03T10:00:00-04:00")
    assert opens(**unsaid) == at("2026-06-08T00:00:00-04:00")


@pytest.mark.parametrize(
    ("within", "event", "until"),
    [
        ({"hours": 24}, "2026-03-07T12:00:00-05:00", "2026-03-08T13:00:00-04:00"),
        ({"days": 1}, "2026-03-07T12:00:00-05:00", "2026-03-08T00:00:00-05:00"),
        ({"days": 2}, "2026-03-07T12:00:00-05:00", "2026-03-09T00:00:00-04:00"),
        ({"days": 7}, "2028-02-25T23:59:59-05:00", "2028-03-03T00:00:00-05:00"),
        ({"every": 2}, "2026-06-10T08:00:00-04:00", "2026-06-12T00:00:00-04:00"),
        ({"per": "day"}, "2026-12-31T23:30:00-05:00", "2027-01-01T00:00:00-05:00"),
        ({"per": "week"}, "2026-06-10T08:00:00-04:00", "2026-06-15T00:00:00-04:00"),
        ({"per": "week"}, "2026-06-14T08:00:00-04:00", "2026-06-15T00:00:00-04:00"),
        ({"per": "week", "week_starts": "sunday"}, "2026-06-10T08:00:00-04:00", "2026-06-14T00:00:00-04:00"),
        ({"per": "month"}, "2028-02-03T08:00:00-05:00", "2028-03-01T00:00:00-05:00"),
        ({"per": "quarter"}, "2026-11-30T08:00:00-05:00", "2027-01-01T00:00:00-05:00"),
        ({"per": "year"}, "2026-02-28T08:00:00-05:00", "2027-01-01T00:00:00-05:00"),
    ],
)
def test_a_contact_counts_until_its_window_ends(tmp_path: Path, within: dict[str, Any], event: str, until: str) -> None:
    rules = law(tmp_path, cap(1, within))
    assert rules.opens(case(event, past(event))) == at(until)


def test_business_days_leave_out_holidays_and_count_makeup_workdays(tmp_path: Path) -> None:
    """14 February 2026 was a Saturday of work; the Spring Festival ran from the 15th to the 23rd."""
    clock = {"by": "legal", "zone": "Asia/Shanghai"}
    rules = law(tmp_path, cap(1, {"business_days": 3}, clock=clock), **CN)
    event = "2026-02-13T10:00:00+08:00"
    assert rules.opens(case(event, past(event))) == at("2026-02-25T00:00:00+08:00")


def test_business_days_beyond_the_calendar_are_never_over(tmp_path: Path) -> None:
    rules = law(tmp_path, cap(1, {"business_days": 3}, clock={"by": "legal", "zone": "Asia/Shanghai"}), **CN)
    event = "2026-12-30T10:00:00+08:00"
    assert rules.verdict(case(event, past(event))) is Verdict.REFUSED


def test_once_is_once_for_ever(tmp_path: Path) -> None:
    rules = law(tmp_path, cap(1, {"ever": True}, "point"))
    before = past("2019-01-01T10:00:00-05:00")
    assert rules.verdict(case("2026-06-10T10:00:00-04:00", before)) is Verdict.REFUSED
    assert rules.verdict(case("2026-06-10T10:00:00-04:00", before, contact_point="n2")) is Verdict.ALLOWED


def test_the_window_ends_where_it_ends_last_of_all_places(tmp_path: Path) -> None:
    rules = law(tmp_path, cap(1, {"per": "day"}))
    asked = case(
        "2026-06-10T12:00:00-04:00",
        past("2026-06-10T11:00:00-04:00"),
        debtor={"timezones": ("America/New_York", "Pacific/Honolulu")},
    )
    assert rules.opens(asked) == at("2026-06-11T00:00:00-10:00")


def test_one_contact_counts_on_every_debt_that_it_was_about(tmp_path: Path) -> None:
    rules = law(tmp_path, cap(2, {"days": 7}, "debt"))
    history = (
        past("2026-06-01T10:00:00-04:00", accounts=("A", "B")),
        past("2026-06-02T10:00:00-04:00", accounts=("A",)),
        past("2026-06-03T10:00:00-04:00", accounts=("B", "C")),
    )
    now = "2026-06-04T10:00:00-04:00"
    assert rules.opens(case(now, *history, accounts=("A",))) == at("2026-06-08T00:00:00-04:00")
    assert rules.opens(case(now, *history, accounts=("C",))) == at(now)
    both = rules.answer(case(now, *history, accounts=("B", "C")))
    assert both.until == at("2026-06-08T00:00:00-04:00")
    assert both.rules[0].counted == (0, 2)


def test_the_last_contact_that_a_cap_permits_is_said_to_be_the_last(tmp_path: Path) -> None:
    rules = law(tmp_path, cap(2, {"days": 7}))
    decision = rules.answer(case("2026-06-03T10:00:00-04:00", past("2026-06-01T10:00:00-04:00")))
    assert decision.is_allowed
    assert [(spoken.rule, spoken.counted) for spoken in decision.rules] == [("rule", (0,))]
    assert "1 of 2" in decision.rules[0].why


def test_every_contact_that_counts_is_named_by_its_place_in_the_history(tmp_path: Path) -> None:
    rules = law(tmp_path, cap(2, {"days": 7}))
    history = [past(f"2026-06-0{day}T10:00:00-04:00") for day in (5, 1, 6, 4)]
    decision = rules.answer(case("2026-06-09T10:00:00-04:00", *history))
    assert decision.rules[0].counted == (0, 2, 3)
    assert decision.until == at("2026-06-12T00:00:00-04:00")


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ({"outcome": Outcome.BUSY}, False),
        ({"outcome": Outcome.NO_ANSWER}, True),
        ({"outcome": None}, True),
        ({"outcome": Outcome.PENDING}, True),
        ({"direction": Direction.IN}, False),
        ({"purpose": Purpose.STATUTORY_NOTICE}, False),
        ({"channel": ContactChannel.SMS}, False),
    ],
)
def test_a_cap_counts_what_its_selector_names_and_what_may_be_that(
    tmp_path: Path, said: dict[str, Any], counts: bool
) -> None:
    selector = {
        "channels": "voice",
        "direction": "out",
        "outcomes": ["no_answer", "conversation"],
        "purposes": "collect",
    }
    rules = law(tmp_path, cap(1, {"days": 7}, counts=selector))
    opens = rules.opens(case("2026-06-03T10:00:00-04:00", past("2026-06-01T10:00:00-04:00", **said)))
    assert opens == at("2026-06-08T00:00:00-04:00" if counts else "2026-06-03T10:00:00-04:00")


def test_only_what_the_same_collector_placed_counts_where_the_law_says_so(tmp_path: Path) -> None:
    rules = law(tmp_path, cap(1, {"days": 7}, counts={"channels": "call", "placed_by": "collector"}))
    now, then = "2026-06-03T10:00:00-04:00", "2026-06-01T10:00:00-04:00"
    one = Collector(name="one")
    assert rules.opens(case(now, past(then, by="two"), collector=one)) == at(now)
    assert rules.opens(case(now, past(then, by="one"), collector=one)) == at("2026-06-08T00:00:00-04:00")
    assert rules.opens(case(now, past(then), collector=one)) == at("2026-06-08T00:00:00-04:00")


def test_events_that_are_excluded_do_not_count_once_their_outcome_is_known(tmp_path: Path) -> None:
    excludes = [{"cite": "s. 3", "events": {"outcomes": ["busy", "not_in_service"]}}]
    rules = law(tmp_path, cap(1, {"days": 7}, excludes=excludes))
    now, then = "2026-06-03T10:00:00-04:00", "2026-06-01T10:00:00-04:00"
    assert rules.opens(case(now, past(then, outcome=Outcome.BUSY))) == at(now)
    assert rules.opens(case(now, past(then, outcome=None))) == at("2026-06-08T00:00:00-04:00")


def test_a_cap_may_begin_with_a_first_event(tmp_path: Path) -> None:
    """After a conversation, one call in seven days."""
    rules = law(tmp_path, cap(1, {"days": 7}, after_first={"outcomes": "conversation"}))
    now = "2026-06-10T10:00:00-04:00"
    calls = (past("2026-06-07T10:00:00-04:00"), past("2026-06-09T10:00:00-04:00", outcome=Outcome.NO_ANSWER))
    talk = past("2026-06-08T10:00:00-04:00", outcome=Outcome.CONVERSATION)
    no_answer = past("2026-06-07T10:00:00-04:00", outcome=Outcome.NO_ANSWER)
    assert rules.opens(case(now, no_answer, calls[1])) == at(now)
    decision = rules.answer(case(now, no_answer, talk, calls[1]))
    assert decision.until == at("2026-06-16T00:00:00-04:00")
    assert decision.rules[0].counted == (2,)


@pytest.mark.parametrize(("may_raise", "agreed", "verdict"), [(True, 3, "allowed"), (False, 3, "deferred")])
def test_an_agreed_number_raises_a_cap_only_where_the_law_lets_it(
    tmp_path: Path, may_raise: bool, agreed: int, verdict: str
) -> None:
    rules = law(tmp_path, cap(2, {"days": 7}, agreement=may_raise))
    history = (past("2026-06-01T10:00:00-04:00"), past("2026-06-02T10:00:00-04:00"))
    now = "2026-06-03T10:00:00-04:00"
    assert rules.verdict(case(now, *history, debtor={"agreed_caps": (("rule", agreed),)})) == verdict
    assert rules.verdict(case(now, history[0], debtor={"agreed_caps": (("test-law/rule", 1),)})) == "deferred"


@pytest.mark.parametrize(
    ("rests", "event", "until"),
    [
        ({"days": 7}, "2026-04-01T17:00:00-04:00", "2026-04-08T00:00:00-04:00"),
        ({"days": 7, "first_day": "next"}, "2026-04-01T17:00:00-04:00", "2026-04-09T00:00:00-04:00"),
        ({"hours": 28}, "2026-03-07T12:00:00-05:00", "2026-03-08T17:00:00-04:00"),
        ({"weeks": 2}, "2026-04-01T17:00:00-04:00", "2026-04-15T00:00:00-04:00"),
        ({"months": 1}, "2026-01-31T17:00:00-05:00", "2026-03-01T00:00:00-05:00"),
        ({"years": 1}, "2028-02-29T17:00:00-05:00", "2029-03-01T00:00:00-05:00"),
    ],
)
def test_a_rest_counts_days_as_the_law_does(tmp_path: Path, rests: dict[str, Any], event: str, until: str) -> None:
    rules = law(tmp_path, rule("cool_down", after={"outcomes": "conversation"}, by=["person", "debt"], rests=rests))
    talk = past(event, outcome=Outcome.CONVERSATION)
    assert rules.opens(case(event, talk)) == at(until)
    assert rules.opens(case(event, talk, accounts=("B",))) == at(event)


def test_a_rest_of_business_days_leaves_out_holidays(tmp_path: Path) -> None:
    wait = {"business_days": 3, "first_day": "next"}
    clock = {"by": "legal", "zone": "Asia/Shanghai"}
    rules = law(tmp_path, rule("cool_down", after={"channels": "letter"}, by=["person"], rests=wait, clock=clock), **CN)
    event = "2026-04-30T10:00:00+08:00"  # Labour Day is kept until 5 May; 9 May is a Saturday of work
    letter = past(event, channel=ContactChannel.LETTER)
    assert rules.opens(case(event, letter)) == at("2026-05-09T00:00:00+08:00")


CONSENT = {"direct": True, "lasts": {"days": 7}, "until_conversation": True}


@pytest.mark.parametrize(
    ("consent", "talk", "counts"),
    [
        ({}, None, False),
        ({"direct": False}, None, True),
        ({"channels": (ContactChannel.SMS,)}, None, True),
        ({"channels": (ContactChannel.CALL,)}, None, False),
        ({"at": at("2026-05-25T18:00:00-04:00")}, None, True),
        ({"at": at("2026-05-26T18:00:00-04:00")}, None, False),
        ({"until": at("2026-06-01T10:00:00-04:00")}, None, True),
        ({"until": at("2026-06-01T10:00:01-04:00")}, None, False),
        ({}, "2026-05-31T12:00:00-04:00", True),
        ({}, "2026-06-01T10:00:01-04:00", False),
    ],
)
def test_consent_is_judged_as_of_the_moment_of_each_past_contact(
    tmp_path: Path, consent: dict[str, Any], talk: str | None, counts: bool
) -> None:
    """Given on 31 May at 8, the contact was on 1 June at 10: scope, directness, day one, conversation, revocation."""
    excludes = [{"cite": "s. 3", "when": {"consent": CONSENT}}]
    selector = {"channels": "call", "outcomes": "no_answer"}
    rules = law(tmp_path, cap(1, {"days": 7}, excludes=excludes, counts=selector))
    given = {"at": at("2026-05-31T08:00:00-04:00"), "direct": True, **consent}
    history = [past("2026-06-01T10:00:00-04:00", outcome=Outcome.NO_ANSWER)]
    if talk is not None:
        history.append(past(talk, outcome=Outcome.CONVERSATION))
    asked = case("2026-06-07T12:00:00-04:00", *history, debtor={"consents": (Consent(**given),)})
    decision = rules.answer(asked)
    assert [spoken.counted for spoken in decision.rules if spoken.effect == "defers"] == ([(0,)] if counts else [])


def test_what_a_live_consent_excludes_is_not_limited_either(tmp_path: Path) -> None:
    excludes = [{"cite": "s. 3", "when": {"consent": CONSENT}}]
    rules = law(tmp_path, cap(1, {"days": 7}, excludes=excludes))
    before = past("2026-06-01T10:00:00-04:00", outcome=Outcome.NO_ANSWER)
    given = Consent(at("2026-06-02T10:00:00-04:00"), direct=True)
    decision = rules.answer(case("2026-06-03T10:00:00-04:00", before, debtor={"consents": (given,)}))
    assert decision.is_allowed
    assert decision.closes is None
    later = rules.answer(case("2026-06-07T10:00:00-04:00", before, debtor={"consents": (replace(given, until=NOON),)}))
    assert later.is_allowed
    assert later.closes == NOON
