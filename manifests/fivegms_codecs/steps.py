"""The codec `delta-int+zstd`: how far a tensor moved, in whole steps.

The side information is the CRC-32 of the older numbers, little-endian (u32), the step (float32) and
the largest level (u8); the frames are those of the levels, -peak to peak, as `digits`. A number is
the older one + step * level: the product in float32, the sum in float32 or, of float64, in that.

One step for a whole tensor costs fewer bits than one for each channel at equal error: it spends
none on channels that hardly moved. Levels are rounded towards 0 a little, which saves more bits
than it adds error.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import digits, frames
from fivegms_codecs.coding import Array, Part, Shape
from fivegms_codecs.digits import Levels
from fivegms_codecs.dtypes import FLOATS, DType
from fivegms_codecs.errors import PayloadCorrupt
from fivegms_codecs.ordering import parts

_HEADER = struct.Struct("<IfB")
_ROUNDING = 0.4
_PART_BYTES = 1 << 15


class Head(NamedTuple):
    """The side information."""

    refines: int
    step: float
    peak: int


def suits(dtype: DType, stored: DType) -> bool:
    """A floating-point tensor as int8."""
    return stored is DType.INT8 and dtype in FLOATS


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """The head is side information; see `coding.Packing.check`. Raises PayloadCorrupt."""
    peak = read_head(payload).peak
    frames.check(payload[_HEADER.size :], digits.packed_bytes(math.prod(shape), peak))
    return _HEADER.size


def read_head(payload: memoryview) -> Head:
    """The side information. Raises PayloadCorrupt."""
    if len(payload) < _HEADER.size:
        raise PayloadCorrupt(f"{len(payload)} bytes where a head of {_HEADER.size} belongs")
    head = Head(*_HEADER.unpack_from(payload))
    if not (math.isfinite(head.step) and head.step > 0):
        raise PayloadCorrupt(f"a step of {head.step}")
    if not 1 <= head.peak <= digits.MAX_PEAK:
        raise PayloadCorrupt(f"levels of up to {head.peak}; 1 to {digits.MAX_PEAK} are coded")
    return head


def encode(array: Array, base: Array, step: float) -> Iterator[Part] | None:
    """The side information, then frames; None where no number moves by a step.

    `step` is a multiple of the root mean square of how far the numbers moved; it is made longer
    where the farthest move would take more steps than there are levels, so that no number is off by
    more than 0.6 of a step. Arrays are of one type, C-contiguous, and far from overflow (see
    `eligibility.moves`).
    """
    new, old = array.reshape(-1), base.reshape(-1)
    mean, farthest = _moves(new, old)
    size = np.float32(max(step * mean, farthest / digits.MAX_PEAK))
    if not size:
        return None
    levels = _levels(new, old, float(size))
    peak = max(int(levels.max()), -int(levels.min()))
    return _encode(levels, peak, base, float(size)) if peak else None


def decode(payload: memoryview, base: Array, out: Array) -> None:
    """Fill `out`, which may be `base`, from a payload that `check` accepted.

    Raises PayloadCorrupt, and leaves `out` undefined then.
    """
    head = read_head(payload)
    old, new = base.reshape(-1), out.reshape(-1)
    step, done = np.float32(head.step), 0
    packed_bytes = digits.packed_bytes(old.size, head.peak)
    for content in frames.contents(payload[_HEADER.size :], packed_bytes):
        for start in range(0, len(content), _PART_BYTES):
            packed = content[start : start + _PART_BYTES]
            count = min(len(packed) * digits.per_byte(head.peak), old.size - done)
            levels = digits.unpack(packed, count, head.peak)
            with np.errstate(over="ignore", invalid="ignore"):
                _add(old[done : done + count], levels * step, new[done : done + count])
            done += count


def _encode(levels: Levels, peak: int, base: Array, step: float) -> Iterator[Part]:
    yield _HEADER.pack(zlib.crc32(frames.as_bytes(base).data), step, peak)
    yield from frames.pack(digits.pack(levels, peak).reshape(-1, 1))


def _add(old: Array, moved: NDArray[np.float32], out: Array) -> None:
    wide = np.result_type(old.dtype, np.float32)
    np.copyto(out, np.add(old, moved, dtype=wide), casting="same_kind")


def _levels(new: Array, old: Array, step: float) -> Levels:
    levels = np.empty(new.size, np.int8)
    for part in parts(new.size):
        moved = _moved(new[part], old[part])
        size = np.floor(np.abs(moved) / step + _ROUNDING)
        np.minimum(size, digits.MAX_PEAK, out=size)  # subnormal steps are not quite those asked for
        levels[part] = np.copysign(size, moved)
    return levels


def _moves(new: Array, old: Array) -> tuple[float, float]:
    """How far the numbers moved: the root mean square, and the farthest."""
    total = farthest = 0.0
    for part in parts(new.size):
        moved = _moved(new[part], old[part])
        farthest = max(farthest, float(moved.max()), -float(moved.min()))
        total += float(np.square(moved, out=moved).sum())
    return math.sqrt(total / new.size), farthest


def _moved(new: Array, old: Array) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = np.subtract(new, old, dtype=np.float64)
    return moved
