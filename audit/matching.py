"""Whether a contact is of the sort that a rule speaks of: yes, no, or not known."""

from collections.abc import Iterable
from typing import Any

from audit.question import Question, kind_of
from audit.rulebook import CHANNELS, PERSONS, POINTS, names
from domain.facts import Facts

# Selectors ---------------------------------------------------------------------------------------------------------


def event_matches(selector: dict[str, Any], facts: Facts, contact: Any, direction: str, outcome: Any) -> bool | None:
    if "channels" in selector and contact.channel not in names(selector["channels"], CHANNELS):
        return False
    if "direction" in selector and direction != selector["direction"]:
        return False
    if "purposes" in selector and contact.purpose not in names(selector["purposes"]):
        return False
    if "persons" in selector and contact.person not in names(selector["persons"], PERSONS):
        return False
    if "in_reply" in selector and contact.in_reply != selector["in_reply"]:
        return False
    answer: bool | None = True
    if "outcomes" in selector:
        if outcome in (None, "pending"):
            answer = True if outcome is not None and outcome in names(selector["outcomes"]) else None
        elif outcome not in names(selector["outcomes"]):
            return False
    if "points" in selector:
        kind = kind_of(facts, contact.contact_point)
        if kind is None:
            answer = None
        elif kind not in names(selector["points"], POINTS):
            return False
    return answer


def proposal_matches(selector: dict[str, Any], q: Question) -> bool | None:
    answers: list[bool | None] = []
    contact = q.contact
    for key, wanted in selector.items():
        if key == "channels":
            answers.append(contact.channel in names(wanted, CHANNELS))
        elif key == "persons":
            answers.append(contact.person in names(wanted, PERSONS))
        elif key == "purposes":
            answers.append(contact.purpose in names(wanted))
        elif key == "collector_account":
            answers.append(contact.collector_account == wanted)
        elif key == "points":
            answers.append(None if q.point is None else q.point.kind in names(wanted, POINTS))
        elif key == "parties":
            party = {True: "first_party", False: "third_party", None: None}[q.first_party]
            answers.append(party in names(wanted) if party else (None if len(names(wanted)) == 1 else True))
        elif key == "products":
            hit = bool(q.products & names(wanted))
            answers.append(hit or (None if None in q.products else False))
        elif key == "except_products":
            hit = bool(q.products - names(wanted) - {None})
            answers.append(hit or (None if None in q.products else False))
        else:
            found = q.said(key)
            answers.append(None if found is None else found == wanted)
    return conjunction(answers)


def conjunction(answers: Iterable[bool | None]) -> bool | None:
    listed = list(answers)
    return False if False in listed else None if None in listed else True


def disjunction(answers: Iterable[bool | None]) -> bool | None:
    listed = list(answers)
    return True if True in listed else None if None in listed else False
