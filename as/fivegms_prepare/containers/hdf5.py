"""The superblock of an HDF5 file: is it one, and is all of it there? (HDF5 file format, II.A)

What is in the file is for h5py, which is not needed to deliver it.
"""

from fivegms_prepare.wire_format import ReadBytes

SIGNATURE = b"\x89HDF\r\n\x1a\n"

_PLACES = (0, *(512 << doubling for doubling in range(16)))
"""Where the signature may be: after a block of the user's own, which has a size of these."""

_SUPERBLOCK_BYTES = 96

_LAYOUTS = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}
"""By version: where the width of an address is, and where the addresses begin.

The end of the file is the third of them.
"""


def declared_bytes(read: ReadBytes) -> int | None:
    """The size that an HDF5 file says it has; None where there is no superblock that is known."""
    for start in _PLACES:
        block = read(start, start + _SUPERBLOCK_BYTES)
        if block.startswith(SIGNATURE):
            return _end_of_file(block.ljust(_SUPERBLOCK_BYTES, b"\0"))
    return None


def _end_of_file(superblock: bytes) -> int | None:
    layout = _LAYOUTS.get(superblock[len(SIGNATURE)])
    if layout is None:
        return None
    width_at, addresses_at = layout
    width = superblock[width_at]
    end = addresses_at + 2 * width
    return int.from_bytes(superblock[end : end + width], "little")
