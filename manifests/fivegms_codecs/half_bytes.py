"""Numbers of four bits, two to a byte: the first of a pair in the low half.

The half that an odd count leaves over is 0.
"""

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt

_BLOCK_BYTES = 1 << 18

Bytes = NDArray[np.uint8]


def packed_bytes(count: int) -> int:
    """The bytes that `count` numbers take."""
    return (count + 1) // 2


def pack(numbers: Bytes) -> Bytes:
    """Pairs of the low halves of `numbers` [count]."""
    pairs = numbers[::2] & np.uint8(0x0F)
    pairs[: numbers.size // 2] |= numbers[1::2] << np.uint8(4)
    return pairs


def unpack(pairs: Bytes, count: int) -> Bytes:
    """The `count` numbers of `pairs`, 0 to 15. Raises PayloadCorrupt."""
    if count % 2 and pairs[-1] >> 4:
        raise PayloadCorrupt("the half byte after the last number is not 0")
    numbers = np.empty(2 * len(pairs), np.uint8)
    for start in range(0, len(pairs), _BLOCK_BYTES):
        block = pairs[start : start + _BLOCK_BYTES]
        target = numbers[2 * start : 2 * (start + len(block))]
        np.bitwise_and(block, np.uint8(0x0F), out=target[::2])
        np.right_shift(block, np.uint8(4), out=target[1::2])
    return numbers[:count]
