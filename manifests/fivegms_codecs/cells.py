"""What an int8 value says about the float32 number it stands for: the cell that the number lies in.

Value q of a channel with scale s stands for the numbers of (|q| - 1/2) s to (|q| + 1/2) s, with the
sign of q. Float32 numbers of one sign are ordered as their bits are, so such a number is its cell's
`floor`, the bits of float32((|q| - 1/2) s), plus an offset that is never negative. A cell is about
s / ulp wide, and that many bits of the number are still unknown. `width` is a 64th of the cell, so
that dividing the offset by it gives a top of 6 bits whatever the cell, and a rest that is even over
[0, width): nothing is lost to powers of two.

A number with q = 0 may have either sign and any exponent: it has no cell, and is sent as it is.

The arithmetic is exact, on bits modulo 2^32: floor + top * width + rest gives a number back.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Levels = NDArray[np.int8]

ZERO = 0
"""The kind of numbers with q = 0. Kinds 1 to 6 are cells by their width, the widest first."""

_MANTISSA_BITS = np.uint32(23)
_MANTISSA = np.uint32((1 << 23) - 1)
_HIDDEN = np.uint32(1 << 23)
_SIGN = np.uint32(1 << 31)
_HALF = np.float32(0.5).view(np.uint32)
_EXPONENT = np.uint32(0xFF)
_TOP_BITS = np.uint32(6)
_MAX_WIDTH = np.uint32(1 << 16)
_FIRST_SHIFT, _LAST_SHIFT = np.uint8(7), np.uint8(12)


class Cells(NamedTuple):
    """The cells of a run of values, each array [values]. Where `kind` is ZERO, the rest is idle."""

    floor: Words
    width: Words
    kind: NDArray[np.uint8]


def cells(values: Levels, scales: Words) -> Cells:
    """The cells of int8 `values`, -127 to 127; `scales` has the bits of each one's, or one for all.

    `width` is 1 to 2^16.
    """
    nearest = values.astype(np.float32)
    half = nearest.view(np.uint32) & _SIGN
    half |= _HALF
    nearest -= half.view(np.float32)
    nearest *= scales.view(np.float32)
    floor = nearest.view(np.uint32)
    shift = floor >> _MANTISSA_BITS
    shift &= _EXPONENT
    shift += _TOP_BITS - (scales >> _MANTISSA_BITS)
    width = scales & _MANTISSA
    width |= np.minimum(scales & ~_MANTISSA, _HIDDEN)  # subnormal scales hide no bit
    width = width >> shift
    width += np.uint32(1)
    np.minimum(width, _MAX_WIDTH, out=width)
    return Cells(floor, width, _kinds(values, shift))


def _kinds(values: Levels, shift: Words) -> NDArray[np.uint8]:
    kind = shift.astype(np.uint8)
    np.clip(kind, _FIRST_SHIFT, _LAST_SHIFT, out=kind)
    kind -= _FIRST_SHIFT - np.uint8(1)
    kind *= values != 0
    return kind
