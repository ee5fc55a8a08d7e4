"""Deltas: to every bit of the newer tensor or near it, and from no tensor but the older one."""

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from fivegms_codecs import (
    Codec,
    CodecError,
    DType,
    Precision,
    TensorUnit,
    UnitLimits,
    decode_tensor,
    errors,
    ordering,
    units,
    write_tensor,
)
from fivegms_codecs.deltas import STEPS, DeltaMode, apply_delta, coarsest_step, write_delta
from support.units import patched, resealed

Array = NDArray[Any]

LOSSLESS, QUANTISED = DeltaMode.LOSSLESS, DeltaMode.QUANTISED
HEADER_BYTES = 12 + 16 + 1
"""The header of a unit of a matrix whose name is one letter."""


def weights(*shape: int, dtype: str = "float32") -> Array:
    return np.random.default_rng(7).normal(0, 0.02, shape).astype(dtype)


def moved(array: Array, share: float = 0.01) -> Array:
    """The tensor after training that moved its numbers by that share of their deviation."""
    by = np.random.default_rng(8).normal(0, share * 0.02, array.shape)
    return (array.astype(np.float64) + by).astype(array.dtype)


def delta(array: Array, base: Array, mode: DeltaMode = LOSSLESS, step: float = 1.0) -> TensorUnit:
    unit = write_delta("w", array, base, mode, step)
    assert unit is not None
    return units.read_tensor(unit)


pairs = st.sampled_from(list(DType)).flatmap(
    lambda dtype: arrays.array_shapes(min_dims=0, min_side=0).flatmap(
        lambda shape: st.tuples(
            arrays.arrays(dtype.numpy, shape), arrays.arrays(dtype.numpy, shape)
        )
    )
)


@given(pairs, st.sampled_from(DeltaMode))
def test_a_delta_of_any_small_tensor_leads_to_its_every_bit(
    pair: tuple[Array, Array], mode: DeltaMode
) -> None:
    array, base = pair
    data = write_delta("w", array, base, mode)
    if array.tobytes() == base.tobytes():
        assert data is None
        return
    assert data is not None
    unit = units.read_tensor(data)
    assert unit.codec is Codec.DELTA_BITS_ZSTD
    assert apply_delta(unit, base).tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 40), (3, ordering.BLOCK // 2 + 5)])
def test_a_lossless_delta_of_a_large_tensor_leads_to_its_every_bit(
    dtype: str, shape: tuple[int, ...]
) -> None:
    base = weights(*shape, dtype=dtype)
    array = moved(base)
    assert apply_delta(delta(array, base), base).tobytes() == array.tobytes()


def test_a_small_move_takes_little_of_the_whole() -> None:
    base = weights(256, 1024)
    array = moved(base, 1e-3)
    whole = len(write_tensor("w", array, Precision.FP32, Codec.PLANES_ZSTD))
    assert len(delta(array, base).payload) < 0.65 * whole
    assert len(delta(array, base).payload) < 0.54 * array.nbytes


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_quantised_delta_leads_within_a_step(dtype: str) -> None:
    base = weights(128, 256, dtype=dtype)
    array = moved(base, 0.1)
    move = np.sqrt(np.mean((array.astype(np.float64) - base) ** 2))
    for step in STEPS:
        unit = delta(array, base, QUANTISED, step)
        assert (unit.codec, unit.stored) == (Codec.DELTA_INT_ZSTD, DType.INT8)
        error = np.abs(apply_delta(unit, base).astype(np.float64) - array)
        rounding = np.abs(array.astype(np.float64)) * float(np.finfo(dtype).eps)
        assert (error <= 0.6001 * step * move + rounding + 1e-9).all()


def test_a_number_that_moved_far_is_within_a_step_like_all_others() -> None:
    base = weights(128, 256)
    array = moved(base)
    array[3, 5] += 2
    unit = delta(array, base, QUANTISED, min(STEPS))
    size = np.frombuffer(unit.payload[4:8], "<f4")
    assert np.abs(apply_delta(unit, base) - array).max() <= 0.6001 * size


def test_moves_beyond_the_range_of_a_step_are_sent_exactly() -> None:
    base = weights(40, 40, dtype="float64")
    array = 1e60 * base
    unit = delta(array, base, QUANTISED)
    assert unit.codec is Codec.DELTA_BITS_ZSTD
    assert apply_delta(unit, base).tobytes() == array.tobytes()


def test_the_farthest_moves_that_go_in_steps_stay_finite() -> None:
    base = np.full((40, 40), np.finfo(np.float32).max / 16)
    base[::2] *= -1
    unit = delta(-base, base, QUANTISED)
    assert unit.codec is Codec.DELTA_INT_ZSTD
    np.testing.assert_allclose(apply_delta(unit, base), -base, rtol=1e-6)


@pytest.mark.requirement("R140")
def test_a_quantised_delta_takes_a_small_part_of_the_whole() -> None:
    base = weights(256, 1024)
    array = moved(base, 0.05)
    sizes = [len(delta(array, base, QUANTISED, step).payload) for step in STEPS]
    assert sizes == sorted(sizes)
    assert sizes[STEPS.index(1.3)] < 0.055 * array.nbytes
    assert sizes[0] < 0.025 * array.nbytes


KEPT_EXACT = {
    "1024 elements": weights(32, 32),
    "a vector": weights(5000),
    "integers": np.arange(2000, dtype=np.int64).reshape(40, 50),
    "complex": weights(40, 40).astype(np.complex64),
    "near the end of the range": weights(40, 40) + np.float32(3e38),
}


@pytest.mark.parametrize("base", KEPT_EXACT.values(), ids=KEPT_EXACT.keys())
def test_what_steps_cannot_lead_to_safely_stays_exact(base: Array) -> None:
    array = base.copy()
    array.reshape(-1)[7] = 3
    unit = delta(array, base, QUANTISED)
    assert unit.codec is Codec.DELTA_BITS_ZSTD
    assert apply_delta(unit, base).tobytes() == array.tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_stay_exact(value: float) -> None:
    base = weights(40, 40)
    array = base.copy()
    array[3, 3] = value
    for old, new in (base, array), (array, base):
        assert apply_delta(delta(new, old, QUANTISED), old).tobytes() == new.tobytes()


def test_a_tensor_that_did_not_change_takes_no_unit() -> None:
    base = weights(40, 40)
    for mode in DeltaMode:
        assert write_delta("w", base.copy(), base, mode) is None


def test_a_move_below_every_step_takes_no_unit() -> None:
    base = weights(40, 40)
    array = base.copy()
    array[::2] *= np.float32(1.001)
    assert write_delta("w", array, base, QUANTISED, step=1000) is None


def test_the_sign_of_zero_is_a_change() -> None:
    base = np.zeros((40, 40), np.float32)
    unit = delta(-base, base)
    assert apply_delta(unit, base).tobytes() == (-base).tobytes()


def test_the_same_arrays_give_the_same_bytes() -> None:
    base = weights(64, 64)
    array = moved(base)
    for mode in DeltaMode:
        one = write_delta("w", array, base, mode)
        other = write_delta("w", np.asfortranarray(array), base.astype(">f4"), mode)
        assert one == other


@pytest.mark.parametrize("mode", DeltaMode)
def test_a_delta_fills_the_buffer_given_even_the_base(mode: DeltaMode) -> None:
    base = weights(300, 400)
    unit = delta(moved(base), base, mode)
    expected = apply_delta(unit, base)
    out = np.full_like(base, 9)
    assert apply_delta(unit, base, out) is out
    np.testing.assert_array_equal(out, expected)
    assert apply_delta(unit, base, base) is base
    np.testing.assert_array_equal(base, expected)
    with pytest.raises(errors.BufferMismatch):
        apply_delta(unit, expected, np.empty((2, 2), np.float32))


@pytest.mark.parametrize("mode", DeltaMode)
def test_applying_a_delta_takes_little_more_than_the_tensor(mode: DeltaMode) -> None:
    base = weights(2048, 2048)
    unit = delta(moved(base), base, mode)
    tracemalloc.start()
    try:
        apply_delta(unit, base, base)
        assert tracemalloc.get_traced_memory()[1] < 1 << 23 < base.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mode", DeltaMode)
def test_a_delta_onto_other_numbers_is_refused(mode: DeltaMode) -> None:
    base = weights(40, 40)
    unit = delta(moved(base), base, mode)
    with pytest.raises(errors.BaseMismatch, match="other numbers"):
        apply_delta(unit, base * np.float32(2))


@pytest.mark.parametrize(
    "base",
    [weights(40, 41), weights(1600), weights(40, 40, dtype="float64")],
    ids=["shape", "rank", "type"],
)
def test_a_tensor_of_another_kind_is_no_base(base: Array) -> None:
    array = weights(40, 40)
    with pytest.raises(errors.BaseMismatch, match="sent whole"):
        write_delta("w", array, base, LOSSLESS)
    with pytest.raises(errors.BaseMismatch, match="cannot refine"):
        apply_delta(delta(moved(array), array), base)


def test_a_whole_tensor_is_no_delta() -> None:
    base = weights(40, 40)
    whole = units.read_tensor(write_tensor("w", base, Precision.FP32, Codec.RAW))
    with pytest.raises(errors.BaseMismatch, match="refines no tensor"):
        apply_delta(whole, base)


@pytest.mark.parametrize("mode", DeltaMode)
def test_a_delta_by_itself_is_no_tensor(mode: DeltaMode) -> None:
    base = weights(40, 40)
    with pytest.raises(errors.BaseMissing):
        decode_tensor(delta(moved(base), base, mode))


def test_a_writer_refuses_what_a_reader_would() -> None:
    base = weights(4, 4)
    with pytest.raises(errors.LimitExceeded):
        write_delta("w", moved(base), base, LOSSLESS, limits=UnitLimits(max_tensor_bytes=10))
    with pytest.raises(errors.UnitMalformed):
        write_delta("", moved(base), base, LOSSLESS)


def test_a_bool_that_is_neither_is_refused() -> None:
    base, array = np.zeros(3, np.bool_), np.array([0, 2, 0], np.uint8)
    unit = write_delta("w", array, np.zeros(3, np.uint8), LOSSLESS)
    assert unit is not None
    as_bools = resealed(patched(unit, 6, DType.BOOL, DType.BOOL), frames_bytes_of(unit))
    with pytest.raises(errors.PayloadCorrupt, match="bool"):
        apply_delta(units.read_tensor(as_bools), base)


def frames_bytes_of(unit: bytes) -> int:
    """The bytes of a lossless unit that are frames, of a tensor of one block."""
    return len(units.read_tensor(unit).payload) - 6 - 28


BASE = weights(40, 40)
BITS = write_delta("w", moved(BASE), BASE, LOSSLESS) or b""
STEPPED = write_delta("w", moved(BASE), BASE, QUANTISED) or b""
INTEGERS = (
    write_delta("w", np.ones((40, 40), np.int32), np.zeros((40, 40), np.int32), LOSSLESS) or b""
)

REFUSED = {
    "half a head": BITS[: HEADER_BYTES + 5],
    "no counts": BITS[: HEADER_BYTES + 20],
    "counts of other numbers": patched(BITS, HEADER_BYTES + 6, BITS[HEADER_BYTES + 6] ^ 1),
    "a frame more": BITS + BITS[-40:],
    "a frame less": BITS[:-40],
    "exponents of integers": patched(INTEGERS, HEADER_BYTES + 4, 1),
    "half a head of steps": STEPPED[: HEADER_BYTES + 8],
    "a step of 0": patched(STEPPED, HEADER_BYTES + 4, 0, 0, 0, 0),
    "a step below 0": patched(STEPPED, HEADER_BYTES + 7, STEPPED[HEADER_BYTES + 7] | 0x80),
    "a step that is no number": patched(STEPPED, HEADER_BYTES + 4, *np.float32("nan").tobytes()),
    "levels of 0": patched(STEPPED, HEADER_BYTES + 8, 0),
    "levels above 127": patched(STEPPED, HEADER_BYTES + 8, 128),
    "levels of another peak": patched(STEPPED, HEADER_BYTES + 8, 127),
}


@pytest.mark.parametrize("unit", REFUSED.values(), ids=REFUSED.keys())
def test_a_reader_refuses_by_name(unit: bytes) -> None:
    with pytest.raises(errors.PayloadCorrupt):
        units.read_tensor(unit)


def test_counts_that_are_not_those_of_the_base_are_refused() -> None:
    unit = delta(moved(BASE), BASE)
    counts = np.frombuffer(unit.payload[6:34], "<u4").copy()
    counts[:2] = counts[1::-1]
    payload = bytes(unit.payload[:6]) + counts.tobytes() + bytes(unit.payload[34:])
    with pytest.raises(errors.PayloadCorrupt):
        apply_delta(replace(unit, payload=memoryview(payload)), BASE)


LIMITS = UnitLimits(max_tensor_bytes=1 << 20)


def tensor_of(data: bytes) -> bytes | None:
    try:
        unit = units.read_tensor(data, LIMITS)
        return unit.name.encode() + apply_delta(unit, BASE).tobytes()
    except CodecError:
        return None


@given(st.sampled_from([BITS, STEPPED]), st.data())
def test_flipped_bits_are_refused_or_change_nothing(unit: bytes, data: st.DataObject) -> None:
    damaged = bytearray(unit)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(unit) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert tensor_of(bytes(damaged)) in (None, tensor_of(unit))


@given(st.sampled_from([BITS, STEPPED]), st.data())
def test_a_delta_cut_or_prolonged_is_refused(unit: bytes, data: st.DataObject) -> None:
    assert tensor_of(unit[: data.draw(st.integers(0, len(unit) - 1))]) is None
    longer = unit + data.draw(st.binary(min_size=1, max_size=9))
    assert tensor_of(longer) is None


@pytest.mark.parametrize(
    ("accepted", "found"),
    [(STEPS, STEPS[0]), ((1.3, 0.8, 0.6), 1.3), ((0.1,), 0.1), ((), None)],
    ids=["any", "unevenly", "the finest", "none"],
)
def test_the_coarsest_step_that_does_is_found(
    accepted: tuple[float, ...], found: float | None
) -> None:
    assert coarsest_step(lambda step: step in accepted) == found
