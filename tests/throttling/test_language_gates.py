"""Gates, exceptions and consent of the rule language: whether contact may be made at all, and what opens it again."""

from pathlib import Path
from typing import Any

import pytest

from domain.decision import Verdict
from domain.facts import (
    AccountFacts,
    Consent,
    ContactChannel,
    Direction,
    InconvenientTime,
    Notice,
    Outcome,
    Person,
    PointFacts,
    PointKind,
    Purpose,
    Stop,
    StopKind,
)
from tests.properties.laws import ZONE, Law, at, case, law, lift, past, rule

NOW = "2026-06-10T10:00:00-04:00"
SINCE = at("2026-06-05T09:00:00-04:00")
SMS = ContactChannel.SMS


def gate(**said: Any) -> dict[str, Any]:
    return rule("gate", **said)


@pytest.mark.parametrize("kind", list(StopKind))
def test_every_stopping_fact_stops_from_its_second_on_until_it_is_withdrawn(tmp_path: Path, kind: StopKind) -> None:
    rules = law(tmp_path, gate(stop={"kind": kind.value}))
    until = at("2026-06-12T15:00:00-04:00")
    on_file = {"stops": (Stop(kind, SINCE, until),)}
    assert rules.opens(case("2026-06-05T08:59:59-04:00", debtor=on_file)) == at("2026-06-05T08:59:59-04:00")
    assert rules.opens(case("2026-06-05T09:00:00-04:00", debtor=on_file)) == until
    assert rules.opens(case("2026-06-12T15:00:00-04:00", debtor=on_file)) == until
    assert rules.verdict(case(NOW, debtor={"stops": (Stop(kind, SINCE),)})) is Verdict.REFUSED


def test_a_stop_is_of_the_form_that_the_rule_asks_for(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(stop={"kind": "vulnerable", "form": "written"}))
    assert rules.verdict(case(NOW, debtor={"stops": (Stop(StopKind.VULNERABLE, SINCE, form="oral"),)})) == "allowed"
    assert rules.verdict(case(NOW, debtor={"stops": (Stop(StopKind.VULNERABLE, SINCE, form="written"),)})) == "refused"


def test_a_lawyer_stands_for_the_debts_that_are_named_and_a_death_for_all(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(stop={"kind": "attorney", "per": "debt"}))
    lawyer = {"stops": (Stop(StopKind.ATTORNEY, SINCE, accounts=("A",)),)}
    assert rules.verdict(case(NOW, debtor=lawyer, accounts=("B",))) == "allowed"
    assert rules.verdict(case(NOW, debtor=lawyer, accounts=("B", "A"))) == "refused"
    assert rules.verdict(case(NOW, debtor=lawyer, accounts=())) == "refused"
    group = (AccountFacts("A", group="G"), AccountFacts("B", group="G"))
    assert rules.verdict(case(NOW, debtor=lawyer, accounts=("B",), accounts_on_file=group)) == "refused"
    rules = law(tmp_path, gate(stop={"kind": "deceased", "per": "debtor"}))
    death = {"stops": (Stop(StopKind.DECEASED, SINCE, accounts=("A",)),)}
    assert rules.verdict(case(NOW, debtor=death, accounts=("B",))) == "refused"


def test_a_dispute_holds_until_it_is_answered(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(stop={"kind": "dispute", "until_answered": True}))
    answered = at("2026-06-11T16:30:00-04:00")
    assert rules.opens(case(NOW, debtor={"stops": (Stop(StopKind.DISPUTE, SINCE, answered_at=answered),)})) == answered
    assert rules.verdict(case(NOW, debtor={"stops": (Stop(StopKind.DISPUTE, SINCE),)})) == "refused"


def test_an_illness_may_suspend_for_as_long_as_the_law_says(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(stop={"kind": "hospitalised", "lasts": {"days": 30, "first_day": "next"}}))
    ill = {"stops": (Stop(StopKind.HOSPITALISED, SINCE),)}
    assert rules.opens(case(NOW, debtor=ill)) == at("2026-07-06T00:00:00-04:00")


@pytest.mark.parametrize(
    ("bars", "debtor", "barred", "free"),
    [
        ("channel", {"banned_channels": (ContactChannel.CALL,)}, {"channel": ContactChannel.AI_CALL}, {"channel": SMS}),
        ("channel", {"banned_channels": (SMS,)}, {"channel": SMS}, {"channel": ContactChannel.CALL}),
        ("point", {"banned_points": ("n1",)}, {"contact_point": "n1"}, {"contact_point": "n2"}),
        ("point", {"banned_points": ("n1",)}, {"contact_point": None}, {"contact_point": "w1"}),
        ("place", {"inconvenient_places": ("work",)}, {"contact_point": "w1"}, {"contact_point": "n1"}),
        ("place", {"inconvenient_places": ("home",)}, {"contact_point": "n2"}, {"contact_point": "n1"}),
    ],
)
def test_the_debtor_bars_channels_points_and_places(
    tmp_path: Path, bars: str, debtor: dict[str, Any], barred: dict[str, Any], free: dict[str, Any]
) -> None:
    points = (
        PointFacts("n1", PointKind.MOBILE),
        PointFacts("n2", PointKind.LANDLINE),
        PointFacts("w1", PointKind.WORK),
    )
    rules = law(tmp_path, gate(bars=bars))
    assert rules.verdict(case(NOW, debtor=debtor, contact_points=points, **barred)) == "refused"
    assert rules.verdict(case(NOW, debtor=debtor, contact_points=points, **free)) == "allowed"


def test_what_is_forbidden_is_forbidden_and_the_unknown_with_it(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(forbid=True, applies={"channels": "call", "automated": True}))
    assert rules.verdict(case(NOW, automated=True)) == "refused"
    assert rules.verdict(case(NOW, automated=None)) == "refused"
    assert rules.verdict(case(NOW, automated=False)) == "allowed"


def test_days_past_due_grow_at_midnight_and_bound_on_both_sides(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(requires={"days_past_due": {"min": 15, "max": 20}}))

    def opens(days: int | None, when: str = NOW) -> object:
        return rules.opens(case(when, accounts_on_file=(AccountFacts("A", days_past_due=days),)))

    assert opens(10) == at("2026-06-15T00:00:00-04:00")
    assert opens(15) == at(NOW)
    assert opens(21) is None
    assert opens(None) is None
    allowed = rules.answer(case(NOW, accounts_on_file=(AccountFacts("A", days_past_due=20),)))
    assert allowed.closes == at("2026-06-11T00:00:00-04:00")


def test_a_debt_may_be_too_old(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(requires={"debt_age": {"years": 3}}))
    due = at("2023-06-11T12:00:00-04:00")
    allowed = rules.answer(case(NOW, accounts_on_file=(AccountFacts("A", due_at=due),)))
    assert allowed.closes == at("2026-06-11T00:00:00-04:00")
    assert (
        rules.verdict(case("2026-06-11T00:00:00-04:00", accounts_on_file=(AccountFacts("A", due_at=due),))) == "refused"
    )


def test_a_notice_comes_first_and_then_a_wait(tmp_path: Path) -> None:
    """Ontario: the call waits until the sixth day after the day of the letter."""
    wait = {"days": 5, "first_day": "next"}
    rules = law(tmp_path, gate(requires={"notice": {"notice": "first_written_notice", "wait": wait}}))
    assert rules.verdict(case(NOW)) == "refused"
    given = {"notices": (Notice("first_written_notice", SINCE),)}
    assert rules.opens(case(NOW, debtor=given)) == at("2026-06-11T00:00:00-04:00")
    other = {"notices": (Notice("default_notice", SINCE),)}
    assert rules.verdict(case(NOW, debtor=other)) == "refused"


def lost(*outcomes: Outcome, days: int = 1) -> list[Any]:
    return [
        past(f"2026-06-{1 + index * days:02}T10:00:00-04:00", outcome=outcome) for index, outcome in enumerate(outcomes)
    ]


def test_a_third_person_is_asked_only_where_the_debtor_is_lost(tmp_path: Path) -> None:
    rules = law(
        tmp_path,
        gate(applies={"persons": "third"}, requires={"unreached": {"attempts": 3, "on_days": 2, "channels": "voice"}}),
    )

    def verdict(*history: Any, person: Person = Person.NEIGHBOUR, **debtor: Any) -> Verdict:
        return rules.verdict(case(NOW, *history, person=person, debtor=debtor))

    none = Outcome.NO_ANSWER
    assert verdict(person=Person.DEBTOR) == "allowed"
    assert verdict() == "refused"
    assert verdict(*lost(none, none)) == "refused"
    assert verdict(*lost(none, none, none)) == "allowed"
    assert verdict(*lost(none, none, none, days=0)) == "refused"
    assert verdict(*lost(none, Outcome.CONVERSATION, none, none)) == "refused"
    assert verdict(*lost(none, none, none), reachable=True) == "refused"
    replied = past("2026-06-09T10:00:00-04:00", channel=SMS, direction=Direction.IN)
    assert verdict(*lost(none, none, none), replied) == "refused"


def test_a_requirement_that_rests_on_the_unknown_holds_or_passes_as_the_rule_says(tmp_path: Path) -> None:
    for unknown, verdict in (("holds", "refused"), ("passes", "allowed")):
        rules = law(tmp_path, gate(requires={"reachable": True}, unknown=unknown))
        assert rules.verdict(case(NOW)) == verdict
        assert rules.verdict(case(NOW, debtor={"reachable": False})) == "refused"
        assert rules.verdict(case(NOW, debtor={"reachable": True})) == "allowed"


def test_a_number_is_checked_again_when_the_check_has_aged(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(requires={"point": {"checked_within": {"days": 30}, "used_by_debtor": True}}))
    point = PointFacts("n1", PointKind.MOBILE, reassigned_check_at=SINCE, used_by_debtor=True)
    allowed = rules.answer(case(NOW, contact_points=(point,)))
    assert allowed.closes == at("2026-07-05T00:00:00-04:00")
    assert rules.verdict(case("2026-07-05T00:00:00-04:00", contact_points=(point,))) == "refused"
    unchecked = PointFacts("n1", PointKind.MOBILE, used_by_debtor=True)
    assert rules.verdict(case(NOW, contact_points=(unchecked,))) == "refused"


def test_conditions_are_joined_by_all_any_and_none(tmp_path: Path) -> None:
    reachable, vulnerable = {"reachable": True}, {"stop": "vulnerable"}
    ill = {"stops": (Stop(StopKind.VULNERABLE, SINCE),)}

    def verdict(requires: dict[str, Any], **debtor: Any) -> Verdict:
        return law(tmp_path, gate(requires=requires)).verdict(case(NOW, debtor=debtor))

    assert verdict({"all": [reachable, vulnerable]}, reachable=True) == "refused"
    assert verdict({"all": [reachable, vulnerable]}, reachable=True, **ill) == "allowed"
    assert verdict({"any": [reachable, vulnerable]}, reachable=True) == "allowed"
    assert verdict({"any": [reachable, vulnerable]}) == "refused"
    assert verdict({"none": [vulnerable]}) == "allowed"
    assert verdict({"none": [vulnerable]}, **ill) == "refused"
    assert verdict({"none": [reachable]}) == "refused"  # nobody knows


# Exceptions --------------------------------------------------------------------------------------------------------


def forbidding(tmp_path: Path, when: dict[str, Any], **said: Any) -> Law:
    return law(tmp_path, gate(forbid=True, lifts=[lift(when, **said)]))


def test_a_reply_is_allowed_once_in_the_same_medium_and_says_what_it_rests_on(tmp_path: Path) -> None:
    rules = forbidding(tmp_path, {"reply": {"times": 1}})
    wrote = past("2026-06-10T09:00:00-04:00", channel=SMS, direction=Direction.IN)
    answer = past("2026-06-10T09:30:00-04:00", channel=SMS)
    assert rules.verdict(case(NOW, wrote, channel=SMS)) == "refused"
    assert rules.verdict(case(NOW, wrote, channel=ContactChannel.EMAIL, in_reply=True)) == "refused"
    assert rules.verdict(case(NOW, wrote, answer, channel=SMS, in_reply=True)) == "refused"
    decision = rules.answer(case(NOW, wrote, channel=SMS, in_reply=True))
    assert decision.is_allowed
    assert [(each.effect.value, "exception, s. 2" in each.why) for each in decision.rules] == [("allows", True)]


def test_an_answered_call_is_a_reply_to_any_sort_of_call(tmp_path: Path) -> None:
    rules = forbidding(tmp_path, {"reply": {"times": 1}})
    rang = past("2026-06-10T09:00:00-04:00", direction=Direction.IN)
    assert rules.verdict(case(NOW, rang, channel=ContactChannel.AI_CALL, in_reply=True)) == "allowed"


def test_an_opt_out_is_confirmed_once(tmp_path: Path) -> None:
    rules = forbidding(tmp_path, {"proposal": {"purposes": "confirm_opt_out"}}, uses=1)
    confirm = {"channel": SMS, "purpose": Purpose.CONFIRM_OPT_OUT}
    assert rules.verdict(case(NOW, **confirm)) == "allowed"
    assert rules.verdict(case(NOW, channel=SMS)) == "refused"
    before = past("2026-06-09T10:00:00-04:00", channel=SMS, purpose=Purpose.CONFIRM_OPT_OUT)
    assert rules.verdict(case(NOW, before, **confirm)) == "refused"


def test_a_statutory_notice_may_pass_once_in_a_window(tmp_path: Path) -> None:
    notice = {"channel": ContactChannel.LETTER, "purpose": Purpose.STATUTORY_NOTICE}
    when = {"proposal": {"purposes": "statutory_notice"}}
    rules = forbidding(tmp_path, when, uses=1, within={"days": 30})
    before = past("2026-06-01T10:00:00-04:00", **notice)
    assert rules.verdict(case(NOW, **notice)) == "allowed"
    assert rules.opens(case(NOW, before, **notice)) == at("2026-07-01T00:00:00-04:00")
    rules = forbidding(tmp_path, when, uses=1, counts={"channels": "call"})
    assert rules.verdict(case(NOW, before, **notice)) == "allowed"
    assert rules.verdict(case(NOW, past("2026-06-01T10:00:00-04:00"), **notice)) == "refused"


def test_an_exception_is_not_granted_by_what_nobody_knows(tmp_path: Path) -> None:
    rules = forbidding(tmp_path, {"proposal": {"automated": False}})
    assert rules.verdict(case(NOW, automated=None)) == "refused"
    assert rules.verdict(case(NOW, automated=False)) == "allowed"


# Consent and the debtor's own terms --------------------------------------------------------------------------------

DAY = {"every_day": ["09:00-18:00"]}
TEN_AT_NIGHT = "2026-06-10T22:00:00-04:00"


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({}, "allowed"),
        ({"hours": (21 * 60, 22 * 60)}, "deferred"),
        ({"days": ("Sat",)}, "deferred"),
        ({"channels": (SMS,)}, "deferred"),
        ({"until": at(TEN_AT_NIGHT)}, "deferred"),
        ({"at": at("2026-06-10T22:00:01-04:00")}, "deferred"),
        ({"hours": None}, "deferred"),
    ],
)
def test_consent_widens_hours_where_and_when_it_was_given(tmp_path: Path, said: dict[str, Any], verdict: str) -> None:
    rules = law(tmp_path, rule("hours", open=DAY, widened_by=["consent"]))
    given = Consent(**{"at": SINCE, "hours": (21 * 60, 23 * 60), "direct": True, **said})
    assert rules.verdict(case(TEN_AT_NIGHT, debtor={"consents": (given,)})) == verdict


def test_agreed_and_requested_hours_widen_only_where_the_law_lets_them(tmp_path: Path) -> None:
    for name, field in (("agreement", "agreed_hours"), ("request", "requested_hours")):
        debtor = {field: (20 * 60, 23 * 60)}
        widened = law(tmp_path, rule("hours", open=DAY, widened_by=[name]))
        strict = law(tmp_path, rule("hours", open=DAY))
        asked = case("2026-06-10T19:00:00-04:00", debtor=debtor)
        wishes = {each.rule for each in strict.answer(asked).rules if each.pack == "debtor-wishes"}
        assert wishes == {"convenient-hours"}
        assert strict.verdict(asked) == "refused"  # the debtor's evening and the law's day never meet
        assert widened.opens(asked) == at("2026-06-10T20:00:00-04:00")


def test_inconvenient_times_narrow_over_midnight(tmp_path: Path) -> None:
    rules = law(tmp_path, rule("hours", open={"every_day": ["00:00-24:00"]}, narrowed_by=["inconvenient"]))
    night = {"inconvenient": (InconvenientTime(("Wed",), 22 * 60, 6 * 60),)}
    assert rules.opens(case(TEN_AT_NIGHT, debtor=night)) == at("2026-06-11T06:00:00-04:00")
    assert rules.opens(case("2026-06-10T05:00:00-04:00", debtor=night)) == at("2026-06-10T05:00:00-04:00")


def test_a_bar_of_the_employer_closes_the_workplace(tmp_path: Path) -> None:
    rules = law(tmp_path, gate(stop={"kind": "employer_prohibits"}, applies={"points": "workplace"}))
    barred = {"stops": (Stop(StopKind.EMPLOYER_PROHIBITS, SINCE),)}
    points = (PointFacts("n1", PointKind.MOBILE), PointFacts("w1", PointKind.WORK, timezones=(ZONE,)))
    assert rules.verdict(case(NOW, debtor=barred, contact_points=points, contact_point="w1")) == "refused"
    assert rules.verdict(case(NOW, debtor=barred, contact_points=points)) == "allowed"
    assert rules.verdict(case(NOW, debtor=barred, contact_point=None)) == "refused"  # nobody knows where it rings
