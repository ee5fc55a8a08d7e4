"""The codec `sparse+zstd`: the numbers that are not zero, and where they are; lossless.

What pruning leaves, no ordinary engine runs faster or smaller, so it is sparse on the wire alone
and the receiver makes it dense again (TR 26.927 6.1.1). Zero is the number without a bit: -0.0 is
sent. The side information is the kind of the positions (u8), how many numbers there are and how
many bytes of positions (u64 each); the frames are those of the positions, then of the numbers.
"""

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fivegms_codecs import frames, positions
from fivegms_codecs.coding import Array, Part, Precision, Shape
from fivegms_codecs.dtypes import DType
from fivegms_codecs.errors import PayloadCorrupt

_HEADER = struct.Struct("<BQQ")
_MIN_ELEMENTS = 1025
_MAX_NUMBERS = 15 / 16
"""A larger share is within 3 % as small in dense planes, which decode faster."""


class _Header(NamedTuple):
    kind: int
    numbers: int
    position_bytes: int


def suits(dtype: DType, stored: DType) -> bool:
    """Any tensor, in its own type."""
    return stored is dtype


def grant(array: Array, dtype: DType, precision: Precision) -> DType | None:
    """The graph's type, where there are zeros enough to be left out."""
    if array.size < _MIN_ELEMENTS:
        return None
    return dtype if np.count_nonzero(_occupied(array)) <= _MAX_NUMBERS * array.size else None


def encode(array: Array, stored: DType) -> Iterator[Part]:
    """Yield the counts, then frames of the positions and frames of the numbers."""
    occupied = _occupied(array)
    kind, places = positions.pack(occupied)
    numbers = array.reshape(-1)[occupied]
    yield _HEADER.pack(kind, numbers.size, places.size)
    yield from frames.pack(frames.as_bytes(places))
    yield from frames.pack(frames.as_bytes(numbers))


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """The counts are side information. Raises PayloadCorrupt."""
    header = _read_header(payload)
    positions.check_size(header.kind, header.position_bytes, header.numbers, math.prod(shape))
    numbers = frames.skip(payload[_HEADER.size :], header.position_bytes)
    frames.check(numbers, header.numbers * stored.itemsize)
    return _HEADER.size


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Put the numbers in their places and zeros in all others. Raises PayloadCorrupt."""
    header = _read_header(payload)
    packed = payload[_HEADER.size :]
    rest = frames.skip(packed, header.position_bytes)
    places = np.empty(header.position_bytes, np.uint8)
    frames.unpack(packed[: len(packed) - len(rest)], frames.as_bytes(places))
    numbers = np.empty(header.numbers, stored.numpy)
    frames.unpack(rest, frames.as_bytes(numbers))
    if not _occupied(numbers).all():
        raise PayloadCorrupt("a zero is among the numbers")
    flat = out.reshape(-1)
    flat[...] = 0
    _fill(flat, numbers, positions.places(header.kind, places, flat.size))


def _fill(flat: Array, numbers: Array, blocks: Iterator[positions.Places]) -> None:
    done = 0
    for block in blocks:
        some = numbers[done : done + len(block)]
        if len(some) < len(block):
            raise PayloadCorrupt(f"more positions than the {len(numbers)} numbers")
        flat[block] = some
        done += len(block)
    if done < len(numbers):
        raise PayloadCorrupt(f"{done} positions for {len(numbers)} numbers")


def _occupied(array: Array) -> positions.Mask:
    """[elements]: whether any bit of an element is set."""
    width = min(array.itemsize, 8)
    words = array.reshape(-1).view(f"<u{width}").reshape(array.size, array.itemsize // width)
    occupied: positions.Mask = words[:, 0] != 0
    for column in words.T[1:]:
        occupied |= column != 0
    return occupied


def _read_header(payload: memoryview) -> _Header:
    if len(payload) < _HEADER.size:
        raise PayloadCorrupt(f"{len(payload)} bytes where {_HEADER.size} bytes of counts belong")
    return _Header(*_HEADER.unpack_from(payload))
