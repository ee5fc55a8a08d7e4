"""The k-th smallest of numbers in several arrays is found exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_prepare.optimise.ranking import kth_smallest

SCORES = st.lists(
    st.floats(min_value=0, width=32, allow_infinity=True, allow_nan=False), max_size=20
)


@given(st.lists(SCORES, min_size=1, max_size=4), st.data())
def test_as_sorting_says(parts: list[list[float]], data: st.DataObject) -> None:
    arrays = [np.abs(np.array(part, np.float32)) for part in parts]
    everything = np.sort(np.concatenate(arrays))
    if not len(everything):
        return
    k = data.draw(st.integers(0, len(everything) - 1))
    assert kth_smallest(lambda: arrays, k) == everything[k]


@pytest.mark.parametrize("k", [-1, 2])
def test_a_rank_that_is_not_there(k: int) -> None:
    with pytest.raises(IndexError):
        kth_smallest(lambda: [np.zeros(2, np.float32)], k)
