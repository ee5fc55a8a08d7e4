"""Levels of a calibrated range: within half a level inside it, its ends outside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fivegms_codecs.errors import ParameterSetMalformed
from fivegms_codecs.frames import BLOCK_BYTES
from fivegms_codecs.intermediate import Quantiser, calibrated, levels
from support.intermediate import Array

moderate = st.floats(-1e6, 1e6, width=32)
ranges = st.tuples(moderate, moderate).map(lambda ends: (min(ends), max(ends)))


def decoded(array: Array, quantiser: Quantiser) -> Array:
    payload = memoryview(b"".join(levels.encode(array, quantiser)))
    levels.check(payload, array.shape, quantiser)
    out = np.empty_like(array)
    levels.decode(payload, out, quantiser)
    return out


@given(ranges, st.integers(2, 256), arrays.arrays(np.float64, 20, elements=moderate))
def test_a_number_is_off_by_half_a_level_or_clipped(
    ends: tuple[float, float], count: int, array: Array
) -> None:
    quantiser = calibrated([ends], count)
    [scale], [zero] = quantiser.scales, quantiser.zero_points
    lowest, highest = -zero * scale, (count - 1 - zero) * scale
    rounding = 1e-6 * max(map(abs, ends)) + float(np.finfo(np.float32).smallest_normal)
    assert lowest <= ends[0] + scale / 2 + rounding
    assert highest >= ends[1] - scale / 2 - rounding
    error = np.abs(decoded(array, quantiser) - np.clip(array, lowest, highest))
    assert error.max() <= scale / 2 + rounding


@given(ranges.filter(lambda ends: ends[0] <= 0 <= ends[1]), st.integers(2, 256))
def test_zero_stays_zero_where_the_range_holds_it(ends: tuple[float, float], count: int) -> None:
    assert decoded(np.zeros(3, np.float32), calibrated([ends], count)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_each_index_of_an_axis_has_its_range(axis: int, dtype: str) -> None:
    array = np.random.default_rng(4).normal(5, 1, (3, 4, 5)) * np.arange(1, 5)[:, None]
    array = array.astype(dtype)
    others = tuple(set(range(3)) - {axis})
    ends = zip(array.min(others).tolist(), array.max(others).tolist(), strict=True)
    quantiser = calibrated(list(ends), 256, axis)
    scales = np.expand_dims(np.array(quantiser.scales), others)
    error = np.abs(decoded(array, quantiser).astype(np.float64) - array)
    assert (error <= 1.01 * scales + np.finfo(dtype).eps * np.abs(array)).all()


def test_more_numbers_than_a_frame_holds() -> None:
    array = np.random.default_rng(5).integers(0, 4, 4 * BLOCK_BYTES + 77).astype(np.float32)
    np.testing.assert_array_equal(decoded(array, calibrated([(0, 3)], 4)), array)


def test_16_levels_of_sparse_maps_take_a_fifteenth_of_the_numbers() -> None:
    array = np.maximum(np.random.default_rng(6).normal(-1, 1, (64, 40, 40)), 0).astype(np.float32)
    payload = b"".join(levels.encode(array, calibrated([(0, 3)], 16)))
    assert len(payload) < array.nbytes / 15


def test_numbers_far_beyond_the_range_are_clipped_without_a_warning() -> None:
    array = np.array([1e300, -1e300, 1e-300])
    assert decoded(array, calibrated([(0, 1e-38)], 2)).tolist() == pytest.approx(
        [1e-38, 0, 0], rel=1e-6, abs=0
    )


def test_a_range_of_one_number_or_far_from_zero_reaches_zero() -> None:
    assert calibrated([(2, 2)], 3) == Quantiser(3, (1.0,), (0,))
    assert calibrated([(-1, -1)], 3) == Quantiser(3, (0.5,), (2,))
    assert calibrated([(0, 0)], 3) == Quantiser(3, (0.0,), (0,))
    assert calibrated([(1e6, 1e6 + 1)], 11).zero_points == (0,)


@pytest.mark.parametrize(
    "ends", [(1.0, 0.0), (float("nan"), 1.0), (0.0, float("inf")), (-1e300, 1e300)]
)
def test_what_is_no_range_is_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(ParameterSetMalformed, match="range"):
        calibrated([ends], 16)


@pytest.mark.parametrize("count", [0, 1, 257])
def test_a_number_of_levels_that_is_not_coded_is_refused(count: int) -> None:
    with pytest.raises(ParameterSetMalformed, match="2 to 256"):
        calibrated([(0, 1)], count)


def test_no_range_at_all_is_refused() -> None:
    with pytest.raises(ParameterSetMalformed, match="range"):
        calibrated([], 16, axis=0)
