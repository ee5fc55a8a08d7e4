"""Canonical prefix (Huffman) codes of the 256 byte values, of at most 15 bits a code.

A code is wholly said by its lengths: codes of one length are consecutive, in the order of their
symbols, and follow those of all shorter lengths, as in RFC 1951 3.2.2. A stream gives the first bit
of a code first, so in a number, whose lowest bit comes first, codes stand reversed; a table indexed
by the next bits then tells symbol and length. Every code is complete: whatever the bits are, they
mean something. It knows no stream.
"""

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt

MAX_BITS = 15
"""The longest code that a reader takes. Part of the format."""

SYMBOLS = 256
SYMBOL_BITS = 8

Lengths = NDArray[np.uint8]
Table = NDArray[np.uint64]

_Package = tuple[int, tuple[int, ...]]
"""A weight, and the symbols that it is made of."""


def code_lengths(counts: NDArray[np.int64], max_bits: int = MAX_BITS) -> Lengths:
    """The lengths [256] of the best code for symbols that occur `counts` [256] times.

    A symbol that does not occur has length 0; the code of a single symbol, which would have no
    bits, is completed by a second one. Package-merge (Larmore and Hirschberg, J. ACM 37, 1990):
    `max_bits` times, the cheapest pairs of a row join the symbols in the next; the length of a code
    is how often its symbol is among the first 2n - 2 packages of the last row.
    """
    occurring = [int(symbol) for symbol in np.flatnonzero(counts)]
    unused = [symbol for symbol in range(2) if symbol not in occurring]
    occurring += unused[: max(0, 2 - len(occurring))]
    # With a weight of 0, a package could be as cheap as a symbol in it and be taken before it.
    weights = {symbol: max(1, int(counts[symbol])) for symbol in occurring}
    leaves: list[_Package] = sorted((weights[symbol], (symbol,)) for symbol in occurring)
    row = leaves
    for _ in range(max_bits - 1):
        row = list(heapq.merge(leaves, _pairs(row)))
    chosen = [symbol for _, symbols in row[: 2 * len(leaves) - 2] for symbol in symbols]
    return np.bincount(chosen, minlength=SYMBOLS).astype(np.uint8)


def check_lengths(lengths: Lengths) -> None:
    """Refuse lengths [256] that are of no complete code. Raises PayloadCorrupt."""
    longest = int(lengths.max())
    if longest > MAX_BITS:
        raise PayloadCorrupt(f"a code of {longest} bits; at most {MAX_BITS} are allowed")
    whole = 1 << MAX_BITS
    filled = int(np.sum(whole >> lengths[lengths > 0].astype(np.int64)))
    if filled != whole:
        what = "incomplete" if filled < whole else "over-subscribed"
        raise PayloadCorrupt(f"the code is {what}: it fills {filled} parts of {whole}")


def encoding_table(lengths: Lengths) -> tuple[Table, Table]:
    """For each symbol [256], its reversed code and the length of it."""
    table = np.zeros(SYMBOLS, np.uint64)
    for symbol, _, code in _codes(lengths):
        table[symbol] = code
    return table, lengths.astype(np.uint64)


def decoding_table(lengths: Lengths) -> Table:
    """For each value of the next bits [2 ** longest], the symbol, and above it the length."""
    table = np.zeros(1 << int(lengths.max()), np.uint64)
    for symbol, length, code in _codes(lengths):
        table[code :: 1 << length] = length << SYMBOL_BITS | symbol
    return table


def _pairs(row: list[_Package]) -> list[_Package]:
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
