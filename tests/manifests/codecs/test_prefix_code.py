"""Prefix codes: complete, as short as can be within their limit, and said by their lengths."""

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fivegms_codecs import errors
from fivegms_codecs.prefix_code import (
    MAX_BITS,
    SYMBOLS,
    check_lengths,
    code_lengths,
    decoding_table,
    encoding_table,
)

Counts = NDArray[np.int64]

some_counts = st.dictionaries(st.integers(0, 255), st.integers(1, 10**6), max_size=256)


def counts_of(occurring: dict[int, int]) -> Counts:
    counts = np.zeros(SYMBOLS, np.int64)
    for symbol, count in occurring.items():
        counts[symbol] = count
    return counts


def lengths_of(*lengths: int) -> NDArray[np.uint8]:
    return np.array([*lengths, *[0] * (SYMBOLS - len(lengths))], np.uint8)


def huffman_cost(occurring: dict[int, int]) -> int:
    """The bits of Huffman's own code, which knows no limit."""
    heap, cost = list(occurring.values()), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        heapq.heappush(heap, joined)
        cost += joined
    return cost


@given(some_counts, st.integers(8, MAX_BITS))
def test_every_symbol_that_occurs_has_a_code_and_the_code_is_complete(
    occurring: dict[int, int], max_bits: int
) -> None:
    lengths = code_lengths(counts_of(occurring), max_bits)
    check_lengths(lengths)
    assert lengths.max() <= max_bits
    assert set(occurring) <= set(np.flatnonzero(lengths))
    assert np.count_nonzero(lengths) == max(2, len(occurring))


@given(some_counts)
def test_no_code_is_shorter(occurring: dict[int, int]) -> None:
    counts = counts_of(occurring)
    lengths = code_lengths(counts, max_bits=300)
    if len(occurring) > 1:
        assert int(counts @ lengths) == huffman_cost(occurring)


def test_a_limit_costs_few_bits() -> None:
    fibonacci = {symbol: int(1.618**symbol) + 1 for symbol in range(40)}
    counts = counts_of(fibonacci)
    assert code_lengths(counts, 40).max() > MAX_BITS
    limited = code_lengths(counts)
    assert limited.max() == MAX_BITS
    assert int(counts @ limited) < 1.01 * huffman_cost(fibonacci)


@pytest.mark.parametrize("symbol", [None, 0, 1, 200])
def test_a_single_symbol_is_joined_by_another(symbol: int | None) -> None:
    lengths = code_lengths(counts_of({} if symbol is None else {symbol: 7}))
    assert sorted(lengths[lengths > 0]) == [1, 1]
    assert symbol is None or lengths[symbol] == 1


def test_codes_are_those_of_rfc_1951() -> None:
    """The example of 3.2.2, whose codes stand first bit first there."""
    codes, lengths = encoding_table(lengths_of(3, 3, 3, 3, 3, 2, 4, 4))
    written = [f"{int(codes[s]):0{int(lengths[s])}b}"[::-1] for s in range(8)]
    assert written == ["010", "011", "100", "101", "110", "00", "1110", "1111"]


@given(some_counts)
def test_what_one_table_writes_the_other_reads(occurring: dict[int, int]) -> None:
    lengths = code_lengths(counts_of(occurring))
    codes, bits = encoding_table(lengths)
    table = decoding_table(lengths)
    for symbol in np.flatnonzero(lengths):
        following = (1 << MAX_BITS) - 1
        window = int(codes[symbol]) | following << int(bits[symbol])
        found = int(table[window % len(table)])
        assert (found & 0xFF, found >> 8) == (symbol, bits[symbol])


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (lengths_of(), "incomplete"),
        (lengths_of(1), "incomplete"),
        (lengths_of(1, 2, 3), "incomplete"),
        (lengths_of(1, 1, 1), "over-subscribed"),
        (np.full(SYMBOLS, 1, np.uint8), "over-subscribed"),
        (lengths_of(1, 1, 16), "16 bits"),
        (lengths_of(1, 1, 255), "255 bits"),
    ],
)
def test_lengths_of_no_complete_code_are_refused(lengths: NDArray[np.uint8], message: str) -> None:
    with pytest.raises(errors.PayloadCorrupt, match=message):
        check_lengths(lengths)
