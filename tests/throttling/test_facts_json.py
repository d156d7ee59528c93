"""`policy decide`: every key is read, an unknown one is an error that names case and key, good cases are answered."""

import copy
import json
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from typer.testing import CliRunner

from domain.errors import BadInput
from domain.facts import Facts, Outcome
from forbear.commands.policy import app
from tests.properties.cases import facts as cases
from tests.throttling.facts_written import facts_to_json
from throttling.facts_json import FACTS, parse_cases, parse_facts

AT = "2026-06-10T07:30:00-04:00"
LATER = "2026-06-11T07:30:00-04:00"
FULL: dict[str, Any] = {
    "id": "any",
    "packs": ["us-reg-f"],
    "collector": {"first_party": False, "name": "agency_1"},
    "debtor": {
        "timezones": ["America/New_York"],
        "places": [
            {
                "country": "US",
                "region": "MA",
                "postcode": "02108",
                "timezone": "America/New_York",
                "basis": "address",
                "verified": True,
            }
        ],
        "location_known": True,
        "reachable": True,
        "inconvenient": [{"days": ["Mon", "Tue"], "from": "15:00", "to": "17:00", "source": "creditor_file"}],
        "inconvenient_places": ["work"],
        "requested_hours": ["08:00", "20:00"],
        "agreed_hours": ["08:00", "23:00"],
        "agreed_caps": {"seven-in-seven": 8},
        "consents": [
            {
                "at": AT,
                "channels": ["call"],
                "days": ["Mon"],
                "hours": ["08:00", "24:00"],
                "direct": True,
                "until": None,
                "during": "conversation",
            }
        ],
        "banned_channels": ["sms"],
        "banned_points": ["n2"],
        "stops": [
            {"kind": "dispute", "at": AT, "until": LATER, "form": "oral", "accounts": ["B"], "answered_at": LATER}
        ],
        "notices": [{"kind": "first_written_notice", "at": AT}],
    },
    "contact_points": [
        {
            "id": "n1",
            "kind": "mobile",
            "timezones": ["America/Chicago"],
            "country": "US",
            "reassigned_check_at": AT,
            "used_by_debtor": True,
        }
    ],
    "accounts": [{"id": "A", "product": "credit_card", "days_past_due": 20, "due_at": AT, "group": "svc-001"}],
    "history": [
        {
            "at": "2026-06-01T12:00:00-04:00",
            "channel": "call",
            "direction": "out",
            "outcome": "no_answer",
            "accounts": ["A"],
            "contact_point": "n1",
            "person": "debtor",
            "by": "agency_1",
            "purpose": "collect",
            "in_reply": False,
            "text": "…",
            "collector_account": "official",
        }
    ],
    "proposal": {
        "at": AT,
        "channel": "call",
        "accounts": ["A"],
        "contact_point": "n1",
        "person": "debtor",
        "by": "agency_1",
        "purpose": "collect",
        "in_reply": False,
        "automated": False,
        "has_opt_out_notice": True,
        "discloses_debt": True,
        "limited_content": False,
        "expected_delivery": LATER,
        "collector_account": "official",
    },
}
ENDS = {"from": "start", "to": "end"}


def objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every object in a value, but `agreed_caps`, whose keys are ids of rules."""
    if isinstance(value, dict) and path[-1:] != ("agreed_caps",):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from objects(item, (*path, key))


def inside(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def changed(*path: Any, to: Any) -> dict[str, Any]:
    case = copy.deepcopy(FULL)
    inside(case, path[:-1])[path[-1]] = to
    return case


def decide(text: str, tmp_path: Path) -> tuple[int, str, str]:
    path = tmp_path / "facts.json"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["decide", "--facts", str(path)])
    return done.exit_code, done.stdout, done.stderr


def test_the_full_case_says_every_key_of_the_facts() -> None:
    parsed = parse_facts(FULL)
    seen: dict[type, set[str]] = {}
    for path in objects(FULL):
        found: Any = parsed
        for step in path:
            found = found[step] if isinstance(step, int) else getattr(found, step)
        seen.setdefault(type(found), set()).update(ENDS.get(key, key) for key in inside(FULL, path))
    for kind, keys in seen.items():
        assert keys == set(signature(kind).parameters), kind
    assert set(FULL) == set(FACTS)


@pytest.mark.parametrize("path", list(objects(FULL)), ids=lambda path: ".".join(map(str, path)) or "case")
def test_an_unknown_key_names_the_case_and_the_key(path: tuple[Any, ...]) -> None:
    with pytest.raises(BadInput) as told:
        parse_facts(changed(*path, "colour", to=1))
    assert "'any'" in told.value.describe()
    assert "colour" in told.value.describe()


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.PENDING])
def test_every_outcome_is_read(outcome: Outcome) -> None:
    assert parse_facts(changed("history", 0, "outcome", to=outcome.value)).history[0].outcome is outcome


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_what_is_written_is_read_back(facts: Facts) -> None:
    assert facts_to_json(parse_facts(json.loads(json.dumps(facts_to_json(facts))))) == facts_to_json(facts)


@pytest.mark.parametrize(
    ("case", "where"),
    [
        (changed("proposal", "at", to="2026-06-10T07:30:00"), "proposal.at"),
        (changed("proposal", "at", to=1781091000), "proposal.at"),
        (changed("proposal", "channel", to="telepathy"), "proposal.channel"),
        (changed("proposal", "in_reply", to="no"), "proposal.in_reply"),
        (changed("proposal", "expected_delivery", to="2026-06-09T07:30:00-04:00"), "proposal.expected_delivery"),
        (changed("debtor", "timezones", to=["America/Boston"]), "debtor.timezones[0]"),
        (changed("debtor", "places", 0, "country", to="XX"), "debtor.places[0].country"),
        (changed("debtor", "places", 0, "region", to="ZZ"), "debtor.places[0].region"),
        (changed("debtor", "places", 0, "timezone", to="Asia/Shanghai"), "debtor.places[0].timezone"),
        (changed("debtor", "stops", 0, "until", to="2026-06-01T00:00:00Z"), "debtor.stops[0].until"),
        (changed("debtor", "consents", 0, "until", to="2026-06-01T00:00:00Z"), "debtor.consents[0].until"),
        (changed("debtor", "agreed_hours", to=["10:00", "10:00"]), "debtor.agreed_hours"),
        (changed("debtor", "agreed_hours", to=["10:00", "25:00"]), "debtor.agreed_hours"),
        (changed("debtor", "agreed_caps", to={"seven-in-seven": -1}), "debtor.agreed_caps"),
        (changed("accounts", to=[{"id": "A"}, {"id": "A"}]), "accounts"),
        (changed("contact_points", 0, "kind", to="pager"), "contact_points[0].kind"),
        (changed("history", 0, "at", to=None), "history[0].at"),
        ({key: value for key, value in FULL.items() if key != "proposal"}, "proposal"),
    ],
)
def test_wrong_and_contradictory_facts_are_told_with_their_path(case: dict[str, Any], where: str) -> None:
    with pytest.raises(BadInput) as told:
        parse_facts(case)
    assert f"case 'any': {where}" in told.value.describe()
    assert told.value.remedy


def test_a_key_twice_is_an_error() -> None:
    line = '{"id": "any", "proposal": {"at": "2026-06-10T07:30:00-04:00", "channel": "call", "channel": "sms"}}'
    (case,), is_array = parse_cases(line)
    assert isinstance(case, BadInput)
    assert not is_array
    assert "'channel'" in case.describe()


def test_good_cases_are_answered_beside_wrong_ones(tmp_path: Path) -> None:
    wrong = {**FULL, "id": "wrong", "weather": "fine"}
    code, out, err = decide(json.dumps([FULL, wrong, FULL]), tmp_path)
    assert code == 2
    assert [each["id"] for each in json.loads(out)] == ["any", "any"]
    assert "'wrong'" in err
    assert "weather" in err
    code, out, _ = decide("\n".join(map(json.dumps, (FULL, wrong, FULL))), tmp_path)
    assert code == 2
    assert len(out.splitlines()) == 2


def test_an_answer_has_the_keys_of_the_format_and_the_debtors_offset(tmp_path: Path) -> None:
    case = {
        "id": "early",
        "debtor": {"places": [{"country": "US", "region": "MA", "timezone": "America/New_York"}]},
        "collector": {"first_party": False},
        "accounts": [{"id": "A"}],
        "proposal": {"at": "2026-06-10T11:30:00+00:00", "channel": "call", "accounts": ["A"]},
    }
    code, out, err = decide(json.dumps(case), tmp_path)
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert {"id", "verdict", "until", "rules", "packs", "local"} <= set(answer)
    assert answer["verdict"] == "deferred"
    assert answer["until"].endswith("-04:00")
    assert "us-reg-f" in {each["id"] for each in answer["packs"]}
    assert all(len(each["digest"]) == 64 and each["version"] for each in answer["packs"])
    expected = {"pack", "version", "rule", "cite", "effect", "until", "counted", "why", "presumption"}
    assert all(set(rule) == expected for rule in answer["rules"])
    assert answer["local"] == [{"timezone": "America/New_York", "at": "2026-06-10T07:30:00-04:00"}]


def test_named_packs_apply_alone(tmp_path: Path) -> None:
    code, out, _ = decide(json.dumps(FULL), tmp_path)
    assert code == 0
    assert {each["id"] for each in json.loads(out)["packs"]} <= {"us-reg-f", "debtor-wishes"}
    code, _, err = decide(json.dumps({**FULL, "packs": ["us-reg-z"]}), tmp_path)
    assert code == 2
    assert "us-reg-z" in err
    assert "case 'any'" in err


def test_an_unknown_place_is_held(tmp_path: Path) -> None:
    case = {"packs": ["us-reg-f"], "proposal": {"at": AT, "channel": "sms"}}
    code, out, _ = decide(json.dumps(case), tmp_path)
    assert code == 0
    assert json.loads(out)["verdict"] == "refused"
