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
    flat = array.reshape(-1)
    for block in _blocks(array.size, stored):
        numbers = flat[block].astype(stored.numpy, copy=False)
        yield from frames.pack(frames.as_bytes(numbers), options)


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """None of the payload is side information. Raises PayloadCorrupt."""
    frames.check(payload, math.prod(shape) * stored.itemsize)
    return 0


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Fill `out`, straight from the planes where nothing is to be converted."""
    if stored.numpy == out.dtype:
        frames.unpack(payload, frames.as_bytes(out))
        return
    flat = out.reshape(-1)
    packed = frames.contents(payload, out.size * stored.itemsize)
    for block, content in zip(_blocks(out.size, stored), packed, strict=True):
        numbers = np.empty(block.stop - block.start, stored.numpy)
        frames.interleave(content, frames.as_bytes(numbers))
        flat[block] = numbers


def _blocks(count: int, stored: DType) -> Iterator[slice]:
    """The numbers of each frame."""
    step = frames.BLOCK_BYTES // stored.itemsize
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
