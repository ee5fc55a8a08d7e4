"""One tensor in layers: an int8 base that runs, and enhancements that lead to every bit of it.

    base     the very unit of the variant int8+zstd, shared with it; off by half a scale at most
    middle   8 bits of what the base leaves open in 6.2 bits a number; off by 1/64 of a scale
    last     the rest: bit-exact

Every prefix is a tensor of the graph's type and shape, and nothing is sent twice: together the
layers take about as much as the numbers by themselves (docs/formats.md, docs/benchmarks.md). How
the numbers are taken apart is the matter of `residuals`, how that is written of `refinement`.

Only float32 tensors of numbers that repeat nothing but their exponents are worth taking apart. Of
others that int8 approximates (float16, float64, float32 rounded to float16, pruned and clustered
weights where that is smaller) the middle layer is the whole tensor, exactly, as planes+zstd; and of
those that int8 leaves exact there is the base alone.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from fivegms_codecs import frames, planes, quantised, refinement, units
from fivegms_codecs.cells import Levels, Words
from fivegms_codecs.channels import Channels
from fivegms_codecs.coding import Array, Precision
from fivegms_codecs.dtypes import DType
from fivegms_codecs.errors import LayersMismatch, PayloadCorrupt
from fivegms_codecs.ordering import BLOCK, Counts, Dealer
from fivegms_codecs.residuals import join, split
from fivegms_codecs.units import DEFAULT_LIMITS, TensorUnit, UnitLimits
from fivegms_codecs.weights import Codec, Coding

_MIDDLE = Coding(DType.FLOAT32, Codec.LAYER_MIDDLE)
_LAST = Coding(DType.FLOAT32, Codec.LAYER_LAST)
_CHAIN = (Codec.INT8_ZSTD, Codec.LAYER_MIDDLE, Codec.LAYER_LAST)


@dataclass(frozen=True, slots=True)
class Layers:
    """The units of one tensor, from the base up.

    Where `middle` is None, the base is exact; where `last` alone is, the middle is.
    """

    base: bytes
    middle: bytes | None = None
    last: bytes | None = None


class _Frames(NamedTuple):
    """The enhancement layers of a tensor: the counts that go before, and the frames of each."""

    counts: list[list[int]]
    middle: list[bytes]
    last: list[bytes]


def write_layers(name: str, array: Array, limits: UnitLimits = DEFAULT_LIMITS) -> Layers:
    """The units of an initializer; the base is that of `write_tensor` as int8+zstd.

    `array` has the graph's dtype and shape. Raises DtypeUnsupported, UnitMalformed and
    LimitExceeded.
    """
    base = units.write_tensor(name, array, Precision.INT8, Codec.INT8_ZSTD, limits)
    unit = units.read_tensor(base, limits)
    if unit.codec is not Codec.INT8_ZSTD:
        return Layers(base)
    numbers = np.asarray(array, unit.dtype.numpy, order="C")
    refined = _refine(unit, numbers) if unit.dtype is DType.FLOAT32 else None
    if refined is None:
        exact = units.write_tensor(name, numbers, Precision.FP32, Codec.PLANES_ZSTD, limits)
        return Layers(base, exact)
    middle = _enhance(unit, _MIDDLE, refined.counts, refined.middle)
    last = _enhance(units.read_tensor(middle, limits), _LAST, refined.counts, refined.last)
    return Layers(base, middle, last)


def decode_layers(layers: Sequence[TensorUnit], out: Array | None = None) -> Array:
    """The tensor of [base], [base, middle] or [base, middle, last], in `out` where one is given.

    Raises LayersMismatch unless these are layers of one tensor, one upon the other; BufferMismatch;
    and PayloadCorrupt, after which the contents of `out` are undefined.
    """
    _check_layers(layers)
    top = layers[-1]
    if top.codec not in _CHAIN[1:]:
        return units.decode_tensor(top, out)
    out = units.buffer_for(top, out)
    _decode(layers, out)
    return out


def _refine(base: TensorUnit, numbers: Array) -> _Frames | None:
    """The frames of both enhancement layers; None where the numbers by themselves take less."""
    bits = numbers.reshape(-1).view(np.uint32)
    channels = _channels(base, numbers)
    result = _Frames([], [], [])
    for start, values in _values(base):
        block = bits[start : start + len(values)]
        kinds = split(block, values, channels, start)
        result.counts.append([len(words) for words in kinds])
        result.middle.extend(refinement.write_middle(kinds))
        result.last.extend(refinement.write_last(kinds))
        if not start and _exact_bytes(block) <= sum(map(len, result.middle + result.last)):
            return None
    return result


def _exact_bytes(block: Words) -> int:
    """What numbers of those bits take as planes+zstd."""
    return sum(map(len, planes.encode(block.view(np.float32), DType.FLOAT32)))


def _enhance(
    below: TensorUnit, coding: Coding, counts: list[list[int]], packed: list[bytes]
) -> bytes:
    """The unit of a layer, of whose frames `packed` is emptied meanwhile."""
    head = refinement.write_head(zlib.crc32(below.payload), counts)
    parts = chain([head], frames.taken(packed))
    return units.join_tensor(below.name, below.shape, below.dtype, coding, parts)


def _decode(layers: Sequence[TensorUnit], out: Array) -> None:
    base, middle, *last = layers
    channels = _channels(base, out)
    bits = out.reshape(-1).view(np.uint32)
    head = refinement.read_head(middle.payload, out.size)
    tops = head.frames
    rests = _rests(last[0], head.counts) if last else None
    for row, (start, values) in zip(head.counts.tolist(), _values(base), strict=True):
        words, tops = refinement.read_middle(row, tops)
        if rests is not None:
            rests = refinement.read_last(row, rests, words)
        block = bits[start : start + len(values)]
        join(Dealer(words, row), values, channels, start, block, complete=rests is not None)


def _rests(last: TensorUnit, counts: Counts) -> memoryview:
    """The frames of a last layer, which must count as the middle one does."""
    head = refinement.read_head(last.payload, math.prod(last.shape))
    if not np.array_equal(head.counts, counts):
        raise PayloadCorrupt("the last layer counts other kinds of cell than the middle one")
    return head.frames


def _values(base: TensorUnit) -> Iterator[tuple[int, Levels]]:
    """The int8 values of a base, with the place of the first in the tensor, block by block."""
    done = 0
    for values in quantised.read_values(base.payload, base.shape):
        for start in range(0, len(values), BLOCK):
            yield done + start, values[start : start + BLOCK]
        done += len(values)


def _channels(base: TensorUnit, like: Array) -> Channels:
    return Channels(quantised.read_scales(base.payload, like), like.size)


def _check_layers(layers: Sequence[TensorUnit]) -> None:
    if not 1 <= len(layers) <= len(_CHAIN):
        raise LayersMismatch(f"{len(layers)} units; a tensor has 1 to {len(_CHAIN)} layers")
    if len(layers) == 1:
        return
    found = tuple(unit.codec for unit in layers)
    if found not in (_CHAIN[: len(found)], (Codec.INT8_ZSTD, Codec.PLANES_ZSTD)):
        raise LayersMismatch(f"{' below '.join(found)} are no layers of one tensor")
    for below, above in pairwise(layers):
        _check_pair(below, above)


def _check_pair(below: TensorUnit, above: TensorUnit) -> None:
    if (below.name, below.dtype, below.shape) != (above.name, above.dtype, above.shape):
        raise LayersMismatch(
            f"{above.codec} of {above.name!r} {above.dtype.name} {above.shape} cannot refine "
            f"{below.name!r} {below.dtype.name} {below.shape}"
        )
    if above.codec is Codec.PLANES_ZSTD:
        return
    refines = refinement.read_head(above.payload, math.prod(above.shape)).refines
    if refines != zlib.crc32(below.payload):
        raise LayersMismatch(f"{above.codec} of {above.name!r} refines another {below.codec}")
