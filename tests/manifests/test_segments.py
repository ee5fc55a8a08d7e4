"""Segments: exact boxes, read by others too; samples come back and nothing lies outside."""

import contextlib
import io
import struct
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_codecs import Codec, Precision, read_unit, write_tensor, write_topology
from fivegms_manifests.boxes import Box, box, full_box, header, read_boxes
from fivegms_manifests.errors import (
    BoxMalformed,
    BoxMissing,
    BoxRepeated,
    BoxUnsupported,
    ManifestError,
    SampleOutOfBounds,
    SegmentLimitExceeded,
)
from fivegms_manifests.segments import (
    SEGMENT_DURATION,
    TIMESCALE,
    WEIGHTS_PAYLOAD_URN,
    InitializationSegment,
    SegmentLimits,
    read_initialization_segment,
    read_media_segment,
    write_initialization_segment,
    write_media_segment,
)

INIT = write_initialization_segment(WEIGHTS_PAYLOAD_URN, b"v1")
MEDIA = write_media_segment([b"topology", b"tensor"], sequence_number=1, base_decode_time=0)


def tree(data: memoryview, skip: dict[str, int]) -> list[object]:
    """Box types as nested lists; `skip` says what a container has before its children."""
    found: list[object] = []
    for child in read_boxes(data, 100):
        if child.type in skip:
            found.append([child.type, *tree(child.payload[skip[child.type] :], skip)])
        else:
            found.append(child.type)
    return found


def test_an_initialization_segment_has_exactly_these_boxes() -> None:
    containers = dict.fromkeys(("moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex"), 0)
    table = ["stbl", ["stsd", ["urim", "uri ", "uriI", "btrt"]], "stts", "stsc", "stsz", "stco"]
    information = ["minf", "nmhd", ["dinf", ["dref", "url "]], table]
    media = ["mdia", "mdhd", "hdlr", information]
    movie = ["moov", "mvhd", ["trak", "tkhd", media], ["mvex", "trex"]]
    skip = {**containers, "stsd": 8, "urim": 8, "dref": 8}
    assert tree(memoryview(INIT), skip) == ["ftyp", movie]


def test_a_media_segment_has_exactly_these_boxes() -> None:
    fragment = ["moof", "mfhd", ["traf", "tfhd", "tfdt", "trun"]]
    assert tree(memoryview(MEDIA), {"moof": 0, "traf": 0}) == ["styp", fragment, "mdat"]


@given(
    st.text(st.characters(codec="ascii", exclude_characters="\0")),
    st.binary(),
    st.integers(0, 2**32 - 1),
)
def test_an_initialization_segment_comes_back(urn: str, parameters: bytes, timescale: int) -> None:
    data = write_initialization_segment(urn, parameters, timescale=timescale)
    assert read_initialization_segment(data) == InitializationSegment(urn, parameters, timescale)


samples = st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=20)


@given(samples, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_samples_come_back_as_views(payloads: list[bytes], number: int, time: int) -> None:
    data = write_media_segment(payloads, sequence_number=number, base_decode_time=time)
    segment = read_media_segment(memoryview(data))
    assert (segment.sequence_number, segment.base_decode_time) == (number, time)
    assert [bytes(sample) for sample in segment.samples] == payloads
    assert all(sample.obj is data for sample in segment.samples)


@pytest.mark.requirement("R003a")
def test_other_software_reads_the_track_sample_by_sample() -> None:
    units = [
        write_topology(b"graph"),
        write_tensor("w", np.ones((2, 3), np.float32), Precision.FP32, Codec.RAW),
        write_tensor("v", np.ones((2, 3), np.float32), Precision.FP32, Codec.PLANES_ZSTD),
    ]
    segments = [
        write_media_segment(units[:1], sequence_number=1, base_decode_time=0),
        write_media_segment(units[1:], sequence_number=2, base_decode_time=SEGMENT_DURATION),
    ]
    with av.open(io.BytesIO(INIT + b"".join(segments))) as container:
        (stream,) = container.streams
        assert (stream.type, stream.time_base) == ("data", Fraction(1, TIMESCALE))
        packets = [packet for packet in container.demux() if packet.size]
    assert [bytes(packet) for packet in packets] == units
    assert [(packet.pts, packet.duration) for packet in packets] == [
        (0, 1000),
        (1000, 500),
        (1500, 500),
    ]
    assert read_unit(bytes(packets[0])).graph == b"graph"


@pytest.mark.parametrize("durations", [1, 3, 7, 1000, 1500])
def test_samples_share_the_second_without_rest(durations: int) -> None:
    data = write_media_segment([b"x"] * durations, sequence_number=1, base_decode_time=0)
    run = data.index(b"trun") + 4
    entries = struct.iter_unpack(">II", data[run + 12 : run + 12 + 8 * durations])
    assert sum(duration for duration, _ in entries) == SEGMENT_DURATION


@pytest.mark.parametrize("payloads", [[], [b"a", b""]], ids=["none", "empty"])
def test_a_writer_refuses_samples_that_others_could_not_read(payloads: list[bytes]) -> None:
    with pytest.raises(ValueError, match="needs samples"):
        write_media_segment(payloads, sequence_number=1, base_decode_time=0)


def test_a_writer_refuses_more_samples_than_a_reader_takes() -> None:
    with pytest.raises(SegmentLimitExceeded):
        write_media_segment([b"x"] * 65537, sequence_number=1, base_decode_time=0)


def test_unknown_boxes_are_skipped_and_fragments_joined() -> None:
    styp, fragment, media_data = split(MEDIA)
    data = styp + box("prft", b"12") + fragment + media_data + box("free") + fragment + media_data
    segment = read_media_segment(data)
    assert [bytes(sample) for sample in segment.samples] == [b"topology", b"tensor"] * 2


def test_large_and_open_sizes_are_read() -> None:
    payload = b"topologytensor"
    styp, fragment, _ = split(MEDIA)
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + len(payload)) + payload
    moved = fragment.replace(
        struct.pack(">I", len(fragment) + 8), struct.pack(">I", len(fragment) + 16)
    )
    to_the_end = struct.pack(">I4s", 0, b"mdat") + payload
    for data in (styp + moved + large, styp + fragment + to_the_end):
        assert [bytes(s) for s in read_media_segment(data).samples] == [b"topology", b"tensor"]


def test_the_header_of_more_than_4_gib_is_large() -> None:
    assert header("mdat", 2**32) == struct.pack(">I4sQ", 1, b"mdat", 2**32 + 16)


def split(data: bytes) -> list[bytes]:
    return [data[found.start : found.end] for found in read_boxes(memoryview(data), 10)]


STYP, MOOF, MDAT = split(MEDIA)
MFHD = full_box("mfhd", 0, 0, struct.pack(">I", 1))
TFHD = full_box("tfhd", 0, 0x020000, struct.pack(">I", 1))
TFDT = full_box("tfdt", 0, 0, struct.pack(">I", 0))


def trun(count: int, offset: int, *sizes: int, flags: int = 0x201) -> bytes:
    body = struct.pack(f">Ii{len(sizes)}I", count, offset, *sizes)
    return full_box("trun", 0, flags, body)


def moof(*in_traf: bytes) -> bytes:
    return box("moof", MFHD, box("traf", *in_traf))


def segment(run: bytes) -> bytes:
    """One movie fragment with this run, and eight bytes of media data."""
    return moof(TFHD, TFDT, run) + box("mdat", b"12345678")


def data_offset(run: bytes) -> int:
    return len(moof(TFHD, TFDT, run)) + 8


HERE = data_offset(trun(1, 0, 8))

REFUSED_MEDIA = {
    "nothing": (b"", BoxMissing),
    "no moof": (STYP, BoxMissing),
    "mdat alone": (STYP + MDAT, BoxMissing),
    "moof alone": (STYP + MOOF, BoxMissing),
    "two moofs": (STYP + MOOF + MOOF + MDAT, BoxMissing),
    "no traf": (box("moof", MFHD) + MDAT, BoxMissing),
    "no trun": (moof(TFHD, TFDT) + MDAT, BoxMissing),
    "two truns": (moof(TFHD, TFDT, trun(0, 0), trun(0, 0)) + MDAT, BoxRepeated),
    "half a box header": (MEDIA + b"\0\0\0", BoxMalformed),
    "a box beyond the end": (MEDIA[:-1], BoxMalformed),
    "a box smaller than its header": (struct.pack(">I4s", 7, b"free"), BoxMalformed),
    "half a large size": (struct.pack(">I4sI", 1, b"mdat", 0), BoxMalformed),
    "a tfdt without time": (
        moof(TFHD, full_box("tfdt", 1, 0, b"\0"), trun(0, 0)) + MDAT,
        BoxMalformed,
    ),
    "a tfdt of version 2": (moof(TFHD, full_box("tfdt", 2, 0), trun(0, 0)) + MDAT, BoxUnsupported),
    "offsets from the file": (
        moof(full_box("tfhd", 0, 1, bytes(12)), TFDT, trun(0, 0)) + MDAT,
        BoxUnsupported,
    ),
    "offsets from both the file and the moof": (
        moof(full_box("tfhd", 0, 0x20001, bytes(12)), TFDT, trun(0, 0)) + MDAT,
        BoxUnsupported,
    ),
    "no data offset": (segment(trun(1, HERE, 8, flags=0x200)), BoxUnsupported),
    "no sizes": (segment(trun(1, HERE, flags=0x1)), BoxUnsupported),
    "fewer sizes than samples": (segment(trun(2, HERE, 8)), BoxMalformed),
    "more sizes than samples": (segment(trun(1, HERE, 4, 4)), BoxMalformed),
    "a billion samples": (segment(trun(10**9, HERE, 8)), SegmentLimitExceeded),
    "a sample before the media data": (segment(trun(1, HERE - 1, 8)), SampleOutOfBounds),
    "a sample before the segment": (segment(trun(1, -(2**31), 8)), SampleOutOfBounds),
    "a sample beyond the media data": (segment(trun(1, HERE, 9)), SampleOutOfBounds),
    "a sample of 4 GiB": (segment(trun(1, HERE, 2**32 - 1)), SampleOutOfBounds),
    "five thousand boxes": (box("free") * 5000, SegmentLimitExceeded),
}


@pytest.mark.parametrize(("data", "error"), REFUSED_MEDIA.values(), ids=REFUSED_MEDIA.keys())
def test_a_media_segment_is_refused_by_name(data: bytes, error: type[ManifestError]) -> None:
    with pytest.raises(error):
        read_media_segment(data)


def test_samples_are_counted_over_all_fragments() -> None:
    limits = SegmentLimits(max_samples=3)
    with pytest.raises(SegmentLimitExceeded):
        read_media_segment(MEDIA + MEDIA, limits)


def without(box_type: bytes) -> bytes:
    return INIT.replace(box_type, b"free", 1)


REFUSED_INIT = {
    **{
        f"no {name.decode()}": (without(name), BoxMissing)
        for name in (
            b"ftyp",
            b"moov",
            b"mvex",
            b"trex",
            b"trak",
            b"mdia",
            b"mdhd",
            b"minf",
            b"stbl",
            b"stsd",
            b"urim",
            b"uri ",
            b"uriI",
        )
    },
    "two moovs": (INIT + INIT, BoxRepeated),
    "an mdhd of version 1": (INIT.replace(b"mdhd\0", b"mdhd\1"), BoxUnsupported),
    "two sample entries": (
        INIT.replace(b"stsd" + bytes(7) + b"\1", b"stsd" + bytes(7) + b"\2"),
        BoxUnsupported,
    ),
    "a URN without end": (INIT.replace(b"2026\0", b"20260"), BoxMalformed),
    "two strings in uri": (INIT.replace(b":2026\0", b"\0" + b"2026\0"), BoxMalformed),
    "a URN that is not ASCII": (INIT.replace(b"2026\0", b"202\xff\0"), BoxMalformed),
}


@pytest.mark.parametrize(("data", "error"), REFUSED_INIT.values(), ids=REFUSED_INIT.keys())
def test_an_initialization_segment_is_refused_by_name(
    data: bytes, error: type[ManifestError]
) -> None:
    with pytest.raises(error):
        read_initialization_segment(data)


def test_a_box_larger_than_its_size_field_is_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 2**32

    with pytest.raises(SegmentLimitExceeded):
        box("free", Huge())


def test_a_segment_cut_anywhere_is_refused() -> None:
    for length in range(len(MEDIA)):
        with pytest.raises(ManifestError):
            read_media_segment(MEDIA[:length])
    for length in range(len(INIT)):
        with pytest.raises(ManifestError):
            read_initialization_segment(INIT[:length])


@given(st.lists(st.tuples(st.integers(0, len(INIT) - 1), st.integers(0, 255)), max_size=4))
def test_damage_never_crashes_a_reader(damage: list[tuple[int, int]]) -> None:
    for data, reader in (
        (INIT, read_initialization_segment),
        (MEDIA, read_media_segment),
    ):
        damaged = bytearray(data)
        for position, value in damage:
            damaged[position % len(data)] = value
        with contextlib.suppress(ManifestError):
            reader(bytes(damaged))


@given(st.binary(max_size=200))
def test_noise_never_crashes_a_reader(noise: bytes) -> None:
    for reader in (read_media_segment, read_initialization_segment):
        with pytest.raises(ManifestError):
            reader(noise)


def test_a_reader_allocates_little_for_a_lying_segment() -> None:
    lying = segment(trun(60_000, HERE, 8))
    tracemalloc.start()
    try:
        with pytest.raises(BoxMalformed):
            read_media_segment(lying)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_box_knows_where_it_lies() -> None:
    data = memoryview(box("free", b"ab") + box("skip"))
    assert read_boxes(data, 2) == (Box("free", 0, 8, data[8:10]), Box("skip", 10, 18, data[18:]))
