"""Identifiers: UUID version 7 (RFC 9562 §5.7), so that rows written together lie together."""

from datetime import datetime
from uuid import UUID


def new_id(at: datetime, random: bytes) -> UUID:
    """A version 7 UUID for the instant `at` (aware) from 10 bytes of randomness; ids sort by instant.

    Raises ValueError where `random` is not 10 bytes long.
    """
    if len(random) != 10:
        raise ValueError("a version 7 UUID takes 10 random bytes")
    milliseconds = int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    value = (milliseconds << 80) | int.from_bytes(random, "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)
