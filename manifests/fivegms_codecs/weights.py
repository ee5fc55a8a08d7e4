"""The table of weight codecs, and the way into it.

    raw            the stored numbers, little-endian
    planes+zstd    the same numbers as byte planes, compressed; lossless
    int8+zstd      symmetric int8 per output channel: float32 scales, then planes (TR 26.927 6.1.1)
    int4+zstd      15 levels per output channel, scaled for the least squared error
    codebook+zstd  the best 16 numbers of a tensor, and indices: non-linear, not transparent
    sparse+zstd    lossless: the numbers that are not zero, and where they are
    int8+huffman   the values of int8+zstd, by prefix codes next to their entropy
    layer-middle, layer-last             what an int8 value leaves open of its number (see `layers`)
    delta-bits+zstd, delta-int+zstd      the way from an older tensor to a newer (see `deltas`)

A precision is asked for per variant and granted per tensor: `choose` says which type a tensor's
numbers are stored in and by which codec, and both are written in the unit. What a codec does not
grant goes exactly, as planes+zstd. The receiver expands what is stored to the graph's own type, so
all variants share one topology.

A new codec is a module with the five functions of `coding.Packing`, a name in `Codec`, a row in
`_TABLE`, a row and a section in docs/formats.md, and golden vectors. Only `layers` and `deltas`, of
whose units one alone is no tensor, name the codecs that they choose.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from fivegms_codecs import (
    codebook,
    differences,
    huffman,
    int4,
    planes,
    quantised,
    raw,
    refinement,
    sparse,
    steps,
)
from fivegms_codecs.coding import Array, Packing, Part, Precision, Refinement, Shape
from fivegms_codecs.dtypes import DType
from fivegms_codecs.errors import CodecUnknown, CodecUnsuitable

__all__ = ["Codec", "Coding", "Precision"]


class Codec(StrEnum):
    """How the numbers are packed (docs/formats.md)."""

    RAW = "raw"
    PLANES_ZSTD = "planes+zstd"
    INT8_ZSTD = "int8+zstd"
    LAYER_MIDDLE = "layer-middle"
    LAYER_LAST = "layer-last"
    INT4_ZSTD = "int4+zstd"
    CODEBOOK_ZSTD = "codebook+zstd"
    SPARSE_ZSTD = "sparse+zstd"
    INT8_HUFFMAN = "int8+huffman"
    DELTA_BITS_ZSTD = "delta-bits+zstd"
    DELTA_INT_ZSTD = "delta-int+zstd"


@dataclass(frozen=True, slots=True)
class Coding:
    """How one tensor is sent: the type its numbers are stored in, and the codec."""

    stored: DType
    codec: Codec


@dataclass(frozen=True, slots=True)
class _Row:
    """`code` is the codec in a unit's header; `precisions` are those that may ask for it."""

    code: int
    precisions: frozenset[Precision]
    packing: Packing


def _row(code: int, packing: Packing, *precisions: Precision) -> _Row:
    return _Row(code, frozenset(precisions), packing)


_TABLE = MappingProxyType(
    {
        Codec.RAW: _row(0, raw, Precision.FP32, Precision.FP16),
        Codec.PLANES_ZSTD: _row(1, planes, Precision.FP32, Precision.FP16),
        Codec.INT8_ZSTD: _row(2, quantised, Precision.INT8),
        Codec.LAYER_MIDDLE: _row(3, Refinement(refinement.suits, refinement.check_middle)),
        Codec.LAYER_LAST: _row(4, Refinement(refinement.suits, refinement.check_last)),
        Codec.INT4_ZSTD: _row(5, int4, Precision.INT4),
        Codec.CODEBOOK_ZSTD: _row(6, codebook, Precision.CODEBOOK),
        Codec.SPARSE_ZSTD: _row(7, sparse, Precision.FP32),
        Codec.INT8_HUFFMAN: _row(8, huffman, Precision.INT8),
        Codec.DELTA_BITS_ZSTD: _row(9, Refinement(differences.suits, differences.check)),
        Codec.DELTA_INT_ZSTD: _row(10, Refinement(steps.suits, steps.check)),
    }
)
_BY_CODE = MappingProxyType({row.code: codec for codec, row in _TABLE.items()})


def code_of(codec: Codec) -> int:
    """The number of a codec in a unit's header."""
    return _TABLE[codec].code


def codec_from_code(code: int) -> Codec:
    """The codec of that number. Raises CodecUnknown."""
    try:
        return _BY_CODE[code]
    except KeyError:
        raise CodecUnknown(f"codec code {code}; this reader knows {sorted(_BY_CODE)}") from None


def suits(dtype: DType, coding: Coding) -> bool:
    """Whether a tensor of `dtype` may be sent so."""
    return _TABLE[coding.codec].packing.suits(dtype, coding.stored)


def choose(array: Array, dtype: DType, precision: Precision, codec: Codec) -> Coding:
    """How to send `array`, of element type `dtype`, in a variant of that precision and codec.

    Raises CodecUnsuitable when the precision and the codec exclude one another.
    """
    row = _TABLE[codec]
    if precision not in row.precisions:
        raise CodecUnsuitable(f"codec {codec} cannot hold {precision}")
    stored = row.packing.grant(array, dtype, precision)
    return Coding(dtype, Codec.PLANES_ZSTD) if stored is None else Coding(stored, codec)


def encode(array: Array, coding: Coding) -> Iterator[Part]:
    """Yield the payload of a C-contiguous `array`: first all side information, then frames."""
    return _TABLE[coding.codec].packing.encode(array, coding.stored)


def check(payload: memoryview, shape: Shape, coding: Coding) -> int:
    """Hold the payload's length and frame headers against the shape. Raises PayloadCorrupt.

    Returns the length of the side information at its start, which the unit's checksum covers.
    """
    return _TABLE[coding.codec].packing.check(payload, shape, coding.stored)


def decode(payload: memoryview, out: Array, coding: Coding) -> None:
    """Fill the C-contiguous `out`, of the graph's type and shape. Raises PayloadCorrupt."""
    _TABLE[coding.codec].packing.decode(payload, out, coding.stored)
