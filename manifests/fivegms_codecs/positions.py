"""Where the numbers of a sparse tensor are, as bytes, in two kinds.

    mask   a bit per element, the lowest of a byte first, 1 where a number is; 0 after the last one
    gaps   bytes: 0 to 254, that many zeros and then a number; 255, that many zeros and no number;
           fewer than 255 zeros follow the last byte unsaid

Once compressed, both are near the entropy of random positions: the mask within 2 % from one number
in four on, the gaps within 4 % up to one in eight, and faster. It knows positions alone.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt

_MAX_GAPPED = 8
_ESCAPE = 255
_BLOCK_BYTES = 1 << 16
_BLOCK_ELEMENTS = 1 << 18

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]


class Positions(IntEnum):
    """How the positions are said. Part of the format."""

    MASK = 0
    GAPS = 1


def pack(occupied: Mask) -> tuple[Positions, Bytes]:
    """The positions that are true in `occupied` [elements], in the kind that suits their number."""
    if np.count_nonzero(occupied) * _MAX_GAPPED < occupied.size:
        return Positions.GAPS, _gaps(occupied)
    return Positions.MASK, np.packbits(occupied, bitorder="little")


def check_size(kind: int, size_bytes: int, numbers: int, elements: int) -> None:
    """Hold the length of the positions against what they stand for. Raises PayloadCorrupt.

    A byte stands for 255 elements at most, so few bytes cannot ask for a large tensor.
    """
    if kind not in tuple(Positions):
        raise PayloadCorrupt(
            f"positions of kind {kind}; this reader knows {[*map(int, Positions)]}"
        )
    if numbers > elements:
        raise PayloadCorrupt(f"{numbers} numbers in a tensor of {elements} elements")
    escapes = size_bytes - numbers
    gapped = escapes >= 0 and numbers + escapes * _ESCAPE <= elements < (size_bytes + 1) * _ESCAPE
    if not (gapped if kind == Positions.GAPS else size_bytes == (elements + 7) // 8):
        raise PayloadCorrupt(
            f"{size_bytes} bytes of positions for {numbers} numbers in {elements} elements"
        )


def places(kind: int, positions: Bytes, elements: int) -> Iterator[Places]:
    """Yield the places in ascending blocks, all below `elements`. Raises PayloadCorrupt."""
    found = _gap_places(positions) if kind == Positions.GAPS else _mask_places(positions)
    end = 0
    for block, end in found:
        if end > elements:
            raise PayloadCorrupt("a position lies after the last element")
        yield block
    if kind == Positions.GAPS and elements - end >= _ESCAPE:
        raise PayloadCorrupt(f"{elements - end} zeros follow the last gap unsaid")


def _gaps(occupied: Mask) -> Bytes:
    """Every number's byte is the last of those that lead to it; those before it are escapes."""
    last = -1
    gaps = []
    for start in range(0, occupied.size, _BLOCK_ELEMENTS):
        found = start + np.flatnonzero(occupied[start : start + _BLOCK_ELEMENTS])
        if len(found):
            gaps.append(_gaps_between(np.diff(found, prepend=last) - 1))
            last = int(found[-1])
    return np.concatenate(
        [*gaps, np.full((occupied.size - 1 - last) // _ESCAPE, _ESCAPE, np.uint8)]
    )


def _gaps_between(zeros: Places) -> Bytes:
    escapes, remainders = np.divmod(zeros, _ESCAPE)
    ends = np.cumsum(escapes + 1)
    gaps = np.full(ends[-1], _ESCAPE, np.uint8)
    gaps[ends - 1] = remainders
    return gaps


def _gap_places(gaps: Bytes) -> Iterator[tuple[Places, int]]:
    reached = 0
    for start in range(0, len(gaps), _BLOCK_BYTES):
        block = gaps[start : start + _BLOCK_BYTES]
        is_number = block != _ESCAPE
        ends = np.cumsum(block + is_number.astype(np.int64)) + reached
        reached = int(ends[-1])
        yield ends[is_number] - 1, reached


def _mask_places(mask: Bytes) -> Iterator[tuple[Places, int]]:
    for start in range(0, len(mask), _BLOCK_BYTES):
        bits = np.unpackbits(mask[start : start + _BLOCK_BYTES], bitorder="little")
        block = np.flatnonzero(bits.view(np.bool_)) + 8 * start
        yield block, int(block[-1]) + 1 if len(block) else 0
