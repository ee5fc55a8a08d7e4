"""Digits of any base, several to a byte."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fivegms_codecs import bases
from fivegms_codecs.errors import PayloadCorrupt

cases = st.integers(2, 256).flatmap(
    lambda base: st.tuples(
        st.just(base),
        arrays.arrays(np.uint8, st.integers(0, 40), elements=st.integers(0, base - 1)),
    )
)


@pytest.mark.parametrize(
    ("base", "count"), [(2, 8), (3, 5), (4, 4), (6, 3), (7, 2), (16, 2), (17, 1), (256, 1)]
)
def test_as_many_digits_as_fit_share_a_byte(base: int, count: int) -> None:
    assert bases.per_byte(base) == count
    assert bases.packed_bytes(10 * count + 1, base) == 11


@given(cases)
def test_digits_come_back(case: tuple[int, bases.Bytes]) -> None:
    base, digits = case
    packed = bases.pack(digits, base)
    assert len(packed) == bases.packed_bytes(len(digits), base)
    np.testing.assert_array_equal(bases.unpack(packed, len(digits), base), digits)


def test_a_byte_that_is_no_digits_is_refused() -> None:
    with pytest.raises(PayloadCorrupt, match="no 3 digits of base 6"):
        bases.unpack(np.array([216], np.uint8), 3, 6)


def test_a_digit_after_the_last_is_refused() -> None:
    with pytest.raises(PayloadCorrupt, match="follows"):
        bases.unpack(np.array([16], np.uint8), 1, 16)
