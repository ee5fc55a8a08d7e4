"""The codec `planes+zstd`: the stored numbers as byte planes, compressed without loss."""

import math
from collections.abc import Iterator

import numpy as np

from fivegms_codecs import frames, raw
from fivegms_codecs.coding import Array, Part, Shape
from fivegms_codecs.dtypes import FLOATS, DType

suits = raw.suits
grant = raw.grant


def encode(array: Array, stored: DType) -> Iterator[Part]:
    """Yield frames of the numbers; there is no side information."""
    options = frames.NUMBERS if stored in FLOATS else frames.GRAPHS
    yield b""
    yield from frames.pack(frames.as_bytes(array.astype(stored.numpy, copy=False)), options)


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """None of the payload is side information. Raises PayloadCorrupt."""
    frames.check(payload, math.prod(shape) * stored.itemsize)
    return 0


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Fill `out`, straight from the planes where nothing is to be converted."""
    if stored.numpy == out.dtype:
        frames.unpack(payload, frames.as_bytes(out))
        return
    numbers = np.empty(out.size, stored.numpy)
    frames.unpack(payload, frames.as_bytes(numbers))
    out.reshape(-1)[...] = numbers
