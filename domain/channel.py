"""The channels that Forbear itself sends on, and what the law calls each of them."""

from enum import StrEnum

from domain.facts import ContactChannel, PointKind


class Channel(StrEnum):
    """A channel with adapters, templates and a queue of its own."""

    SMS = "sms"
    VOICE = "voice"
    EMAIL = "email"
    LETTER = "letter"


CONTACT_CHANNEL: dict[Channel, ContactChannel] = {
    Channel.SMS: ContactChannel.SMS,
    Channel.VOICE: ContactChannel.CALL,
    Channel.EMAIL: ContactChannel.EMAIL,
    Channel.LETTER: ContactChannel.LETTER,
}
"""What a contact on each channel is in the eyes of the law: an automated voice message is a call."""

REACHES: dict[Channel, frozenset[PointKind]] = {
    Channel.SMS: frozenset({PointKind.MOBILE}),
    Channel.VOICE: frozenset({PointKind.MOBILE, PointKind.LANDLINE, PointKind.WORK}),
    Channel.EMAIL: frozenset({PointKind.EMAIL, PointKind.WORK_EMAIL}),
    Channel.LETTER: frozenset({PointKind.ADDRESS}),
}
"""Which kinds of contact point each channel can reach."""
