"""Which references came before in a file, in bounded memory: sure of what is new, unsure of what is not."""

LEAST_BITS, MOST_BITS = 1 << 20, 1 << 28


class Seen:
    """A Bloom filter. What it takes for seen although it is new is merely merged with more care than it needs."""

    def __init__(self, bytes_of_file: int) -> None:
        bits = LEAST_BITS
        while bits < min(bytes_of_file, MOST_BITS):
            bits *= 2
        self._mask = bits - 1
        self._bits = bytearray(bits // 8)

    def add(self, kind: str, reference: str) -> bool:
        """Note a reference; False if it is certainly the first of its kind."""
        mixed = hash((kind, reference))
        was_there = True
        for place in (mixed & self._mask, mixed >> 32 & self._mask):
            bit = 1 << (place & 7)
            if not self._bits[place >> 3] & bit:
                self._bits[place >> 3] |= bit
                was_there = False
        return was_there
