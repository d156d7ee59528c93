"""One contact asked about at one instant, and what the facts say of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from audit.rulebook import whole
from domain.facts import Facts, PastContact, Proposal

# One question ------------------------------------------------------------------------------------------------------


class Question:
    """A contact at an instant, with what is known at that moment; a past contact is asked about as of its moment."""

    def __init__(self, facts: Facts, contact: Proposal | PastContact, at: datetime, history: list[Any]) -> None:
        self.facts = facts
        self.contact = contact
        self.at = at
        self.history = history
        self.is_past = isinstance(contact, PastContact)
        self.point = next((p for p in facts.contact_points if p.id == contact.contact_point), None)
        self.by = contact.by or facts.collector.name

    def said(self, name: str) -> Any:
        return getattr(self.contact, name, None)

    @property
    def products(self) -> set[str | None]:
        accounts = {a.id: a.product for a in self.facts.accounts}
        listed = self.contact.accounts or tuple(accounts)
        return {accounts.get(a) for a in listed} or {None}

    @property
    def first_party(self) -> bool | None:
        if self.is_past and self.contact.by != self.facts.collector.name:
            return None
        return self.facts.collector.first_party


def debts(facts: Facts, accounts: Iterable[str]) -> set[str]:
    groups = {a.id: a.group or a.id for a in facts.accounts}
    return {groups.get(a, a) for a in accounts}


def ordered(facts: Facts) -> list[tuple[datetime, int, PastContact]]:
    return sorted(((whole(h.at, True), i, h) for i, h in enumerate(facts.history)), key=lambda x: x[:2])


def kind_of(facts: Facts, point: str | None) -> str | None:
    return next((p.kind.value for p in facts.contact_points if p.id == point), None)
