"""From an attempt and what is known of its debtor to the message that an adapter is given."""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from campaigns.calendar import local_today, zones_of
from campaigns.content_check import text_of
from campaigns.message_facts import Addressee, Links, MessageAccount, Sender, message_variables, sender_of
from campaigns.prices import Prices, minutes
from campaigns.render import Recipient, content
from campaigns.segments import segments
from campaigns.templates import Template, TemplateLibrary
from domain.account import Balances, PenaltyRate
from domain.channel import CONTACT_CHANNEL, Channel
from domain.errors import BadInput
from domain.facts import PointFacts, PointKind
from domain.message import Content, Email, Sms, Voice
from storage.crypto import seal, unseal
from storage.sending import Outgoing, OwedAccount
from throttling.compose import Ruleset
from throttling.content import check
from throttling.selectors import Shape
from workers.contents import CONTEXT, pack
from workers.links import Purpose, sign
from workers.views import parsed_facts

NAME, VALUE = "debtors.name_cipher", "contact_points.value_cipher"
LINKS_LAST = dt.timedelta(days=60)
"""For how long the links in a message work."""


class Composed(NamedTuple):
    """A message ready to leave, with what is kept of it: its digest, and its text sealed. `cost` in millionths."""

    content: Content
    digest: bytes
    cipher: bytes
    segments: int | None
    cost: int


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes messages. `rules` gives the compiled rules of packs, to which every message is held;
    `site` is the public address of the web process, `link_key` signs the links to it.
    """

    templates: TemplateLibrary
    rules: Callable[[tuple[str, ...]], Ruleset]
    prices: Prices
    site: str
    link_key: bytes
    senders: dict[tuple[str, str], Sender] = field(default_factory=dict)

    def compose(
        self,
        creditor_id: UUID,
        profile_text: str,
        attempt: Outgoing,
        accounts: Sequence[OwedAccount],
        key: bytes,
        verification: tuple[str, ...],
        now: dt.datetime,
    ) -> Composed:
        """The message of an attempt. Raises BadInput where it cannot be written, Tampered where data do not open."""
        channel = Channel(attempt.channel)
        template = self.templates.find(attempt.template, channel, attempt.language)
        name = unseal(key, NAME, attempt.debtor_id, attempt.name_cipher).decode()
        value = unseal(key, VALUE, attempt.point_id, attempt.value_cipher or b"").decode()
        today = _today(attempt.facts, tuple(attempt.timezones or ()), now.replace(second=0, microsecond=0))
        links = self._links(creditor_id, profile_text, attempt.attempt_id, now.date())
        sender = self._sender(profile_text, template.language)
        variables = message_variables(
            sender,
            Addressee(name, attempt.reference, attempt.country, attempt.kind == "company"),
            [_account(account, today) for account in accounts],
            links,
            today,
            verification=verification or ("birth_date",),
            is_first_contact=attempt.is_first,
        )
        recipient = Recipient(
            to=value,
            address=tuple(value.splitlines()) if channel is Channel.LETTER else (),
            unsubscribe_url=links.stop_url,
            reply_to=variables.get("reply_email") if channel is Channel.EMAIL else None,
            verify_salt=attempt.verify_salt,
            verify_digests=tuple(attempt.verify_digests),
        )
        made = content(template, variables, recipient)
        self._hold(made, template, attempt, sender, now)
        return self._composed(made, template, attempt, key)

    def _hold(self, made: Content, template: Template, attempt: Outgoing, sender: Sender, now: dt.datetime) -> None:
        """Hold what was written to the content rules of the packs that allowed it. Raises BadInput."""
        shape = _shape(template.channel, template.carries, sender.is_third_party)
        rules = self.rules(tuple(attempt.packs))
        for breach in check(rules, shape, template.language, text_of(made), sender.texts, int(now.timestamp())):
            raise BadInput(
                f"{breach.pack}/{breach.rule} ({breach.cite}) is not met: {breach.what}",
                where=f"template {template.id}, {template.channel.value}, {template.language}",
                remedy="Say it in the template, and launch a new version.",
            )

    def _composed(self, made: Content, template: Template, attempt: Outgoing, key: bytes) -> Composed:
        packed = pack(made)
        parts = segments(made.text).segments if isinstance(made, Sms) else None
        cost = self.prices.cost(template.channel, attempt.country, _units(made, parts))
        cipher = seal(key, CONTEXT, attempt.attempt_id, packed)
        return Composed(made, hashlib.sha256(packed).digest(), cipher, parts, cost)

    def _sender(self, profile_text: str, language: str) -> Sender:
        found = self.senders.get((profile_text, language))
        if found is None:
            found = sender_of(_profile(profile_text).get("sender") or {}, language)
            self.senders[profile_text, language] = found
        return found

    def _links(self, creditor_id: UUID, profile_text: str, attempt_id: UUID, day: dt.date) -> Links:
        pay, help_ = _fixed_links(
            self.link_key, self.site, creditor_id, str(_profile(profile_text).get("pay_url") or ""), day
        )
        token = sign(self.link_key, Purpose.UNSUBSCRIBE, [creditor_id, attempt_id], day + LINKS_LAST)
        return Links(pay, help_, f"{self.site}/unsubscribe/{token}")


@lru_cache(maxsize=256)
def _profile(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads(text)
    return found


@lru_cache(maxsize=1024)
def _fixed_links(key: bytes, site: str, creditor_id: UUID, pay_url: str, day: dt.date) -> tuple[str, str]:
    """The pages to pay and for help, which are the same in all messages of a day."""
    last = day + LINKS_LAST
    pay = pay_url or f"{site}/pay/{sign(key, Purpose.PAY, [creditor_id], last)}"
    return pay, f"{site}/help/{sign(key, Purpose.HELP, [creditor_id], last)}"


@lru_cache(maxsize=1024)
def _shape(channel: Channel, carries: frozenset[str], is_agency: bool) -> Shape:
    """What a rule asks about the contact that a message makes."""
    return Shape(
        CONTACT_CHANNEL[channel],
        automated=True,
        has_opt_out_notice="opt_out" in carries,
        discloses_debt="debt" in carries,
        first_party=not is_agency,
    )


@lru_cache(maxsize=50_000)
def _today(facts: str, zones: tuple[str, ...], now: dt.datetime) -> dt.date:
    """The day that it is where the debtor lives."""
    points = [PointFacts("", PointKind.MOBILE, zones)] if zones else []
    return local_today(zones_of(parsed_facts(facts), points), now)


def _account(row: OwedAccount, today: dt.date) -> MessageAccount:
    days = row.days_past_due + max(0, (today - row.as_of).days)
    balances = Balances(row.currency, row.principal, row.interest, row.penalty, row.fees, row.as_of)
    return MessageAccount(row.reference, row.product, days, balances, PenaltyRate(row.penalty_daily))


def _units(made: Content, parts: int | None) -> int:
    """What the provider bills: segments of a text, minutes of a call, messages of all else."""
    if isinstance(made, Voice):
        return minutes(f"{made.opening} {made.verify} {made.message} {made.goodbye}", made.language)
    return parts or 1


def domain_of(made: Content) -> str | None:
    """The recipient's mail domain, whose own limits hold."""
    return made.to.rpartition("@")[2].lower() if isinstance(made, Email) else None
