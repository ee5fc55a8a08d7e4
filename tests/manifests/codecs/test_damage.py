"""Damaged units of the codecs that pack their numbers: refused by name, or the same tensor."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from fivegms_codecs import (
    Codec,
    CodecError,
    Precision,
    TensorUnit,
    UnitLimits,
    decode_tensor,
    dtypes,
    read_unit,
    write_tensor,
)

Array = NDArray[np.generic]

LIMITS = UnitLimits(max_tensor_bytes=1 << 20)
CODINGS = [
    (Precision.INT4, Codec.INT4_ZSTD),
    (Precision.CODEBOOK, Codec.CODEBOOK_ZSTD),
    (Precision.FP32, Codec.SPARSE_ZSTD),
    (Precision.INT8, Codec.INT8_HUFFMAN),
]


def weights(*shape: int) -> Array:
    array = np.random.default_rng(10).normal(0, 0.02, shape).astype(np.float32)
    array[array < 0] = 0
    return array


UNITS = [write_tensor("w", weights(37, 45), *coding) for coding in CODINGS]
MASKED, GAPPED = weights(40, 40), weights(40, 40) * (weights(40, 40) > 0.03)
UNITS += [write_tensor("w", MASKED, *CODINGS[2]), write_tensor("w", GAPPED, *CODINGS[2])]

any_floats = st.sampled_from(sorted(dtypes.FLOATS)).flatmap(
    lambda dtype: arrays.arrays(dtype.numpy, arrays.array_shapes(min_dims=0, min_side=0))
)


def decoded(data: bytes) -> tuple[object, ...] | None:
    """What a unit holds, or None where it is refused."""
    try:
        unit = read_unit(data, LIMITS)
        if not isinstance(unit, TensorUnit):
            return ()
        return unit.name, unit.shape, unit.dtype, decode_tensor(unit).tobytes()
    except CodecError:
        return None


@pytest.mark.parametrize("unit", UNITS)
def test_the_units_themselves_are_read(unit: bytes) -> None:
    assert decoded(unit)


@given(any_floats, st.sampled_from(CODINGS))
def test_a_tensor_of_any_shape_keeps_it(array: Array, coding: tuple[Precision, Codec]) -> None:
    unit = read_unit(write_tensor("w", array, *coding))
    assert isinstance(unit, TensorUnit)
    tensor = decode_tensor(unit)
    assert (tensor.shape, tensor.dtype) == (array.shape, array.dtype)


@pytest.mark.parametrize("coding", CODINGS)
def test_the_same_array_gives_the_same_bytes(coding: tuple[Precision, Codec]) -> None:
    array = weights(40, 40)
    swapped = array.astype(array.dtype.newbyteorder(">"))
    written = {write_tensor("w", a, *coding) for a in (array, np.asfortranarray(array), swapped)}
    assert len(written) == 1


@pytest.mark.parametrize("coding", CODINGS)
def test_a_buffer_of_the_caller_is_filled_in_place(coding: tuple[Precision, Codec]) -> None:
    unit = read_unit(write_tensor("w", weights(40, 40), *coding))
    assert isinstance(unit, TensorUnit)
    out = np.full((40, 40), 9, np.float32)
    assert decode_tensor(unit, out) is out
    np.testing.assert_array_equal(out, decode_tensor(unit))


@given(st.sampled_from(UNITS), st.data())
def test_flipped_bits_are_refused_or_change_nothing(unit: bytes, data: st.DataObject) -> None:
    damaged = bytearray(unit)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(unit) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert decoded(bytes(damaged)) in (None, decoded(unit))


@given(st.sampled_from(UNITS), st.data())
def test_a_unit_cut_or_prolonged_is_refused(unit: bytes, data: st.DataObject) -> None:
    assert decoded(unit[: data.draw(st.integers(0, len(unit) - 1))]) is None
    assert decoded(unit + data.draw(st.binary(min_size=1, max_size=9))) is None
