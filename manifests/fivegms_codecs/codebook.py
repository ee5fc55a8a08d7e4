"""The codec `codebook+zstd`: the best few numbers of a tensor, and which of them each one is.

Non-linear quantisation, and as such not transparent (TR 26.927 6.1.1): a receiver can do nothing
with the indices before it has looked them up. The side information is the number of entries less
one, a byte, and the entries, float32 in ascending order; the frames hold the indices, half bytes
where there are at most 16 entries and bytes otherwise.

The entries are those of least squared error (Lloyd 1957), found on a sample. Where it is known how
much each weight matters, say from the second moments of what it is multiplied with, the error is
weighted so. A tensor with many zeros, such as a pruned one, keeps them: one entry is exactly 0.
"""

import math
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import frames, half_bytes
from fivegms_codecs.coding import Array, Part, Precision, Shape
from fivegms_codecs.dtypes import FLOATS, DType
from fivegms_codecs.eligibility import quantises
from fivegms_codecs.errors import PayloadCorrupt

ENTRIES = 16
"""What the writer makes; 256 give 15 dB more for twice the bytes, where int8 does as well."""

MAX_ENTRIES = 256

_SAMPLES = 1 << 17
_ROUNDS = 40
_BLOCK_ELEMENTS = 1 << 18
_FRAME_INDICES = 2 * frames.BLOCK_BYTES
_HALF_BYTE_ENTRIES = 16
_COUNT = struct.Struct("<B")

Entries = NDArray[np.float32]


def suits(dtype: DType, stored: DType) -> bool:
    """A floating-point tensor as indices."""
    return stored is DType.UINT8 and dtype in FLOATS


def grant(array: Array, dtype: DType, precision: Precision) -> DType | None:
    """Indices, where quantising is worth it and safe."""
    return DType.UINT8 if quantises(array, dtype) else None


def encode(
    array: Array, stored: DType, entries: int = ENTRIES, importance: Array | None = None
) -> Iterator[Part]:
    """Yield the codebook of at most `entries` (1 to 256), then frames of the indices.

    `importance` broadcasts to the array's shape; it weighs the squared error of each number and
    is finite, at least 0, and somewhere above.
    """
    found = best_entries(array, entries, importance)
    yield _COUNT.pack(len(found) - 1) + found.tobytes()
    flat = array.reshape(-1)
    for start in range(0, flat.size, _FRAME_INDICES):
        indices = _nearest(flat[start : start + _FRAME_INDICES], found)
        packed = half_bytes.pack(indices) if len(found) <= _HALF_BYTE_ENTRIES else indices
        yield from frames.pack(packed.reshape(-1, 1))


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """The codebook is side information. Raises PayloadCorrupt."""
    side_bytes, entries = _measure(payload)
    frames.check(payload[side_bytes:], _packed_bytes(math.prod(shape), entries))
    return side_bytes


def decode(payload: memoryview, out: Array, stored: DType) -> None:
    """Look every number up. Raises PayloadCorrupt."""
    side_bytes, _ = _measure(payload)
    entries = _read_entries(payload[_COUNT.size : side_bytes], out.dtype)
    flat, done = out.reshape(-1), 0
    for packed in frames.contents(payload[side_bytes:], _packed_bytes(out.size, len(entries))):
        indices = packed
        if len(entries) <= _HALF_BYTE_ENTRIES:
            indices = half_bytes.unpack(packed, min(2 * len(packed), out.size - done))
        _look_up(indices, entries, flat[done : done + len(indices)])
        done += len(indices)


def _look_up(indices: NDArray[np.uint8], entries: Array, out: Array) -> None:
    for start in range(0, len(indices), _BLOCK_ELEMENTS):
        block = indices[start : start + _BLOCK_ELEMENTS]
        if int(block.max()) >= len(entries):
            raise PayloadCorrupt(f"index {block.max()} into a codebook of {len(entries)} entries")
        np.take(entries, block, out=out[start : start + len(block)], mode="clip")


def best_entries(array: Array, entries: int, importance: Array | None = None) -> Entries:
    """At most `entries` numbers, ascending, that approximate those of a finite `array` best."""
    sample, weights = _sample(array, importance)
    distinct = np.unique(sample)
    if len(distinct) <= entries:
        return np.unique(distinct.astype("<f4"))
    starts = np.concatenate([[0.0], np.cumsum(weights)])
    sums = np.concatenate([[0.0], np.cumsum(weights * sample)])
    centres = _spread(sample, starts[1:], entries)
    for _ in range(_ROUNDS):
        edges = np.searchsorted(sample, (centres[1:] + centres[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [len(sample)]])
        mass, moment = np.diff(starts[bounds]), np.diff(sums[bounds])
        centres = np.divide(moment, mass, out=centres.copy(), where=mass > 0)
    if np.count_nonzero(sample == 0) * entries >= len(sample):
        centres[np.argmin(np.abs(centres))] = 0
    return np.unique(centres.astype("<f4"))


def _sample(array: Array, importance: Array | None) -> tuple[NDArray[np.float64], ...]:
    """Evenly spaced numbers of the array in ascending order, and their weights."""
    flat = array.reshape(-1)
    step = -(-flat.size // _SAMPLES) | 1  # odd, so as not to fall in step with a dimension
    sample = flat[::step].astype(np.float64)
    order = np.argsort(sample, kind="stable")
    if importance is None:
        return sample[order], np.ones(len(sample))
    weights = np.broadcast_to(importance, array.shape).reshape(-1)[::step]
    return sample[order], weights[order].astype(np.float64)


def _spread(
    sample: NDArray[np.float64], reached_weight: NDArray[np.float64], entries: int
) -> NDArray[np.float64]:
    """Entries to start from, dense where numbers are: by the square root of the gaps of quantiles.

    The best density is the cube root of that of the numbers (Panter and Dite 1951), near this.
    """
    shares = np.linspace(0, reached_weight[-1], 4 * MAX_ENTRIES + 1)
    quantiles = sample[np.minimum(np.searchsorted(reached_weight, shares), len(sample) - 1)]
    reached = np.cumsum(np.sqrt(np.diff(quantiles, prepend=quantiles[0])))
    targets = (np.arange(entries) + 0.5) / entries * reached[-1]
    return np.unique(np.interp(targets, reached, quantiles))


def _nearest(numbers: Array, entries: Entries) -> NDArray[np.uint8]:
    """The index of the nearest entry: how many middles between entries a number exceeds."""
    middles = ((entries[1:].astype(np.float64) + entries[:-1]) / 2).astype(numbers.dtype)
    indices = np.zeros(len(numbers), np.uint8)
    for start in range(0, len(numbers), _BLOCK_ELEMENTS):
        block = numbers[start : start + _BLOCK_ELEMENTS]
        target = indices[start : start + _BLOCK_ELEMENTS]
        if len(entries) > _HALF_BYTE_ENTRIES:
            target[...] = np.searchsorted(middles, block)
            continue
        for middle in middles:
            target += block > middle
    return indices


def _measure(payload: memoryview) -> tuple[int, int]:
    """The length of the side information and the number of entries. Raises PayloadCorrupt."""
    if not payload:
        raise PayloadCorrupt("the codebook is missing")
    entries = payload[0] + 1
    side_bytes = _COUNT.size + 4 * entries
    if len(payload) < side_bytes:
        raise PayloadCorrupt(f"{len(payload)} bytes where a codebook of {side_bytes} belongs")
    return side_bytes, entries


def _packed_bytes(count: int, entries: int) -> int:
    return half_bytes.packed_bytes(count) if entries <= _HALF_BYTE_ENTRIES else count


def _read_entries(data: memoryview, dtype: "np.dtype[np.generic]") -> Array:
    """The entries in the type of the tensor. Raises PayloadCorrupt."""
    entries = np.frombuffer(data, "<f4")
    limit = min(float(np.finfo(dtype.name).max), float(np.finfo(np.float32).max))
    if not np.all(np.abs(entries) <= limit) or not np.all(entries[1:] > entries[:-1]):
        raise PayloadCorrupt("a codebook entry is not finite in the tensor's type, or out of order")
    return entries.astype(dtype)
