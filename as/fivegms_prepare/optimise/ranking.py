"""The k-th smallest of numbers that lie in many arrays, without a copy of them all.

Floats that are not negative sort as their bit patterns do, so two histograms find the number
exactly: one of the upper 16 bits, then one of the lower 16 bits among those that share the upper.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

_BLOCK = 2**20
_HALF = 2**16

Scores = Callable[[], Iterable[NDArray[np.float32]]]
"""The arrays, as often as they are asked for. No number is negative or NaN."""


def kth_smallest(scores: Scores, k: int) -> np.float32:
    """The number that has rank `k`, counted from 0, among all numbers. Raises IndexError."""
    upper = _histogram(bits >> 16 for bits in _blocks(scores))
    first, within = _bin(upper, k)
    lower = _histogram(bits[bits >> 16 == first] & 0xFFFF for bits in _blocks(scores))
    second, _ = _bin(lower, within)
    return np.uint32(first << 16 | second).view(np.float32)


def _blocks(scores: Scores) -> Iterator[NDArray[np.uint32]]:
    for array in scores():
        bits = np.ascontiguousarray(array, np.float32).reshape(-1).view(np.uint32)
        for start in range(0, len(bits), _BLOCK):
            yield bits[start : start + _BLOCK]


def _histogram(blocks: Iterable[NDArray[np.integer]]) -> NDArray[np.int64]:
    counts = np.zeros(_HALF, np.int64)
    for block in blocks:
        counts += np.bincount(block, minlength=_HALF)
    return counts


def _bin(counts: NDArray[np.int64], k: int) -> tuple[int, int]:
    """The bin in which rank `k` falls, and its rank in there."""
    ends = counts.cumsum()
    if not 0 <= k < ends[-1]:
        raise IndexError(f"there are {ends[-1]} numbers, none has rank {k}")
    place = int(ends.searchsorted(k, side="right"))
    return place, int(k - (ends[place] - counts[place]))
