"""Segments named by their digest, and the check while their bytes arrive.

A segment is trusted for its digest alone: which mirror, cache or retry delivered it is nobody's
concern. The size is checked first, so a wrong server cannot make a UE read on for ever.
"""

from hashlib import sha256

from fivegms_manifests.errors import DigestMismatch, SegmentTooLong, SegmentTooShort
from fivegms_manifests.model import SegmentRef

MEDIA_SEGMENT_SUFFIX = ".m4s"
INITIALIZATION_SEGMENT_SUFFIX = ".mp4"


def digest(data: bytes | bytearray | memoryview) -> str:
    """SHA-256 in lower-case hex."""
    return sha256(data).hexdigest()


def segment_name(sha256_hex: str) -> str:
    """The file name of a media segment with that digest."""
    return sha256_hex + MEDIA_SEGMENT_SUFFIX


def initialization_name(sha256_hex: str) -> str:
    """The file name of an initialization segment with that digest."""
    return sha256_hex + INITIALIZATION_SEGMENT_SUFFIX


class SegmentCheck:
    """Follows one segment's bytes in order; `finish` says whether they were the right ones."""

    def __init__(self, ref: SegmentRef) -> None:
        self._ref = ref
        self._hash = sha256()
        self._received = 0

    @property
    def received_bytes(self) -> int:
        """How much has arrived, which is where a broken transfer resumes."""
        return self._received

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Raises SegmentTooLong as soon as there are too many."""
        received = self._received + memoryview(data).nbytes
        if received > self._ref.size_bytes:
            raise SegmentTooLong(
                f"{self._ref.url}: more than the {self._ref.size_bytes} bytes of the manifest"
            )
        self._hash.update(data)
        self._received = received

    def finish(self) -> None:
        """Judge the whole. Raises SegmentTooShort and DigestMismatch."""
        if self._received < self._ref.size_bytes:
            raise SegmentTooShort(
                f"{self._ref.url}: {self._received} of {self._ref.size_bytes} bytes arrived"
            )
        found = self._hash.hexdigest()
        if found != self._ref.sha256:
            raise DigestMismatch(
                f"{self._ref.url}: SHA-256 is {found}, the manifest says {self._ref.sha256}"
            )


def verify(ref: SegmentRef, data: bytes | bytearray | memoryview) -> None:
    """Check a whole segment. Raises SegmentTooLong, SegmentTooShort and DigestMismatch."""
    check = SegmentCheck(ref)
    check.update(data)
    check.finish()
