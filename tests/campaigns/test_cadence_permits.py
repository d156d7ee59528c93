"""Whether the packs that ship can ever permit a step, asked of their own rules."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from campaigns.cadence import Cadence, Window
from campaigns.cadence_file import read_cadence
from campaigns.next_action import Contact, Wait, next_action
from campaigns.permits import permits
from campaigns.rules import Rules, rules_of
from domain.channel import Channel
from domain.decision import Verdict
from domain.facts import ContactChannel, DebtorFacts, Facts, Place, PointKind, Proposal
from tests.campaigns.views import TODAY, account, cadence, debtor, enrolment, point, step
from throttling.packs import Library, load_packs

NOW = datetime(2026, 6, 10, tzinfo=UTC)
SHIPPED = sorted((Path(__file__).parents[2] / "config" / "cadences").glob("*.yaml"))


@cache
def library() -> Library:
    return load_packs()


@cache
def rules() -> Rules:
    return rules_of(library())


def asked(on: Cadence) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    found = permits(on, library(), rules(), NOW)
    return found.places, {one.place: {rule.rule for rule in one.rules} for one in found.never}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_step_that_ships_can_be_made_in_the_prc_and_the_us(path: Path):
    places, _ = asked(read_cadence(path.read_text(encoding="utf-8"), path.name).cadence)
    assert all({"CN", "US"} <= set(found) for found in places.values())


def test_a_step_in_the_night_is_never_made_and_the_rule_is_named():
    places, never = asked(cadence(step(window=Window(22 * 60, 23 * 60)), packs=("cn-consumer-credit",)))
    assert places == {"a": []}
    assert never == {"CN": {"hours"}}


def test_a_fallback_that_is_allowed_saves_the_step():
    on = cadence(step(channels=(Channel.LETTER, Channel.SMS)), packs=("cn-consumer-credit",))
    assert asked(on)[0] == {"a": ["CN"]}


def test_a_window_that_the_law_opens_only_for_a_while_is_enough():
    places, _ = asked(cadence(step(window=Window(21 * 60 + 59, 23 * 60)), packs=("cn-consumer-credit",)))
    assert places == {"a": ["CN"]}


def facts(**more: object) -> Facts:
    said: dict[str, object] = {
        "proposal": Proposal(NOW, ContactChannel.SMS),
        "debtor": DebtorFacts(places=(Place("CN", "SH", timezone="Asia/Shanghai"),)),
    } | more
    return Facts(**said)  # type: ignore[arg-type]


def test_packs_of_a_cadence_hold_beside_those_of_the_place():
    assert {"cn-consumer-credit", "us-reg-f"} <= set(rules()(facts(packs=("us-reg-f",))).ids)
    assert "us-reg-f" not in rules()(facts()).ids


def test_the_same_circumstances_share_their_rules_and_others_do_not():
    assert rules()(facts()) is rules()(facts(proposal=Proposal(NOW, ContactChannel.EMAIL)))
    elsewhere = DebtorFacts(places=(Place("US", "NY", timezone="America/New_York"),))
    assert rules()(facts()) is not rules()(facts(debtor=elsewhere))


# The real rules, through next_action

SHANGHAI = DebtorFacts(timezones=("Asia/Shanghai",), places=(Place("CN", "SH", timezone="Asia/Shanghai"),))


def test_the_prc_closes_a_long_preferred_window_at_ten_in_the_evening():
    view = debtor([enrolment(cadence(step(window=Window(0, 1440))))], facts=SHANGHAI)
    found = next_action(view, datetime(2026, 6, 10, 12, tzinfo=UTC), rules())
    assert isinstance(found.action, Contact)
    assert found.action.closes_at == datetime(2026, 6, 10, 14, tzinfo=UTC)
    packs = {pack.id for pack in found.action.decision.packs}
    assert {"cn-consumer-credit", "cn-credit-card", "debtor-wishes", "house-care"} <= packs
    assert {pack.split("-")[0] for pack in packs} == {"cn", "debtor", "house"}


def test_the_prc_holds_a_night_time_message_until_eight():
    view = debtor([enrolment(cadence(step(window=Window(0, 1440))))], facts=SHANGHAI)
    found = next_action(view, datetime(2026, 6, 10, 15, tzinfo=UTC), rules())
    assert found.action == Wait(datetime(2026, 6, 11, 0, tzinfo=UTC))
    assert [rule.cite for rule in found.held[0].decision.rules] == ["GB/T 45251-2025 5.3; 银行业协会催收工作指引 2026"]


def test_a_place_without_a_pack_is_held_day_by_day():
    nowhere = DebtorFacts(timezones=("Africa/Nairobi",), places=(Place("KE", timezone="Africa/Nairobi"),))
    found = next_action(debtor([enrolment(cadence())], facts=nowhere), NOW.replace(hour=9), rules())
    assert found.held[0].decision.verdict is Verdict.REFUSED
    assert isinstance(found.action, Wait)
    assert found.action.until == datetime(2026, 6, 11, 6, tzinfo=UTC)


def test_a_ban_of_one_channel_leads_to_the_fallback():
    facts_ = replace(SHANGHAI, banned_channels=(ContactChannel.SMS,))
    points = (point(), point(PointKind.EMAIL, "e1"))
    on = cadence(step(channels=(Channel.SMS, Channel.EMAIL)))
    found = next_action(
        debtor([enrolment(on)], [account(as_of=TODAY)], facts=facts_, points=points),
        datetime(2026, 6, 10, 4, tzinfo=UTC),
        rules(),
    )
    assert isinstance(found.action, Contact)
    assert found.action.channel is Channel.EMAIL
    assert "banned-channel" in {rule.rule for rule in found.held[0].decision.rules}
