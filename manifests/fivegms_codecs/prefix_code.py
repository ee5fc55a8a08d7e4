"""Canonical prefix (Huffman) codes of the 256 byte values, of at most 15 bits a code.

A code is wholly said by its lengths: codes of one length are consecutive, in the order of their
symbols, and follow those of all shorter lengths, as in RFC 1951 3.2.2. Bits go least significant
first, so each code stands reversed, and a table indexed by the next bits gives symbol and length.
Every code is complete: whatever the bits are, they mean something. It knows no stream.
"""

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt

MAX_BITS = 15
"""The longest code that a reader takes. Part of the format."""

SYMBOLS = 256

Lengths = NDArray[np.uint8]
Words = NDArray[np.uint64]

_LENGTH_SHIFT = 16


def code_lengths(counts: NDArray[np.int64], max_bits: int = MAX_BITS) -> Lengths:
    """The lengths [256] of the best code for symbols that occur `counts` [256] times.

    A symbol that does not occur has length 0. A code of one symbol would have no bits, so a second
    symbol of length 1 completes it. Package-merge (Larmore and Hirschberg 1990): `max_bits` rows
    of the cheapest pairs of the row below; the first 2n - 2 packages of the last row are the code.
    """
    occurring = [int(symbol) for symbol in np.flatnonzero(counts)]
    if len(occurring) < 2:
        occurring = sorted({0, 1, *occurring})[-2:] if occurring != [0] else [0, 1]
    leaves = sorted((int(counts[symbol]), (symbol,)) for symbol in occurring)
    row = leaves
    for _ in range(max_bits - 1):
        row = list(heapq.merge(leaves, _pairs(row)))
    chosen = [symbol for _, symbols in row[: 2 * len(leaves) - 2] for symbol in symbols]
    return np.bincount(chosen, minlength=SYMBOLS).astype(np.uint8)


def check_lengths(lengths: Lengths) -> None:
    """Refuse lengths that are of no complete code. Raises PayloadCorrupt."""
    longest = int(lengths.max())
    if longest > MAX_BITS:
        raise PayloadCorrupt(f"a code of {longest} bits; at most {MAX_BITS} are allowed")
    used = lengths[lengths > 0].astype(np.int64)
    share = int(np.sum(1 << (MAX_BITS - used)))
    if share != 1 << MAX_BITS:
        what = "incomplete" if share < 1 << MAX_BITS else "over-subscribed"
        raise PayloadCorrupt(f"the code is {what}: its lengths fill {share / (1 << MAX_BITS):.6f}")


def encoding_table(lengths: Lengths) -> Words:
    """[256]: for each symbol, its reversed code, and its length from bit 16 up."""
    table = np.zeros(SYMBOLS, np.uint64)
    for symbol, length, code in _codes(lengths):
        table[symbol] = length << _LENGTH_SHIFT | code
    return table


def decoding_table(lengths: Lengths) -> Words:
    """[2 ** longest]: for each value of the next bits, the symbol, and its length from bit 8 up."""
    table = np.zeros(1 << int(lengths.max()), np.uint64)
    for symbol, length, code in _codes(lengths):
        table[code :: 1 << length] = length << 8 | symbol
    return table


def _pairs(row: list[tuple[int, tuple[int, ...]]]) -> list[tuple[int, tuple[int, ...]]]:
    pairs = zip(row[::2], row[1::2], strict=False)
    return [(left[0] + right[0], left[1] + right[1]) for left, right in pairs]


def _codes(lengths: Lengths) -> Iterator[tuple[int, int, int]]:
    """Yield symbol, length and reversed code, in canonical order."""
    code = previous = 0
    for symbol in np.argsort(lengths, kind="stable"):
        length = int(lengths[symbol])
        if length:
            code <<= length - previous
            yield int(symbol), length, int(f"{code:0{length}b}"[::-1], 2)
            code, previous = code + 1, length
