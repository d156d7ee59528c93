"""Hours of the rule language: day classes, whose clock, calendars that end, laws that begin, end and loosen others."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.decision import Verdict
from domain.facts import AccountFacts, ContactChannel, Place, PointFacts, PointKind
from tests.properties.laws import Law, at, cap, case, law, pack, past, rule

BY_DAY = {"every_day": ["08:00-21:00"]}
ALWAYS = {"every_day": ["00:00-24:00"]}


def hours(open_at: dict[str, Any], name: str = "hours", **said: Any) -> dict[str, Any]:
    return rule("hours", name, open=open_at, **said)


@pytest.mark.parametrize(
    ("when", "opens", "closes"),
    [
        ("2026-06-12T09:00:00-04:00", "2026-06-12T09:00:00-04:00", "2026-06-12T12:00:00-04:00"),
        ("2026-06-12T12:00:00-04:00", "2026-06-12T13:30:00-04:00", None),
        ("2026-06-12T18:00:00-04:00", "2026-06-13T10:00:00-04:00", None),
        ("2026-06-13T16:00:00-04:00", "2026-06-15T09:00:00-04:00", None),
        ("2026-06-16T09:00:00-04:00", "2026-06-17T09:00:00-04:00", None),
    ],
)
def test_classes_of_days_have_their_own_spans(tmp_path: Path, when: str, opens: str, closes: str | None) -> None:
    """Saturdays are short, Sundays are shut, and on Tuesdays nobody calls."""
    week = {
        "weekdays": ["09:00-12:00", "13:30-18:00"],
        "tuesday": [],
        "saturday": ["10:00-16:00"],
        "sunday": [],
    }
    rules = law(tmp_path, hours(week))
    assert rules.opens(case(when)) == at(opens)
    if closes is not None:
        assert rules.answer(case(when)).closes == at(closes)


def test_channels_have_hours_of_their_own(tmp_path: Path) -> None:
    rules = law(
        tmp_path,
        hours(BY_DAY, "calls", applies={"channels": "voice"}),
        hours({"every_day": ["10:00-17:00"]}, "visits", applies={"channels": "visit"}),
    )
    evening = "2026-06-10T20:00:00-04:00"
    assert rules.opens(case(evening)) == at(evening)
    assert rules.opens(case(evening, channel=ContactChannel.VISIT)) == at("2026-06-11T10:00:00-04:00")
    assert rules.opens(case("2026-06-10T23:00:00-04:00", channel=ContactChannel.EMAIL)) == at(
        "2026-06-10T23:00:00-04:00"
    )


def test_holidays_and_makeup_workdays_win_over_the_day_of_the_week(tmp_path: Path) -> None:
    """1 to 7 October 2026 are kept; Saturday the 10th is a day of work."""
    week = {
        "weekdays": ["09:00-18:00"],
        "saturday": [],
        "sunday": [],
        "holidays": [],
        "makeup_workdays": ["09:00-17:00"],
    }
    rules = law(
        tmp_path, hours(week, clock={"by": "legal", "zone": "Asia/Shanghai"}), zone="Asia/Shanghai", calendar="cn"
    )
    assert rules.opens(case("2026-09-30T18:00:00+08:00")) == at("2026-10-08T09:00:00+08:00")
    assert rules.opens(case("2026-10-09T18:00:00+08:00")) == at("2026-10-10T09:00:00+08:00")


def test_a_movable_feast_moves(tmp_path: Path) -> None:
    """Good Friday was on 3 April in 2026 and is on 26 March in 2027."""
    week = {"every_day": ["07:00-21:00"], "holidays": []}
    rules = law(tmp_path, hours(week), calendar="ca-on", country="CA", zone="America/Toronto")
    assert rules.opens(case("2026-04-03T08:00:00-04:00")) == at("2026-04-04T07:00:00-04:00")
    assert rules.opens(case("2027-03-26T08:00:00-04:00")) == at("2027-03-27T07:00:00-04:00")
    assert rules.opens(case("2027-04-02T08:00:00-04:00")) == at("2027-04-02T08:00:00-04:00")


def test_beyond_the_end_of_its_calendar_a_rule_holds_and_says_so(tmp_path: Path) -> None:
    week = {"every_day": ["08:00-21:00"], "holidays": []}
    rules = law(tmp_path, hours(week, clock={"by": "legal", "zone": "Asia/Shanghai"}), calendar="cn")
    assert rules.answer(case("2026-12-31T20:00:00+08:00")).closes == at("2026-12-31T21:00:00+08:00")
    decision = rules.answer(case("2026-12-31T21:00:00+08:00"))
    assert decision.verdict is Verdict.REFUSED
    assert "known only until 2026-12-31" in decision.rules[0].why


def test_the_law_keeps_the_statutory_time_of_a_town_that_lives_by_another(tmp_path: Path) -> None:
    """Valley, Alabama, lives by Eastern time; the law's clock is Central (Vinson)."""
    valley = {"timezones": (), "places": (Place("US", "AL", "36854", "America/New_York"),)}
    rules = law(tmp_path, hours(BY_DAY, clock={"by": "statutory"}))
    assert rules.opens(case("2026-06-10T08:30:00-04:00", debtor=valley)) == at("2026-06-10T08:00:00-05:00")
    rules = law(tmp_path, hours(BY_DAY, clock={"by": "candidates"}))
    assert rules.opens(case("2026-06-10T08:30:00-04:00", debtor=valley)) == at("2026-06-10T08:30:00-04:00")


def florida(tmp_path: Path) -> Law:
    clock = {"by": "presumed", "presume": ["number"], "unless": ["declared", "believed", "address"]}
    return law(tmp_path, hours(BY_DAY, clock=clock))


def test_a_number_may_be_presumed_to_be_where_its_area_code_is(tmp_path: Path) -> None:
    point = (PointFacts("n1", PointKind.MOBILE, ("America/New_York",)),)
    asked = case("2026-06-10T09:00:00-04:00", debtor={"timezones": ()}, contact_points=point)
    assert florida(tmp_path).opens(asked) == at("2026-06-10T09:00:00-04:00")


@pytest.mark.parametrize("basis", ["declared", "believed", "address"])
def test_the_presumption_yields_to_what_is_known_better(tmp_path: Path, basis: str) -> None:
    point = (PointFacts("n1", PointKind.MOBILE, ("America/New_York",)),)
    west = {"timezones": (), "places": (Place("US", "CA", None, "America/Los_Angeles", basis),)}
    asked = case("2026-06-10T09:00:00-04:00", debtor=west, contact_points=point)
    assert florida(tmp_path).opens(asked) == at("2026-06-10T08:00:00-07:00")


def test_nowhere_holds_on_any_clock_but_that_of_the_law(tmp_path: Path) -> None:
    nowhere = case("2026-06-10T09:00:00-04:00", debtor={"timezones": ()})
    assert law(tmp_path, hours(BY_DAY)).verdict(nowhere) is Verdict.REFUSED
    legal = law(tmp_path, hours(BY_DAY, clock={"by": "legal", "zone": "Asia/Shanghai"}))
    assert legal.opens(case("2026-06-10T21:00:00+08:00", debtor={"timezones": ()})) == at("2026-06-11T08:00:00+08:00")


@pytest.mark.parametrize(
    ("judged_at", "opens"),
    [
        ("sending", "2026-06-10T08:00:00-04:00"),
        ("arrival", "2026-06-10T06:00:00-04:00"),
        ("both", "2026-06-10T08:00:00-04:00"),
    ],
)
def test_hours_bind_when_it_is_sent_when_it_arrives_or_both(tmp_path: Path, judged_at: str, opens: str) -> None:
    rules = law(tmp_path, hours(BY_DAY, judged_at=judged_at))
    night = "2026-06-10T02:00:00-04:00"
    assert rules.opens(case(night, expected_delivery=at(night) + timedelta(hours=2))) == at(opens)
    late = "2026-06-10T20:00:00-04:00"
    allowed = rules.verdict(case(late, expected_delivery=at(late) + timedelta(hours=2)))
    assert (allowed is Verdict.ALLOWED) is (judged_at == "sending")


# Laws that change --------------------------------------------------------------------------------------------------


def test_a_law_that_starts_tomorrow_binds_from_its_midnight(tmp_path: Path) -> None:
    rules = law(tmp_path, hours({"every_day": ["10:00-17:00"]}), effective_from=date(2026, 6, 11))
    before = rules.answer(case("2026-06-10T23:00:00-04:00"))
    assert before.is_allowed
    assert before.closes == at("2026-06-11T00:00:00-04:00")
    assert rules.opens(case("2026-06-11T00:00:00-04:00")) == at("2026-06-11T10:00:00-04:00")


def test_a_contact_that_waits_into_a_new_law_waits_for_that_law_too(tmp_path: Path) -> None:
    old = pack(hours(BY_DAY), id="test-old", effective_until=date(2026, 6, 11))
    rules = law(tmp_path, hours({"every_day": ["10:00-17:00"]}), effective_from=date(2026, 6, 11), others=[old])
    decision = rules.answer(case("2026-06-10T22:00:00-04:00"))
    assert decision.until == at("2026-06-11T00:00:00-04:00") + timedelta(hours=10)
    assert [used.id for used in decision.packs if used.id.startswith("test")] == ["test-old"]


def test_a_rule_that_ends_lets_go_at_its_midnight(tmp_path: Path) -> None:
    rules = law(tmp_path, rule("gate", forbid=True, effective_until=date(2026, 6, 12)), hours(ALWAYS))
    assert rules.opens(case("2026-06-10T12:00:00-04:00")) == at("2026-06-12T00:00:00-04:00")


def test_two_versions_never_meet_in_one_decision(tmp_path: Path) -> None:
    """The cap of the old version ends with it, and the new one counts what went before it."""
    old = pack(cap(1, {"days": 30}), effective_until=date(2026, 6, 11))
    rules = law(tmp_path, cap(2, {"days": 7}), effective_from=date(2026, 6, 11), version="2", others=[old])
    history = (past("2026-06-09T10:00:00-04:00"),)
    decision = rules.answer(case("2026-06-10T12:00:00-04:00", *history))
    assert decision.until == at("2026-06-11T00:00:00-04:00")
    assert {spoken.version for spoken in decision.rules} == {"1"}
    fuller = (*history, past("2026-06-10T10:00:00-04:00"))
    decision = rules.answer(case("2026-06-12T12:00:00-04:00", *fuller))
    assert decision.until == at("2026-06-16T00:00:00-04:00")
    assert {spoken.version for spoken in decision.rules} == {"2"}


def loosening(tmp_path: Path, **said: Any) -> Law:
    override = {
        "pack": "test-law",
        "rule": "hours",
        "cite": "s. 9",
        "meaning": {"en": "Visits may be paid later."},
        "applies": {"channels": "visit"},
    }
    other = pack(
        hours({"every_day": ["08:00-23:00"]}, applies={"channels": "visit"}),
        id="test-other",
        overrides=[override],
        **said,
    )
    return law(tmp_path, hours({"every_day": ["08:00-18:00"]}), others=[other])


def test_a_pack_loosens_another_only_by_a_named_override_with_its_clause(tmp_path: Path) -> None:
    rules = loosening(tmp_path)
    evening = "2026-06-10T20:00:00-04:00"
    assert rules.opens(case(evening)) == at("2026-06-11T08:00:00-04:00")
    decision = rules.answer(case(evening, channel=ContactChannel.VISIT))
    assert decision.is_allowed
    assert decision.closes == at("2026-06-10T23:00:00-04:00")
    assert ["Lifted by test-other: s. 9." in spoken.why for spoken in decision.rules] == [True]


def test_an_override_lasts_as_long_as_its_pack(tmp_path: Path) -> None:
    rules = loosening(tmp_path, effective_until=date(2026, 6, 10))
    asked = case("2026-06-09T20:00:00-04:00", channel=ContactChannel.VISIT)
    assert rules.answer(asked).closes == at("2026-06-09T23:00:00-04:00")
    asked = case("2026-06-10T20:00:00-04:00", channel=ContactChannel.VISIT)
    assert rules.opens(asked) == at("2026-06-11T08:00:00-04:00")


def test_the_strictest_of_all_packs_wins_and_t_is_where_all_meet(tmp_path: Path) -> None:
    """The cap lapses at midnight, one law opens at ten, and the other is shut on that day."""
    other = pack(hours({"every_day": ["10:00-12:00"], "thursday": []}), id="test-other")
    rules = law(tmp_path, cap(1, {"per": "day"}), hours({"every_day": ["08:00-21:00"]}), others=[other])
    decision = rules.answer(case("2026-06-10T11:00:00-04:00", past("2026-06-10T09:00:00-04:00")))
    assert decision.until == at("2026-06-12T10:00:00-04:00")
    assert {(spoken.pack, spoken.rule) for spoken in decision.rules} >= {("test-law", "rule"), ("test-other", "hours")}


def test_a_house_rule_a_guideline_and_a_presumption_say_what_they_are(tmp_path: Path) -> None:
    for strength, words in (
        ("house", "House rule: "),
        ("guideline", "Guideline: "),
        ("presumption", "Presumed by law: "),
    ):
        rules = law(tmp_path, hours({"every_day": ["08:00-09:00"]}, strength=strength))
        spoken = rules.answer(case("2026-06-10T12:00:00-04:00")).rules[0]
        assert spoken.why.startswith(words)
        assert spoken.presumption is (strength == "presumption")


def test_products_and_parties_that_are_not_known_are_covered(tmp_path: Path) -> None:
    rules = law(tmp_path, rule("gate", forbid=True, applies={"products": "credit_card"}))
    now = "2026-06-10T12:00:00-04:00"

    def verdict(product: str | None) -> Verdict:
        return rules.verdict(case(now, accounts_on_file=(AccountFacts("A", product),)))

    assert [verdict(each) for each in ("credit_card", None, "mortgage")] == ["refused", "refused", "allowed"]


def test_t_may_be_the_second_at_which_clocks_are_set_forward(tmp_path: Path) -> None:
    """In Chicago 02:00 on 8 March 2026 is 03:00: what opens at half past two opens then."""
    rules = law(tmp_path, hours({"every_day": ["02:30-05:00"]}))
    asked = case("2026-03-08T01:00:00-06:00", debtor={"timezones": ("America/Chicago",)})
    assert rules.opens(asked) == at("2026-03-08T03:00:00-05:00")
