"""Whom a preview is for: a debtor of the creditor, or one who does not exist; and how it is shown in a terminal."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from campaigns.cadence import Cadence
from campaigns.calendar import local_today, zones_of
from campaigns.message_facts import Addressee, Links, MessageAccount
from campaigns.preview import Message, Subject, spoken_of
from domain.account import PenaltyRate
from domain.channel import REACHES, Channel
from domain.errors import BadInput
from domain.facts import PointFacts, PointKind
from domain.message import Email, Voice
from storage import debtor_screen, preview
from storage.crypto import unseal
from storage.preview import PreviewDebtor
from storage.session import Database
from storage.vault import Vault
from web.masking import masked_name, masked_value
from workers.views import balances_of, parsed_facts

NAME, VALUE = "debtors.name_cipher", "contact_points.value_cipher"
_NO_POINT = "no contact point"
TOKEN = {"help": 42, "pay": 42, "unsubscribe": 63}
"""How long the signed part of a link is: a preview's texts are as long as those that are sent."""


def find_subject(
    db: Database, vault: Vault, creditor_id: UUID, cadence: Cadence, reference: str | None, now: datetime
) -> Subject | None:
    """The debtor of that reference, or one whom the audience fits. None where nobody fits.

    Raises BadInput where there is no debtor of that reference, or it has no open account.
    """
    audience = cadence.audience
    with db.tenant(creditor_id) as connection:
        if reference is not None:
            debtor_id = debtor_screen.find(connection, creditor_id, reference)
        else:
            days = audience.days_past_due_from, audience.days_past_due_to
            debtor_id = preview.fitting(connection, audience.products, *days, audience.kinds)
        row = preview.read(connection, debtor_id, now) if debtor_id else None
        key = vault.keys(connection, [debtor_id]).get(debtor_id) if debtor_id else None
    if row is None and reference is None:
        return None
    if row is None or key is None or not row.accounts:
        what = "there is no debtor of that reference with an open account."
        raise BadInput(what, where="--debtor", remedy="Use a reference of the portfolio, or leave --debtor out.")
    return _subject(row, key, cadence, now)


def _subject(row: PreviewDebtor, key: bytes, cadence: Cadence, now: datetime) -> Subject:
    zones = [PointFacts("", PointKind(point.kind), tuple(point.timezones), point.country) for point in row.points]
    today = local_today(zones_of(parsed_facts(row.facts), zones), now)
    fitting = [account for account in row.accounts if account.product in cadence.audience.products]
    led = (fitting or row.accounts)[0]
    accounts = tuple(
        MessageAccount(
            one.reference,
            one.product,
            one.days_past_due + max(0, (today - one.as_of).days),
            balances_of(one),
            PenaltyRate(one.penalty_daily),
        )
        for one in fitting or row.accounts
        if one.currency == led.currency
    )
    points: dict[Channel, tuple[str, str | None]] = {}
    for channel in Channel:
        for point in row.points:
            if point.kind in REACHES[channel] and channel.value not in point.channels_off:
                value = unseal(key, VALUE, point.point_id, point.value_cipher).decode()
                points[channel] = masked_value(point.kind, value), point.country
                break
    country = next((country for _, country in points.values() if country), None)
    name = unseal(key, NAME, row.debtor_id, row.name_cipher).decode()
    addressee = Addressee(masked_name(name), row.reference, country, row.kind == "company")
    return Subject(addressee, row.language, accounts, today, points)


def links(site: str, pay_url: str | None) -> Links:
    """Links as long as real ones, that lead nowhere."""
    made = {page: f"{site}/{page}/{'preview'.ljust(length, '0')}" for page, length in TOKEN.items()}
    return Links(pay_url or made["pay"], made["help"], made["unsubscribe"])


def show(console: Console, messages: Iterable[Message], subject: Subject, currency: str) -> None:
    """Every message under its step, with what it takes and costs."""
    step_id = None
    for message in messages:
        if message.step.id != step_id:
            step_id = message.step.id
            console.print(Text.assemble("\n", (step_id, "bold"), f"  {message.step.stage}, {message.step.template}"))
        console.print(Padding(_headline(message, subject, currency), (1, 0, 0, 2)))
        console.print(Padding(Text("\n".join(_lines(message))), (0, 0, 0, 4)))


def _headline(message: Message, subject: Subject, currency: str) -> Text:
    facts = [f"to {subject.points.get(message.channel, (_NO_POINT, None))[0]}"] if subject.points else []
    if message.size:
        size = message.size
        parts = "segment" if size.segments == 1 else "segments"
        facts.append(f"{size.encoding}, {size.units} units, {size.segments} {parts}")
    if message.minutes:
        facts.append("about 1 minute" if message.minutes == 1 else f"about {message.minutes} minutes")
    facts.append(f"{Decimal(message.cost).scaleb(-6).normalize():f} {currency}")
    return Text.assemble((f"{message.channel.value} {message.language}", "cyan"), f"  {'; '.join(facts)}")


def _lines(message: Message) -> list[str]:
    made = message.content
    if isinstance(made, Email):
        return [f"Subject: {made.subject}", "", *made.text.rstrip().splitlines()]
    if isinstance(made, Voice):
        said = [f"{name}: {text}" for name, text in spoken_of(made)]
        said.append(f"to a machine: {made.machine or '(hangs up)'}")
        return [*said, f"keys: {', '.join(f'{digit} {meaning}' for digit, meaning in made.keys)}"]
    return [made.text]
