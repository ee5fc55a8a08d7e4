"""The codec `delta-bits+zstd`: how the bits of each number differ from those of an older one.

    side information   the CRC-32 of the older numbers, little-endian: u32
                       an exponent: u16
                       of each block of 2^18 words, how many are of each kind: u32[7]
    frames             of each block, of each kind, a run of frames of the words

A word is the difference of the bits as whole numbers, modulo their width, its sign in the lowest
bit: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4. Training moves numbers by about as much whatever their
size, so a word is the longer the smaller the number it changes: kinds are the exponents of the
older numbers, the given one and above first, then one by one down. With 0 for an exponent, all
numbers are of the first kind, and so are those that have none.
"""

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import frames
from fivegms_codecs.coding import Array, Part, Shape
from fivegms_codecs.dtypes import DType, dtype_of
from fivegms_codecs.errors import PayloadCorrupt
from fivegms_codecs.ordering import (
    BLOCK,
    KINDS,
    Counts,
    Dealer,
    Drawers,
    Kind,
    Words,
    parts,
    read_counts,
)

_HEADER = struct.Struct("<IH")
_MANTISSA_BITS = {DType.FLOAT16: 10, DType.FLOAT32: 23, DType.FLOAT64: 52}
_COMPLEX = (DType.COMPLEX64, DType.COMPLEX128)
_EXPONENTS = 1 << 11
_LARGE_SHARE = 1 / 16
"""The share of numbers that are of the first kind, at least."""


def suits(dtype: DType, stored: DType) -> bool:
    """Any tensor, in its own type."""
    return stored is dtype


def check(payload: memoryview, shape: Shape, stored: DType) -> int:
    """The head is side information; see `coding.Packing.check`. Raises PayloadCorrupt."""
    width = _word(stored).itemsize
    exponent, counts, rest = _read_head(payload, math.prod(shape) * stored.itemsize // width)
    if exponent and stored not in _MANTISSA_BITS:
        raise PayloadCorrupt(f"an exponent for {stored.name} numbers, which have none")
    size_bytes = len(payload) - len(rest)
    for count in counts.reshape(-1).tolist():
        rest = frames.skip(rest, count * width)
    if rest:
        raise PayloadCorrupt(f"{len(rest)} bytes follow the last frame")
    return size_bytes


def refines(payload: memoryview) -> int:
    """The CRC-32 of the numbers that a payload which `check` accepted says the difference from."""
    checksum, _ = _HEADER.unpack_from(payload)
    return int(checksum)


def same(array: Array, base: Array) -> bool:
    """Whether arrays of one type and shape have the same bits."""
    new, old = _words(array), _words(base)
    return all(np.array_equal(new[part], old[part]) for part in parts(len(new)))


def encode(array: Array, base: Array) -> Iterator[Part]:
    """Yield the side information, then frames. Both arrays are of one type and C-contiguous."""
    new, old = _words(array), _words(base)
    dtype = dtype_of(base.dtype)
    exponent = _large_exponent(old, dtype)
    if exponent and _length(new, old, dtype, exponent) >= _length(new, old, dtype, 0):
        exponent = 0
    counts: list[list[int]] = []
    packed: list[bytes] = []
    for start in range(0, len(new), BLOCK):
        block = slice(start, start + BLOCK)
        kinds = _split(new[block], old[block], dtype, exponent)
        counts.append([len(words) for words in kinds])
        packed.extend(_pack(kinds))
    head = _HEADER.pack(zlib.crc32(frames.as_bytes(base).data), exponent)
    yield head + np.array(counts, "<u4").tobytes()
    yield from frames.taken(packed)


def decode(payload: memoryview, base: Array, out: Array) -> None:
    """Fill `out`, which may be `base`, from a payload that `check` accepted.

    Raises PayloadCorrupt, and leaves `out` undefined then.
    """
    old, new = _words(base), _words(out)
    dtype = dtype_of(base.dtype)
    exponent, counts, packed = _read_head(payload, len(old))
    for start, row in zip(range(0, len(old), BLOCK), counts.tolist(), strict=True):
        block = slice(start, min(start + BLOCK, len(old)))
        words, packed = _unpack(packed, row, old.dtype)
        _join(Dealer(words, row), old[block], new[block], dtype, exponent)


def _split(new: Words, old: Words, dtype: DType, exponent: int) -> list[Words]:
    drawers = Drawers()
    for part in parts(len(new)):
        difference = new[part] - old[part]
        drawers.put(_fold(difference), _kinds(old[part], dtype, exponent))
    return drawers.words()


def _join(dealer: Dealer, old: Words, new: Words, dtype: DType, exponent: int) -> None:
    for part in parts(len(old)):
        words = np.empty_like(old[part])
        dealer.deal(_kinds(old[part], dtype, exponent), words)
        np.add(old[part], _unfold(words), out=new[part])


def _kinds(old: Words, dtype: DType, exponent: int) -> Kind:
    if not exponent:
        return np.zeros(len(old), np.uint8)
    below = exponent - _exponents(old, dtype)
    return np.clip(below, 0, KINDS - 1, out=below).astype(np.uint8)


def _exponents(words: Words, dtype: DType) -> NDArray[np.int32]:
    """The exponent fields of floating-point numbers of those bits."""
    mantissa_bits = _MANTISSA_BITS[dtype]
    mask = (1 << (8 * dtype.itemsize - mantissa_bits - 1)) - 1
    exponents = (words >> words.dtype.type(mantissa_bits)).astype(np.int32)
    exponents &= mask
    return np.asarray(exponents)


def _large_exponent(old: Words, dtype: DType) -> int:
    """The highest exponent that a large share of the numbers reach; 0 where they have none."""
    if dtype not in _MANTISSA_BITS:
        return 0
    counts = np.zeros(_EXPONENTS, np.int64)
    for part in parts(len(old)):
        counts += np.bincount(_exponents(old[part], dtype), minlength=_EXPONENTS)
    reach = np.cumsum(counts[::-1])
    return _EXPONENTS - 1 - int(np.argmax(reach >= _LARGE_SHARE * len(old)))


def _length(new: Words, old: Words, dtype: DType, exponent: int) -> int:
    """The bytes that the first block takes."""
    return sum(map(len, _pack(_split(new[:BLOCK], old[:BLOCK], dtype, exponent))))


def _fold(difference: Words) -> Words:
    """The sign of a difference in its lowest bit."""
    signed = difference.view(f"<i{difference.itemsize}")
    sign = signed >> signed.dtype.type(8 * difference.itemsize - 1)
    folded: Words = ((signed << signed.dtype.type(1)) ^ sign).view(difference.dtype)
    return folded


def _unfold(words: Words) -> Words:
    """The inverse of `_fold`."""
    one = words.dtype.type(1)
    unfolded: Words = (words >> one) ^ (~(words & one) + one)
    return unfolded


def _pack(kinds: list[Words]) -> Iterator[bytes]:
    for words in kinds:
        yield from frames.pack(frames.as_bytes(words))


def _unpack(
    payload: memoryview, row: list[int], dtype: "np.dtype[np.generic]"
) -> tuple[Words, memoryview]:
    """A block's words in the order of kinds, and what follows its frames."""
    words: Words = np.empty(sum(row), dtype)
    done = 0
    for count in row:
        rest = frames.skip(payload, count * dtype.itemsize)
        some = frames.as_bytes(words[done : done + count])
        frames.unpack(payload[: len(payload) - len(rest)], some)
        done, payload = done + count, rest
    return words, payload


def _read_head(payload: memoryview, count: int) -> tuple[int, Counts, memoryview]:
    """The exponent, the counts, and the frames. Raises PayloadCorrupt."""
    if len(payload) < _HEADER.size:
        raise PayloadCorrupt(f"{len(payload)} bytes where a head of {_HEADER.size} belongs")
    _, exponent = _HEADER.unpack_from(payload)
    counts = read_counts(payload[_HEADER.size :], count)
    return exponent, counts, payload[_HEADER.size + counts.nbytes :]


def _words(array: Array) -> Words:
    words: Words = array.reshape(-1).view(_word(dtype_of(array.dtype)))
    return words


def _word(dtype: DType) -> "np.dtype[np.generic]":
    """The whole number as wide as an element, or as one part of a complex one."""
    return np.dtype(f"<u{dtype.itemsize // (2 if dtype in _COMPLEX else 1)}")
