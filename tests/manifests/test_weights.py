"""What is approximated and what is not: the coding granted to each tensor."""

import tracemalloc

import numpy as np
import pytest
from backports import zstd
from numpy.typing import NDArray

from fivegms_codecs import (
    Codec,
    DType,
    Precision,
    TensorUnit,
    decode_tensor,
    frames,
    read_unit,
    write_tensor,
)

Array = NDArray[np.generic]

INT8 = (Precision.INT8, Codec.INT8_ZSTD)
FP16 = (Precision.FP16, Codec.PLANES_ZSTD)


def sent(array: Array, precision: Precision, codec: Codec) -> TensorUnit:
    unit = read_unit(write_tensor("w", array, precision, codec))
    assert isinstance(unit, TensorUnit)
    return unit


def large(dtype: str = "float32") -> Array:
    return np.random.default_rng(1).normal(0, 1, (40, 40)).astype(dtype)


def with_value(value: float, dtype: str = "float32") -> Array:
    array = large(dtype)
    array[3, 3] = value
    return array


@pytest.mark.requirement("R140")
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
def test_int8_sends_a_scale_per_channel_and_the_ue_multiplies(dtype: str) -> None:
    array = large(dtype)
    unit = sent(array, *INT8)
    assert (unit.stored, unit.codec) == (DType.INT8, Codec.INT8_ZSTD)
    assert unit.dtype is DType[dtype.upper()]
    scales = np.frombuffer(unit.payload[: 4 * 40], np.float32)
    values = np.empty((1600, 1), np.uint8)
    frames.unpack(unit.payload[4 * 40 :], values)
    quantised = values.view(np.int8).reshape(40, 40)
    assert quantised.max() == 127 or quantised.min() == -127
    expected = (scales[:, None] * quantised).astype(dtype)
    np.testing.assert_array_equal(decode_tensor(unit), expected)


def test_a_channel_of_zeros_stays_zero() -> None:
    array = large()
    array[5] = 0
    assert not decode_tensor(sent(array, *INT8))[5].any()


@pytest.mark.parametrize(
    "coding", [(Precision.INT8, Codec.INT8_ZSTD), (Precision.INT4, Codec.INT4_ZSTD)]
)
def test_no_zero_gets_a_sign(coding: tuple[Precision, Codec]) -> None:
    array = large()
    array[3] = 0
    array[4] = -0.0
    decoded = decode_tensor(sent(array, *coding))
    assert not np.signbit(decoded[3:5]).any()


def test_float16_numbers_take_little_more_than_the_unit_and_the_tensor() -> None:
    array = np.random.default_rng(2).normal(size=(2048, 1024)).astype(np.float32)
    out = np.empty_like(array)
    tracemalloc.start()
    try:
        unit = sent(array, Precision.FP16, Codec.PLANES_ZSTD)
        decode_tensor(unit, out)
        assert tracemalloc.get_traced_memory()[1] < len(unit.payload) + (5 << 20)
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(out, array.astype(np.float16))


EXACT_UNDER_INT8 = {
    "1024 elements": np.ones((32, 32), np.float32),
    "a vector": np.ones(5000, np.float32),
    "channels of 7": np.ones((300, 7), np.float32),
    "integers": np.arange(2000, dtype=np.int64).reshape(40, 50),
    "NaN": with_value(np.nan),
    "infinity": with_value(-np.inf),
    "beyond float32": with_value(1e300, "float64"),
}


@pytest.mark.parametrize("array", EXACT_UNDER_INT8.values(), ids=EXACT_UNDER_INT8.keys())
def test_what_int8_cannot_hold_safely_stays_exact(array: Array) -> None:
    unit = sent(array, *INT8)
    assert (unit.stored, unit.codec) == (unit.dtype, Codec.PLANES_ZSTD)
    assert decode_tensor(unit).tobytes() == array.tobytes()


EXACT_UNDER_FP16 = {
    "1024 elements": np.full((32, 32), 1e-9, np.float32),
    "a vector": np.full(5000, 1e-9, np.float32),
    "integers": np.arange(2000, dtype=np.int32).reshape(40, 50),
    "NaN": with_value(np.nan),
    "beyond float16": with_value(65520),
}


@pytest.mark.parametrize("array", EXACT_UNDER_FP16.values(), ids=EXACT_UNDER_FP16.keys())
def test_what_float16_cannot_hold_safely_stays_exact(array: Array) -> None:
    unit = sent(array, *FP16)
    assert (unit.stored, unit.codec) == (unit.dtype, Codec.PLANES_ZSTD)
    assert decode_tensor(unit).tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float16_numbers_are_rounded_to_nearest(dtype: str) -> None:
    array = large(dtype)
    unit = sent(array, *FP16)
    assert unit.stored is DType.FLOAT16
    np.testing.assert_array_equal(decode_tensor(unit), array.astype(np.float16).astype(dtype))


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
    array = (np.sign(large()) * np.float64(peak)).astype(dtype)
    decoded = decode_tensor(sent(array, *INT8))
    assert np.isfinite(decoded).all()
    np.testing.assert_allclose(decoded, array, rtol=1e-3, atol=1e-40)


def test_planes_are_the_least_significant_bytes_first() -> None:
    array = np.array([0x01020304, 0x05060708], np.uint32)
    unit = sent(array, Precision.FP32, Codec.PLANES_ZSTD)
    assert zstd.decompress(unit.payload) == bytes([4, 8, 3, 7, 2, 6, 1, 5])


def test_a_tensor_of_several_frames_comes_back() -> None:
    count = frames.BLOCK_BYTES // 4 * 2 + 3
    array = np.arange(count, dtype=np.int32)
    unit = sent(array, Precision.FP32, Codec.PLANES_ZSTD)
    np.testing.assert_array_equal(decode_tensor(unit), array)
    whole_frames = [frames.BLOCK_BYTES, frames.BLOCK_BYTES, 12]
    payload = unit.payload
    for size in whole_frames:
        payload = payload[frames.frame_size(payload, size) :]
    assert not payload
