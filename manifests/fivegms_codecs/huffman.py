"""The codec `int8+huffman`: the numbers of `int8+zstd`, coded by prefix codes of our own.

Huffman coding is what TR 26.927 6.1.1 names for the entropy coding of quantised weights. Zstandard
has it inside, with codes of 11 bits at most; these take up to 0.8 % less for tensors of 256 Ki
values and more, yet more for small ones, whose table counts. Zstandard is some five times as fast
and finds what repeats. So this codec is for the last bytes, and shows where the entropy lies.

The side information is a float32 scale per index of axis 0, the length of the streams (u64), and
the streams: one per block of 4 Mi values, one after the other. The frames hold, block by block, the
lengths of the codes of all 256 values and the sizes of the lanes in bytes (u16), low bytes first.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import frames, lanes, prefix_code
from fivegms_codecs.channels import Levels, dequantise, quantise, whole_scales
from fivegms_codecs.coding import Array, Part, Shape
from fivegms_codecs.dtypes import DType
from fivegms_codecs.errors import PayloadCorrupt
from fivegms_codecs.quantised import (
    grant,
    read_scales,
    scales_bytes,
    suits,
)

__all__ = ["check", "decode", "encode", "grant", "suits"]

_LENGTH = struct.Struct("<Q")
_CODE_BITS = 13
"""The writer's longest code: 0.04 % more bytes than 15 bits, and a table that fits in a cache."""

_UNUSED = 0x80
"""-128 as a byte, which no writer writes: its product with a scale may overflow."""


@dataclass(frozen=True, slots=True)
class _Block:
    """One block of values: its code, and the sizes of the lanes that its stream consists of."""

    lengths: prefix_code.Lengths
    sizes: lanes.Sizes

    @property
    def stream_bytes(self) -> int:
        return int(self.sizes.sum(dtype=np.int64))


def encode(array: Array, stored: DType) -> Iterator[Part]:
    """Yield scales and streams, then frames of the codes and sizes."""
    scales = whole_scales(array)
    blocks = quantise(array, scales, lanes.BLOCK_SYMBOLS)
    coded = [_encode_block(levels.view(np.uint8)) for levels in blocks]
    streams = [stream for _, stream in coded]
    yield b"".join([scales.tobytes(), _LENGTH.pack(sum(map(len, streams))), *streams])
    tables = np.concatenate([_table(block) for block, _ in coded])
    yield from frames.pack(tables.reshape(-1, 1))


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """Scales and streams are side information; no code or size is one that none can be.

    Raises PayloadCorrupt.
    """
    start, end = _streams(payload, shape)
    blocks = _read_blocks(payload[end:], math.prod(shape))
    if sum(block.stream_bytes for block in blocks) != end - start:
        raise PayloadCorrupt("the sizes of the lanes do not sum up to that of the streams")
    return end


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Decode all lanes at once, and multiply values and scales. Raises PayloadCorrupt."""
    dequantise(_read_values(payload, out.shape), read_scales(payload, out), out)


def _read_values(payload: memoryview, shape: Shape) -> Iterator[Levels]:
    """Yield the values of each block; -128 is not among them, as it has no code."""
    start, end = _streams(payload, shape)
    count = math.prod(shape)
    for part, block in zip(_blocks(count), _read_blocks(payload[end:], count), strict=True):
        values = np.empty(part.stop - part.start, np.uint8)
        stream = payload[start : start + block.stream_bytes]
        lanes.decode(stream, block.sizes, block.lengths, values)
        yield values.view(np.int8)
        start += block.stream_bytes


def _encode_block(values: lanes.Symbols) -> tuple[_Block, bytes]:
    counts = np.bincount(values, minlength=prefix_code.SYMBOLS)
    lengths = prefix_code.code_lengths(counts, _CODE_BITS)
    sizes, stream = lanes.encode(values, lengths)
    return _Block(lengths, sizes), stream


def _streams(payload: memoryview, shape: Shape) -> tuple[int, int]:
    """Where the streams start and end. Raises PayloadCorrupt."""
    scales_end = scales_bytes(payload, shape)
    start = scales_end + _LENGTH.size
    if len(payload) < start:
        raise PayloadCorrupt("the payload ends before the length of its streams")
    end = start + _LENGTH.unpack_from(payload, scales_end)[0]
    if len(payload) < end:
        raise PayloadCorrupt(f"{len(payload)} bytes where streams that end at {end} belong")
    if math.prod(shape) > 8 * (end - start):
        raise PayloadCorrupt(f"{end - start} bytes of streams for {math.prod(shape)} codes")
    return start, end


def _table(block: _Block) -> NDArray[np.uint8]:
    halves = block.sizes.view(np.uint8).reshape(-1, 2)
    return np.concatenate([block.lengths, halves.T.reshape(-1)])


def _read_table(table: NDArray[np.uint8]) -> _Block:
    lengths, halves = table[: prefix_code.SYMBOLS], table[prefix_code.SYMBOLS :].reshape(2, -1)
    return _Block(_checked(lengths), np.ascontiguousarray(halves.T).view("<u2")[:, 0])


def _read_blocks(packed: memoryview, count: int) -> list[_Block]:
    """The codes and the lanes of `count` values. Raises PayloadCorrupt."""
    lane_counts = [lanes.lane_count(part.stop - part.start) for part in _blocks(count)]
    ends = np.cumsum([prefix_code.SYMBOLS + 2 * lane_count for lane_count in lane_counts])
    frames.check(packed, int(ends[-1]))
    tables = np.empty((int(ends[-1]), 1), np.uint8)
    frames.unpack(packed, tables)
    return [_read_table(table) for table in np.split(tables[:, 0], ends[:-1])]


def _checked(lengths: prefix_code.Lengths) -> prefix_code.Lengths:
    prefix_code.check_lengths(lengths)
    if lengths[_UNUSED]:
        raise PayloadCorrupt("there is a code for -128, which no writer writes")
    return lengths


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, lanes.BLOCK_SYMBOLS):
        yield slice(start, min(start + lanes.BLOCK_SYMBOLS, count))
