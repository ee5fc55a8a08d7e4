"""Small levels, several to a byte."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fivegms_codecs import digits
from fivegms_codecs.errors import PayloadCorrupt


@pytest.mark.parametrize(("peak", "count"), [(1, 5), (2, 3), (3, 2), (7, 2), (8, 1), (127, 1)])
def test_as_many_digits_as_fit_share_a_byte(peak: int, count: int) -> None:
    assert digits.per_byte(peak) == count
    assert digits.packed_bytes(10 * count + 1, peak) == 11


def test_the_first_digit_is_the_least() -> None:
    assert digits.pack(np.array([1, -2, 0, 2], np.int8), 2).tolist() == [3 + 0 * 5 + 2 * 25, 4]


@given(
    st.integers(1, 127).flatmap(
        lambda peak: st.tuples(
            st.just(peak),
            arrays.arrays(np.int8, st.integers(0, 40), elements=st.integers(-peak, peak)),
        )
    )
)
def test_levels_come_back(case: tuple[int, np.ndarray]) -> None:
    peak, levels = case
    packed = digits.pack(levels, peak)
    assert len(packed) == digits.packed_bytes(len(levels), peak)
    np.testing.assert_array_equal(digits.unpack(packed, len(levels), peak), levels)


def test_a_byte_that_is_no_digits_is_refused() -> None:
    with pytest.raises(PayloadCorrupt, match="no 5 digits of base 3"):
        digits.unpack(np.array([243], np.uint8), 5, 1)


def test_a_digit_after_the_last_level_is_refused() -> None:
    with pytest.raises(PayloadCorrupt, match="follows"):
        digits.unpack(np.array([0, 9], np.uint8), 7, 1)
