"""The chain of a debtor's entries, checked by hashes of its own: docs/security.md says how an entry is hashed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol
from uuid import UUID


class Link(Protocol):
    """What is read of an entry."""

    @property
    def debtor_id(self) -> UUID: ...
    @property
    def creditor_id(self) -> UUID: ...
    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def previous(self) -> bytes: ...
    @property
    def hash(self) -> bytes: ...


def broken(entries: Sequence[Link]) -> tuple[datetime, str] | None:
    """The first fault of a chain that begins with its first entry: when, and what; None where it is whole."""
    before = b""
    for place, entry in enumerate(entries, start=1):
        if entry.seq != place:
            return entry.at, f"Entry {place} is missing, or one was put in."
        lines = (
            before.hex(),
            str(entry.creditor_id),
            str(entry.debtor_id),
            str(entry.seq),
            entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            entry.kind,
            entry.text,
        )
        if entry.previous != before or entry.hash != sha256("\n".join(lines).encode()).digest():
            return entry.at, f"Entry {place} was altered, or moved."
        before = entry.hash
    return None
