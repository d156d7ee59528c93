"""Templates: those that ship are whole, and every mistake in one is told in its place."""

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.amounts import account_amounts
from campaigns.cadence_file import read_cadence
from campaigns.content_check import check_contents
from campaigns.duties import DUTIES
from campaigns.filters import FILTERS
from campaigns.formats import LOCALES
from campaigns.message_facts import Addressee, Links, MessageAccount, Sender, message_variables, sender_of
from campaigns.render import Recipient, content
from campaigns.segments import segments
from campaigns.templates import BadTemplates, library, load_templates
from campaigns.variables import BY_NAME, OF_ACCOUNT
from config.embedded.state import ROOT
from domain.account import Balances, PenaltyRate
from domain.channel import Channel
from domain.errors import BadInput
from domain.message import Email, Sms, Voice
from forbear.campaign_check import SAMPLE, senders
from forbear.creditor_profile import read_profile
from throttling.packs import load_packs

SHIPPED = load_templates()
PACKS = load_packs()
PROFILE = read_profile(SAMPLE)
AGENCY = {**PROFILE, "sender": {**PROFILE["sender"], "collector_name": "Example Recoveries"}}
CADENCES = sorted((ROOT / "config" / "cadences").glob("*.yaml"))
TODAY = dt.date(2026, 11, 25)
NOW = dt.datetime(2026, 11, 25, 4, tzinfo=dt.UTC)
LINKS = Links("https://pay.example.com/1", "https://help.example.com/1", "https://stop.example.com/1")
CARD = MessageAccount(
    "6225-7001", "credit_card", 12, Balances("CNY", 950_000, 8_640, 5_700, 0, TODAY), PenaltyRate(Decimal("0.0005"))
)


def variables(sender: Sender, *accounts: MessageAccount, name: str = "Li Wei") -> dict[str, object]:
    return message_variables(sender, Addressee(name, "HB-1", "CN"), accounts or (CARD,), LINKS, TODAY)


def mistakes(text: str, name: str = "sms.en.liquid", **shared: str) -> list[str]:
    return [str(each) for each in library("x", {f"t/{name}": text, **shared}).lint()]


def sms(body: str) -> str:
    return f"---\ncarries: [identification, disclosure, opt_out]\n---\n{GOOD}\n{body}"


GOOD = (
    "{{ sender_name }}{% if is_third_party %}, a debt collector for {{ creditor_name }}{% endif %}:"
    " reply {{ stop_word }} to stop."
)


def test_all_templates_that_ship_pass_the_linter() -> None:
    assert [str(problem) for problem in SHIPPED.lint()] == []


@pytest.mark.parametrize("path", CADENCES, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", [PROFILE, AGENCY], ids=["lender", "agency"])
def test_the_cadences_that_ship_say_what_the_packs_ask_for(path: Path, profile: dict[str, object]) -> None:
    cadence = read_cadence(path.read_text(), path.name).cadence
    for step in cadence.steps:
        for channel in step.channels:
            assert SHIPPED.languages(step.template, channel) == sorted(LOCALES), (step.template, channel)
    assert check_contents(cadence, PACKS, SHIPPED, senders(profile), NOW) == []


def test_a_variable_that_the_profile_lacks_is_told_before_launch_in_its_place() -> None:
    path = CADENCES[0]
    poor = {"sender": {name: said for name, said in PROFILE["sender"].items() if name != "postal_address"}}
    cadence = read_cadence(path.read_text(), path.name).cadence
    found = [str(each) for each in check_contents(cadence, PACKS, SHIPPED, senders(poor), NOW)]
    assert found
    line = next(each for each in found if each.startswith("_shared/foot.en.mjml"))
    assert re.match(r"_shared/foot\.en\.mjml:5:\d+: the creditor's profile gives no `postal_address` for en\.", line)


def test_a_message_that_a_pack_forbids_is_told_before_launch() -> None:
    path = ROOT / "config" / "cadences" / "card-early.yaml"
    cadence = read_cadence(path.read_text(), path.name).cadence
    texts = {"card-reminder/sms.en.liquid": sms("You will be arrested.")}
    found = [str(each) for each in check_contents(cadence, PACKS, library("x", texts), senders(PROFILE), NOW)]
    assert len(found) == 1
    assert found[0].startswith("card-reminder/sms.en.liquid:1:1: cn-consumer-credit/no-threats")


@pytest.mark.parametrize("language", sorted(LOCALES))
def test_every_message_renders_for_one_account_and_for_several(language: str) -> None:
    for profile in (PROFILE, AGENCY):
        sender = sender_of(profile["sender"], language)
        for id_, channel, _ in [key for key in SHIPPED.files if key[2] == language]:
            for accounts in ((CARD,), (CARD,) * 5):
                made = content(SHIPPED.find(id_, channel, language), variables(sender, *accounts), Recipient("x"))
                text = made.message if isinstance(made, Voice) else made.text
                assert "{{" not in text
                assert "{%" not in text
                if isinstance(made, Sms):
                    size = segments(text)
                    assert size.encoding == "GSM-7" if language == "en" else size.segments <= 6
                if isinstance(made, Email):
                    assert "204.25" in "".join(made.text) or "1,021.25" in made.text or "199.50" in made.text


@pytest.mark.parametrize("language", sorted(LOCALES))
def test_what_others_may_hear_never_names_the_debt(language: str) -> None:
    sender = sender_of(AGENCY["sender"], language)
    for id_ in SHIPPED.ids():
        if SHIPPED.has(id_, Channel.VOICE, language):
            made = content(SHIPPED.find(id_, Channel.VOICE, language), variables(sender), Recipient("x"))
            assert isinstance(made, Voice)
            for said in (made.opening, made.verify, made.machine or "", made.goodbye):
                assert "Harbour Bank" not in said
                assert not re.search("debt|owe|loan|credit card|欠|逾期|贷|貸|信用卡|催收", said)


@pytest.mark.parametrize(
    ("body", "line", "column", "says"),
    [
        ("Dear {{ debtor_nam }}", 5, 9, "`debtor_nam`"),
        ("x {{ owed_today }}", 5, 6, "cannot be shown as it is"),
        ("x {{ owed_today | mony }}", 5, 19, "there is no filter `mony`"),
        ("x {{ debtor_name | money }}", 5, 20, "`money` does not take a text"),
        ("{% if has_penalty %}x", 5, 1, "not of the template language"),
        ("x {% assign a = 1 %}", 5, 6, "not of the template language"),
        ("x {{ debtor_name", 5, 3, ""),
        ('{% if bureau == "pbok" %}x{% endif %}', 5, 14, "is never 'pbok'"),
        ("it’s", 5, 3, "not of the GSM alphabet"),
        ('{% include "nowhere" %}', 5, 1, "there is no shared part `nowhere`"),
    ],
)
def test_a_mistake_is_told_with_line_and_column(body: str, line: int, column: int, says: str) -> None:
    found = mistakes(sms(body))
    assert any(each.startswith(f"t/sms.en.liquid:{line}:{column}: ") and says in each for each in found), found


def test_broken_mjml_is_told_and_never_sent() -> None:
    head = "---\ncarries: [identification]\nsubject: hello\n---\n"
    texts = {"t/email.en.mjml": f"{head}<mjml><mj-body><mj-section></mj-body></mjml>"}
    found = [str(each) for each in library("x", texts).lint()]
    assert any(each.startswith("t/email.en.mjml:") for each in found)
    with pytest.raises(BadInput):
        library("x", texts).find("t", Channel.EMAIL, "en")


def test_a_mail_fetches_nothing_when_it_is_opened() -> None:
    mails = [(id_, language) for id_, channel, language in SHIPPED.files if channel is Channel.EMAIL]
    assert mails
    for id_, language in mails:
        html = SHIPPED.find(id_, Channel.EMAIL, language).parts["html"]
        said = "".join(part for part in html.parts if isinstance(part, str))
        assert not re.search(r"<link|<img|@import|url\(|src=", said), (id_, language)


def test_a_duty_that_is_declared_and_not_done_is_told() -> None:
    found = mistakes("---\ncarries: [identification, disclosure, opt_out]\n---\nHello {{ creditor_name }}")
    assert any("carries opt_out, and does not" in each for each in found)


def test_a_subject_that_tells_of_the_debt_is_told() -> None:
    head = "---\ncarries: [identification]\nsubject: Your overdue loan\n---\n<mj-text>x</mj-text>"
    assert any("`subject` tells of a debt by `overdue`" in each for each in mistakes(head, "email.en.mjml"))


def test_a_file_with_mistakes_cannot_be_found_for_sending() -> None:
    with pytest.raises(BadTemplates) as caught:
        library("x", {"t/sms.en.liquid": "no front matter"}).find("t", Channel.SMS, "en")
    assert "t/sms.en.liquid:1:1" in caught.value.describe()


def test_a_script_never_stands_in_for_the_other() -> None:
    hans = {"t/sms.zh-Hans.liquid": sms("")}
    with pytest.raises(BadInput):
        library("x", hans).find("t", Channel.SMS, "zh-TW")
    assert library("x", hans).has("t", Channel.SMS, "zh-CN")


@given(st.text(max_size=60))
def test_a_name_cannot_steer_a_mail(name: str) -> None:
    made = content(
        SHIPPED.find("card-reminder", Channel.EMAIL, "en"),
        variables(sender_of(PROFILE["sender"], "en"), name=f"<b>{name}"),
        Recipient("x"),
    )
    assert isinstance(made, Email)
    assert "<b>" not in made.html
    assert "\n" not in made.subject


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.decimals("0", "0.01", places=6), st.integers(0, 400))
def test_the_formula_that_is_shown_comes_to_the_amount_that_is_shown(
    principal: int, standing: int, rate: Decimal, days: int
) -> None:
    balances = Balances("CNY", principal, 0, standing, 0, TODAY - dt.timedelta(days=days))
    found = account_amounts(balances, PenaltyRate(rate), TODAY)
    for shown, passed in ((found.now, days), (found.later, days + 30)):
        assert shown.days == passed
        exact = shown.standing.minor + shown.rate * shown.days * shown.base.minor
        assert abs(shown.result.minor - exact) <= Decimal("0.5")
    assert found.owed_later.minor - found.owed_today.minor == found.penalty_added.minor


def test_the_docs_list_every_variable_filter_and_duty() -> None:
    told = (ROOT / "docs" / "templates.md").read_text()
    for name in (*BY_NAME, *OF_ACCOUNT, *FILTERS, *DUTIES):
        assert f"| `{name}` |" in told, name
