"""Binary tensor files: the numbers of one variable (NNEF 1.0, "Tensor file format").

    offset  0   "N" 0xEF, then u8 major = 1, u8 minor = 0
            4   u32 bytes of data
            8   u32 rank, at most 8
           12   u32 extent, eight times; those beyond the rank are 0
           44   u32 bits per item
           48   u32 item type: 0 float, 1 unsigned, 2 quantised unsigned, 3 quantised signed,
                4 signed, 5 logical
           52   u32 reserved, 19 times; 0
          128   the items, little-endian, the last axis fastest; logical ones 8 to a byte

Quantised items are levels; what number a level stands for is said in a quantisation file.
"""

import math
import struct
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.nnef.errors import (
    ItemTypeUnknown,
    TensorFileInvalid,
    TooLarge,
    VersionUnknown,
)
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS, NnefLimits

HEADER_BYTES = 128
MAX_RANK = 8

_MAGIC = b"N\xef"
_HEADER = struct.Struct("<2sBBII8III19I")
_MAX_EXTENT = 2**32 - 1


class ItemType(IntEnum):
    """What the items of a tensor file are."""

    FLOAT = 0
    UNSIGNED = 1
    QUANTISED_UNSIGNED = 2
    QUANTISED_SIGNED = 3
    SIGNED = 4
    LOGICAL = 5


_LETTERS = MappingProxyType(
    {
        ItemType.FLOAT: "f",
        ItemType.UNSIGNED: "u",
        ItemType.QUANTISED_UNSIGNED: "u",
        ItemType.QUANTISED_SIGNED: "i",
        ItemType.SIGNED: "i",
    }
)
_WIDTHS = MappingProxyType(dict.fromkeys("ui", (8, 16, 32, 64)) | {"f": (16, 32, 64)})
_QUANTISED = MappingProxyType({"u": ItemType.QUANTISED_UNSIGNED, "i": ItemType.QUANTISED_SIGNED})
_PLAIN = MappingProxyType(
    {"f": ItemType.FLOAT, "u": ItemType.UNSIGNED, "i": ItemType.SIGNED, "b": ItemType.LOGICAL}
)


@dataclass(frozen=True, slots=True)
class TensorFile:
    """A tensor as it is stored. If `quantised`, its integers are levels."""

    array: NDArray[np.generic]
    quantised: bool


def read_tensor(data: bytes | memoryview, limits: NnefLimits = DEFAULT_LIMITS) -> TensorFile:
    """The tensor of a file; its array is a read-only view of `data`, save logical ones.

    Raises TensorFileInvalid, VersionUnknown, ItemTypeUnknown and TooLarge.
    """
    view = memoryview(data).cast("B")
    if len(view) < HEADER_BYTES:
        raise TensorFileInvalid(f"{len(view)} bytes; the header alone has {HEADER_BYTES}")
    magic, major, minor, length, rank, *rest = _HEADER.unpack_from(view)
    if magic != _MAGIC:
        raise TensorFileInvalid("the file does not begin as a tensor file of NNEF")
    if (major, minor) != (1, 0):
        raise VersionUnknown(f"a tensor file of version {major}.{minor}; this reader knows 1.0")
    shape = _shape(rank, rest[:MAX_RANK])
    bits, code, *reserved = rest[MAX_RANK:]
    if any(reserved):
        raise TensorFileInvalid("a reserved field of the header is not 0")
    item_type, count = _item_type(code), math.prod(shape)
    size = -(-count * bits // 8)
    if size > limits.max_tensor_bytes:
        raise TooLarge(f"a tensor of {size} bytes; the limit is {limits.max_tensor_bytes}")
    if not size == length == len(view) - HEADER_BYTES:
        raise TensorFileInvalid(
            f"shape {list(shape)} of {bits} bits takes {size} bytes; the header says {length}, "
            f"{len(view) - HEADER_BYTES} are there"
        )
    return TensorFile(
        _items(view[HEADER_BYTES:], item_type, bits, count).reshape(shape),
        item_type in _QUANTISED.values(),
    )


def write_tensor(array: NDArray[np.generic], *, quantised: bool = False) -> bytes:
    """The file of a tensor. Raises ItemTypeUnknown and TooLarge."""
    return b"".join(tensor_parts(array, quantised=quantised))


def tensor_parts(
    array: NDArray[np.generic], *, quantised: bool = False
) -> tuple[bytes, memoryview]:
    """The same as header and data, which is a view of the array where that has its layout."""
    kind = array.dtype.kind
    types = _QUANTISED if quantised else _PLAIN
    if kind not in types:
        raise ItemTypeUnknown(f"tensor files do not hold {array.dtype} as that")
    if array.ndim > MAX_RANK or max(array.shape, default=0) > _MAX_EXTENT:
        raise TooLarge(f"tensor files do not hold the shape {list(array.shape)}")
    bits = 1 if kind == "b" else 8 * array.dtype.itemsize
    length = -(-array.size * bits // 8)
    if length > _MAX_EXTENT:
        raise TooLarge(f"tensor files do not hold {length} bytes")
    extents = (*array.shape, *(0,) * (MAX_RANK - array.ndim))
    reserved = (0,) * 19
    header = (_MAGIC, 1, 0, length, array.ndim, *extents, bits, types[kind], *reserved)
    return _HEADER.pack(*header), _data(array)


def _data(array: NDArray[np.generic]) -> memoryview:
    if array.dtype.kind == "b":
        return np.packbits(array.astype(np.bool_)).data
    plain = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    return plain.reshape(-1).view(np.uint8).data


def _shape(rank: int, extents: list[int]) -> tuple[int, ...]:
    if rank > MAX_RANK:
        raise TensorFileInvalid(f"rank {rank}; tensor files have at most {MAX_RANK}")
    if any(extents[rank:]):
        raise TensorFileInvalid("an extent beyond the rank is not 0")
    return tuple(extents[:rank])


def _item_type(code: int) -> ItemType:
    try:
        return ItemType(code)
    except ValueError:
        raise ItemTypeUnknown(f"item type {code}; this reader knows 0 to 5") from None


def _items(data: memoryview, item_type: ItemType, bits: int, count: int) -> NDArray[np.generic]:
    if item_type is ItemType.LOGICAL and bits == 1:
        return np.unpackbits(np.frombuffer(data, np.uint8), count=count).astype(np.bool_)
    letter = _LETTERS.get(item_type)
    if letter is None or bits not in _WIDTHS[letter]:
        raise ItemTypeUnknown(f"{item_type.name.lower()} items of {bits} bits are not read here")
    return np.frombuffer(data, np.dtype(f"<{letter}{bits // 8}"))
