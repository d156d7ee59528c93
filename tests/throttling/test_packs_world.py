"""A debtor in each jurisdiction gets the right packs, and the packs compose: the strictest wins."""

import datetime as dt

import holidays
import pytest

from domain.decision import Decision, Verdict
from domain.facts import Facts
from throttling import places
from throttling.compose import compile_rules, select
from throttling.decide import decide
from throttling.facts_json import parse_facts
from throttling.language import Hours
from throttling.packs import Filed, load_packs

LIBRARY = load_packs()
HOUSE = "house-care"
WORLD = ["GB", "HK", "TW", "SG", "IN", "AU", "CA", "KR", "JP", "PH", "MY", "ZA", "BR", "IE", "GR", "EU"]
FILED = [filed for filed in LIBRARY.filed if filed.pack.country in WORLD]


def _facts(country: str, region: str | None, zone: str | None, *, first_party: bool = True, at: str = "") -> Facts:
    place = {"country": country, "region": region, "timezone": zone, "basis": "address"}
    notices = [{"kind": kind, "at": "2026-02-02T10:00:00Z"} for kind in ("first_written_notice", "collection_start")]
    return parse_facts(
        {
            "id": f"{country}-{region}",
            "collector": {"first_party": first_party, "name": "c_1"},
            "debtor": {
                "places": [{key: value for key, value in place.items() if value is not None}],
                "notices": notices,
            },
            "contact_points": [{"id": "n1", "kind": "mobile", "country": country}],
            "accounts": [{"id": "A", "product": "credit_card", "days_past_due": 40}],
            "proposal": {
                "at": at or "2026-06-10T12:00:00Z",
                "channel": "call",
                "accounts": ["A"],
                "contact_point": "n1",
            },
        }
    )


def _decide(facts: Facts) -> Decision:
    return decide(compile_rules(LIBRARY, select(facts, LIBRARY)), facts)


@pytest.mark.parametrize(
    ("country", "region", "zone", "packs"),
    [
        ("GB", None, "Europe/London", {"gb-conc"}),
        ("HK", None, "Asia/Hong_Kong", {"hk-banking-code"}),
        ("TW", None, "Asia/Taipei", {"tw-outsourced-collection"}),
        ("SG", None, "Asia/Singapore", {"sg-house"}),
        ("IN", None, "Asia/Kolkata", {"in-rbi"}),
        ("AU", "WA", "Australia/Perth", {"au-rg96"}),
        ("AU", None, "Australia/Lord_Howe", {"au-rg96"}),
        ("KR", None, "Asia/Seoul", {"kr-fair-collection"}),
        ("JP", None, "Asia/Tokyo", {"jp-money-lending"}),
        ("PH", None, "Asia/Manila", {"ph-sec-mc18"}),
        ("MY", None, "Asia/Kuching", {"my-fair-debt-collection"}),
        ("ZA", None, "Africa/Johannesburg", {"za-debt-collectors"}),
        ("BR", "SP", "America/Sao_Paulo", {"br-cdc", "br-sp"}),
        ("BR", "RJ", "America/Sao_Paulo", {"br-cdc", "br-rj"}),
        ("BR", "ES", "America/Sao_Paulo", {"br-cdc", "br-es"}),
        ("BR", "AM", "America/Manaus", {"br-cdc", "br-am"}),
        ("BR", "AL", "America/Maceio", {"br-cdc", "br-al"}),
        ("BR", "PR", "America/Sao_Paulo", {"br-cdc", "br-pr"}),
        ("BR", "MG", "America/Sao_Paulo", {"br-cdc"}),
        ("CA", "NL", "America/St_Johns", {"ca-baseline"}),
        ("IE", None, "Europe/Dublin", {"eu-baseline", "ie-consumer-protection"}),
        ("GR", None, "Europe/Athens", {"eu-baseline", "gr-law-3758"}),
        ("DE", None, "Europe/Berlin", {"eu-baseline"}),
        ("PT", None, "Atlantic/Azores", {"eu-baseline"}),
        ("CH", None, "Europe/Zurich", set()),
    ],
)
@pytest.mark.parametrize("first_party", [True, False])
def test_where_the_debtor_lives_chooses_the_packs(
    country: str, region: str | None, zone: str, packs: set[str], first_party: bool
) -> None:
    assert set(select(_facts(country, region, zone, first_party=first_party), LIBRARY)) == packs | {HOUSE}


@pytest.mark.parametrize(("first_party", "ontario"), [(False, {"ca-on"}), (True, set())])
def test_ontario_binds_agencies_and_quebec_everybody(first_party: bool, ontario: set[str]) -> None:
    in_ontario = _facts("CA", "ON", "America/Toronto", first_party=first_party)
    in_quebec = _facts("CA", "QC", "America/Toronto", first_party=first_party)
    assert set(select(in_ontario, LIBRARY)) == {"ca-baseline", HOUSE} | ontario
    assert set(select(in_quebec, LIBRARY)) == {"ca-baseline", "ca-qc", HOUSE}


def test_an_unknown_state_is_every_state_that_has_the_zone() -> None:
    found = set(select(_facts("BR", None, "America/Sao_Paulo"), LIBRARY))
    assert {"br-cdc", "br-sp", "br-rj", "br-es", "br-pr"} <= found
    assert "br-am" not in found
    assert set(select(_facts("BR", None, "America/Noronha"), LIBRARY)) == {"br-cdc", HOUSE}


def test_a_country_without_a_pack_is_refused() -> None:
    assert _decide(_facts("CH", None, "Europe/Zurich")).verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    ("country", "region", "zone", "first_party", "at", "until", "why"),
    [
        # The Union opens at 8, Ireland at 9; the Union is open on a Saturday evening, Ireland too, neither on Sunday.
        ("IE", None, "Europe/Dublin", True, "2026-06-10T08:30:00+01:00", "2026-06-10T09:00:00+01:00", "hours"),
        ("IE", None, "Europe/Dublin", True, "2026-06-13T21:00:00+01:00", "2026-06-15T09:00:00+01:00", "house-hours"),
        # Greece closes on Saturdays, the Union does not.
        ("GR", None, "Europe/Athens", True, "2026-06-13T12:00:00+03:00", "2026-06-15T09:00:00+03:00", "hours"),
        # Rio's hours lie inside those of the baseline; Amazonas opens with it and closes two hours before.
        ("BR", "RJ", "America/Sao_Paulo", True, "2026-06-10T08:30:00-03:00", "2026-06-10T09:00:00-03:00", "hours"),
        ("BR", "AM", "America/Manaus", True, "2026-06-10T18:00:00-04:00", "2026-06-11T08:00:00-04:00", "hours"),
        # Quebec is closed on Sundays, where the baseline opens at 13; Boxing Day is a holiday of the baseline only.
        ("CA", "QC", "America/Toronto", False, "2026-06-14T14:00:00-04:00", "2026-06-15T08:00:00-04:00", "hours"),
        ("CA", "QC", "America/Toronto", False, "2026-12-26T12:00:00-05:00", "2026-12-29T08:00:00-05:00", "hours"),
    ],
)
def test_the_strictest_of_all_packs_holds(
    country: str, region: str | None, zone: str, first_party: bool, at: str, until: str, why: str
) -> None:
    decision = _decide(_facts(country, region, zone, first_party=first_party, at=at))
    assert decision.until == dt.datetime.fromisoformat(until)
    assert why in {line.rule for line in decision.rules}


@pytest.mark.parametrize(
    ("country", "zone", "before", "after"),
    [
        ("IN", "Asia/Kolkata", "2026-06-30T12:00:00+05:30", "2026-07-01T12:00:00+05:30"),
        ("IE", "Europe/Dublin", "2026-03-23T23:59:59+00:00", "2026-03-24T00:00:00+00:00"),
    ],
)
def test_a_new_version_begins_at_its_midnight(country: str, zone: str, before: str, after: str) -> None:
    used = []
    for at in (before, after):
        decision = _decide(_facts(country, None, zone, at=at))
        used.append({pack.id: pack.version for pack in decision.packs})
    name = {"IN": "in-rbi", "IE": "ie-consumer-protection"}[country]
    assert used[0][name] < used[1][name]


def test_every_jurisdiction_of_the_world_has_a_pack() -> None:
    assert {filed.pack.country for filed in FILED} == set(WORLD)


@pytest.mark.parametrize("filed", FILED, ids=lambda filed: f"{filed.pack.id}@{filed.pack.version}")
def test_what_is_not_law_does_not_pass_for_law(filed: Filed) -> None:
    for rule in filed.pack.rules:
        is_house = (rule.strength or filed.pack.strength) == "house"
        assert is_house is rule.cite.startswith("House rule"), rule.id
        assert is_house is rule.id.startswith("house-"), rule.id


@pytest.mark.parametrize("filed", FILED, ids=lambda filed: f"{filed.pack.id}@{filed.pack.version}")
def test_calls_have_hours_everywhere(filed: Filed) -> None:
    hours = [rule for rule in filed.pack.rules if isinstance(rule, Hours) and not rule.open.is_always]
    assert any(rule.applies.channels is None or "call" in rule.applies.channels for rule in hours)


@pytest.mark.parametrize("country", ["AU", "BR", "CA"])
def test_every_zone_of_a_country_lies_in_some_region(country: str) -> None:
    lawful = {zone for zones in places.regions()[country].values() for zone in zones}
    lost = {
        zone
        for zone in places.customary()[country]
        if not any(places.keep_the_same_time(zone, each) for each in lawful)
    }
    assert not lost


KEPT_ELSEWHERE = {"ca-qc": {"2027-12-27", "2028-01-03"}}
"""Days that a library moves to a Monday, and the regulator's own list does not."""


@pytest.mark.parametrize(
    ("name", "country", "region", "years"),
    [
        ("au", "AU", None, range(2025, 2029)),
        ("ca-on", "CA", "ON", range(2025, 2029)),
        ("ca-qc", "CA", "QC", range(2025, 2029)),
        ("ie", "IE", None, range(2012, 2031)),
        ("gr", "GR", None, range(2025, 2029)),
        ("kr", "KR", None, range(2025, 2028)),
        ("in", "IN", None, range(2026, 2028)),
        ("br", "BR", None, range(2025, 2031)),
        *((f"br-{state.lower()}", "BR", state, range(2025, 2031)) for state in ("SP", "RJ", "ES", "AM", "AL", "PR")),
    ],
)
def test_no_holiday_that_a_library_knows_is_missing(name: str, country: str, region: str | None, years: range) -> None:
    ours = {dt.date.fromordinal(day).isoformat() for day in LIBRARY.calendars[name].holidays}
    known = holidays.country_holidays(country, subdiv=region, years=years)
    theirs = {day.isoformat() for day in known}
    assert theirs - ours == KEPT_ELSEWHERE.get(name, set())
