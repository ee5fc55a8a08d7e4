"""What int8 values leave unsaid about a float32 tensor, in the order in which it compresses best.

A *word* says all that a number's value q does not: the top and the rest of its place in its cell
(see `cells`), or, where q = 0, its exponent, sign and mantissa.

    cell   0:8  top:8                rest:16
    zero   exponent:8  sign:1  mantissa:23

Numbers whose cells are about equally wide have words of the same distribution, so the words of a
block go in the order of their kinds of cell (see `ordering`). The reader knows the cells from the
values, and with them where each word belongs. Words are arithmetic alone and know no payload (see
`refinement`).
"""

import numpy as np

from fivegms_codecs.cells import ZERO, Levels, Words, cells
from fivegms_codecs.channels import Channels
from fivegms_codecs.errors import CodecUnsuitable
from fivegms_codecs.ordering import Dealer, Drawers, parts

_REST = np.uint32(0xFFFF)
_REST_BITS = np.uint32(16)
_CELL_WORD = np.uint32(0xFFFFFF)
_MANTISSA = np.uint32((1 << 23) - 1)
_MANTISSA_BITS = np.uint32(23)
_HIGHEST_BYTE = np.uint32(0xFF000000)
_MAGNITUDE = np.uint32(0x7FFFFFFF)
_LARGEST = np.uint32(0x7F7FFFFF)  # the bits of the largest float32 that is finite


def split(bits: Words, values: Levels, channels: Channels, start: int) -> list[Words]:
    """The words, by kind, of a block of numbers of those `bits` from place `start` of the tensor.

    Raises CodecUnsuitable when a value does not stand for its number.
    """
    drawers = Drawers()
    for part in parts(len(bits)):
        scales = channels.scales(start + part.start, start + part.stop)
        floor, width, kind = cells(values[part], scales.view(np.uint32))
        words = _cell_words(bits[part] - floor, width)
        zeros = (kind == ZERO).nonzero()[0]
        words[zeros] = 0
        if int(words.max()) > _CELL_WORD:
            raise CodecUnsuitable("a number lies outside the cell of its int8 value")
        words[zeros] = _zero_words(bits[part][zeros])
        drawers.put(words, kind)
    return drawers.words()


def join(
    dealer: Dealer, values: Levels, channels: Channels, start: int, out: Words, *, complete: bool
) -> None:
    """Fill `out` with the bits of the numbers that `split` took, from place `start` of the tensor.

    Without `complete`, words have only their upper 16 bits, and numbers become the middle of what
    is still possible, finite always. Raises PayloadCorrupt when the words are not those of the
    values, and `out` is undefined then.
    """
    for part in parts(len(out)):
        scales = channels.scales(start + part.start, start + part.stop)
        floor, width, kind = cells(values[part], scales.view(np.uint32))
        bits = out[part]
        zeros = dealer.deal(kind, bits)[ZERO]
        zero_bits = _zero_bits(bits[zeros])
        rest = bits & _REST if complete else width >> np.uint32(1)
        bits >>= _REST_BITS
        bits *= width
        bits += rest
        bits += floor
        if not complete:
            _keep_finite(bits)
        bits[zeros] = zero_bits


def _cell_words(offset: Words, width: Words) -> Words:
    top = offset // width
    offset -= top * width
    top <<= _REST_BITS
    top |= offset
    return top


def _keep_finite(bits: Words) -> None:
    """Bring numbers that their cell lets pass the largest float32 back to it."""
    beyond = (bits & _MAGNITUDE) > _LARGEST
    bits[beyond] = (bits[beyond] & ~_MAGNITUDE) | _LARGEST


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
