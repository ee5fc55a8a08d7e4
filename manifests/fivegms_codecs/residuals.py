"""What int8 values leave unsaid about a float32 tensor, in the order in which it compresses best.

A *word* says all that a number's value q does not: the top and the rest of its place in its cell
(see `cells`), or, where q = 0, its exponent, sign and mantissa.

    cell   0:8  top:8                rest:16
    zero   exponent:8  sign:1  mantissa:23

Numbers whose cells are about equally wide have words of the same distribution, so the words of a
block are put into the order of their kinds of cell, and each kind is compressed on its own. The
reader knows the cells from the values, and with them where each word belongs.

Words are pure arithmetic and know no payload (see `refinement`). Work goes in parts that stay in
the cache and are long enough to release the interpreter.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.cells import CLASSES, ZERO, Levels, Words, cells
from fivegms_codecs.errors import CodecUnsuitable, PayloadCorrupt

BLOCK = 1 << 18
"""How many numbers are ordered together; part of the format."""

_PART = 1 << 16
_REST = np.uint32(0xFFFF)
_REST_BITS = np.uint32(16)
_WORD_BITS = np.uint32(24)
_MANTISSA = np.uint32((1 << 23) - 1)
_MANTISSA_BITS = np.uint32(23)
_HIGHEST_BYTE = np.uint32(0xFF000000)
_LARGEST_NAN = np.uint32(0x7FFFFFFF)
_LARGEST = np.uint32(0x7F7FFFFF)  # the bits of the largest float32 that is finite

Kinds = tuple[Words, ...]
"""The words of a block by kind of cell, in the order of the numbers."""


class Channels:
    """The scale of each number of a tensor [channels, numbers], by its place in the tensor."""

    def __init__(self, scales: NDArray[np.float32], count: int) -> None:
        self._bits: Words = np.ascontiguousarray(scales, "<f4").view(np.uint32)
        self._numbers = count // len(scales)

    def bits(self, start: int, stop: int) -> Words:
        """The scales' bits of the numbers from `start` to `stop`; one where all have the same."""
        first, last = start // self._numbers, (stop - 1) // self._numbers
        if first == last:
            return self._bits[first : first + 1]
        repeated = np.repeat(self._bits[first : last + 1], self._numbers)
        begin = start - first * self._numbers
        return repeated[begin : begin + stop - start]


def split(bits: Words, values: Levels, channels: Channels, start: int) -> Kinds:
    """The words of a block: numbers of those `bits`, which begin at place `start` of the tensor.

    Raises CodecUnsuitable when a value does not stand for its number.
    """
    kinds: list[list[Words]] = [[] for _ in range(CLASSES)]
    for part in _parts(len(bits)):
        place = slice(start + part.start, start + part.stop)
        for words, some in zip(
            kinds, _split(bits[part], values[part], channels, place), strict=True
        ):
            words.append(some)
    return tuple(np.concatenate(words) for words in kinds)


def join(
    kinds: Kinds, values: Levels, channels: Channels, start: int, out: Words, *, complete: bool
) -> None:
    """Fill `out` with the bits of the numbers that `split` took, from place `start` of the tensor.

    Without `complete`, words have only their upper 16 bits, and numbers become the middle of what
    is still possible, finite always. Raises PayloadCorrupt when the words are not those of the
    values, and `out` is undefined then.
    """
    done = [0] * CLASSES
    for part in _parts(len(out)):
        scales = channels.bits(start + part.start, start + part.stop)
        _join(kinds, done, values[part], scales, out[part], complete)
    if done != [len(words) for words in kinds]:
        raise PayloadCorrupt("the words are of other kinds of cell than the values")


def _split(bits: Words, values: Levels, channels: Channels, place: slice) -> Iterator[Words]:
    floor, width, kind = cells(values, channels.bits(place.start, place.stop))
    words = bits - floor
    top = words // width
    words -= top * width
    top <<= _REST_BITS
    words |= top
    yield _zero_words(bits[(kind == ZERO).nonzero()[0]])
    for index in range(ZERO + 1, CLASSES):
        some = words[(kind == index).nonzero()[0]]
        if some.size and int(some.max()) >> int(_WORD_BITS):
            raise CodecUnsuitable("a number lies outside the cell of its int8 value")
        yield some


def _join(
    kinds: Kinds, done: list[int], values: Levels, scales: Words, out: Words, complete: bool
) -> None:
    floor, width, kind = cells(values, scales)
    for index in range(ZERO + 1, CLASSES):
        where = (kind == index).nonzero()[0]
        out[where] = _next(kinds, done, index, len(where))
    rest = out & _REST if complete else width >> np.uint32(1)
    out >>= _REST_BITS
    out *= width
    out += rest
    out += floor
    if not complete:
        _keep_finite(out)
    zeros = (kind == ZERO).nonzero()[0]
    out[zeros] = _zero_bits(_next(kinds, done, ZERO, len(zeros)))


def _keep_finite(bits: Words) -> None:
    """Bring numbers that their cell lets pass the largest float32 back to it."""
    beyond = (bits & _LARGEST_NAN) > _LARGEST
    bits[beyond] = (bits[beyond] & ~_LARGEST_NAN) | _LARGEST


def _next(kinds: Kinds, done: list[int], index: int, count: int) -> Words:
    """The next `count` words of a kind."""
    start = done[index]
    done[index] += count
    if done[index] > len(kinds[index]):
        raise PayloadCorrupt("the words are of other kinds of cell than the values")
    return kinds[index][start : done[index]]


def _zero_words(bits: Words) -> Words:
    """Exponent, sign, mantissa of numbers that have them as sign, exponent, mantissa."""
    words = bits & _MANTISSA
    words |= (bits << np.uint32(1)) & _HIGHEST_BYTE
    words |= (bits >> np.uint32(31)) << _MANTISSA_BITS
    return words


def _zero_bits(words: Words) -> Words:
    """The inverse of `_zero_words`."""
    bits = words & _MANTISSA
    bits |= (words & _HIGHEST_BYTE) >> np.uint32(1)
    bits |= ((words >> _MANTISSA_BITS) & np.uint32(1)) << np.uint32(31)
    return bits


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _PART):
        yield slice(start, min(start + _PART, count))
