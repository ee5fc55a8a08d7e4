"""Digits of a base of 2 to 256, several to a byte: as many as fit, the first one the least.

Huffman codes spend at least a bit on a byte, so digits that are mostly the same cost less than a
bit each only when they share one.
"""

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt

MAX_BASE = 256

Bytes = NDArray[np.uint8]


def per_byte(base: int) -> int:
    """How many digits fit into a byte: 8, 5, 4, 3, 2 or 1."""
    count = 1
    while base ** (count + 1) <= 1 << 8:
        count += 1
    return count


def packed_bytes(count: int, base: int) -> int:
    """The bytes that `count` digits take."""
    return -(-count // per_byte(base))


def pack(digits: Bytes, base: int) -> Bytes:
    """The bytes of `digits` [count]. What the last one has room for beyond them is 0."""
    width = per_byte(base)
    packed = np.zeros(packed_bytes(digits.size, base), np.uint8)
    for place in reversed(range(width)):
        column = digits[place::width]
        packed *= np.uint8(base % MAX_BASE)  # a digit of base 256 has no other above it
        packed[: len(column)] += column
    return packed


def unpack(packed: Bytes, count: int, base: int) -> Bytes:
    """The `count` digits of `packed`, which it has room for. Raises PayloadCorrupt."""
    width = per_byte(base)
    spare = width * len(packed) - count
    if packed.size and int(packed.max()) >= base**width:
        raise PayloadCorrupt(f"a byte is no {width} digits of base {base}")
    if spare and int(packed[-1]) >= base ** (width - spare):
        raise PayloadCorrupt("a digit follows the last one")
    return np.take(_table(width, base), packed, axis=0).reshape(-1)[:count]


def _table(width: int, base: int) -> Bytes:
    """[bytes, width]: the digits of each byte."""
    powers = base ** np.arange(width)
    return (np.arange(base**width)[:, None] // powers % base).astype(np.uint8)
