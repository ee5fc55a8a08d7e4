"""The codec `int8+zstd`: symmetric levels per output channel (TR 26.927 6.1.1).

float32 scales, one per index of axis 0, are the side information; the int8 values are frames. The
codecs that pack such values differently share what is written of the scales.
"""

import math
from collections.abc import Iterator

import numpy as np

from fivegms_codecs import frames
from fivegms_codecs.channels import (
    PEAK,
    Levels,
    Scales,
    check_levels,
    dequantise,
    quantise,
    scale_limit,
    whole_scales,
)
from fivegms_codecs.coding import Array, Part, Precision, Shape
from fivegms_codecs.dtypes import FLOATS, DType
from fivegms_codecs.eligibility import quantises
from fivegms_codecs.errors import PayloadCorrupt


def suits(dtype: DType, stored: DType) -> bool:
    """A floating-point tensor as int8."""
    return stored is DType.INT8 and dtype in FLOATS


def grant(array: Array, dtype: DType, precision: Precision) -> DType | None:
    """Int8, where it is worth it and safe."""
    return DType.INT8 if quantises(array, dtype) else None


def encode(array: Array, stored: DType) -> Iterator[Part]:
    """Yield the scales, then frames of the values."""
    scales = whole_scales(array)
    yield scales.tobytes()
    for values in quantise(array, scales, frames.BLOCK_BYTES):
        yield from frames.pack(frames.as_bytes(values))


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """The scales are side information. Raises PayloadCorrupt."""
    size_bytes = scales_bytes(payload, shape)
    frames.check(payload[size_bytes:], math.prod(shape))
    return size_bytes


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Multiply values and scales. Raises PayloadCorrupt."""
    dequantise(read_values(payload, out.shape), read_scales(payload, out), out)


def read_values(payload: memoryview, shape: Shape) -> Iterator[Levels]:
    """Yield the values of a payload that `check` accepted, in order, a frame of them at a time.

    Raises PayloadCorrupt.
    """
    packed = payload[scales_bytes(payload, shape) :]
    for content in frames.contents(packed, math.prod(shape)):
        yield check_levels(content.view(np.int8))


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
