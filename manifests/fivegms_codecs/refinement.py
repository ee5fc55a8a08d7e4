"""The codecs `layer-middle` and `layer-last`: words (see `residuals`) as payloads.

    side information   the CRC-32 of the payload that this one refines: u32
                       of each block of 2^18 numbers, how many are of each kind of cell: u32[7]
    frames, middle     of each block: exponents of zeros, tops of zeros, tops of kind 1, other tops
    frames, last       of each block: the words' lowest bytes, then the second bytes of each kind

A zero's top is its sign and the 7 highest bits of its mantissa. Bytes come in the order of kinds. A
frame that would hold nothing is left out. Which payloads belong together is the matter of `layers`.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import frames
from fivegms_codecs.cells import ZERO, Words
from fivegms_codecs.coding import Shape
from fivegms_codecs.dtypes import DType
from fivegms_codecs.errors import PayloadCorrupt
from fivegms_codecs.ordering import Counts, read_counts

_REFINES = struct.Struct("<I")

Bytes = NDArray[np.uint8]


class Head(NamedTuple):
    """What a layer's payload begins with, and the frames that follow."""

    refines: int
    counts: Counts
    frames: memoryview


def suits(dtype: DType, stored: DType) -> bool:
    """A float32 tensor as itself."""
    return stored is dtype is DType.FLOAT32


def check_middle(payload: memoryview, shape: Shape, stored: DType) -> int:
    """Hold a middle layer against the shape; see `coding.Packing.check`. Raises PayloadCorrupt."""
    return _check(payload, math.prod(shape), _middle_sizes)


def check_last(payload: memoryview, shape: Shape, stored: DType) -> int:
    """Hold a last layer against the shape; see `coding.Packing.check`. Raises PayloadCorrupt."""
    return _check(payload, math.prod(shape), _last_sizes)


def write_head(refines: int, counts: Sequence[Sequence[int]]) -> bytes:
    """The side information of a layer."""
    return _REFINES.pack(refines) + np.array(counts, "<u4").tobytes()


def read_head(payload: memoryview, count: int) -> Head:
    """The side information of a layer of `count` numbers. Raises PayloadCorrupt."""
    if len(payload) < _REFINES.size:
        raise PayloadCorrupt(f"{len(payload)} bytes where a checksum of 4 belongs")
    counts = read_counts(payload[_REFINES.size :], count)
    (refines,) = _REFINES.unpack_from(payload)
    return Head(refines, counts, payload[_REFINES.size + counts.nbytes :])


def write_middle(kinds: Sequence[Words]) -> Iterator[bytes]:
    """Yield the frames of a block's middle layer."""
    zeros, widest, *others = kinds
    yield from _write(_byte(zeros, 3), _byte(zeros, 2), _byte(widest, 2), _bytes(others, 2))


def write_last(kinds: Sequence[Words]) -> Iterator[bytes]:
    """Yield the frames of a block's last layer."""
    yield from _write(_bytes(kinds, 0), *(_byte(words, 1) for words in kinds))


def read_middle(row: Sequence[int], payload: memoryview) -> tuple[Words, memoryview]:
    """A block's words in the order of kinds, their lower halves 0, and what follows its frames.

    Raises PayloadCorrupt.
    """
    words = np.zeros(sum(row), "<u4")
    planes = frames.as_bytes(words)
    zeros, widest = row[ZERO], row[ZERO] + row[ZERO + 1]
    parts = [planes[:zeros, 3], planes[:zeros, 2], planes[zeros:widest, 2], planes[widest:, 2]]
    return words, _read(payload, parts)


def read_last(row: Sequence[int], payload: memoryview, words: Words) -> memoryview:
    """Fill the lower halves of a block's words; returns what follows its frames.

    Raises PayloadCorrupt.
    """
    planes = frames.as_bytes(words)
    stops = np.cumsum(row).tolist()
    starts = [0, *stops]
    seconds = [planes[start:stop, 1] for start, stop in zip(starts, stops, strict=False)]
    return _read(payload, [planes[:, 0], *seconds])


def _middle_sizes(row: Sequence[int]) -> Sequence[int]:
    zeros, widest, *others = row
    return zeros, zeros, widest, sum(others)


def _last_sizes(row: Sequence[int]) -> Sequence[int]:
    return sum(row), *row


def _check(payload: memoryview, count: int, sizes: Callable[[Sequence[int]], Sequence[int]]) -> int:
    head = read_head(payload, count)
    rest = head.frames
    for row in head.counts.tolist():
        for size_bytes in filter(None, sizes(row)):
            rest = rest[frames.frame_size(rest, size_bytes) :]
    if rest:
        raise PayloadCorrupt(f"{len(rest)} bytes follow the last frame")
    return len(payload) - len(head.frames)


def _write(*planes: Bytes) -> Iterator[bytes]:
    for plane in planes:
        if plane.size:
            yield frames.write(plane.data)


def _read(payload: memoryview, parts: Sequence[Bytes]) -> memoryview:
    for part in parts:
        if part.size:
            part[...], payload = frames.read(payload, part.size)
    return payload


def _bytes(kinds: Sequence[Words], index: int) -> Bytes:
    return np.concatenate([_byte(words, index) for words in kinds])


def _byte(words: Words, index: int) -> Bytes:
    """One byte of each word; 0 is the lowest."""
    return np.ascontiguousarray(frames.as_bytes(words)[:, index])
