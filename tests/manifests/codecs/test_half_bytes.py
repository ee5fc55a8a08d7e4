"""Numbers of four bits, two to a byte."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_codecs import errors
from fivegms_codecs.half_bytes import pack, packed_bytes, unpack


@given(st.lists(st.integers(0, 15)))
def test_numbers_come_back(numbers: list[int]) -> None:
    pairs = pack(np.array(numbers, np.uint8))
    assert len(pairs) == packed_bytes(len(numbers))
    assert unpack(pairs, len(numbers)).tolist() == numbers


def test_the_first_of_a_pair_is_the_low_half() -> None:
    assert pack(np.array([1, 2, 0xF3], np.uint8)).tolist() == [0x21, 0x03]


def test_many_numbers_come_back() -> None:
    numbers = np.random.default_rng(1).integers(0, 16, 1_200_001).astype(np.uint8)
    np.testing.assert_array_equal(unpack(pack(numbers), len(numbers)), numbers)


def test_a_half_that_is_left_over_is_zero() -> None:
    with pytest.raises(errors.PayloadCorrupt, match="half byte"):
        unpack(np.array([0x21, 0x43], np.uint8), 3)
