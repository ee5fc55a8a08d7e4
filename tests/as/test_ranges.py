import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_as.errors import RangeNotSatisfiable
from fivegms_as.ranges import MAX_RANGES, ByteRange, MultipartRanges, read_range


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=0-", [(0, 99)]),
        ("bytes=10-19", [(10, 19)]),
        ("bytes=90-1000", [(90, 99)]),
        ("bytes=-10", [(90, 99)]),
        ("bytes=-1000", [(0, 99)]),
        ("BYTES=1-2", [(1, 2)]),
        ("bytes= 1-2 , 5-6", [(1, 2), (5, 6)]),
        ("bytes=,1-2,", [(1, 2)]),
        ("bytes=50-59,0-9", [(50, 59), (0, 9)]),
        ("bytes=0-9,5-14", [(0, 14)]),
        ("bytes=0-9,10-19", [(0, 19)]),
        ("bytes=0-9,200-300", [(0, 9)]),
    ],
)
def test_ranges_of_a_hundred_bytes(value, expected):
    assert read_range(value, 100) == tuple(ByteRange(*pair) for pair in expected)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes",
        "bytes=",
        "items=0-1",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=1-2;3-4",
        "bytes=--1",
        "bytes=-",
        "bytes=\u0661-\u0662",
        "bytes=0-1" + " " * 1024,
        "bytes=0-" + "9" * 20,
    ],
)
def test_a_field_that_is_no_byte_range_is_ignored(value):
    assert read_range(value, 100) is None


@pytest.mark.parametrize("value", ["bytes=100-", "bytes=100-200,300-", "bytes=-0"])
def test_a_range_behind_the_end_is_not_satisfiable(value):
    with pytest.raises(RangeNotSatisfiable) as caught:
        read_range(value, 100)
    assert caught.value.size_bytes == 100


def test_very_many_ranges_are_refused():
    many = ",".join(f"{first}-{first}" for first in range(0, 2 * MAX_RANGES + 2, 2))
    with pytest.raises(RangeNotSatisfiable):
        read_range(f"bytes={many}", 1000)


_SPECS = st.one_of(
    st.tuples(st.integers(0, 120), st.integers(0, 120)).map(lambda pair: f"{pair[0]}-{pair[1]}"),
    st.integers(0, 120).map(lambda first: f"{first}-"),
    st.integers(0, 120).map(lambda suffix: f"-{suffix}"),
)


@given(st.lists(_SPECS, min_size=1, max_size=20), st.integers(1, 100))
def test_every_answer_lies_inside_and_sends_no_byte_twice(specs, size):
    try:
        ranges = read_range("bytes=" + ",".join(specs), size)
    except RangeNotSatisfiable:
        return
    sent = [byte for part in ranges or () for byte in range(part.first, part.last + 1)]
    assert len(sent) == len(set(sent))
    assert all(0 <= byte < size for byte in sent)


@given(st.text(max_size=60), st.integers(1, 2**63))
def test_any_text_is_ignored_or_refused_or_a_range(value, size):
    try:
        ranges = read_range("bytes=" + value, size)
    except RangeNotSatisfiable:
        return
    assert ranges is None or all(0 <= part.first <= part.last < size for part in ranges)


def test_a_multipart_body_is_as_long_as_it_says():
    body = MultipartRanges((ByteRange(0, 1), ByteRange(5, 9)), "video/mp4", 10, "b")
    data = bytes(range(10))
    whole = b"".join(h + data[r.first : r.last + 1] for h, r in body.parts()) + body.trailer
    assert len(whole) == body.size_bytes
    assert whole == (
        b"\r\n--b\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-1/10\r\n\r\n\x00\x01"
        b"\r\n--b\r\nContent-Type: video/mp4\r\nContent-Range: bytes 5-9/10\r\n\r\n"
        b"\x05\x06\x07\x08\x09\r\n--b--\r\n"
    )
