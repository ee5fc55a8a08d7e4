"""Small whole numbers, -peak to peak, several to a byte: digits of base 2 * peak + 1.

A byte holds as many digits as fit, the first one the least. Huffman codes spend at least a bit on a
byte, so levels that are mostly 0 cost less than a bit each only when they share one.
"""

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt

MAX_PEAK = 127

Bytes = NDArray[np.uint8]
Levels = NDArray[np.int8]


def per_byte(peak: int) -> int:
    """How many digits fit into a byte: 5, 3, 2 or 1."""
    base, count = 2 * peak + 1, 1
    while base ** (count + 1) <= 1 << 8:
        count += 1
    return count


def packed_bytes(count: int, peak: int) -> int:
    """The bytes that `count` levels take."""
    return -(-count // per_byte(peak))


def pack(levels: Levels, peak: int) -> Bytes:
    """The bytes of `levels` [count]. What the last one has room for beyond them is 0."""
    width, base = per_byte(peak), np.uint8(2 * peak + 1)
    digits = np.zeros(width * packed_bytes(levels.size, peak), np.uint8)
    np.add(levels, peak, out=digits[: levels.size], casting="unsafe", dtype=np.int16)
    columns = digits.reshape(-1, width).T
    packed: Bytes = columns[-1].copy()
    for column in columns[-2::-1]:
        packed *= base
        packed += column
    return packed


def unpack(packed: Bytes, count: int, peak: int) -> Levels:
    """The `count` levels of `packed`. Raises PayloadCorrupt."""
    width, base = per_byte(peak), 2 * peak + 1
    spare = width * len(packed) - count
    if packed.size and int(packed.max()) >= base**width:
        raise PayloadCorrupt(f"a byte is no {width} digits of base {base}")
    if spare and int(packed[-1]) >= base ** (width - spare):
        raise PayloadCorrupt("a digit follows the last level")
    return np.take(_table(width, base), packed, axis=0).reshape(-1)[:count]


def _table(width: int, base: int) -> Levels:
    """[bytes, width]: the levels of each byte."""
    powers = base ** np.arange(width)
    digits = np.arange(base**width)[:, None] // powers % base
    return (digits - base // 2).astype(np.int8)
