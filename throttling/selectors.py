"""Does a contact match a selector of the rule language? True, False, or None: it depends on what is not known."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.facts import ContactChannel, Direction, Outcome, Person, PointKind, Purpose
from throttling.terms import CHANNEL_GROUPS, Events, Proposals

VOICE = frozenset(CHANNEL_GROUPS["voice"])


class Shape(NamedTuple):
    """What a selector can see of a proposed contact: everything but the instant, the debts and the history."""

    channel: ContactChannel
    point: PointKind | None = None
    person: Person = Person.DEBTOR
    purpose: Purpose = Purpose.COLLECT
    in_reply: bool = False
    automated: bool | None = None
    has_opt_out_notice: bool | None = None
    discloses_debt: bool | None = None
    limited_content: bool | None = None
    collector_account: str = "official"
    first_party: bool | None = None
    products: frozenset[str | None] = frozenset({None})


class EventShape(NamedTuple):
    """What a selector can see of a past contact."""

    channel: ContactChannel
    direction: Direction
    outcome: Outcome | None
    purpose: Purpose
    person: Person
    point: PointKind | None
    in_reply: bool


class Masks(NamedTuple):
    """For each selector a bit: in `may` where a past contact may match, in `must` where it certainly does."""

    may: int
    must: int


class Matched(dict[tuple[object, ...], Masks]):
    """The masks for what selectors see of a past contact: the fields of an `EventShape`, in order. Each is made once.

    The key is not an `EventShape`, since one is looked up for each past contact of every debtor.
    """

    def __init__(self, selectors: Sequence[Events]) -> None:
        super().__init__()
        self._selectors = selectors

    def __missing__(self, seen: tuple[object, ...]) -> Masks:
        shape = EventShape._make(seen)
        may = must = 0
        for index, selector in enumerate(self._selectors):
            answer = match_event(selector, shape)
            may |= (answer is not False) << index
            must |= (answer is True) << index
        found = self[seen] = Masks(may, must)
        return found


def medium(channel: ContactChannel) -> str:
    """The means of contact in the law's sense: every sort of call is the telephone."""
    return "telephone" if channel in VOICE else channel.value


def match_event(events: Events, shape: EventShape) -> bool | None:
    """Whether a past contact matches, apart from who placed it."""
    if events.channels is not None and shape.channel not in events.channels:
        return False
    if events.direction is not None and shape.direction is not events.direction:
        return False
    if events.purposes is not None and shape.purpose not in events.purposes:
        return False
    if events.persons is not None and shape.person not in events.persons:
        return False
    if events.in_reply is not None and shape.in_reply is not events.in_reply:
        return False
    doubts = False
    if events.outcomes is not None and shape.outcome not in events.outcomes:
        if shape.outcome is not None and shape.outcome is not Outcome.PENDING:
            return False
        doubts = True
    if events.points is not None and shape.point not in events.points:
        if shape.point is not None:
            return False
        doubts = True
    return None if doubts else True


def could_count(events: Events, shape: Shape) -> bool:
    """Whether the proposed contact, once made, could be one of the events."""
    if events.direction is Direction.IN:
        return False
    made = EventShape(shape.channel, Direction.OUT, None, shape.purpose, shape.person, shape.point, shape.in_reply)
    return match_event(events, made) is not False


def certainly_counts(events: Events, shape: Shape) -> bool:
    """Whether the proposed contact, whatever its outcome, would be one of the events."""
    if events.direction is Direction.IN or events.outcomes is not None:
        return False
    made = EventShape(shape.channel, Direction.OUT, None, shape.purpose, shape.person, shape.point, shape.in_reply)
    return match_event(events, made) is True


FLAGS = ("in_reply", "automated", "has_opt_out_notice", "discloses_debt", "limited_content")


def match_proposal(wanted: Proposals, shape: Shape) -> bool | None:
    """Whether a proposed contact matches."""
    if wanted.channels is not None and shape.channel not in wanted.channels:
        return False
    if wanted.persons is not None and shape.person not in wanted.persons:
        return False
    if wanted.purposes is not None and shape.purpose not in wanted.purposes:
        return False
    if wanted.collector_account is not None and shape.collector_account != wanted.collector_account:
        return False
    answers = [_match_flag(getattr(wanted, name), getattr(shape, name)) for name in FLAGS]
    if wanted.points is not None:
        answers.append(None if shape.point is None else shape.point in wanted.points)
    if wanted.parties is not None:
        answers.append(_match_party(wanted.parties, shape.first_party))
    if wanted.products is not None:
        answers.append(_match_any(wanted.products, shape.products))
    if wanted.except_products is not None:
        answers.append(_match_other(wanted.except_products, shape.products))
    if False in answers:
        return False
    return None if None in answers else True


def _match_flag(wanted: bool | None, found: bool | None) -> bool | None:
    if wanted is None:
        return True
    return None if found is None else found is wanted


def _match_party(wanted: frozenset[str], first_party: bool | None) -> bool | None:
    if first_party is None:
        return None if len(wanted) == 1 else True
    return ("first_party" if first_party else "third_party") in wanted


def _match_any(wanted: frozenset[str], products: frozenset[str | None]) -> bool | None:
    if any(product in wanted for product in products):
        return True
    return None if None in products else False


def _match_other(excepted: frozenset[str], products: frozenset[str | None]) -> bool | None:
    if any(product is not None and product not in excepted for product in products):
        return True
    return None if None in products else False
