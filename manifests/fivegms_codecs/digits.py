"""Small whole numbers, -peak to peak, as digits of base 2 * peak + 1, several to a byte."""

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import bases
from fivegms_codecs.bases import Bytes

MAX_PEAK = 127

Levels = NDArray[np.int8]


def per_byte(peak: int) -> int:
    """How many levels fit into a byte: 5, 3, 2 or 1."""
    return bases.per_byte(_base(peak))


def packed_bytes(count: int, peak: int) -> int:
    """The bytes that `count` levels take."""
    return bases.packed_bytes(count, _base(peak))


def pack(levels: Levels, peak: int) -> Bytes:
    """The bytes of `levels` [count]."""
    return bases.pack(levels.view(np.uint8) + np.uint8(peak), _base(peak))


def unpack(packed: Bytes, count: int, peak: int) -> Levels:
    """The `count` levels of `packed`. Raises PayloadCorrupt."""
    digits = bases.unpack(packed, count, _base(peak))
    digits -= np.uint8(peak)
    return digits.view(np.int8)


def _base(peak: int) -> int:
    return 2 * peak + 1
