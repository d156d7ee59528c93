"""How a text message is encoded and cut into segments, exactly as carriers bill it.

GSM 03.38 (3GPP TS 23.038 §6.2.1): the default alphabet takes one septet a character, the extension table two (an
escape and a character). One segment holds 160 septets; of several each holds 153, as the concatenation header takes
seven. An escape is never parted from its character. Text with any other character is sent as UCS-2: 70 UTF-16 units in
one segment, 67 in each of several; the two halves of a surrogate pair are never parted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

DEFAULT = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet: 127 characters of one septet (the 128th place is the escape)."""
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Characters of two septets."""
ALPHABET = DEFAULT | EXTENSION

_UTF16 = "utf-16-le"


@dataclass(frozen=True, slots=True)
class Segments:
    """How one text is sent. `units`: septets or UTF-16 code units of the text itself, headers not counted."""

    encoding: Literal["GSM-7", "UCS-2"]
    segments: int
    units: int


def segments(text: str) -> Segments:
    """The encoding, segments and units of a text. The empty text is one segment of no units: providers bill it so.

    A lone surrogate, which no encoder would take, counts as one unit.
    """
    if ALPHABET.issuperset(text):
        escapes = sum(map(text.count, EXTENSION))
        units = len(text) + escapes
        return Segments("GSM-7", _count(units, (160, 153), (c in EXTENSION for c in text) if escapes else None), units)
    encoded = text.encode(_UTF16, "surrogatepass")
    units = len(encoded) // 2
    joined = encoded.decode(_UTF16, "surrogatepass")  # halves that stand side by side are one character
    pairs = (c > "\uffff" for c in joined) if units > len(joined) else None
    return Segments("UCS-2", _count(units, (70, 67), pairs), units)


def outside_gsm(text: str) -> Iterator[tuple[int, str]]:
    """Each character, with its position, for which the text would be sent as UCS-2."""
    return ((position, character) for position, character in enumerate(text) if character not in ALPHABET)


def _count(units: int, sizes: tuple[int, int], doubles: Iterator[bool] | None) -> int:
    """Segments of so many units; `doubles` says of each character whether it takes two (None: none does)."""
    whole, part = sizes
    if units <= whole:
        return 1
    if doubles is None:
        return -(-units // part)
    count, filled = 1, 0
    for is_double in doubles:
        width = 2 if is_double else 1
        if filled + width > part:
            count, filled = count + 1, 0
        filled += width
    return count
