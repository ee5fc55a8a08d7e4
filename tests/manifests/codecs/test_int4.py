"""int4+zstd: 15 levels per output channel, two to a byte."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from fivegms_codecs import (
    Codec,
    DType,
    Precision,
    TensorUnit,
    decode_tensor,
    errors,
    frames,
    half_bytes,
    read_unit,
    write_tensor,
)

Array = NDArray[np.generic]


def sent(array: Array) -> TensorUnit:
    unit = read_unit(write_tensor("w", array, Precision.INT4, Codec.INT4_ZSTD))
    assert isinstance(unit, TensorUnit)
    return unit


def weights(*shape: int, dtype: str = "float32") -> Array:
    return np.random.default_rng(3).normal(0, 0.02, shape).astype(dtype)


def parts(unit: TensorUnit) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """The scales and the values of a unit."""
    channels, count = unit.shape[0], int(np.prod(unit.shape))
    packed = np.empty((half_bytes.packed_bytes(count), 1), np.uint8)
    frames.unpack(unit.payload[4 * channels :], packed)
    halves = half_bytes.unpack(packed[:, 0], count).astype(np.int8)
    values = np.where(halves > 7, halves - 16, halves).reshape(channels, -1)
    return np.frombuffer(unit.payload[: 4 * channels], np.float32), values


@pytest.mark.requirement("R140")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 40), (37, 45), (33, 3, 5, 5)])
def test_the_ue_multiplies_values_of_15_levels_with_a_scale_per_channel(
    dtype: str, shape: tuple[int, ...]
) -> None:
    array = weights(*shape, dtype=dtype)
    unit = sent(array)
    assert (unit.stored, unit.codec) == (DType.INT8, Codec.INT4_ZSTD)
    scales, values = parts(unit)
    assert (values.min(), values.max()) == (-7, 7)
    expected = (scales[:, None] * values).reshape(shape).astype(dtype)
    np.testing.assert_array_equal(decode_tensor(unit), expected)


@pytest.mark.requirement("R140")
def test_it_takes_half_the_bytes_of_int8() -> None:
    array = weights(256, 512)
    int8 = write_tensor("w", array, Precision.INT8, Codec.INT8_ZSTD)
    int4 = write_tensor("w", array, Precision.INT4, Codec.INT4_ZSTD)
    assert len(int4) < 0.52 * len(int8)


@pytest.mark.parametrize("freedom", [1e9, 3])
def test_the_scale_clips_where_that_costs_least(freedom: float) -> None:
    array = np.random.default_rng(4).standard_t(freedom, (64, 1024)).astype(np.float32)
    scales, _ = parts(sent(array))
    peaks = np.abs(array).max(axis=1)
    unclipped = np.rint(array / peaks[:, None] * 7) * peaks[:, None] / 7
    assert (scales < peaks / 7).all()
    error = np.square(decode_tensor(sent(array)) - array).sum()
    assert error < 0.7 * np.square(unclipped - array).sum()


def test_no_number_within_the_levels_is_off_by_more_than_half_a_scale() -> None:
    array = weights(64, 256)
    unit = sent(array)
    scales, _ = parts(unit)
    within = np.abs(array) <= 7.5 * scales[:, None]
    error = np.abs(decode_tensor(unit) - array)
    assert (error <= 0.5001 * scales[:, None])[within].all()
    assert (np.abs(decode_tensor(unit)) <= 7.0001 * scales[:, None]).all()


def test_zeros_and_channels_of_zeros_stay_zero() -> None:
    array = weights(40, 40)
    array[5] = 0
    array[:, ::2] = 0
    decoded = decode_tensor(sent(array))
    assert not decoded[5].any()
    assert not decoded[:, ::2].any()


@pytest.mark.parametrize(
    ("dtype", "peak"),
    [
        ("float16", np.finfo(np.float16).max),
        ("float32", np.finfo(np.float32).max),
        ("float64", np.finfo(np.float32).max),
        ("float32", 1e-45),
        ("float64", 1e-300),
    ],
)
def test_the_ends_of_the_range_neither_overflow_nor_warn(dtype: str, peak: float) -> None:
    array = (np.sign(weights(40, 40)) * np.float64(peak)).astype(dtype)
    decoded = decode_tensor(sent(array))
    assert np.isfinite(decoded).all()
    np.testing.assert_allclose(decoded, array, rtol=0.15, atol=1e-40)


@pytest.mark.parametrize(
    "array",
    [
        np.ones((32, 32), np.float32),
        np.ones(5000, np.float32),
        np.ones((300, 7), np.float32),
        np.ones((40, 50), np.int64),
        np.full((40, 50), np.inf, np.float32),
        np.full((40, 50), np.nan, np.float32),
    ],
    ids=["1024 elements", "a vector", "channels of 7", "integers", "infinity", "NaN"],
)
def test_what_int4_cannot_hold_safely_stays_exact(array: Array) -> None:
    unit = sent(array)
    assert (unit.stored, unit.codec) == (unit.dtype, Codec.PLANES_ZSTD)
    assert decode_tensor(unit).tobytes() == array.tobytes()


def with_pairs(unit: TensorUnit, pairs: NDArray[np.uint8]) -> TensorUnit:
    scales = bytes(unit.payload[: 4 * unit.shape[0]])
    packed = b"".join(frames.pack(pairs.reshape(-1, 1)))
    return replace(unit, payload=memoryview(scales + packed))


def test_a_value_that_no_writer_writes_is_refused() -> None:
    unit = sent(weights(40, 40))
    with pytest.raises(errors.PayloadCorrupt, match="-7"):
        decode_tensor(with_pairs(unit, np.full(800, 0x08, np.uint8)))


def test_a_half_byte_after_the_last_value_is_refused() -> None:
    unit = sent(weights(37, 45))
    with pytest.raises(errors.PayloadCorrupt, match="half byte"):
        decode_tensor(with_pairs(unit, np.full(833, 0x11, np.uint8)))


@pytest.mark.parametrize("scale", [np.nan, np.inf, -1.0, 3e38], ids=str)
def test_a_scale_that_no_writer_writes_is_refused(scale: float) -> None:
    unit = sent(weights(40, 40))
    payload = np.float32(scale).tobytes() + bytes(unit.payload[4:])
    with pytest.raises(errors.PayloadCorrupt, match="scale"):
        decode_tensor(replace(unit, payload=memoryview(payload)))
