"""Headers of units: fields of fixed layouts, bounds, and the checksum over all outside the frames.

Every unit begins alike, whatever it holds: u8 version, u8 kind, u32 checksum. The checksum is a
CRC-32 of all bytes but itself and the frames, which carry their own. What the fields mean is the
matter of those who lay them out.
"""

import struct
import zlib

from fivegms_codecs.coding import Part, Shape
from fivegms_codecs.errors import (
    ChecksumMismatch,
    LimitExceeded,
    UnitMalformed,
    UnitTruncated,
    UnitVersionUnknown,
)

UNIT_VERSION = 1

_PREFIX = struct.Struct("<BB")
_CHECKSUM = struct.Struct("<BBI")


def read_kind(view: memoryview) -> int:
    """The kind of the unit at the start of `view`. Raises UnitTruncated and UnitVersionUnknown."""
    version, kind = unpack(_PREFIX, view)
    if version != UNIT_VERSION:
        raise UnitVersionUnknown(f"unit version {version}; this reader knows {UNIT_VERSION}")
    return kind


def unpack(layout: struct.Struct, view: memoryview) -> tuple[int, ...]:
    """The fields at the start of `view`. Raises UnitTruncated."""
    if len(view) < layout.size:
        raise UnitTruncated(f"the header needs {layout.size} bytes; {len(view)} are there")
    return layout.unpack_from(view)


def seal(header: bytes, side: Part = b"") -> bytes:
    """The header with its checksum, which covers the side information that follows it too."""
    checksum = _checksum(header, side).to_bytes(4, "little")
    return header[: _PREFIX.size] + checksum + header[_CHECKSUM.size :]


def read_seal(view: Part) -> int:
    """The checksum that a unit carries."""
    *_, checksum = _CHECKSUM.unpack_from(view)
    return int(checksum)


def check_seal(view: memoryview) -> None:
    """Hold all that lies outside the frames against its checksum. Raises ChecksumMismatch."""
    promised, found = read_seal(view), _checksum(view)
    if found != promised:
        raise ChecksumMismatch(f"the header has checksum {promised:08x}, its bytes {found:08x}")


def read_text(encoded: memoryview, length: int, what: str) -> str:
    """The name that `length` bytes hold. Raises UnitTruncated and UnitMalformed."""
    if len(encoded) != length:
        raise UnitTruncated(f"the unit ends inside the {what}'s name")
    if not length:
        raise UnitMalformed(f"the {what} has no name")
    try:
        return str(encoded, "utf-8")
    except UnicodeDecodeError:
        raise UnitMalformed(f"the {what}'s name is not UTF-8") from None


def check_shape(shape: Shape, itemsize: int, max_rank: int, max_bytes: int) -> None:
    """Bound a tensor's bytes, and each dimension also where another one is zero.

    Raises LimitExceeded.
    """
    bound("rank", len(shape), max_rank, "")
    size_bytes = itemsize
    for size in shape:
        size_bytes *= max(size, 1)
        bound("tensor", size_bytes, max_bytes)


def bound(what: str, found: int, limit: int, unit: str = " bytes") -> None:
    """Refuse more than the limit. Raises LimitExceeded."""
    if found > limit:
        raise LimitExceeded(f"{what} of {found}{unit}; the limit is {limit}")


def _checksum(header: Part, side: Part = b"") -> int:
    """CRC-32 (ISO/IEC 13239, as in zlib) of a header, without its own field, and what follows."""
    start = zlib.crc32(header[: _PREFIX.size])
    return zlib.crc32(side, zlib.crc32(header[_CHECKSUM.size :], start))
