"""Bytes as a run of Zstandard frames of byte planes, each frame of a bounded size.

A plane is the first bytes of all elements, or the second bytes, and so on. Exponents of weights
repeat and mantissas do not, so planes compress where interleaved elements hardly do. Cutting the
run into blocks keeps both ends in cache, and bounds what any one frame may allocate. Each frame
ends with Zstandard's checksum of its content; one without is refused.

Weights repeat bytes but hardly ever sequences of bytes, and one that repeats by chance costs more
than the Huffman codes it replaces. So a writer of numbers (`NUMBERS`) looks for long ones only, and
near by: the exponents of Gaussian weights, 2.55 bits of entropy each, take 2.61 bits where
Zstandard's level 3 takes 3.23, and both ends are faster. Graphs do repeat sequences (`GRAPHS`).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
from backports import zstd
from numpy.typing import NDArray

from fivegms_codecs.errors import PayloadCorrupt

BLOCK_BYTES = 1024 * 1024
"""What one frame decodes to; only the last frame of a run is shorter. Part of the format."""

Options = Mapping[int, int]

NUMBERS: Options = MappingProxyType(
    {
        zstd.CompressionParameter.compression_level: 1,
        zstd.CompressionParameter.strategy: zstd.Strategy.fast,
        zstd.CompressionParameter.hash_log: 6,
        zstd.CompressionParameter.min_match: 7,
        zstd.CompressionParameter.checksum_flag: 1,
    }
)
"""How to write the bytes of weights."""

GRAPHS: Options = MappingProxyType(
    {
        zstd.CompressionParameter.compression_level: 3,
        zstd.CompressionParameter.checksum_flag: 1,
    }
)
"""How to write what repeats itself: a topology, integers."""

# A frame of one block needs no larger window; a header that asks for one is refused unallocated.
_READING: Options = {zstd.DecompressionParameter.window_log_max: BLOCK_BYTES.bit_length() - 1}

_DESCRIPTOR_OFFSET = 4
_CHECKSUM_FLAG = 0x04  # RFC 8878 3.1.1.1.1

_MIN_PLANE_BYTES = 128  # shorter planes share a code: another one would take more than it saves

Bytes = NDArray[np.uint8]


def as_bytes(array: NDArray[np.generic]) -> Bytes:
    """A writable view of a C-contiguous array as [elements, itemsize] uint8."""
    return array.reshape(-1).view(np.uint8).reshape(array.size, array.dtype.itemsize)


def pack(elements: Bytes, options: Options = NUMBERS) -> Iterator[bytes]:
    """Yield one frame per block of `elements` [count, itemsize] uint8."""
    chosen = dict(options)
    for block in _blocks(elements):
        yield _compress(np.ascontiguousarray(block.T), chosen)


def unpack(payload: memoryview, out: Bytes) -> None:
    """Fill `out` [count, itemsize] uint8 from exactly the frames in `payload`.

    Raises PayloadCorrupt, and then leaves `out` partly written.
    """
    for block, content in zip(_blocks(out), contents(payload, out.size), strict=True):
        interleave(content, block)


def interleave(content: Bytes, out: Bytes) -> None:
    """Fill `out` [count, itemsize] uint8 from the planes that a frame held."""
    for index, plane in enumerate(content.reshape(out.shape[1], -1)):
        out[:, index] = plane


def taken(packed: list[bytes]) -> Iterator[bytes]:
    """Yield the frames of a list, and empty it, so that what they are copied to may take over."""
    packed.reverse()
    while packed:
        yield packed.pop()


def contents(payload: memoryview, size_bytes: int) -> Iterator[Bytes]:
    """Yield what each of exactly the frames in `payload` holds. Raises PayloadCorrupt."""
    for start in range(0, size_bytes, BLOCK_BYTES):
        content, payload = read(payload, min(BLOCK_BYTES, size_bytes - start))
        yield content
    if payload:
        raise PayloadCorrupt(f"{len(payload)} bytes follow the last frame")


def check(payload: memoryview, size_bytes: int) -> None:
    """Walk the frame headers: they must promise exactly `size_bytes`. Decodes nothing.

    This runs before the output is allocated, so that a short payload cannot ask for a large one.
    Raises PayloadCorrupt.
    """
    rest = skip(payload, size_bytes)
    if rest:
        raise PayloadCorrupt(f"{len(rest)} bytes follow the last frame")


def skip(payload: memoryview, size_bytes: int) -> memoryview:
    """What follows a run of frames that promises `size_bytes`. Raises PayloadCorrupt."""
    for start in range(0, size_bytes, BLOCK_BYTES):
        payload = payload[frame_size(payload, min(BLOCK_BYTES, size_bytes - start)) :]
    return payload


def write(data: memoryview | bytes) -> bytes:
    """One frame of `data`, which is at most BLOCK_BYTES long."""
    return zstd.compress(data, options=dict(NUMBERS))


def read(payload: memoryview, size_bytes: int) -> tuple[Bytes, memoryview]:
    """The content of the first frame, which must be of `size_bytes`, and what follows the frame.

    Raises PayloadCorrupt.
    """
    size = frame_size(payload, size_bytes)
    return np.frombuffer(_decompress(payload[:size], size_bytes), np.uint8), payload[size:]


def decoded_bytes(payload: memoryview) -> int:
    """How many bytes the frames that fill `payload` promise to decode to. Raises PayloadCorrupt."""
    total = 0
    try:
        while payload:
            total += zstd.get_frame_info(payload).decompressed_size or 0
            payload = payload[zstd.get_frame_size(payload) :]
    except zstd.ZstdError as error:
        raise PayloadCorrupt(f"no whole Zstandard frame: {error}") from None
    return total


def frame_size(payload: memoryview, decoded_bytes: int) -> int:
    """The length of the first frame, which must promise `decoded_bytes` and carry a checksum.

    Raises PayloadCorrupt.
    """
    try:
        info = zstd.get_frame_info(payload)
        size = zstd.get_frame_size(payload)
    except zstd.ZstdError as error:
        raise PayloadCorrupt(f"no whole Zstandard frame: {error}") from None
    if info.decompressed_size != decoded_bytes:
        raise PayloadCorrupt(
            f"a frame promises {info.decompressed_size} bytes where {decoded_bytes} belong"
        )
    if not payload[_DESCRIPTOR_OFFSET] & _CHECKSUM_FLAG:
        raise PayloadCorrupt("a frame has no content checksum")
    return size


def _compress(planes: Bytes, options: dict[int, int]) -> bytes:
    """One frame, in which each plane begins a Zstandard block, and so has a code of its own."""
    if planes.shape[1] < _MIN_PLANE_BYTES:
        return zstd.compress(planes.data, options=options)
    compressor = zstd.ZstdCompressor(options=options)
    compressor.set_pledged_input_size(planes.size)
    *others, last = planes
    parts = [compressor.compress(plane.data, compressor.FLUSH_BLOCK) for plane in others]
    parts.append(compressor.compress(last.data, compressor.FLUSH_FRAME))
    return b"".join(parts)


def _decompress(frame: memoryview, size_bytes: int) -> bytes:
    decoder = zstd.ZstdDecompressor(options=_READING)
    try:
        data = decoder.decompress(frame, max_length=size_bytes)
    except zstd.ZstdError as error:
        raise PayloadCorrupt(f"a Zstandard frame does not decode: {error}") from None
    if len(data) != size_bytes or not decoder.eof:  # only at its end is the checksum compared
        raise PayloadCorrupt(f"a frame does not end after the {size_bytes} bytes that belong there")
    return data


def _blocks(elements: Bytes) -> Iterator[Bytes]:
    step = BLOCK_BYTES // elements.shape[1]
    for start in range(0, len(elements), step):
        yield elements[start : start + step]
