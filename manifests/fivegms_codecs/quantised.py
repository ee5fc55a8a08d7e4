"""The codec `int8+zstd`: symmetric levels per output channel (TR 26.927 6.1.1).

float32 scales, one per index of axis 0, are the side information; the int8 values are frames.
`to_levels` and `dequantise` are shared with the codecs that pack such values differently.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import frames
from fivegms_codecs.coding import Array, Part, Precision, Shape
from fivegms_codecs.dtypes import FLOATS, DType
from fivegms_codecs.eligibility import quantises
from fivegms_codecs.errors import PayloadCorrupt

PEAK = 127
_BLOCK_ELEMENTS = 1 << 18

Scales = NDArray[np.float32]
Levels = NDArray[np.int8]


def suits(dtype: DType, stored: DType) -> bool:
    """A floating-point tensor as int8."""
    return stored is DType.INT8 and dtype in FLOATS


def grant(array: Array, dtype: DType, precision: Precision) -> DType | None:
    """Int8, where it is worth it and safe."""
    return DType.INT8 if quantises(array, dtype) else None


def encode(array: Array, stored: DType) -> Iterator[Part]:
    """Yield the scales, then frames of the values."""
    scales, values = quantise(array)
    yield frames.as_bytes(scales).reshape(-1).data
    yield from frames.pack(frames.as_bytes(values))


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """The scales are side information. Raises PayloadCorrupt."""
    size_bytes = scales_bytes(payload, shape)
    frames.check(payload[size_bytes:], math.prod(shape))
    return size_bytes


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Multiply values and scales. Raises PayloadCorrupt."""
    scales = read_scales(payload, out)
    values = np.empty((out.shape[0], out.size // out.shape[0]), np.int8)
    frames.unpack(payload[scales.nbytes :], frames.as_bytes(values))
    dequantise(values, scales, out)


def quantise(array: Array) -> tuple[Scales, Levels]:
    """Scales [channels] and values [channels, numbers], -127 to 127, of a finite array.

    A scale is the channel's largest magnitude / 127, so that no number is off by more than half a
    scale.
    """
    scales = np.minimum((peaks(array) / PEAK).astype("<f4"), scale_limit(array.dtype))
    return scales, to_levels(array, scales)


def peaks(array: Array) -> NDArray[np.float64]:
    """The largest magnitude of each channel, never -0.0."""
    rows = array.reshape(array.shape[0], -1)
    reach: NDArray[np.float64] = np.abs([rows.max(axis=1), rows.min(axis=1)]).max(axis=0)
    return reach.astype(np.float64)


def to_levels(array: Array, scales: Scales, peak: int = PEAK) -> Levels:
    """Values [channels, numbers], -peak to peak: number / scale, rounded half to even."""
    rows = array.reshape(array.shape[0], -1)
    divisors = np.where(scales > 0, scales, np.float32(1)).astype(np.float64)
    values = np.empty(rows.shape, np.int8)
    for block in _row_blocks(rows.shape):
        quotients = np.divide(rows[block], divisors[block, None], dtype=np.float64)
        values[block] = np.clip(np.rint(quotients, out=quotients), -peak, peak)
    return values


def dequantise(values: Levels, scales: Scales, out: Array, peak: int = PEAK) -> None:
    """Fill `out` with scale * value, formed in float32. Raises PayloadCorrupt."""
    rows = out.reshape(values.shape)
    for block in _row_blocks(values.shape):
        _check_values(values[block], peak)
        np.multiply(values[block], scales[block, None], out=rows[block], casting="same_kind")


def read_values(payload: memoryview, shape: Shape) -> Iterator[Levels]:
    """Yield the values of a payload that `check` accepted, in order, a frame of them at a time.

    Raises PayloadCorrupt.
    """
    packed = payload[scales_bytes(payload, shape) :]
    for content in frames.contents(packed, math.prod(shape)):
        values = content.view(np.int8)
        _check_values(values, PEAK)
        yield values


def scales_bytes(payload: memoryview, shape: Shape) -> int:
    """The length of the scales at the start of the payload. Raises PayloadCorrupt."""
    if len(shape) < 2 or 0 in shape:
        raise PayloadCorrupt(f"a tensor of shape {tuple(shape)} has no channels to scale")
    size_bytes = 4 * shape[0]
    if len(payload) < size_bytes:
        raise PayloadCorrupt(f"{len(payload)} bytes where {size_bytes} bytes of scales belong")
    return size_bytes


def read_scales(payload: memoryview, out: Array, peak: int = PEAK) -> Scales:
    """The scales of a payload that `check` accepted, for tensor `out`. Raises PayloadCorrupt."""
    scales = np.frombuffer(payload[: 4 * out.shape[0]], "<f4")
    if not np.all((scales >= 0) & (scales <= scale_limit(out.dtype, peak))):
        raise PayloadCorrupt("a scale is negative, not finite, or too large for the tensor's type")
    return scales


def scale_limit(dtype: "np.dtype[np.generic]", peak: int = PEAK) -> np.float32:
    """The largest scale whose `peak`-fold is finite in `dtype`, and in float32 where it forms."""
    largest = min(float(np.finfo(dtype.name).max), float(np.finfo(np.float32).max))
    limit: np.float32 = np.nextafter(np.float32(largest / peak), np.float32(0))
    return limit


def _check_values(values: Levels, peak: int) -> None:
    if values.min() < -peak:
        raise PayloadCorrupt(f"a value is below -{peak}, where its product may overflow")


def _row_blocks(shape: Shape) -> Iterator[slice]:
    step = max(1, _BLOCK_ELEMENTS // shape[1])
    for start in range(0, shape[0], step):
        yield slice(start, start + step)
