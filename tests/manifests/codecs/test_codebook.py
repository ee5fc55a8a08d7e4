"""codebook+zstd: the best few numbers of a tensor, and indices."""

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from fivegms_codecs import (
    Codec,
    DType,
    Precision,
    TensorUnit,
    codebook,
    decode_tensor,
    errors,
    frames,
    read_unit,
    write_tensor,
)

Array = NDArray[np.generic]


def sent(array: Array) -> TensorUnit:
    unit = read_unit(write_tensor("w", array, Precision.CODEBOOK, Codec.CODEBOOK_ZSTD))
    assert isinstance(unit, TensorUnit)
    return unit


def weights(*shape: int, dtype: str = "float32") -> Array:
    return np.random.default_rng(5).normal(0, 0.02, shape).astype(dtype)


def entries_of(unit: TensorUnit) -> NDArray[np.float32]:
    return np.frombuffer(unit.payload[1 : 5 + 4 * unit.payload[0]], np.float32)


def payload(entries: Sequence[float], packed: Array) -> memoryview:
    side = struct.pack(f"<B{len(entries)}f", len(entries) - 1, *entries)
    return memoryview(side + b"".join(frames.pack(packed.reshape(-1, 1))))


def decibels(array: Array, decoded: Array) -> float:
    error = np.square(decoded - array, dtype=np.float64).sum()
    return float(10 * np.log10(np.square(array, dtype=np.float64).sum() / error))


@pytest.mark.requirement("R141")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 40), (37, 45), (33, 3, 5, 5)])
def test_every_number_becomes_the_entry_nearest_to_it(dtype: str, shape: tuple[int, ...]) -> None:
    array = weights(*shape, dtype=dtype)
    unit = sent(array)
    assert (unit.stored, unit.codec) == (DType.UINT8, Codec.CODEBOOK_ZSTD)
    entries = entries_of(unit)
    assert len(entries) == 16
    decoded = decode_tensor(unit)
    assert set(decoded.reshape(-1)) <= set(entries.astype(dtype))
    distances = np.abs(array.reshape(-1, 1).astype(np.float64) - entries)
    chosen = np.abs(array.reshape(-1).astype(np.float64) - decoded.reshape(-1))
    assert (chosen <= distances.min(axis=1) + 2e-5).all()


@pytest.mark.requirement("R141")
def test_sixteen_entries_are_as_good_as_they_can_be_for_gaussian_weights() -> None:
    """Max 1960 gives 20.22 dB for the best sixteen; int4's levels reach 18.9."""
    array = weights(512, 512)
    assert decibels(array, decode_tensor(sent(array))) > 20.15


def test_more_entries_are_bytes_and_come_closer() -> None:
    array = weights(256, 256)
    closeness = []
    for entries in (2, 16, 17, 256):
        packed = b"".join(codebook.encode(array, DType.UINT8, entries))
        out = np.empty_like(array)
        assert codebook.check(memoryview(packed), array.shape, DType.UINT8) == 1 + 4 * entries
        codebook.decode(memoryview(packed), out, DType.UINT8)
        closeness.append(decibels(array, out))
    assert closeness == sorted(closeness)
    assert closeness[-1] > 40


def test_a_tensor_of_few_numbers_is_exact() -> None:
    array = np.random.default_rng(6).choice([-2.5, 0.0, 0.125, 7.0], (40, 40)).astype(np.float32)
    unit = sent(array)
    assert entries_of(unit).tolist() == [-2.5, 0.0, 0.125, 7.0]
    np.testing.assert_array_equal(decode_tensor(unit), array)


def test_a_constant_tensor_has_one_entry() -> None:
    unit = sent(np.full((40, 40), 1.5, np.float32))
    assert entries_of(unit).tolist() == [1.5]
    assert (decode_tensor(unit) == 1.5).all()


def test_what_was_pruned_stays_zero() -> None:
    array = weights(64, 64)
    array[np.random.default_rng(7).random(array.shape) < 0.3] = 0
    decoded = decode_tensor(sent(array))
    assert not decoded[array == 0].any()


@pytest.mark.requirement("R141")
def test_important_weights_are_approximated_better() -> None:
    array = np.concatenate([weights(32, 64), 10 * weights(32, 64)])
    importance = np.ones((64, 1))
    importance[:32] = 10_000
    errors_of = []
    for known in (None, importance):
        out = np.empty_like(array)
        packed = b"".join(codebook.encode(array, DType.UINT8, importance=known))
        codebook.decode(memoryview(packed), out, DType.UINT8)
        errors_of.append(np.square(out - array)[:32].sum())
    assert errors_of[1] < 0.3 * errors_of[0]


def test_a_large_tensor_is_sampled() -> None:
    array = weights(1024, 512)
    assert decibels(array, decode_tensor(sent(array))) > 20.1


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
    np.testing.assert_allclose(decode_tensor(sent(array)), array, rtol=1e-3, atol=1e-40)


@pytest.mark.parametrize(
    "array",
    [
        np.ones((32, 32), np.float32),
        np.ones((40, 50), np.int64),
        np.full((40, 50), np.inf, np.float32),
    ],
    ids=["1024 elements", "integers", "infinity"],
)
def test_what_a_codebook_cannot_hold_safely_stays_exact(array: Array) -> None:
    unit = sent(array)
    assert (unit.stored, unit.codec) == (unit.dtype, Codec.PLANES_ZSTD)


PAIRS = np.zeros(800, np.uint8)
REFUSED = {
    "nothing": (memoryview(b""), "missing"),
    "half an entry": (memoryview(b"\1\0\0\0"), "belongs"),
    "NaN": (payload([float("nan")], PAIRS), "finite"),
    "infinity": (payload([0, float("inf")], PAIRS), "finite"),
    "descending": (payload([1, 0], PAIRS), "order"),
    "twice": (payload([1, 1], PAIRS), "order"),
    "index too large": (payload([0, 1], PAIRS + 2), "index 2"),
    "high index too large": (payload([0, 1], PAIRS + 0xF0), "index 15"),
    "byte too large": (payload(range(17), np.full(1600, 17, np.uint8)), "index 17"),
    "bytes for half bytes": (payload([0, 1], np.zeros(1600, np.uint8)), "promises"),
    "half bytes for bytes": (payload(range(17), PAIRS), "promises"),
    "too short": (payload([0, 1], PAIRS)[:-1], "frame"),
}


@pytest.mark.parametrize(("damaged", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_writer_writes_is_refused(damaged: memoryview, message: str) -> None:
    unit = sent(weights(40, 40))
    with pytest.raises(errors.PayloadCorrupt, match=message):
        decode_tensor(replace(unit, payload=damaged))


def test_an_entry_beyond_float16_is_refused_in_a_float16_tensor() -> None:
    unit = sent(weights(40, 40, dtype="float16"))
    with pytest.raises(errors.PayloadCorrupt, match="finite"):
        decode_tensor(replace(unit, payload=payload([0, 70000], PAIRS)))
