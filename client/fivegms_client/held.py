"""Segments that a model in use keeps in memory, compressed, until they have been refined.

Only where nothing else keeps them: with a cache, or from a folder, they are read again from there.
"""

from fivegms_manifests.model import SegmentRef


class HeldSegments:
    """A `SegmentStore` in memory."""

    def __init__(self) -> None:
        self._parts: dict[str, bytes] = {}

    def get(self, part: SegmentRef) -> bytes | None:
        """The bytes, or None."""
        return self._parts.get(part.sha256)

    def put(self, part: SegmentRef, data: bytes | bytearray) -> None:
        """Keep them."""
        self._parts[part.sha256] = bytes(data)

    def clear(self) -> None:
        """Nothing is left to refine."""
        self._parts.clear()
