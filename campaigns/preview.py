"""What the steps of a cadence would say to one debtor, in each channel and language, and what that costs. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from campaigns.cadence import Cadence, Step
from campaigns.message_facts import Addressee, Links, MessageAccount, Sender, message_variables
from campaigns.prices import Prices, minutes
from campaigns.render import Recipient, content
from campaigns.segments import Segments, segments
from campaigns.templates import TemplateLibrary
from domain.account import Balances, PenaltyRate
from domain.channel import Channel
from domain.message import Content, Sms, Voice


@dataclass(frozen=True, slots=True)
class Subject:
    """The debtor of a preview. `points`: the contact value, masked, and country of the best point by channel."""

    addressee: Addressee = field(repr=False)
    language: str
    accounts: tuple[MessageAccount, ...]
    today: date
    points: Mapping[Channel, tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one step. `cost` is in millionths of the price table's currency; `size` of a text only."""

    step: Step
    channel: Channel
    language: str
    content: Content
    size: Segments | None
    minutes: int | None
    cost: int


def messages(
    cadence: Cadence,
    steps: Iterable[Step],
    languages: Iterable[str],
    subject: Subject,
    sender: Callable[[str], Sender],
    links: Links,
    templates: TemplateLibrary,
    prices: Prices,
) -> Iterator[Message]:
    """Each step in each of its channels and in each of the languages, as if it were made today.

    Raises BadInput where a template, or a variable that it needs, is missing.
    """
    wanted = tuple(languages)
    for step in steps:
        accounts = subject.accounts if step.merge else subject.accounts[:1]
        for channel in step.channels:
            for language in wanted:
                template = templates.find(step.template, channel, language)
                variables = _variables(sender(template.language), subject, accounts, links, cadence)
                made = content(template, variables, Recipient(unsubscribe_url=links.stop_url))
                country = subject.points.get(channel, ("", subject.addressee.country))[1]
                yield _message(step, channel, template.language, made, country, prices)


def _variables(
    sender: Sender, subject: Subject, accounts: Sequence[MessageAccount], links: Links, cadence: Cadence
) -> dict[str, Any]:
    asked = cadence.verification or ("birth_date",)
    return message_variables(
        sender, subject.addressee, accounts, links, subject.today, verification=asked, is_first_contact=False
    )


def _message(
    step: Step, channel: Channel, language: str, made: Content, country: str | None, prices: Prices
) -> Message:
    size = segments(made.text) if isinstance(made, Sms) else None
    spoken = minutes(" ".join(said for _, said in spoken_of(made)), language) if isinstance(made, Voice) else None
    units = size.segments if size else spoken or 1
    return Message(step, channel, language, made, size, spoken, prices.cost(channel, country, units))


def spoken_of(call: Voice) -> list[tuple[str, str]]:
    """What a verified person hears in a call, in order: the sections by name."""
    return [
        ("opening", call.opening),
        ("verify", call.verify),
        ("message", call.message),
        ("goodbye", call.goodbye),
    ]


def sample_subject(cadence: Cadence, language: str, today: date) -> Subject:
    """A debtor who does not exist, with two accounts that fit the audience."""
    audience = cadence.audience
    days = min(audience.days_past_due_from + 11, audience.days_past_due_to)
    product = sorted(audience.products)[0]
    as_of = today - timedelta(days=1)
    accounts = tuple(
        MessageAccount(
            reference, product, days, Balances("CNY", principal, 8_640, 5_700, 0, as_of), PenaltyRate(Decimal("0.0005"))
        )
        for reference, principal in (("HB-204815-1234", 950_000), ("HB-204815-5678", 320_000))
    )
    is_company = audience.kinds == {"company"}
    addressee = Addressee(_NAMES.get(language, "Alex Example"), "HB-204815", "CN", is_company)
    return Subject(addressee, language, accounts, today, {})


_NAMES = {"zh-Hans": "王小明", "zh-Hant": "陳大文"}
