"""Lanes of prefix codes: what is dealt to them comes back, bit for bit as the page says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fivegms_codecs import errors
from fivegms_codecs.lanes import decode, encode, lane_count
from fivegms_codecs.prefix_code import MAX_BITS, SYMBOLS, Lengths, code_lengths, encoding_table

Symbols = NDArray[np.uint8]


def code_for(symbols: Symbols, max_bits: int = MAX_BITS) -> Lengths:
    return code_lengths(np.bincount(symbols, minlength=SYMBOLS), max_bits)


def decoded(stream: bytes, sizes: NDArray[np.uint16], lengths: Lengths, count: int) -> Symbols:
    out = np.empty(count, np.uint8)
    decode(memoryview(stream), sizes, lengths, out)
    return out


def skewed(count: int) -> Symbols:
    """Symbols with codes of 1 to 15 bits."""
    return np.random.default_rng(count).geometric(0.4, count).clip(1, 40).astype(np.uint8)


@given(st.integers(0, 2**32), st.integers(1, 3000), st.integers(8, MAX_BITS))
def test_symbols_come_back(seed: int, count: int, max_bits: int) -> None:
    random = np.random.default_rng(seed)
    symbols = random.normal(128, random.uniform(0, 60), count).clip(0, 255).astype(np.uint8)
    lengths = code_for(symbols, max_bits)
    sizes, stream = encode(symbols, lengths)
    assert (len(sizes), sizes.sum()) == (lane_count(count), len(stream))
    np.testing.assert_array_equal(decoded(stream, sizes, lengths, count), symbols)


@pytest.mark.parametrize("count", [1, 256, 257, 2**18 - 1, 2**18 + 1, 2**20, 2**20 + 1])
def test_lanes_of_every_length_come_back(count: int) -> None:
    symbols = skewed(count)
    lengths = code_for(symbols)
    sizes, stream = encode(symbols, lengths)
    np.testing.assert_array_equal(decoded(stream, sizes, lengths, count), symbols)


def test_the_number_of_lanes_follows_from_the_number_of_symbols() -> None:
    counts = [1, 256, 257, 2**18 - 1, 2**18, 2**20 - 1, 2**20, 2**22]
    assert [lane_count(count) for count in counts] == [1, 1, 2, 1024, 512, 2048, 1024, 4096]


def test_bits_are_dealt_and_packed_as_the_page_says() -> None:
    symbols = skewed(700)
    lengths = code_for(symbols)
    codes, bits = encoding_table(lengths)
    expected = b""
    for lane in range(3):
        dealt = [
            int(codes[symbol]) >> bit & 1
            for symbol in symbols[lane::3]
            for bit in range(int(bits[symbol]))
        ]
        expected += np.packbits(np.array(dealt, np.uint8), bitorder="little").tobytes()
    assert encode(symbols, lengths)[1] == expected


def test_a_lane_that_does_not_end_with_its_bytes_is_refused() -> None:
    symbols = skewed(2000)
    lengths = code_for(symbols)
    sizes, stream = encode(symbols, lengths)
    for change in (1, -1):
        moved = sizes.astype(np.int64)
        moved[:2] += [change, -change]
        with pytest.raises(errors.PayloadCorrupt, match="next one starts"):
            decoded(stream, moved.astype(np.uint16), lengths, len(symbols))


def test_a_stream_that_is_too_short_or_too_long_is_refused() -> None:
    symbols = skewed(300)
    lengths = code_for(symbols)
    sizes, stream = encode(symbols, lengths)
    for change, other in ((-1, stream[:-1]), (-40, stream[:-40]), (1, stream + b"\0")):
        changed = sizes.astype(np.int64)
        changed[-1] += change
        with pytest.raises(errors.PayloadCorrupt):
            decoded(other, changed.astype(np.uint16), lengths, len(symbols))


def test_bits_after_the_last_code_are_refused() -> None:
    symbols = np.array([3, 3, 4], np.uint8)
    lengths = code_for(symbols)
    sizes, stream = encode(symbols, lengths)
    with pytest.raises(errors.PayloadCorrupt, match="zeros"):
        decoded(bytes([stream[0] | 0x80]), sizes, lengths, 3)


@given(st.binary(min_size=1, max_size=400), st.integers(1, 256))
def test_noise_is_refused_or_decodes_within_its_bounds(stream: bytes, count: int) -> None:
    lengths = code_for(skewed(5000))
    try:
        symbols = decoded(stream, np.array([len(stream)], np.uint16), lengths, count)
    except errors.PayloadCorrupt:
        return
    assert encode(symbols, lengths)[1] == stream
