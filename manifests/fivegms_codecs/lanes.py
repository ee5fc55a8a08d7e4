"""Byte symbols as lanes of prefix codes, coded and decoded in lockstep.

A prefix code is serial: where a code starts is known only once the one before it is decoded. So
symbols are dealt to lanes in turn, like cards, each lane a stream of its own; one step of array
operations then moves all lanes by one symbol. Nothing branches on a bit, and an operation is long
enough to release the interpreter.

    symbols  s0 s1 s2 ...      lane k holds s[k], s[k + lanes], s[k + 2 lanes] ...
    stream   lane 0, lane 1, ...   each filled up to a whole byte with zero bits

It knows neither tensors nor payloads; `huffman` does.
"""

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt
from fivegms_codecs.prefix_code import (
    MAX_BITS,
    SYMBOL_BITS,
    Lengths,
    Table,
    decoding_table,
    encoding_table,
)

BLOCK_SYMBOLS = 1 << 22
"""What one code and one stream hold; only the last block of all is shorter. Part of the format."""

Symbols = NDArray[np.uint8]
Sizes = NDArray[np.uint16]

_LANE_SYMBOLS = ((1 << 20, 1024), (1 << 18, 512), (0, 256))
"""From so many symbols in a block on, how many a lane has."""

_WORD_BITS = np.uint64(32)
_WORD_SHIFT = np.uint64(5)
_BYTE_MASK = np.uint64(7)
_STEP = 2
"""Rows between two visits to the stream. 64 bits that start at a word hold 33 bits or more from
any bit of that word on, thus two codes; and two codes fit in above 31 bits that wait."""


def lane_count(symbols: int) -> int:
    """How many lanes a block of that many symbols has. Part of the format.

    A lane costs some 7 bits: 0.1 % of 1024 symbols. Short blocks have shorter lanes, or they would
    have too few to be worth an array operation.
    """
    return -(-symbols // next(length for least, length in _LANE_SYMBOLS if symbols >= least))


def encode(symbols: Symbols, lengths: Lengths) -> tuple[Sizes, bytes]:
    """The bytes that each lane of a block takes, and the stream."""
    lanes = lane_count(len(symbols))
    writer = _Writer(encoding_table(lengths), lanes, -(-len(symbols) // lanes))
    for first in range(0, len(symbols), _STEP * lanes):
        for start in range(first, min(first + _STEP * lanes, len(symbols)), lanes):
            writer.append(symbols[start : start + lanes])
        writer.flush()
    return writer.finish()


def decode(stream: memoryview, sizes: Sizes, lengths: Lengths, out: Symbols) -> None:
    """Fill `out` from the stream of a block whose lanes take `sizes` bytes.

    `sizes` has one entry per lane and sums up to the length of the stream; `lengths` has passed
    `prefix_code.check_lengths`. Raises PayloadCorrupt.
    """
    lanes = len(sizes)
    reader = _Reader(stream, sizes, decoding_table(lengths))
    for first in range(0, len(out), _STEP * lanes):
        reader.fill()
        for start in range(first, min(first + _STEP * lanes, len(out)), lanes):
            reader.take(out[start : start + lanes])
    reader.finish()


class _Writer:
    """Bits that wait to be written, and the words that were, of every lane."""

    def __init__(self, table: tuple[Table, Table], lanes: int, rows: int) -> None:
        self._codes, self._lengths = table
        # Every flush stores a word, and moves on only where that word is full.
        self._words = np.empty((rows * MAX_BITS // int(_WORD_BITS) + 2, lanes), "<u4")
        self._target = np.arange(lanes)
        self._bits = np.zeros(lanes, np.uint64)
        self._count = np.zeros(lanes, np.uint64)

    def append(self, symbols: Symbols) -> None:
        """One symbol to each lane, or to the first lanes."""
        here = slice(len(symbols))
        self._bits[here] |= self._codes.take(symbols) << self._count[here]
        self._count[here] += self._lengths.take(symbols)

    def flush(self) -> None:
        self._words.put(self._target, self._bits.astype(np.uint32))
        full = self._count & _WORD_BITS
        self._target += (full >> _WORD_SHIFT).astype(np.int64) * len(full)
        self._bits >>= full
        self._count ^= full

    def finish(self) -> tuple[Sizes, bytes]:
        """The sizes of the lanes in bytes, and the lanes one after the other."""
        self.flush()
        full_words = self._target // len(self._target)
        sizes = full_words * 4 + (self._count.astype(np.int64) + 7) // 8
        lanes = np.ascontiguousarray(self._words.T).view(np.uint8)
        return sizes.astype("<u2"), lanes[np.arange(lanes.shape[1]) < sizes[:, None]].tobytes()


class _Reader:
    """The position of every lane in the stream, and the bits that follow it."""

    def __init__(self, stream: memoryview, sizes: Sizes, table: Table) -> None:
        self._table = table
        self._mask = np.uint64(len(table) - 1)
        self._words = _overlapping_words(stream)
        self._ends = np.cumsum(sizes, dtype=np.uint64)
        self._positions = (self._ends - sizes) * np.uint64(8)
        self._window = np.empty_like(self._positions)
        self._scratch = np.empty_like(self._positions)
        self._found = np.empty_like(self._positions)

    def fill(self) -> None:
        """Look at the next 33 bits or more of each lane."""
        # A lane that overruns the stream reads its last words again, until `finish` refuses it.
        np.right_shift(self._positions, _WORD_SHIFT, out=self._scratch)
        self._words.take(self._scratch.view(np.int64), out=self._window, mode="clip")
        np.bitwise_and(self._positions, _WORD_BITS - np.uint64(1), out=self._scratch)
        np.right_shift(self._window, self._scratch, out=self._window)

    def take(self, row: Symbols) -> None:
        """One symbol from each lane, or from the first lanes."""
        here = slice(len(row))
        np.bitwise_and(self._window, self._mask, out=self._scratch)
        self._table.take(self._scratch.view(np.int64), out=self._found, mode="clip")
        row[...] = self._found[here]
        np.right_shift(self._found, np.uint64(SYMBOL_BITS), out=self._found)
        self._positions[here] += self._found[here]
        np.right_shift(self._window, self._found, out=self._window)

    def finish(self) -> None:
        """Each lane must end in its last byte, with zero bits. Raises PayloadCorrupt."""
        if not np.array_equal((self._positions + _BYTE_MASK) >> np.uint64(3), self._ends):
            raise PayloadCorrupt("a lane does not end where the next one starts")
        self.fill()
        unused = -self._positions & _BYTE_MASK
        if np.any(self._window & ((np.uint64(1) << unused) - np.uint64(1))):
            raise PayloadCorrupt("a lane is filled up with something else than zeros")


def _overlapping_words(stream: memoryview) -> Table:
    """64 bits of the stream from every 32 bit boundary on, zeros after its end."""
    padded = np.zeros(len(stream) // 4 + 2, "<u4")
    padded.view(np.uint8)[: len(stream)] = np.frombuffer(stream, np.uint8)
    words = padded.astype(np.uint64)
    return words[:-1] | words[1:] << _WORD_BITS
