"""What an automated call says, step by step, as TwiML. Pure; the debt is named to nobody who was not verified.

Twilio asks for a document at each step, and the step stands in the address that we gave it, which it signs:

    answer ──person──► verify (tries) ──digits fit──► message ──► key ──► goodbye
       │                  └── too many tries, or stop, or wrong person ──► goodbye
       └──machine──► limited wording, or nothing

The step `message` is reached by our own redirect alone, after the digits fitted: that Twilio asks for it proves it.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

from channels.twilio_codes import MACHINES
from domain.event import Intent
from domain.message import Voice

MEDIA_TYPE = "text/xml"
TRIES = 3
"""How often the digits may be keyed in one call."""
BEFORE_VERIFIED = frozenset({Intent.STOP, Intent.WRONG_PERSON})
"""What anyone may press who answers the phone, verified or not."""
LANGUAGES = {"en": "en-US", "zh-Hans": "zh-CN", "zh-Hant": "zh-TW"}
"""Our languages as Twilio's speech knows them; others are passed on as they are."""
EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


class Step(StrEnum):
    """Where a call stands."""

    ANSWER = "answer"
    VERIFY = "verify"
    MESSAGE = "message"
    KEY = "key"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Place:
    """What the address of a step says: the step, the tries so far, the keys that count in it, and until when.

    `until` is in seconds since 1970; `leaves_message` whether there is wording for a machine.
    """

    step: Step
    tries: int = 0
    keys: tuple[tuple[str, Intent], ...] = ()
    until: int = 0
    leaves_message: bool = False

    def url(self, callback_url: str) -> str:
        """The address of this step of the attempt with that callback address. It holds no personal data."""
        query = [("step", self.step.value)]
        query += [("try", str(self.tries))] if self.tries else []
        query += [("until", str(self.until))] if self.until else []
        query += [("machine", "1")] if self.leaves_message else []
        query += [(f"key{digit}", intent.value) for digit, intent in self.keys]
        return f"{callback_url}{'&' if '?' in callback_url else '?'}{urlencode(query)}"


def place_of(url: str) -> Place | None:
    """What the address of a request says; None where it is no step of a call."""
    if "step=" not in url:  # nearly all callbacks, and taking an address apart costs as much as signing it
        return None
    query = dict(parse_qsl(urlsplit(url).query))
    try:
        step = Step(query.get("step", ""))
        keys = tuple((name[3:], Intent(value)) for name, value in query.items() if name.startswith("key"))
        tries, until = int(query.get("try", "0")), int(query.get("until", "0"))
    except ValueError:
        return None
    return Place(step, tries, keys, until, query.get("machine") == "1")


def callback_url(url: str) -> str:
    """The attempt's callback address, without the step."""
    return url.partition("?")[0]


def keys_of(voice: Voice, allowed: Iterable[Intent] = tuple(Intent)) -> tuple[tuple[str, Intent], ...]:
    """The keys of a call with their intents, as far as they are allowed and known."""
    known = {intent.value: intent for intent in allowed}
    return tuple((digit, known[meaning]) for digit, meaning in voice.keys if meaning in known)


def answer(voice: Voice, url: str, answered_by: str) -> bytes:
    """The first document: a person is asked who they are; a machine gets the limited wording, or nothing."""
    if answered_by in MACHINES:
        return document(_say(voice, voice.machine) if voice.machine else "", "<Hangup/>")
    if answered_by == "fax":
        return document("<Hangup/>")
    if not voice.verify_digests:
        return document(_say(voice, voice.opening), _say(voice, voice.goodbye), "<Hangup/>")
    return document(_ask(voice, url, 1, voice.opening, voice.verify))


def verify(voice: Voice, url: str, place: Place, digits: str) -> bytes:
    """After digits were keyed: on to the message where they fit; else asked again, and at last let go."""
    if any(digits == key for key, _ in place.keys):
        return farewell(voice)
    if fits(voice, digits):
        return document(_redirect(Place(Step.MESSAGE).url(url)))
    if place.tries >= TRIES:
        return document(_redirect(Place(Step.UNVERIFIED).url(url)))
    return document(_ask(voice, url, place.tries + 1, voice.verify))


def message(voice: Voice, url: str) -> bytes:
    """What is said to the verified person alone, and the keys that they may answer with."""
    keys = keys_of(voice)
    if not keys:
        return document(_say(voice, voice.message), _say(voice, voice.goodbye), "<Hangup/>")
    action = Place(Step.KEY, keys=keys).url(url)
    return document(
        f'<Gather input="dtmf" numDigits="1" timeout="8" actionOnEmptyResult="true" method="POST" '
        f"action={quoteattr(action)}>{_say(voice, voice.message)}</Gather>"
    )


def farewell(voice: Voice) -> bytes:
    """Goodbye, and the end."""
    return document(_say(voice, voice.goodbye), "<Hangup/>")


def hang_up() -> bytes:
    """The end, without a word."""
    return document("<Hangup/>")


def fits(voice: Voice, digits: str) -> bool:
    """Whether the digits are among those that the right person knows; takes the same time for all."""
    digest = hashlib.sha256((voice.verify_salt + digits).encode()).hexdigest()
    return bool(digits) and sum(hmac.compare_digest(digest, known) for known in voice.verify_digests) > 0


def document(*verbs: str) -> bytes:
    """A TwiML document of these verbs."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(verbs)}</Response>'.encode()


def _ask(voice: Voice, url: str, tries: int, *texts: str) -> str:
    action = Place(Step.VERIFY, tries, keys_of(voice, BEFORE_VERIFIED)).url(url)
    said = "".join(_say(voice, text) for text in texts)
    return (
        f'<Gather input="dtmf" finishOnKey="#" timeout="8" actionOnEmptyResult="true" method="POST" '
        f"action={quoteattr(action)}>{said}</Gather>"
    )


def _say(voice: Voice, text: str) -> str:
    language = LANGUAGES.get(voice.language, voice.language)
    return f"<Say language={quoteattr(language)}>{escape(speakable(text))}</Say>"


def _redirect(url: str) -> str:
    return f'<Redirect method="POST">{escape(url)}</Redirect>'


def speakable(text: str) -> str:
    """The text without the characters that XML cannot carry."""
    return "".join(
        character
        for character in text
        if character in "\t\n\r"
        or "\x20" <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character > "\uffff"
    )
