"""Numbers put into the order of a kind that both ends know, and back into their places.

Words of one kind are of one distribution, so each kind is compressed on its own; what the kinds are
is the matter of the caller. Numbers form blocks that are ordered by themselves, and work goes in
parts of a block that stay in the cache and are long enough to release the interpreter.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt

BLOCK = 1 << 18
"""How many numbers are ordered together; part of the formats."""

KINDS = 7

COUNTS_BYTES = 4 * KINDS
"""What the counts of one block take: a u32 for each kind."""

_PART = 1 << 16

Words = NDArray[Any]
Kind = NDArray[np.uint8]
Places = NDArray[np.intp]
Counts = NDArray[np.uint32]
"""[blocks, KINDS]: how many numbers of each block are of each kind."""


class Drawers:
    """The words of a block by kind, in the order of their places."""

    def __init__(self) -> None:
        self._drawers: list[list[Words]] = [[] for _ in range(KINDS)]

    def put(self, words: Words, kind: Kind) -> None:
        """Put away the next part of a block."""
        for index, drawer in enumerate(self._drawers):
            drawer.append(words[(kind == index).nonzero()[0]])

    def words(self) -> list[Words]:
        """The words of each kind."""
        return [np.concatenate(drawer) for drawer in self._drawers]


class Dealer:
    """Gives the words of a block, which lie in the order of kinds, back to their places."""

    def __init__(self, words: Words, counts: Sequence[int]) -> None:
        self._words = words
        self._stops = np.cumsum(counts).tolist()
        self._next = [0, *self._stops[:-1]]

    def deal(self, kind: Kind, out: Words) -> list[Places]:
        """Fill the next part of the block; returns the places in it of each kind.

        Raises PayloadCorrupt where a kind has too few words.
        """
        places = [(kind == index).nonzero()[0] for index in range(KINDS)]
        for index, where in enumerate(places):
            start = self._next[index]
            self._next[index] = start + len(where)
            if self._next[index] > self._stops[index]:
                raise PayloadCorrupt("the words are of other kinds than the numbers")
            out[where] = self._words[start : self._next[index]]
        return places


def parts(count: int) -> Iterator[slice]:
    """The parts of a block of `count` numbers."""
    for start in range(0, count, _PART):
        yield slice(start, min(start + _PART, count))


def read_counts(payload: memoryview, count: int) -> Counts:
    """The counts of `count` numbers, at the start of the payload. Raises PayloadCorrupt."""
    blocks = -(-count // BLOCK)
    size_bytes = COUNTS_BYTES * blocks
    if len(payload) < size_bytes:
        raise PayloadCorrupt(f"{len(payload)} bytes where {size_bytes} bytes of counts belong")
    counts = np.frombuffer(payload[:size_bytes], "<u4").reshape(blocks, KINDS)
    expected = [min(BLOCK, count - start) for start in range(0, count, BLOCK)]
    if counts.sum(axis=1, dtype=np.uint64).tolist() != expected:
        raise PayloadCorrupt("the kinds of a block do not count its numbers")
    return counts
