"""The codec `raw`: the stored numbers, little-endian, all of them under the header's checksum."""

import math
from collections.abc import Iterator

import numpy as np

from fivegms_codecs.coding import Array, Part, Precision, Shape
from fivegms_codecs.dtypes import FLOATS, DType
from fivegms_codecs.eligibility import halves
from fivegms_codecs.errors import PayloadCorrupt
from fivegms_codecs.frames import as_bytes


def suits(dtype: DType, stored: DType) -> bool:
    """A tensor of its own type, or a floating-point one as float16."""
    return stored is dtype or (stored is DType.FLOAT16 and dtype in FLOATS)


def grant(array: Array, dtype: DType, precision: Precision) -> DType:
    """The graph's type, or float16 where that precision is asked for and safe."""
    return DType.FLOAT16 if precision is Precision.FP16 and halves(array, dtype) else dtype


def encode(array: Array, stored: DType) -> Iterator[Part]:
    """Yield the numbers as they lie in memory."""
    yield as_bytes(array.astype(stored.numpy, copy=False)).reshape(-1).data


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """All of the payload is side information. Raises PayloadCorrupt."""
    size_bytes = math.prod(shape) * stored.itemsize
    if len(payload) != size_bytes:
        raise PayloadCorrupt(f"{len(payload)} raw bytes where {size_bytes} belong")
    return size_bytes


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Copy the numbers, converted to the graph's type."""
    out.reshape(-1)[...] = np.frombuffer(payload, stored.numpy)
