"""Segments of a weights track: a timed-metadata track in fragmented MP4.

An initialization segment names the payload format; a media segment holds samples, which this
module moves and does not understand (`fivegms_codecs.units` does). Boxes are those of
docs/formats.md, from ISO/IEC 14496-12: 8.8 (movie fragments), 12.3.3 (URI metadata sample entry).

A media segment lasts one second of a track whose timescale is 1000, whatever it holds: the track
has no time of its own, and a player needs one.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fivegms_manifests.boxes import (
    Box,
    FullBox,
    Part,
    as_full,
    box,
    full_box,
    header,
    only,
    read_boxes,
    unpack,
)
from fivegms_manifests.errors import (
    BoxMalformed,
    BoxMissing,
    BoxUnsupported,
    SampleOutOfBounds,
    SegmentLimitExceeded,
)

WEIGHTS_PAYLOAD_URN = "urn:fivegms:ai:payload:weights:2026"
"""The payload format of weights tracks: each sample is a unit of `fivegms_codecs`."""

TIMESCALE = 1000
SEGMENT_DURATION = 1000

_TRACK_ID = 1
_UNITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED_LANGUAGE = 0x55C4
_ENABLED_IN_MOVIE = 0x3
_SELF_CONTAINED = 0x1

_BASE_DATA_OFFSET = 0x1
_DEFAULT_BASE_IS_MOOF = 0x020000
_TRUN_DATA_OFFSET = 0x1
_TRUN_FIRST_FLAGS = 0x4
_TRUN_DURATION = 0x100
_TRUN_SIZE = 0x200
_TRUN_PER_SAMPLE = (0x100, 0x200, 0x400, 0x800)


@dataclass(frozen=True, slots=True)
class SegmentLimits:
    """What a reader accepts at most; the bytes of a segment are bounded by its manifest."""

    max_boxes: int = 4096
    max_samples: int = 65536


DEFAULT_LIMITS = SegmentLimits()


@dataclass(frozen=True, slots=True)
class InitializationSegment:
    """What a track says once: the payload format, its parameters, ticks per second."""

    payload_urn: str
    parameters: bytes
    timescale: int


@dataclass(frozen=True, slots=True)
class MediaSegment:
    """The samples of one segment, as views of the data read, and where they stand in the track."""

    sequence_number: int
    base_decode_time: int
    samples: tuple[memoryview, ...]


def write_initialization_segment(
    payload_urn: str, parameters: bytes = b"", *, timescale: int = TIMESCALE
) -> bytes:
    """The initialization segment of a track of `payload_urn` samples."""
    ftyp = box("ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"dash")
    mvhd = full_box(
        "mvhd",
        0,
        0,
        struct.pack(">IIIIIH10x", 0, 0, timescale, 0, 0x10000, 0x100),
        _UNITY_MATRIX,
        struct.pack(">24xI", _TRACK_ID + 1),
    )
    trex = full_box("trex", 0, 0, struct.pack(">5I", _TRACK_ID, 1, 0, 0, 0))
    trak = _track(payload_urn, parameters, timescale)
    return ftyp + box("moov", mvhd, trak, box("mvex", trex))


def write_media_segment(
    samples: Sequence[Part], *, sequence_number: int, base_decode_time: int
) -> bytes:
    """A media segment of these samples.

    The k-th segment of a track, from 0, has sequence number k + 1 and base decode time k times
    SEGMENT_DURATION, so that a segment's bytes depend on its place and its samples alone.

    Raises SegmentLimitExceeded for a sample of 4 GiB or too many samples, and ValueError for no
    sample or an empty one.
    """
    sizes = [memoryview(sample).nbytes for sample in samples]
    if not all(sizes) or not sizes:
        # libavformat refuses a whole file for one empty sample.
        raise ValueError("a media segment needs samples, and each of them a byte")
    if max(sizes) >= 2**32 or len(sizes) > DEFAULT_LIMITS.max_samples:
        raise SegmentLimitExceeded(f"{len(sizes)} samples, the largest of {max(sizes)} bytes")
    media_header = header("mdat", sum(sizes))
    fragment = _movie_fragment(sizes, sequence_number, base_decode_time, len(media_header))
    styp = box("styp", b"msdh", struct.pack(">I", 0), b"msdh", b"iso6")
    return b"".join([styp, fragment, media_header, *samples])


def read_initialization_segment(
    data: bytes | memoryview, limits: SegmentLimits = DEFAULT_LIMITS
) -> InitializationSegment:
    """What an initialization segment says.

    Raises BoxMalformed, BoxMissing, BoxRepeated, BoxUnsupported and SegmentLimitExceeded.
    """
    top = read_boxes(memoryview(data), limits.max_boxes)
    only(top, "ftyp")
    movie = _children(only(top, "moov"), limits)
    only(_children(only(movie, "mvex"), limits), "trex")
    media = _children(only(_children(only(movie, "trak"), limits), "mdia"), limits)
    media_header = as_full(only(media, "mdhd"), 0)
    _, _, timescale = unpack(">3I", media_header.body, "mdhd")
    table = _children(only(_children(only(media, "minf"), limits), "stbl"), limits)
    urn, parameters = _read_sample_description(only(table, "stsd"), limits)
    return InitializationSegment(urn, parameters, timescale)


def read_media_segment(
    data: bytes | memoryview, limits: SegmentLimits = DEFAULT_LIMITS
) -> MediaSegment:
    """The samples of all movie fragments in order, as views of `data`.

    Raises BoxMalformed, BoxMissing, BoxRepeated, BoxUnsupported, SegmentLimitExceeded and
    SampleOutOfBounds.
    """
    view = memoryview(data).cast("B")
    samples: list[memoryview] = []
    first: tuple[int, int] | None = None
    for fragment, media_data in _fragments(read_boxes(view, limits.max_boxes)):
        numbers, sizes, offset = _read_fragment(fragment, limits, limits.max_samples - len(samples))
        samples.extend(_slice(view, media_data, fragment.start + offset, sizes))
        first = first or numbers
    if first is None:
        raise BoxMissing("there is no moof box")
    return MediaSegment(first[0], first[1], tuple(samples))


def _track(payload_urn: str, parameters: bytes, timescale: int) -> bytes:
    tkhd = full_box(
        "tkhd",
        0,
        _ENABLED_IN_MOVIE,
        struct.pack(">III4xI8xHHH2x", 0, 0, _TRACK_ID, 0, 0, 0, 0),
        _UNITY_MATRIX,
        struct.pack(">II", 0, 0),
    )
    mdhd = full_box(
        "mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, timescale, 0, _UNDETERMINED_LANGUAGE, 0)
    )
    hdlr = full_box("hdlr", 0, 0, struct.pack(">I4s12x", 0, b"meta"), b"fivegms\0")
    location = full_box("url ", 0, _SELF_CONTAINED)
    dinf = box("dinf", full_box("dref", 0, 0, struct.pack(">I", 1), location))
    minf = box("minf", full_box("nmhd", 0, 0), dinf, _sample_table(payload_urn, parameters))
    return box("trak", tkhd, box("mdia", mdhd, hdlr, minf))


def _sample_table(payload_urn: str, parameters: bytes) -> bytes:
    entry = box(
        "urim",
        struct.pack(">6xH", 1),
        full_box("uri ", 0, 0, payload_urn.encode("ascii"), b"\0"),
        full_box("uriI", 0, 0, parameters),
        box("btrt", struct.pack(">III", 0, 0, 0)),
    )
    none = struct.pack(">I", 0)
    return box(
        "stbl",
        full_box("stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box("stts", 0, 0, none),
        full_box("stsc", 0, 0, none),
        full_box("stsz", 0, 0, none, none),
        full_box("stco", 0, 0, none),
    )


def _movie_fragment(
    sizes: Sequence[int], sequence_number: int, base_decode_time: int, media_header_bytes: int
) -> bytes:
    count = len(sizes)
    ends = [SEGMENT_DURATION * (index + 1) // count for index in range(count)]
    durations = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    entries = b"".join(struct.pack(">II", *entry) for entry in zip(durations, sizes, strict=True))
    mfhd = full_box("mfhd", 0, 0, struct.pack(">I", sequence_number))
    tfhd = full_box("tfhd", 0, _DEFAULT_BASE_IS_MOOF, struct.pack(">I", _TRACK_ID))
    tfdt = full_box("tfdt", 1, 0, struct.pack(">Q", base_decode_time))
    flags = _TRUN_DATA_OFFSET | _TRUN_DURATION | _TRUN_SIZE

    def moof(data_offset: int) -> bytes:
        run = full_box("trun", 0, flags, struct.pack(">Ii", count, data_offset), entries)
        return box("moof", mfhd, box("traf", tfhd, tfdt, run))

    return moof(len(moof(0)) + media_header_bytes)


def _children(parent: Box, limits: SegmentLimits) -> tuple[Box, ...]:
    return read_boxes(parent.payload, limits.max_boxes)


def _read_sample_description(stsd: Box, limits: SegmentLimits) -> tuple[str, bytes]:
    body = as_full(stsd, 0).body
    (count,) = unpack(">I", body, "stsd")
    if count != 1:
        raise BoxUnsupported(f"stsd: {count} sample entries where one belongs")
    entry = only(read_boxes(body, limits.max_boxes, start=4), "urim")
    boxes = read_boxes(entry.payload, limits.max_boxes, start=8)
    urn = bytes(as_full(only(boxes, "uri "), 0).body)
    parameters = bytes(as_full(only(boxes, "uriI"), 0).body)
    text, terminator, rest = urn.partition(b"\0")
    if not terminator or rest or not text.isascii():
        raise BoxMalformed("uri : not one null-terminated ASCII string")
    return text.decode("ascii"), parameters


def _fragments(boxes: Sequence[Box]) -> Iterator[tuple[Box, Box]]:
    """Pair each moof with the mdat that follows it; other boxes are skipped."""
    pending: Box | None = None
    for found in boxes:
        if found.type == "moof":
            if pending is not None:
                raise BoxMissing("a moof box has no mdat box after it")
            pending = found
        elif found.type == "mdat":
            if pending is None:
                raise BoxMissing("an mdat box has no moof box before it")
            yield pending, found
            pending = None
    if pending is not None:
        raise BoxMissing("a moof box has no mdat box after it")


def _read_fragment(
    fragment: Box, limits: SegmentLimits, max_samples: int
) -> tuple[tuple[int, int], list[int], int]:
    """Sequence number and base decode time; sample sizes; data offset from the moof."""
    boxes = _children(fragment, limits)
    track = _children(only(boxes, "traf"), limits)
    (sequence_number,) = unpack(">I", as_full(only(boxes, "mfhd"), 0).body, "mfhd")
    tfdt = as_full(only(track, "tfdt"), 0, 1)
    (base_decode_time,) = unpack(">Q" if tfdt.version else ">I", tfdt.body, "tfdt")
    base = as_full(only(track, "tfhd"), 0).flags & (_BASE_DATA_OFFSET | _DEFAULT_BASE_IS_MOOF)
    if base != _DEFAULT_BASE_IS_MOOF:
        # A base data offset would win (ISO/IEC 14496-12 8.8.7.1): other readers find other bytes.
        raise BoxUnsupported("tfhd: sample offsets must be relative to the moof box")
    sizes, offset = _read_run(as_full(only(track, "trun"), 0, 1), max_samples)
    return (sequence_number, base_decode_time), sizes, offset


def _read_run(trun: FullBox, max_samples: int) -> tuple[list[int], int]:
    """The size of every sample, and where the first lies from the start of the moof box."""
    if not (trun.flags & _TRUN_DATA_OFFSET and trun.flags & _TRUN_SIZE):
        raise BoxUnsupported("trun: needs a data offset and the size of every sample")
    count, offset = unpack(">Ii", trun.body, "trun")
    if count > max_samples:
        raise SegmentLimitExceeded(f"trun: {count} samples; {max_samples} are allowed")
    start = 12 if trun.flags & _TRUN_FIRST_FLAGS else 8
    stride = 4 * sum(bool(trun.flags & flag) for flag in _TRUN_PER_SAMPLE)
    if len(trun.body) != start + count * stride:
        raise BoxMalformed(f"trun: {len(trun.body)} bytes are not those of {count} samples")
    size_at = start + (4 if trun.flags & _TRUN_DURATION else 0)
    sizes = [unpack(">I", trun.body, "trun", size_at + i * stride)[0] for i in range(count)]
    return sizes, offset


def _slice(
    view: memoryview, media_data: Box, position: int, sizes: Sequence[int]
) -> Iterator[memoryview]:
    for size in sizes:
        if position < media_data.payload_start or position + size > media_data.end:
            raise SampleOutOfBounds(
                f"a sample of {size} bytes at {position} is outside the media data "
                f"[{media_data.payload_start}, {media_data.end})"
            )
        yield view[position : position + size]
        position += size
