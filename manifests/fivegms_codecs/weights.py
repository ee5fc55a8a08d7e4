"""Arrays as payloads: the weight codecs.

    raw          the stored numbers, little-endian
    planes+zstd  the same numbers as byte planes, compressed; lossless
    int8+zstd    symmetric per output channel: float32 scales, then int8 planes (TR 26.927 6.1.1)

A precision is asked for per variant and granted per tensor: `choose` says which type a tensor's
numbers are stored in and by which codec, and both are written in the unit. What cannot be
approximated safely (integers, small tensors, NaN, overflow) stays as it is. The receiver expands
what is stored to the graph's own type, so all variants share one topology.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import frames
from fivegms_codecs.dtypes import FLOATS, DType
from fivegms_codecs.errors import CodecUnsuitable, PayloadCorrupt

Array = NDArray[np.generic]
Part = bytes | memoryview

MIN_QUANTISED_ELEMENTS = 1025
"""Smaller tensors (biases, norms, box priors) cost few bytes and much accuracy: kept exact."""

MIN_CHANNEL_ELEMENTS = 8
"""With fewer numbers per channel, the scales cost more than the quantisation saves."""

_INT8_PEAK = 127
_BLOCK_ELEMENTS = 1 << 20


class Precision(StrEnum):
    """The number format asked for. `fp32` means the graph's own formats, exactly."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


class Codec(StrEnum):
    """How the numbers are packed (docs/formats.md)."""

    RAW = "raw"
    PLANES_ZSTD = "planes+zstd"
    INT8_ZSTD = "int8+zstd"


@dataclass(frozen=True, slots=True)
class Coding:
    """How one tensor is sent: the type its numbers are stored in, and the codec."""

    stored: DType
    codec: Codec


def suits(dtype: DType, coding: Coding) -> bool:
    """Whether a tensor of `dtype` may be sent so: the whole table of what units may hold."""
    if coding.codec is Codec.INT8_ZSTD:
        return coding.stored is DType.INT8 and dtype in FLOATS
    halved = coding.stored is DType.FLOAT16 and dtype in FLOATS
    return coding.stored is dtype or halved


def choose(array: Array, dtype: DType, precision: Precision, codec: Codec) -> Coding:
    """How to send `array`, of element type `dtype`, in a variant of that precision and codec.

    Raises CodecUnsuitable when the precision and the codec exclude one another.
    """
    if (precision is Precision.INT8) is not (codec is Codec.INT8_ZSTD):
        raise CodecUnsuitable(f"codec {codec} cannot hold {precision}")
    if precision is Precision.FP16:
        return Coding(DType.FLOAT16 if _halves(array, dtype) else dtype, codec)
    if precision is Precision.INT8:
        quantises = _quantises(array, dtype)
        return Coding(DType.INT8, codec) if quantises else Coding(dtype, Codec.PLANES_ZSTD)
    return Coding(dtype, codec)


def encode(array: Array, coding: Coding) -> Iterator[Part]:
    """Yield the payload of a C-contiguous `array` in parts, to be sent one after the other."""
    if coding.codec is Codec.INT8_ZSTD:
        yield from _encode_int8(array)
        return
    stored = array.astype(coding.stored.numpy, copy=False)
    if coding.codec is Codec.RAW:
        yield _as_bytes(stored).reshape(-1).data
    else:
        yield from frames.pack(_as_bytes(stored))


def check(payload: memoryview, shape: Sequence[int], coding: Coding) -> None:
    """Compare the payload's length and frame headers with the shape. Raises PayloadCorrupt."""
    size_bytes = math.prod(shape) * coding.stored.itemsize
    if coding.codec is Codec.RAW:
        if len(payload) != size_bytes:
            raise PayloadCorrupt(f"{len(payload)} raw bytes where {size_bytes} belong")
        return
    if coding.codec is Codec.INT8_ZSTD:
        payload = payload[_scales_bytes(payload, shape) :]
    frames.check(payload, size_bytes)


def decode(payload: memoryview, out: Array, coding: Coding) -> None:
    """Fill the C-contiguous `out`, of the graph's type and shape. Raises PayloadCorrupt."""
    if coding.codec is Codec.INT8_ZSTD:
        _decode_int8(payload, out)
    elif coding.codec is Codec.RAW:
        out.reshape(-1)[...] = np.frombuffer(payload, coding.stored.numpy)
    elif coding.stored.numpy == out.dtype:
        frames.unpack(payload, _as_bytes(out))
    else:
        stored = np.empty(out.size, coding.stored.numpy)
        frames.unpack(payload, _as_bytes(stored))
        out.reshape(-1)[...] = stored


def _halves(array: Array, dtype: DType) -> bool:
    """Whether every number keeps its magnitude in float16; false where one is not finite."""
    return dtype in FLOATS and _is_large(array) and _peak(array) <= float(np.finfo(np.float16).max)


def _quantises(array: Array, dtype: DType) -> bool:
    """Whether int8 per channel is worth it and safe; false where a number is not finite."""
    if dtype not in FLOATS or not _is_large(array):
        return False
    if array.size // array.shape[0] < MIN_CHANNEL_ELEMENTS:
        return False
    return _peak(array) <= float(np.finfo(np.float32).max)


def _is_large(array: Array) -> bool:
    return array.ndim >= 2 and array.size >= MIN_QUANTISED_ELEMENTS


def _peak(array: Array) -> float:
    """The largest magnitude; NaN where the array holds one, so that no comparison accepts it."""
    return max(float(np.max(array)), -float(np.min(array)))


def _encode_int8(array: Array) -> Iterator[Part]:
    rows = array.reshape(array.shape[0], -1)
    peaks = np.maximum(rows.max(axis=1), -rows.min(axis=1)).astype(np.float64)
    limit = _scale_limit(array.dtype)
    scales = np.minimum((peaks / _INT8_PEAK).astype("<f4"), limit)
    yield _as_bytes(scales).reshape(-1).data
    values = np.empty(rows.shape, np.int8)
    step = max(1, _BLOCK_ELEMENTS // rows.shape[1])
    divisors = np.where(scales > 0, scales, np.float32(1)).astype(np.float64)
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        quotients = np.divide(rows[block], divisors[block, None], dtype=np.float64)
        values[block] = np.clip(np.rint(quotients), -_INT8_PEAK, _INT8_PEAK)
    yield from frames.pack(_as_bytes(values))


def _decode_int8(payload: memoryview, out: Array) -> None:
    scales_bytes = _scales_bytes(payload, out.shape)
    scales = np.frombuffer(payload[:scales_bytes], "<f4")
    if not np.all((scales >= 0) & (scales <= _scale_limit(out.dtype))):
        raise PayloadCorrupt("a scale is negative, not finite, or too large for the tensor's type")
    values = np.empty((out.shape[0], out.size // out.shape[0]), np.int8)
    frames.unpack(payload[scales_bytes:], _as_bytes(values))
    if values.min() < -_INT8_PEAK:
        raise PayloadCorrupt(f"a value is below -{_INT8_PEAK}, where its product may overflow")
    rows = out.reshape(values.shape)
    np.multiply(values, scales[:, None], out=rows, casting="same_kind")


def _scales_bytes(payload: memoryview, shape: Sequence[int]) -> int:
    if len(shape) < 2 or 0 in shape:
        raise PayloadCorrupt(f"a tensor of shape {tuple(shape)} has no channels to scale")
    size_bytes = 4 * shape[0]
    if len(payload) < size_bytes:
        raise PayloadCorrupt(f"{len(payload)} bytes where {size_bytes} bytes of scales belong")
    return size_bytes


def _scale_limit(dtype: "np.dtype[np.generic]") -> np.float32:
    """The largest scale whose 127-fold is finite in `dtype`, and in float32 where it is formed."""
    peak = min(float(np.finfo(dtype.name).max), float(np.finfo(np.float32).max))
    limit: np.float32 = np.nextafter(np.float32(peak / _INT8_PEAK), np.float32(0))
    return limit


def _as_bytes(array: Array) -> frames.Bytes:
    """A writable view of a C-contiguous array as [elements, itemsize] uint8."""
    return array.reshape(-1).view(np.uint8).reshape(array.size, array.dtype.itemsize)
