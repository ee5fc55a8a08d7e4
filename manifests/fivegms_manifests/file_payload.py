"""A provider's own file as samples: consecutive parts of it, for models that are delivered as is.

The sample entry's `uriI` is the name to store the file under. The samples of all media segments,
one after the other, are the file; what is in it is nobody's business here (TR 26.927 5.2.1).
"""

from collections.abc import Iterable
from typing import BinaryIO

from fivegms_manifests.errors import BoxUnsupported, FileNameUnsafe
from fivegms_manifests.file_names import check_file_name
from fivegms_manifests.segments import (
    SEGMENT_DURATION,
    read_initialization_segment,
    read_media_segment,
    write_initialization_segment,
    write_media_segment,
)

FILE_PAYLOAD_URN = "urn:fivegms:ai:payload:file:2026"
"""The payload format of a track that carries one file."""


def write_file_initialization(name: str) -> bytes:
    """The initialization segment for a file of that name. Raises FileNameUnsafe."""
    return write_initialization_segment(FILE_PAYLOAD_URN, check_file_name(name).encode())


def read_file_initialization(data: bytes | memoryview) -> str:
    """The name to store the file under: one part of a path, and never `.` or `..`.

    Raises BoxUnsupported for another payload format, FileNameUnsafe for what is no name,
    and as `read_initialization_segment` does.
    """
    segment = read_initialization_segment(data)
    if segment.payload_urn != FILE_PAYLOAD_URN:
        raise BoxUnsupported(f"uri : {segment.payload_urn[:100]!r} is not the payload of a file")
    try:
        return check_file_name(segment.parameters.decode())
    except UnicodeDecodeError:
        raise FileNameUnsafe("the name of the file is not UTF-8") from None


def write_file_segment(part: bytes | memoryview, index: int) -> bytes:
    """The media segment, of that index from 0, that holds the next part of the file."""
    return write_media_segment(
        [part], sequence_number=index + 1, base_decode_time=index * SEGMENT_DURATION
    )


def assemble_file(segments: Iterable[bytes | memoryview], out: BinaryIO) -> int:
    """Write the file that these media segments hold, in order; its size in bytes.

    One segment is in memory at a time. Raises as `read_media_segment` does.
    """
    size_bytes = 0
    for data in segments:
        for sample in read_media_segment(data).samples:
            size_bytes += out.write(sample)
    return size_bytes
