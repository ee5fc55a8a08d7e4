"""Units: what is written is read back, and nothing else is read."""

import math
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
from backports import zstd
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
    TopologyUnit,
    UnitLimits,
    decode_tensor,
    errors,
    frames,
    read_unit,
    write_tensor,
    write_topology,
)
from support.units import patched, resealed

Array = NDArray[np.generic]

LOSSLESS = [
    (Precision.FP32, Codec.RAW),
    (Precision.FP32, Codec.PLANES_ZSTD),
]
CODINGS = [
    *LOSSLESS,
    (Precision.FP16, Codec.RAW),
    (Precision.FP16, Codec.PLANES_ZSTD),
    (Precision.INT8, Codec.INT8_ZSTD),
]


def weights(*shape: int, dtype: str = "float32") -> Array:
    return np.random.default_rng(7).normal(0, 0.02, shape).astype(dtype)


def tensor(data: bytes) -> TensorUnit:
    unit = read_unit(data)
    assert isinstance(unit, TensorUnit)
    return unit


def unit_of(array: Array, precision: Precision, codec: Codec) -> TensorUnit:
    return tensor(write_tensor("w", array, precision, codec))


any_array = st.sampled_from(list(DType)).flatmap(
    lambda dtype: arrays.arrays(dtype.numpy, arrays.array_shapes(min_dims=0, min_side=0))
)


@pytest.mark.requirement("R120")
@given(any_array, st.sampled_from(LOSSLESS), st.text(min_size=1, max_size=40))
def test_a_lossless_unit_gives_back_every_bit(
    array: Array, coding: tuple[Precision, Codec], name: str
) -> None:
    unit = tensor(write_tensor(name, array, *coding))
    assert (unit.name, unit.shape, unit.dtype.numpy) == (name, array.shape, array.dtype)
    assert unit.size_bytes == array.nbytes
    assert decode_tensor(unit).tobytes() == array.tobytes()


@given(any_array, st.sampled_from(CODINGS))
def test_every_coding_keeps_the_shape_and_the_dtype_of_the_graph(
    array: Array, coding: tuple[Precision, Codec]
) -> None:
    decoded = decode_tensor(unit_of(array, *coding))
    assert (decoded.shape, decoded.dtype) == (array.shape, array.dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("precision", "codec"), CODINGS)
def test_every_coding_keeps_the_numbers_within_its_error(
    dtype: str, precision: Precision, codec: Codec
) -> None:
    array = weights(64, 3, 5, 5, dtype=dtype)
    decoded = decode_tensor(unit_of(array, precision, codec)).astype(np.float64)
    peaks = np.abs(array.astype(np.float64)).max(axis=(1, 2, 3), keepdims=True)
    bound = {Precision.FP32: 0, Precision.FP16: 2**-11, Precision.INT8: 0.51 / 127}[precision]
    half_step_of_float16 = 2**-11 if dtype == "float16" and precision is Precision.INT8 else 0
    assert (np.abs(decoded - array) <= peaks * (bound + half_step_of_float16)).all()


@pytest.mark.requirement("R096")
def test_a_compressed_unit_decodes_as_the_uncompressed_one_does() -> None:
    array = weights(100, 100)
    raw = write_tensor("w", array, Precision.FP16, Codec.RAW)
    packed = write_tensor("w", array, Precision.FP16, Codec.PLANES_ZSTD)
    assert len(packed) < len(raw)
    np.testing.assert_array_equal(decode_tensor(tensor(raw)), decode_tensor(tensor(packed)))


@pytest.mark.parametrize(("precision", "codec"), CODINGS)
def test_the_same_array_gives_the_same_bytes(precision: Precision, codec: Codec) -> None:
    array = weights(64, 64)
    strided = np.asfortranarray(array)
    swapped = array.astype(array.dtype.newbyteorder(">"))
    written = {write_tensor("w", a, precision, codec) for a in (array, strided, swapped)}
    assert len(written) == 1


@pytest.mark.parametrize(("precision", "codec"), CODINGS)
def test_a_buffer_of_the_caller_is_filled_in_place(precision: Precision, codec: Codec) -> None:
    array = weights(64, 64)
    unit = unit_of(array, precision, codec)
    out = np.full_like(array, 9)
    assert decode_tensor(unit, out) is out
    np.testing.assert_array_equal(out, decode_tensor(unit))


@pytest.mark.parametrize(
    "out",
    [
        np.empty((64, 65), np.float32),
        np.empty((64, 64), np.float64),
        np.empty((64, 128), np.float32)[:, ::2],
        np.frombuffer(bytes(64 * 64 * 4), np.float32).reshape(64, 64),
    ],
    ids=["shape", "dtype", "strided", "read-only"],
)
def test_another_buffer_is_refused(out: Array) -> None:
    unit = unit_of(weights(64, 64), Precision.FP32, Codec.RAW)
    with pytest.raises(errors.BufferMismatch):
        decode_tensor(unit, out)


@given(st.binary(max_size=300))
def test_a_topology_comes_back(graph: bytes) -> None:
    assert read_unit(write_topology(graph)) == TopologyUnit(graph)


def test_a_topology_may_be_larger_than_one_frame() -> None:
    graph = bytes(range(256)) * 40_000
    assert read_unit(memoryview(write_topology(graph))) == TopologyUnit(graph)


RAW = write_tensor("w", np.arange(6, dtype="f4").reshape(2, 3), Precision.FP32, Codec.RAW)
PLANES = write_tensor("w", weights(40, 40), Precision.FP32, Codec.PLANES_ZSTD)
INT8 = write_tensor("w", weights(40, 40), Precision.INT8, Codec.INT8_ZSTD)
TOPOLOGY = write_topology(b"a graph" * 20)
UNITS = {"raw": RAW, "planes": PLANES, "int8": INT8, "topology": TOPOLOGY}


REFUSED = {
    "nothing": (b"", errors.UnitTruncated),
    "half a header": (RAW[:5], errors.UnitTruncated),
    "no dims": (RAW[:14], errors.UnitTruncated),
    "half a name": (write_tensor("name", np.ones(0), *LOSSLESS[0])[:-2], errors.UnitTruncated),
    "later version": (patched(RAW, 0, 2), errors.UnitVersionUnknown),
    "other kind": (patched(RAW, 1, 3), errors.UnitKindUnknown),
    "string tensor": (patched(RAW, 6, 8), errors.DtypeUnsupported),
    "stored as bfloat16": (patched(RAW, 7, 16), errors.DtypeUnsupported),
    "other codec": (patched(RAW, 8, 99), errors.CodecUnknown),
    "int8 of integers": (patched(INT8, 6, 7), errors.CodecUnsuitable),
    "float64 for float32": (patched(RAW, 7, 11), errors.CodecUnsuitable),
    "float16 for int64": (patched(RAW, 6, 7, 10), errors.CodecUnsuitable),
    "int8 codec of floats": (patched(RAW, 8, 2), errors.CodecUnsuitable),
    "rank 17": (patched(RAW, 9, 17), errors.LimitExceeded),
    "name of 1025 bytes": (patched(RAW, 10, 1, 4), errors.LimitExceeded),
    "no name": (patched(RAW, 10, 0, 0), errors.UnitMalformed),
    "name not UTF-8": (patched(RAW, 28, 0xFF), errors.UnitMalformed),
    "huge dimension": (patched(RAW, 12, *b"\xff" * 8), errors.LimitExceeded),
    "huge product": (patched(RAW, 12, *b"\0\0\0\1\0\0\0\0" * 2), errors.LimitExceeded),
    "huge beside zero": (patched(RAW, 12, *bytes(8), *b"\xff" * 8), errors.LimitExceeded),
    "raw too short": (RAW[:-1], errors.PayloadCorrupt),
    "raw too long": (RAW + b"\0", errors.PayloadCorrupt),
    "frame cut": (PLANES[:-1], errors.PayloadCorrupt),
    "bytes after the frame": (PLANES + b"\0", errors.PayloadCorrupt),
    "frame of another size": (patched(PLANES, 12, 41), errors.PayloadCorrupt),
    "many frames promised": (patched(PLANES, 16, 1), errors.LimitExceeded),
    "no scales": (INT8[:34], errors.PayloadCorrupt),
    "channels of nothing": (patched(INT8, 12, 0), errors.PayloadCorrupt),
    "huge graph": (patched(TOPOLOGY, 6, *b"\xff" * 8), errors.LimitExceeded),
    "graph of another size": (patched(TOPOLOGY, 6, 1), errors.PayloadCorrupt),
    "another checksum": (patched(PLANES, 2, PLANES[2] ^ 1), errors.ChecksumMismatch),
    "another name": (patched(PLANES, 28, ord("v")), errors.ChecksumMismatch),
    "another raw number": (patched(RAW, 29, 1), errors.ChecksumMismatch),
    "another scale": (patched(INT8, 29, INT8[29] ^ 1), errors.ChecksumMismatch),
    "another graph checksum": (patched(TOPOLOGY, 2, TOPOLOGY[2] ^ 1), errors.ChecksumMismatch),
}


@pytest.mark.parametrize(("data", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_a_reader_refuses_by_name(data: bytes, error: type[CodecError]) -> None:
    with pytest.raises(error):
        read_unit(data)


@pytest.mark.parametrize("scale", [np.nan, np.inf, -1.0, 3e38], ids=str)
def test_a_scale_that_no_writer_writes_is_refused(scale: float) -> None:
    start = len(INT8) - len(tensor(INT8).payload)
    damaged = patched(INT8, start, *np.float32(scale).tobytes())
    unit = tensor(resealed(damaged, len(tensor(INT8).payload) - 4 * 40))
    with pytest.raises(errors.PayloadCorrupt, match="scale"):
        decode_tensor(unit)


def test_an_int8_value_that_no_writer_writes_is_refused() -> None:
    unit = tensor(INT8)
    channels = unit.shape[0]
    low = np.full((math.prod(unit.shape), 1), -128, np.int8).view(np.uint8)
    payload = bytes(unit.payload[: 4 * channels]) + b"".join(frames.pack(low))
    with pytest.raises(errors.PayloadCorrupt, match="-127"):
        decode_tensor(replace(unit, payload=memoryview(payload)))


def test_a_bool_that_is_neither_is_refused() -> None:
    unit = write_tensor("w", np.array([True]), Precision.FP32, Codec.RAW)
    with pytest.raises(errors.PayloadCorrupt, match="bool"):
        decode_tensor(tensor(resealed(patched(unit, len(unit) - 1, 2))))


def test_a_frame_that_holds_less_than_it_promises_is_refused() -> None:
    header_bytes = len(PLANES) - len(tensor(PLANES).payload)
    promise = b"\x28\xb5\x2f\xfd\x64" + (40 * 40 * 4 - 256).to_bytes(2, "little")
    one_hundred_zeros = (100 << 3 | 0b011).to_bytes(3, "little") + b"\0"
    unit = tensor(PLANES[:header_bytes] + promise + one_hundred_zeros + bytes(4))
    with pytest.raises(errors.PayloadCorrupt, match="does not decode"):
        decode_tensor(unit)


def test_a_frame_without_a_checksum_is_refused() -> None:
    header_bytes = len(PLANES) - len(tensor(PLANES).payload)
    frame = zstd.compress(bytes(40 * 40 * 4))
    with pytest.raises(errors.PayloadCorrupt, match="no content checksum"):
        read_unit(PLANES[:header_bytes] + frame)


def test_a_frame_whose_content_is_not_what_was_written_is_refused() -> None:
    unit = tensor(PLANES[:-1] + bytes([PLANES[-1] ^ 1]))
    with pytest.raises(errors.PayloadCorrupt, match="checksum"):
        decode_tensor(unit)


def zeros_in_a_window_of(window_log: int) -> bytes:
    """A unit of 128 KiB of zeros in one frame that asks for a window of 2 ** window_log bytes."""
    size = 1 << 17
    unit = write_tensor("w", np.zeros(size, np.uint8), Precision.FP32, Codec.PLANES_ZSTD)
    frame = b"\x28\xb5\x2f\xfd\x84" + bytes([(window_log - 10) << 3]) + size.to_bytes(4, "little")
    all_of_them = (size << 3 | 0b011).to_bytes(3, "little") + b"\0"
    checksum = unit[-4:]
    return unit[: len(unit) - len(tensor(unit).payload)] + frame + all_of_them + checksum


def test_a_window_larger_than_a_frame_is_refused_unallocated() -> None:
    assert not decode_tensor(tensor(zeros_in_a_window_of(20))).any()
    for window_log in (21, 27, 31):
        with pytest.raises(errors.PayloadCorrupt, match="too much memory"):
            decode_tensor(tensor(zeros_in_a_window_of(window_log)))


def test_a_writer_refuses_what_a_reader_would() -> None:
    limits = UnitLimits(max_name_bytes=3, max_rank=2, max_tensor_bytes=16, max_graph_bytes=4)
    small = np.ones(1, np.float32)
    raw = LOSSLESS[0]
    with pytest.raises(errors.LimitExceeded, match="name"):
        write_tensor("long", small, *raw, limits)
    with pytest.raises(errors.LimitExceeded, match="rank"):
        write_tensor("w", small.reshape(1, 1, 1), *raw, limits)
    with pytest.raises(errors.LimitExceeded, match="tensor"):
        write_tensor("w", np.ones(5, np.float32), *raw, limits)
    with pytest.raises(errors.LimitExceeded, match="graph"):
        write_topology(b"graph", limits)
    with pytest.raises(errors.UnitMalformed):
        write_tensor("", small, *raw)


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.array(["2026"], "M8[Y]")])
def test_a_tensor_of_another_type_is_refused(array: Array) -> None:
    with pytest.raises(errors.DtypeUnsupported):
        write_tensor("w", array, Precision.FP32, Codec.RAW)


@pytest.mark.parametrize(
    ("precision", "codec"),
    [
        (Precision.INT8, Codec.RAW),
        (Precision.INT8, Codec.PLANES_ZSTD),
        (Precision.FP32, Codec.INT8_ZSTD),
        (Precision.FP16, Codec.INT8_ZSTD),
    ],
)
def test_a_codec_that_cannot_hold_the_precision_is_refused(
    precision: Precision, codec: Codec
) -> None:
    with pytest.raises(errors.CodecUnsuitable):
        write_tensor("w", weights(4, 4), precision, codec)


def refused_or_decoded(data: bytes) -> object:
    """What a damaged unit holds, or None where it is refused; it never takes much memory."""
    limits = UnitLimits(max_tensor_bytes=1 << 20, max_graph_bytes=1 << 20)
    try:
        unit = read_unit(data, limits)
        if isinstance(unit, TopologyUnit):
            return unit
        return unit.name, unit.shape, unit.dtype, decode_tensor(unit).tobytes()
    except CodecError:
        return None


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS.keys())
def test_a_unit_cut_anywhere_is_refused(unit: bytes) -> None:
    for length in range(len(unit)):
        with pytest.raises(CodecError):
            read_unit(unit[:length])


@given(st.sampled_from(list(UNITS.values())), st.data())
def test_flipped_bits_are_refused_or_change_nothing(unit: bytes, data: st.DataObject) -> None:
    damaged = bytearray(unit)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(unit) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert refused_or_decoded(bytes(damaged)) in (None, refused_or_decoded(unit))


@given(st.binary(max_size=200))
def test_noise_never_crashes_a_reader(noise: bytes) -> None:
    refused_or_decoded(noise)
    refused_or_decoded(b"\x01\x01" + noise)
    refused_or_decoded(b"\x01\x02" + noise)


def test_a_small_unit_cannot_ask_for_a_large_tensor() -> None:
    """The dimensions promise 2 GiB, the payload does not: nothing of that size is allocated."""
    promised = patched(
        PLANES, 12, *(1 << 15).to_bytes(8, "little"), *(1 << 14).to_bytes(8, "little")
    )
    tracemalloc.start()
    try:
        with pytest.raises(errors.PayloadCorrupt):
            read_unit(promised)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_decoding_takes_little_more_than_the_tensor() -> None:
    unit = unit_of(weights(4096, 2048), Precision.FP32, Codec.PLANES_ZSTD)
    out = np.empty((4096, 2048), np.float32)
    tracemalloc.start()
    try:
        decode_tensor(unit, out)
        assert tracemalloc.get_traced_memory()[1] < 4 * frames.BLOCK_BYTES < out.nbytes
    finally:
        tracemalloc.stop()


def test_every_float16_pattern_expands_without_a_warning() -> None:
    patterns = np.arange(65536, dtype=np.uint16).view(np.float16)
    unit = write_tensor("w", patterns, Precision.FP32, Codec.RAW)
    widened = tensor(resealed(patched(unit, 6, DType.FLOAT32)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = patterns.astype(np.float32)
        np.testing.assert_array_equal(decode_tensor(widened), expected)
