"""The life cycle of an attempt: one table of legal transitions, from which the database's check and the docs come.

An attempt only moves forward. What arrives late, twice or out of order and would move it back changes nothing.
"""

from enum import StrEnum

from domain.errors import IllegalTransition


class AttemptState(StrEnum):
    """Where an attempt stands."""

    RESERVED = "reserved"
    """Room under the caps is held; nothing has left."""
    SENDING = "sending"
    """Committed before the provider is called."""
    IN_DOUBT = "in_doubt"
    """The provider may or may not have it; counts against the caps, is never resent blindly."""
    ACCEPTED = "accepted"
    """The provider took it."""
    DELIVERED = "delivered"
    """The provider says it reached the debtor: delivered, answered, read."""
    UNDELIVERED = "undelivered"
    """The provider took it and then could not deliver it."""
    REJECTED = "rejected"
    """The provider certainly did not take it, and it will not be tried again."""
    CANCELLED = "cancelled"
    """A stop, a payment or a person took it back before it left."""
    EXPIRED = "expired"
    """Its permitted window closed before it left."""
    CLOSED = "closed"
    """A person settled what stayed in doubt; it counts as made."""


_S = AttemptState
TRANSITIONS: dict[AttemptState, frozenset[AttemptState]] = {
    _S.RESERVED: frozenset({_S.SENDING, _S.CANCELLED, _S.EXPIRED}),
    _S.SENDING: frozenset({_S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED, _S.REJECTED, _S.IN_DOUBT, _S.RESERVED}),
    _S.IN_DOUBT: frozenset({_S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED, _S.REJECTED, _S.RESERVED, _S.CLOSED}),
    _S.ACCEPTED: frozenset({_S.DELIVERED, _S.UNDELIVERED}),
    _S.DELIVERED: frozenset(),
    _S.UNDELIVERED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.CLOSED: frozenset({_S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED}),
}
"""Every legal move. Back to `reserved` only on proof that the provider did not take it (a retry): a worker that was
taken for dead may still bring it."""

OPEN = frozenset({_S.RESERVED, _S.SENDING, _S.IN_DOUBT})
"""Something is still owed to these: they hold their enrolments in place."""

NEVER_MADE = frozenset({_S.CANCELLED, _S.EXPIRED, _S.REJECTED})
"""Proof that no contact was attempted: these release their room under the caps."""


def moved(state: AttemptState, to: AttemptState) -> AttemptState:
    """`to`, where the life cycle leads there from `state`; raises IllegalTransition otherwise."""
    if to not in TRANSITIONS[state]:
        raise IllegalTransition(f"an attempt cannot go from {state} to {to}")
    return to


def sources(to: AttemptState) -> frozenset[AttemptState]:
    """Every state from which an attempt may move to `to`: what a conditional update asks for."""
    return frozenset(state for state, targets in TRANSITIONS.items() if to in targets)
