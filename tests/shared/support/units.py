"""Units with chosen damage: patched anywhere, under a checksum that still holds."""

import zlib

_CHECKSUM = slice(2, 6)


def patched(unit: bytes, offset: int, *values: int) -> bytes:
    """The unit with other bytes from `offset` on; its checksum is as it was."""
    return unit[:offset] + bytes(values) + unit[offset + len(values) :]


def resealed(unit: bytes, frames_bytes: int = 0) -> bytes:
    """The unit under a checksum that holds, given how many bytes at its end are frames."""
    covered = unit[: len(unit) - frames_bytes]
    checksum = zlib.crc32(covered[_CHECKSUM.stop :], zlib.crc32(covered[: _CHECKSUM.start]))
    return unit[: _CHECKSUM.start] + checksum.to_bytes(4, "little") + unit[_CHECKSUM.stop :]
