"""ISO base media file format boxes: a writer, and a reader over a view without copies.

It knows how boxes nest and where they end (ISO/IEC 14496-12 4.2), and nothing of what is in them.
Boxes of unknown type are the caller's to skip, as 4.2 asks.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from fivegms_manifests.errors import (
    BoxMalformed,
    BoxMissing,
    BoxRepeated,
    BoxUnsupported,
    SegmentLimitExceeded,
)

Part = bytes | memoryview

_COMPACT = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")
_LARGE_SIZE_FOLLOWS = 1
_TO_THE_END = 0
_FULL_PREFIX_BYTES = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its four-character type, where it starts in the data read, and what it holds."""

    type: str
    start: int
    payload_start: int
    payload: memoryview

    @property
    def end(self) -> int:
        """The offset of the first byte after the box."""
        return self.payload_start + len(self.payload)


@dataclass(frozen=True, slots=True)
class FullBox:
    """The version, the flags and the rest of a box that begins with both."""

    type: str
    version: int
    flags: int
    body: memoryview


def box(box_type: str, *parts: Part) -> bytes:
    """A box of compact size. Raises SegmentLimitExceeded at 4 GiB."""
    size = _COMPACT.size + sum(len(part) for part in parts)
    if size >= 2**32:
        raise SegmentLimitExceeded(f"{box_type}: {size} bytes do not fit a compact box size")
    return b"".join([_COMPACT.pack(size, box_type.encode("ascii")), *parts])


def full_box(box_type: str, version: int, flags: int, *parts: Part) -> bytes:
    """A box that begins with a version and 24 bits of flags."""
    return box(box_type, struct.pack(">I", version << 24 | flags), *parts)


def header(box_type: str, payload_bytes: int) -> bytes:
    """The header alone, with a large size where the compact one cannot hold it."""
    size = _COMPACT.size + payload_bytes
    name = box_type.encode("ascii")
    if size < 2**32:
        return _COMPACT.pack(size, name)
    return _COMPACT.pack(_LARGE_SIZE_FOLLOWS, name) + _LARGE.pack(size + _LARGE.size)


def read_boxes(data: memoryview, max_boxes: int, *, start: int = 0) -> tuple[Box, ...]:
    """The boxes that fill `data[start:]`. Raises BoxMalformed and SegmentLimitExceeded."""
    boxes: list[Box] = []
    while start < len(data):
        if len(boxes) == max_boxes:
            raise SegmentLimitExceeded(f"more than {max_boxes} boxes side by side")
        found = _read_box(data, start)
        boxes.append(found)
        start = found.end
    return tuple(boxes)


def only(boxes: Sequence[Box], box_type: str) -> Box:
    """The one box of that type. Raises BoxMissing and BoxRepeated."""
    found = [candidate for candidate in boxes if candidate.type == box_type]
    if not found:
        raise BoxMissing(f"there is no {box_type} box")
    if len(found) > 1:
        raise BoxRepeated(f"there are {len(found)} {box_type} boxes where one belongs")
    return found[0]


def as_full(found: Box, *versions: int) -> FullBox:
    """A box as a full box of one of these versions. Raises BoxMalformed and BoxUnsupported."""
    (prefix,) = unpack(">I", found.payload, found.type)
    version, flags = prefix >> 24, prefix & 0xFFFFFF
    if version not in versions:
        raise BoxUnsupported(f"{found.type}: version {version} is not read here")
    return FullBox(found.type, version, flags, found.payload[_FULL_PREFIX_BYTES:])


def unpack(layout: str, data: memoryview, box_type: str, offset: int = 0) -> tuple[int, ...]:
    """Integers at `offset`, laid out as `struct` says. Raises BoxMalformed."""
    try:
        return struct.unpack_from(layout, data, offset)
    except struct.error:
        raise BoxMalformed(f"{box_type}: ends inside its fields") from None


def _read_box(data: memoryview, start: int) -> Box:
    left = len(data) - start
    if left < _COMPACT.size:
        raise BoxMalformed(f"{left} bytes at {start} are no box")
    size, name = _COMPACT.unpack_from(data, start)
    header_bytes = _COMPACT.size
    if size == _LARGE_SIZE_FOLLOWS:
        (size,) = unpack(">Q", data, name.decode("latin-1"), start + header_bytes)
        header_bytes += _LARGE.size
    elif size == _TO_THE_END:
        size = left
    if not header_bytes <= size <= left:
        raise BoxMalformed(f"{name!r} at {start} claims {size} bytes of the {left} that are left")
    payload_start = start + header_bytes
    payload = data[payload_start : start + size]
    return Box(name.decode("latin-1"), start, payload_start, payload)
