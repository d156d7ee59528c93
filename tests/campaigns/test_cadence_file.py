"""Reading cadences: what a good file says, and every mistake of a bad one told at once, in place."""

import contextlib
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.cadence import Anchor, Exit, Kind, Window
from campaigns.cadence_file import read_cadence
from campaigns.located import BadFile
from domain.channel import Channel

GOOD = """\
name: card-early
title: Credit cards, early arrears
audience:
  products: [credit_card]
  days_past_due: {from: 1, to: 30}
  balance: {from: 99.50, currency: CNY}
  languages: [zh-Hans, en]
  flags: {none: [vip]}
stages: [early, mid]
exits: [promised, disputed, days_past_due_above: 60]
window: 09:30-19:00
pacing: {per_hour: 5000, channels: {voice: 300}}
packs: [cn-consumer-credit]
verification: [birth_date]
steps:
  - id: first
    stage: early
    when: {day_in_arrears: 3}
    channel: sms
    template: card-reminder
    fallback: [email]
    merge: true
  - id: second
    stage: early
    when: {day_in_arrears: 10}
    channel: voice
    template: card-call
    window: {hours: 10:00-18:00, days: Mon-Fri}
    condition: balance >= 500 and not has_flag("vip")
    otherwise: end
  - id: third
    stage: mid
    when: {days_after_last_contact: 5}
    channel: email
    template: card-notice
    kind: legal_notice
"""


def problems_of(source: str) -> list[str]:
    with pytest.raises(BadFile) as caught:
        read_cadence(source, "x.yaml")
    return caught.value.describe().splitlines()


def with_steps(steps: str, **changes: str) -> str:
    head = {
        "name": "c",
        "title": "C",
        "audience": "{products: [credit_card], days_past_due: {from: 1, to: 30}}",
        "stages": "[early, mid]",
    } | changes
    return "".join(f"{key}: {value}\n" for key, value in head.items()) + "steps:\n" + textwrap.dedent(steps)


def step(id_: str, when: str = "{days_after_last_contact: 4}", **more: str) -> str:
    said = {"id": id_, "stage": "early", "when": when, "channel": "sms", "template": "t"} | more
    return "- {" + ", ".join(f"{key}: {value}" for key, value in said.items()) + "}\n"


def test_reads_all_that_a_cadence_says():
    file = read_cadence(GOOD, "card-early.yaml")
    cadence = file.cadence
    first, second, third = cadence.steps
    assert (cadence.name, cadence.stages, cadence.packs) == ("card-early", ("early", "mid"), ("cn-consumer-credit",))
    assert cadence.audience.balance_from == 9950
    assert cadence.audience.flags_none == {"vip"}
    assert cadence.leaves_above == 60
    assert Exit.PROMISED in cadence.exits
    assert Exit.PLAN_ACTIVE not in cadence.exits
    assert Exit.PAID in cadence.exits, "paid always ends it"
    assert cadence.pacing.per_hour == 5000
    assert cadence.pacing.channels == {Channel.VOICE: 300}
    assert first.channels == (Channel.SMS, Channel.EMAIL)
    assert (first.anchor, first.days, first.then, first.merge) == (Anchor.DAY_IN_ARREARS, 3, "second", True)
    assert first.window == Window(570, 1140)
    assert second.window == Window(600, 1080, frozenset(range(5)))
    assert (second.then, second.otherwise, second.spacing) == ("third", None, 7)
    assert (third.kind, third.anchor, third.then) == (Kind.LEGAL_NOTICE, Anchor.LAST_CONTACT, None)
    assert cadence.by_id["third"] is third
    assert file.digest == read_cadence(GOOD, "elsewhere.yaml").digest


def test_tells_every_mistake_at_once_with_its_place_and_what_would_be_right():
    source = GOOD
    for right, wrong in [
        ("title:", "titel:"),
        ("[credit_card]", "[credit_cards]"),
        ("from: 1, to: 30", "from: 30, to: 1"),
        ("99.50", "99.505"),
        ("promised,", "promissed,"),
        ("09:30-19:00", "19:00-09:30"),
        ("stage: mid", "stage: middle"),
        ("channel: voice", "channel: phone"),
        ("balance >= 500", "balanc >= 500"),
        ("merge: true", "merge: sometimes"),
        ("day_in_arrears: 10", "day_in_arrears: ten"),
        ("template: card-notice", "template:"),
    ]:
        assert right in source
        source = source.replace(right, wrong, 1)
    assert problems_of(source) == [
        "x.yaml:1:1: a cadence lacks `title`. Add `title: …`.",
        "x.yaml:2:1: a cadence has no key `titel`. Did you mean `title`?",
        "x.yaml:4:14: a product is a text (`credit_cards`). Did you mean `credit_card`?",
        "x.yaml:5:18: no day lies from 30 to 1. Write the smaller number first.",
        "x.yaml:6:19: the amount is more than 2 decimals. Write it as CNY is counted.",
        "x.yaml:10:9: an exit is a text (`promissed`). Did you mean `promised`?",
        "x.yaml:11:9: the window 19:00-09:30 is empty or longer than the day. It ends after it begins, by 24:00.",
        "x.yaml:22:12: merge is a text (`sometimes`). Write true or false.",
        "x.yaml:25:28: day_in_arrears is a text (`ten`). Write a whole number from 0 to 3,650.",
        "x.yaml:26:14: the channel is a text (`phone`). Known: sms, voice, email, letter.",
        "x.yaml:29:16: the condition does not hold together: there is no fact `balanc`. Did you mean `balance`?",
        "x.yaml:32:12: the stage is a text (`middle`). Did you mean `mid`?",
        "x.yaml:35:5: `template` is empty. Give it a value, or drop the line.",
    ]


def test_a_circle_of_steps_is_named():
    source = with_steps(step("a") + step("b", then="a"))
    assert problems_of(source) == [
        "x.yaml:7:94: the steps go round in a circle: a → b → a. Every step leads to a later one, or to `end`."
    ]


def test_a_circle_that_nothing_leads_to_is_found_too():
    source = with_steps(step("a", then="end") + step("b") + step("c", then="b"))
    assert "circle: b → c → b" in problems_of(source)[0]


def test_a_step_that_nothing_leads_to_is_named():
    source = with_steps(step("a", then="c") + step("b") + step("c"))
    assert problems_of(source) == ["x.yaml:7:3: no step leads to `b`. Name it in `then` or `otherwise`, or drop it."]


def test_a_way_back_to_an_earlier_stage_is_refused():
    source = with_steps(step("a", stage="mid") + step("b"))
    assert "goes back from stage mid to early" in problems_of(source)[0]


def test_days_that_go_backwards_or_never_come_are_refused():
    source = with_steps(step("a", "{day_in_arrears: 9}") + step("b", "{day_in_arrears: 9}"))
    assert "`b` is due on day 9, but follows `a` of day 9" in problems_of(source)[0]
    source = with_steps(step("a", "{day_in_arrears: 31}"))
    assert "day 31 never comes: accounts leave above 30 days past due" in problems_of(source)[0]


def test_two_contacts_on_one_day_and_a_repeated_step_are_refused():
    source = with_steps(step("a", "{days_after_last_contact: 0}") + step("b", "{days_after_last_contact: 0}"))
    [problem] = problems_of(source)
    assert "days_after_last_contact is a number (`0`). Write a whole number from 1 to 3,650." in problem
    [problem] = problems_of(with_steps(step("a") + step("a")))
    assert "there are two steps `a`. Give each its own id." in problem


def test_a_reminder_that_an_exit_forestalls_is_refused():
    source = with_steps(step("a", kind="promise_reminder"))
    assert "is never made: accounts are left alone by the exit `promised`" in problems_of(source)[0]
    source = with_steps(step("a", kind="promise_reminder"), exits="[disputed]")
    assert read_cadence(source, "x.yaml").cadence.first.kind is Kind.PROMISE_REMINDER


def test_voice_without_verification_is_refused():
    source = with_steps(step("a", channel="voice"))
    assert problems_of(source) == [
        "x.yaml:1:1: steps call by voice, but nothing says what is asked first. Add `verification: [birth_date]`."
    ]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("", "the file is empty"),
        ("a: [1", "this is not YAML"),
        ("a: b: c", "this is not YAML"),
        ("- a", "a cadence is a list"),
        ("a: *x", "undefined alias"),
        ("[" * 20_000, "nested too deeply"),
        ("a: &x [*x]", "a cadence has no key `a`"),
        ("x" * 1_000_001, "more than 1,000,000 characters"),
        ("a: \x00", "this is not YAML"),
        (GOOD + "name: again\n", "`name` is given twice"),
        (GOOD.replace("[credit_card]", "[]"), "no product is named"),
        (GOOD.replace("[early, mid]", "[]"), "there is no stage"),
        (
            GOOD.replace("{day_in_arrears: 3}", "{day_in_arrears: 3, days_after_last_contact: 1}"),
            "not exactly one thing",
        ),
        (GOOD.replace("fallback: [email]", "fallback: [sms]"), "was tried already"),
        (GOOD.replace("days: Mon-Fri", "days: Fri-Mon"), "no span of days"),
        (GOOD.replace("currency: CNY", "currency: CNX"), "no ISO 4217 code"),
        (GOOD.replace("{none: [vip]}", "{none: [vip], all: [vip]}"), "asks for what it excludes"),
        (GOOD.replace("channel: email", "channel: email\n    otherwise: end"), "without a condition"),
    ],
)
def test_odd_files_are_refused_with_a_place(source: str, what: str):
    found = problems_of(source)
    assert any(what in line for line in found), found
    assert all(line.startswith("x.yaml:") for line in found)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(source: str):
    with pytest.raises(BadFile):
        read_cadence(source, "x.yaml")


@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.text(alphabet="{}[]:-,\"'#&*!|>%@ \nab1", max_size=5))
def test_no_damage_to_a_good_file_breaks_the_reader(at: int, cut: int, inserted: str):
    with contextlib.suppress(BadFile):
        read_cadence(GOOD[:at] + inserted + GOOD[at + cut :], "x.yaml")
