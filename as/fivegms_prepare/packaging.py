"""Units into segments that are named by their digest, written one at a time.

A segment closes at the tensor boundary at which it would grow past the template's segment size.
What counts is the *nominal* size of a tensor - its numbers, before entropy coding - because that
depends on the graph alone: a new version of a model, of whose tensors some have changed, keeps the
boundaries and so the segments of those that have not. A segment is therefore somewhat smaller than
asked for, by what entropy coding saves.
"""

from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path

from fivegms_manifests.digests import digest, initialization_name, segment_name
from fivegms_manifests.model import SegmentRef
from fivegms_manifests.segments import (
    SEGMENT_DURATION,
    WEIGHTS_PAYLOAD_URN,
    write_initialization_segment,
    write_media_segment,
)

INITIALIZATION_FOLDER = "init"
SEGMENT_FOLDER = "segments"
MAX_SAMPLES = 4096
"""The most tensors in one segment, well below what readers accept."""

_OF_WEIGHTS = write_initialization_segment(WEIGHTS_PAYLOAD_URN)


class SegmentWriter:
    """The media segments of one variant, below a folder that their URLs are relative to."""

    def __init__(self, folder: Path, segment_size_bytes: int) -> None:
        self._folder = folder
        self._most = segment_size_bytes
        self._samples: list[bytes] = []
        self._nominal = 0
        self._refs: list[SegmentRef] = []

    def add(self, sample: bytes, nominal_bytes: int) -> None:
        """Put a sample into the open segment, or the first into a new one."""
        full = self._nominal + nominal_bytes > self._most or len(self._samples) == MAX_SAMPLES
        if self._samples and full:
            self.close_segment()
        self._samples.append(sample)
        self._nominal += nominal_bytes

    def close_segment(self) -> None:
        """Write what is there; the next sample begins another segment."""
        if not self._samples:
            return
        index = len(self._refs)
        segment = write_media_segment(
            self._samples, sequence_number=index + 1, base_decode_time=index * SEGMENT_DURATION
        )
        self._refs.append(store_segment(self._folder, segment))
        self._samples, self._nominal = [], 0

    def finish(self) -> tuple[SegmentRef, ...]:
        """Close the last segment; all of them in order."""
        self.close_segment()
        return tuple(self._refs)


def store_segment(folder: Path, segment: bytes) -> SegmentRef:
    """Write a media segment under the name of its digest, unless it is there."""
    return _store(folder, SEGMENT_FOLDER, segment_name, segment)


def store_initialization(folder: Path, segment: bytes = _OF_WEIGHTS) -> SegmentRef:
    """Write an initialization segment, that of a weights track or another, unless it is there."""
    return _store(folder, INITIALIZATION_FOLDER, initialization_name, segment)


def is_intact(ref: SegmentRef, folder: Path) -> bool:
    """Whether a segment is there as its digest says: who wrote it may have died on the way."""
    try:
        with (folder / ref.url).open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == ref.sha256
    except OSError:
        return False


def _store(folder: Path, kind: str, name: Callable[[str], str], data: bytes) -> SegmentRef:
    sha256 = digest(data)
    ref = SegmentRef(f"{kind}/{name(sha256)}", sha256, len(data))
    if not is_intact(ref, folder):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / ref.url).write_bytes(data)
    return ref
