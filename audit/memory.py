"""What the ledger has told of one debtor so far: the facts, the contacts, the stops, as of any entry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from audit.reading import account_facts, debtor_facts, instant, outside, point_facts
from audit.rulebook import time_zone
from domain.facts import (
    Collector,
    ContactChannel,
    DebtorFacts,
    Direction,
    Facts,
    Outcome,
    PastContact,
    PointFacts,
    Proposal,
    Purpose,
    Stop,
    StopKind,
)

SPOKEN = {"sms": "sms", "voice": "call", "email": "email", "letter": "letter"}
NEVER_MADE = ("cancelled", "expired", "rejected")
REPEATABLE = ("sending", "in_doubt")
"""From here an attempt may be tried again: on proof that nothing left, which ends a doubt only by its name."""


class Told(Protocol):
    """What is read of an entry."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


@dataclass(slots=True)
class Attempt:
    """One attempt as its entries told it."""

    id: str
    channel: str
    point: str
    accounts: tuple[str, ...]
    closes_at: datetime
    packs: tuple[str, ...]
    proposal: Mapping[str, Any]
    steps: frozenset[tuple[Any, ...]]
    at: datetime
    state: str = "reserved"
    outcome: str | None = None
    versions: tuple[tuple[str, str], ...] = ()
    reserved_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether it had ended before."""
        return self.state != "reserved"


def _zones(debtor: DebtorFacts, points: tuple[PointFacts, ...]) -> tuple[str, ...]:
    """Where the debtor lives, by what is known: of the debtor, of places, or else of contact points."""
    known = [*debtor.timezones, *(place.timezone for place in debtor.places if place.timezone)]
    return tuple(known or [zone for point in points for zone in point.timezones])


@dataclass(slots=True)
class Memory:
    """All that was told so far. `made` are the steps that left and were not proved never to have been made."""

    imported: Mapping[str, Any] | None = None
    stops: list[Stop] = field(default_factory=list)
    banned: list[tuple[str | None, str | None]] = field(default_factory=list)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    others: list[PastContact] = field(default_factory=list)
    made: set[tuple[Any, ...]] = field(default_factory=set)

    def add(self, entry: Told) -> None:
        """Take in one entry."""
        remember = getattr(self, f"_on_{entry.kind}", None)
        if remember is not None:
            remember(entry)
        elif entry.body.get("attempt") in self.attempts:
            self._moved(entry)

    def facts(self, attempt: Attempt, at: datetime) -> Facts | None:
        """What was known when `attempt` left, all other contacts as history; None where nothing was imported."""
        if self.imported is None:
            return None
        debtor = debtor_facts(self.imported["debtor"])
        points = tuple(point_facts(point) for point in self.imported["contact_points"])
        today = min(at.astimezone(time_zone(zone)).date() for zone in _zones(debtor, points) or ("Etc/GMT+12",))
        collector = Collector(**self.imported["collector"])
        said = attempt.proposal
        proposal = Proposal(
            at,
            ContactChannel(said["channel"]),
            attempt.accounts,
            attempt.point,
            by=said.get("by"),
            purpose=Purpose(said["purpose"]),
            automated=said.get("automated"),
            has_opt_out_notice=said.get("has_opt_out_notice"),
            discloses_debt=said.get("discloses_debt"),
            limited_content=said.get("limited_content"),
        )
        return Facts(
            proposal,
            packs=attempt.packs,
            collector=collector,
            debtor=self._restrained(debtor),
            contact_points=points,
            accounts=tuple(account_facts(account, today) for account in self.imported["accounts"]),
            history=self._history(attempt, collector),
        )

    def _restrained(self, debtor: DebtorFacts) -> DebtorFacts:
        """The debtor's facts with what was asked of us since."""
        channels, points = list(debtor.banned_channels), list(debtor.banned_points)
        for channel, point in self.banned:
            if point is not None:
                points.append(point)
            elif channel is not None:
                channels.append(ContactChannel(SPOKEN[channel]))
            else:
                channels += [ContactChannel(name) for name in SPOKEN.values()]
        changes = {name: getattr(debtor, name) for name in debtor.__slots__}
        changes |= {"banned_channels": tuple(channels), "banned_points": tuple(points)}
        return DebtorFacts(**{**changes, "stops": (*debtor.stops, *self.stops)})

    def _history(self, attempt: Attempt, collector: Collector) -> tuple[PastContact, ...]:
        """Every other contact that left, is under way or was reserved, with what was known of it."""
        found = list(self.others)
        for other in self.attempts.values():
            if other is attempt or other.state in NEVER_MADE:
                continue
            outcome = other.outcome or ("failed" if other.state == "undelivered" else "pending")
            found.append(
                PastContact(
                    other.at,
                    ContactChannel(SPOKEN[other.channel]),
                    Direction.OUT,
                    Outcome(outcome),
                    other.accounts,
                    other.point,
                    by=collector.name,
                    purpose=Purpose(other.proposal["purpose"]),
                )
            )
        return tuple(sorted(found, key=lambda contact: contact.at))

    def _on_debtor_imported(self, entry: Told) -> None:
        self.imported = entry.body

    def _on_reserved(self, entry: Told) -> None:
        body = entry.body
        if body.get("retry"):
            again = self.attempts[str(body["attempt"])]
            if again.state in REPEATABLE and (again.state != "in_doubt" or body.get("code")):
                self.made -= again.steps
                again.state, again.outcome = "reserved", None
            return
        step = (body["campaign"], body["step"], body.get("rank"), body["channel"])
        self.attempts[str(body["attempt"])] = Attempt(
            str(body["attempt"]),
            body["channel"],
            body["contact_point"],
            tuple(body["accounts"]),
            instant(body["closes_at"]),
            tuple(pack["id"] for pack in body["packs"]),
            body["proposal"],
            frozenset((*step, account) for account in body["accounts"]),
            entry.at,
            versions=tuple((pack["id"], str(pack.get("version", ""))) for pack in body["packs"]),
            reserved_at=entry.at,
        )

    def _on_sending(self, entry: Told) -> None:
        attempt = self.attempts.get(str(entry.body.get("attempt")))
        if attempt is not None:
            attempt.state, attempt.at = "sending", entry.at
            self.made |= attempt.steps

    def _moved(self, entry: Told) -> None:
        attempt = self.attempts[str(entry.body["attempt"])]
        attempt.state = entry.kind
        attempt.outcome = entry.body.get("outcome") or attempt.outcome
        if entry.kind in NEVER_MADE:
            self.made -= attempt.steps

    def _on_suppressed(self, entry: Told) -> None:
        body = entry.body
        if body["kind"] == "opt_out":
            self.banned.append((body.get("channel"), body.get("contact_point")))
            return
        until = instant(body["until"]) if body.get("until") else None
        accounts = tuple(body.get("accounts") or ())
        self.stops.append(Stop(StopKind(body["kind"]), entry.at, until, body.get("form") or "written", accounts))

    def _on_lifted(self, entry: Told) -> None:
        body = entry.body
        if body["kind"] == "opt_out":
            lifted = (body.get("channel"), body.get("contact_point"))
            self.banned = [one for one in self.banned if one != lifted]
        else:
            self.stops = [stop for stop in self.stops if stop.kind != body["kind"]]

    def _on_inbound(self, entry: Told) -> None:
        body = entry.body
        outcome = Outcome.CONVERSATION if body["channel"] == "voice" else Outcome.DELIVERED
        collector = Collector(**self.imported["collector"]) if self.imported else Collector()
        self.others.append(
            PastContact(
                entry.at,
                ContactChannel(SPOKEN[body["channel"]]),
                Direction.IN,
                outcome,
                contact_point=body.get("contact_point"),
                by=collector.name,
            )
        )

    def _on_outside_contact(self, entry: Told) -> None:
        self.others.append(outside(entry.body, entry.at))
