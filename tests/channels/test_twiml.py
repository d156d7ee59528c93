"""Calls, walked as Twilio walks them: the debt is named to nobody but the person who was verified."""

from dataclasses import dataclass, field
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import twiml
from channels.protocol import callback_request
from channels.twilio import Twilio, TwilioSettings
from channels.twiml import TRIES, Place, Step, place_of
from domain.attempt import AttemptState
from domain.event import DeliveryEvent, Inbound, Intent
from domain.facts import Outcome
from domain.message import Voice
from tests.contract.messages import CREDITOR, DIGITS, NOW, SECRET, message, now, voice

CALLBACK = f"https://forbear.example.org/webhooks/twilio/{CREDITOR}/00000000-0000-4000-8000-000000000001"
ADAPTER = Twilio(TwilioSettings("AC1", "token", "+13125550100", "+13125550101"), now)


@dataclass
class Call:
    """One call as Twilio runs it: fetches a document, speaks, gathers digits, follows redirects."""

    content: Voice | None
    answered_by: str = "human"
    keyed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    events: list[DeliveryEvent | Inbound] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def run(self, url: str) -> "Call":
        """From the answer to the end."""
        params = {"CallSid": "CA1", "CallStatus": "in-progress", "AnsweredBy": self.answered_by}
        for _ in range(20):
            following = self._fetch(url, params)
            if following is None:
                return self
            url, params = following
        raise AssertionError("the call does not end")

    def _fetch(self, url: str, params: dict[str, str]) -> tuple[str, dict[str, str]] | None:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        request = callback_request("POST", url, headers, urlencode(params).encode())
        place = place_of(url)
        assert place is not None
        self.steps.append(place.step)
        assert ADAPTER.awaits_answer(request)
        self.events += ADAPTER.parse_events(request, NOW)
        reply = ADAPTER.respond(request, self.content)
        assert reply is not None
        assert len(reply.body) < 4000
        for verb in ElementTree.fromstring(reply.body):
            self.said += [say.text or "" for say in ([verb] if verb.tag == "Say" else verb.findall("Say"))]
            base = {"CallSid": "CA1", "CallStatus": "in-progress"}
            if verb.tag == "Redirect":
                return verb.text or "", base
            if verb.tag == "Gather":
                digits = self.keyed.pop(0) if self.keyed else ""
                return verb.attrib["action"], {**base, "Digits": digits}
            if verb.tag == "Hangup":
                return None
        return None


def start(content: Voice) -> str:
    """The address that Twilio is given with the call."""
    call = ADAPTER._request(message("voice", content))  # type: ignore[arg-type]
    assert isinstance(call, dict)
    return str(call["url"]).replace(str(call["status_callback"]), CALLBACK)


def outcomes(call: Call) -> list[Outcome | None]:
    return [event.outcome for event in call.events if isinstance(event, DeliveryEvent)]


def intents(call: Call) -> list[Intent | None]:
    return [event.intent for event in call.events if isinstance(event, Inbound)]


def test_the_right_person_hears_it_and_promises() -> None:
    call = Call(voice(), keyed=[DIGITS, "1"]).run(start(voice()))
    assert call.steps == [Step.ANSWER, Step.VERIFY, Step.MESSAGE, Step.KEY]
    assert any(SECRET in said for said in call.said)
    assert outcomes(call) == [Outcome.CONVERSATION]
    assert intents(call) == [Intent.PROMISE]


@given(st.lists(st.text(alphabet="0123456789*#", max_size=10).filter(lambda digits: digits != DIGITS), max_size=6))
def test_whatever_else_is_keyed_names_no_debt(keyed: list[str]) -> None:
    call = Call(voice(), keyed=list(keyed)).run(start(voice()))
    assert not any(SECRET in said for said in call.said)
    assert Outcome.CONVERSATION not in outcomes(call)
    assert call.steps.count(Step.VERIFY) <= TRIES


def test_after_three_wrong_tries_it_lets_go() -> None:
    call = Call(voice(), keyed=["1", "2", "3", DIGITS]).run(start(voice()))
    assert call.steps == [Step.ANSWER, Step.VERIFY, Step.VERIFY, Step.VERIFY, Step.UNVERIFIED]
    assert outcomes(call) == [Outcome.DROPPED]
    assert call.said[-1] == "Goodbye."


@pytest.mark.parametrize(("key", "intent"), [("8", Intent.WRONG_PERSON), ("9", Intent.STOP)])
def test_anyone_may_stop_it_or_say_that_it_is_the_wrong_person(key: str, intent: Intent) -> None:
    call = Call(voice(), keyed=[key]).run(start(voice()))
    assert intents(call) == [intent]
    assert outcomes(call) == ([Outcome.WRONG_PERSON] if intent is Intent.WRONG_PERSON else [])
    assert call.steps == [Step.ANSWER, Step.VERIFY]
    assert not any(SECRET in said for said in call.said)


def test_a_promise_counts_only_from_the_verified() -> None:
    call = Call(voice(), keyed=["1", "1", "1"]).run(start(voice()))
    assert intents(call) == []


@pytest.mark.parametrize(
    "answered_by", ["machine_end_beep", "machine_end_silence", "machine_end_other", "machine_start"]
)
def test_a_machine_gets_the_limited_wording(answered_by: str) -> None:
    content = voice()
    call = Call(content, answered_by).run(start(content))
    assert call.said == [content.machine]
    assert outcomes(call) == [Outcome.LIMITED_VOICEMAIL]


@pytest.mark.parametrize("answered_by", ["machine_end_beep", "machine_start", "fax"])
def test_without_wording_for_machines_it_hangs_up(answered_by: str) -> None:
    content = voice(machine=None)
    call = Call(content, answered_by).run(start(content))
    assert call.said == []
    assert outcomes(call) in ([], [Outcome.DROPPED])


def test_unknown_answers_are_taken_for_people() -> None:
    call = Call(voice(), "unknown").run(start(voice()))
    assert call.said[:2] == [voice().opening, voice().verify]


def test_a_call_that_is_answered_after_its_window_says_nothing() -> None:
    late = Place(Step.ANSWER, until=int(NOW.timestamp())).url(CALLBACK)
    assert Call(voice()).run(late).said == []


def test_without_the_content_it_says_nothing() -> None:
    assert Call(None, keyed=[DIGITS]).run(start(voice())).said == []


def test_nobody_is_asked_who_cannot_be_verified() -> None:
    content = Voice("+13125550142", "en", "Hello.", "Verify.", "", (), SECRET, None, "Bye.")
    assert Call(content, keyed=["1"]).run(Place(Step.ANSWER).url(CALLBACK)).said == ["Hello.", "Bye."]


@given(st.text(max_size=60), st.sampled_from(["en", "zh-Hans", "zh-Hant", "fr", 'x"<']))
def test_any_text_makes_a_well_formed_document(text: str, language: str) -> None:
    content = Voice("+1", language, text, text, "s", ("d",), text, text, text, (("1", "stop"),))
    for document in (
        twiml.answer(content, CALLBACK, "human"),
        twiml.answer(content, CALLBACK, "machine_end_beep"),
        twiml.message(content, CALLBACK),
        twiml.farewell(content),
    ):
        said = [say.text or "" for say in ElementTree.fromstring(document).iter("Say")]
        assert all(
            one.replace("\r", "\n") == twiml.speakable(text).replace("\r\n", "\n").replace("\r", "\n") for one in said
        )


@given(
    st.sampled_from(Step),
    st.integers(0, 9),
    st.lists(st.tuples(st.sampled_from("0123456789"), st.sampled_from(Intent)), max_size=5, unique_by=lambda k: k[0]),
    st.integers(0, 2**40),
    st.booleans(),
)
def test_a_step_reads_as_it_was_written(
    step: Step, tries: int, keys: list[tuple[str, Intent]], until: int, machine: bool
) -> None:
    place = Place(step, tries, tuple(keys), until, machine)
    assert place_of(place.url(CALLBACK)) == place
    assert twiml.callback_url(place.url(CALLBACK)) == CALLBACK


@pytest.mark.parametrize(
    "url", [CALLBACK, f"{CALLBACK}?step=debt", f"{CALLBACK}?step=verify&try=x", f"{CALLBACK}?step=key&key1=x"]
)
def test_what_is_no_step_is_none(url: str) -> None:
    assert place_of(url) is None


def test_the_state_of_a_proved_step_is_delivered() -> None:
    call = Call(voice(), keyed=[DIGITS]).run(start(voice()))
    (event,) = [event for event in call.events if isinstance(event, DeliveryEvent)]
    assert (event.state, event.provider_ref, event.key) == (AttemptState.DELIVERED, "CA1", "CA1/message/verified")
