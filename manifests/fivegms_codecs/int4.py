"""The codec `int4+zstd`: 15 levels per output channel, two to a byte (TR 26.927 6.1.1).

float32 scales, one per index of axis 0, are the side information. The frames hold the values, -7 to
7, as half bytes in two's complement.

Few levels want a scale that clips: the writer takes that of least squared error, 2.9 dB better on
Gaussian and 5.6 dB on heavy-tailed weights than the one that reaches the largest magnitude. Groups
of 32 to 128 numbers with a scale each gain 0.3 to 2 dB more, yet their scales and their higher
entropy cost more bits than those decibels are worth once the values are compressed.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import frames, half_bytes
from fivegms_codecs.channels import (
    Levels,
    Scales,
    check_levels,
    dequantise,
    quantise,
    reaches,
    scale_limit,
)
from fivegms_codecs.coding import Array, Part, Precision, Shape
from fivegms_codecs.dtypes import DType
from fivegms_codecs.eligibility import quantises
from fivegms_codecs.quantised import read_scales, scales_bytes, suits

__all__ = ["check", "decode", "encode", "grant", "suits"]

PEAK = 7
_BLOCK_ELEMENTS = 1 << 18
_FRAME_VALUES = 2 * frames.BLOCK_BYTES
_CLIPPINGS = [0.9**step for step in range(24)]
"""Shares of a channel's largest magnitude where its highest level may lie; 1 to 0.09."""


def grant(array: Array, dtype: DType, precision: Precision) -> DType | None:
    """Values in int8's range, where quantising is worth it and safe."""
    return DType.INT8 if quantises(array, dtype) else None


def encode(array: Array, stored: DType) -> Iterator[Part]:
    """Yield the scales, then frames of pairs of values."""
    scales = _fit(array)
    yield scales.tobytes()
    for values in quantise(array, scales, _FRAME_VALUES, PEAK):
        yield from frames.pack(half_bytes.pack(values.view(np.uint8)).reshape(-1, 1))


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """The scales are side information. Raises PayloadCorrupt."""
    size_bytes = scales_bytes(payload, shape)
    frames.check(payload[size_bytes:], half_bytes.packed_bytes(math.prod(shape)))
    return size_bytes


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Multiply values and scales. Raises PayloadCorrupt."""
    scales = read_scales(payload, out, PEAK)
    dequantise(_read_values(payload[scales.nbytes :], out.size), scales, out)


def _read_values(packed: memoryview, count: int) -> Iterator[Levels]:
    for pairs in frames.contents(packed, half_bytes.packed_bytes(count)):
        values = half_bytes.unpack(pairs, min(count, 2 * len(pairs))).view(np.int8)
        np.left_shift(values, 4, out=values)
        np.right_shift(values, 4, out=values)  # the sign, extended
        yield check_levels(values, PEAK)
        count -= len(values)


def _fit(array: Array) -> Scales:
    """The scale of least squared error of each channel, among those that clip at `_CLIPPINGS`."""
    rows = array.reshape(array.shape[0], -1)
    step = max(1, _BLOCK_ELEMENTS // rows.shape[1])
    blocks = [_fit_rows(rows[start : start + step]) for start in range(0, len(rows), step)]
    scales: Scales = np.concatenate(blocks).astype("<f4")
    return np.minimum(scales, scale_limit(array.dtype, PEAK))


def _fit_rows(rows: Array) -> NDArray[np.float64]:
    reach = reaches(rows)
    shares = np.divide(rows, np.where(reach > 0, reach, 1)[:, None], dtype=np.float64)
    errors = [_squared_error(shares.astype(np.float32), clipping) for clipping in _CLIPPINGS]
    chosen = np.array(_CLIPPINGS)[np.argmin(errors, axis=0)]
    fitted: NDArray[np.float64] = reach * chosen / PEAK
    return fitted


def _squared_error(shares: NDArray[np.float32], clipping: float) -> NDArray[np.float32]:
    """What quantising channels of peak 1 costs each, with the highest level at `clipping`."""
    levels = shares * np.float32(PEAK / clipping)
    np.clip(np.rint(levels, out=levels), -PEAK, PEAK, out=levels)
    levels *= np.float32(clipping / PEAK)
    levels -= shares
    error: NDArray[np.float32] = np.einsum("ij,ij->i", levels, levels)
    return error
