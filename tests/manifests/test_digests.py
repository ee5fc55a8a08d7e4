"""A segment is trusted when, and only when, its bytes are those of the manifest."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_manifests.digests import (
    SegmentCheck,
    digest,
    initialization_name,
    segment_name,
    verify,
)
from fivegms_manifests.errors import DigestMismatch, SegmentTooLong, SegmentTooShort
from fivegms_manifests.model import SegmentRef

DATA = b"some weights"
REF = SegmentRef("segments/a.m4s", digest(DATA), len(DATA))


def test_a_segment_is_named_by_its_digest() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest(b"") == empty
    assert segment_name(empty) == f"{empty}.m4s"
    assert initialization_name(empty) == f"{empty}.mp4"


@given(st.binary(max_size=100), st.lists(st.integers(0, 100), max_size=5))
def test_the_right_bytes_pass_in_any_pieces(data: bytes, cuts: list[int]) -> None:
    check = SegmentCheck(SegmentRef("s", digest(data), len(data)))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        check.update(data[start:end])
        assert check.received_bytes == end
    check.finish()


def test_too_many_bytes_are_refused_as_they_arrive() -> None:
    check = SegmentCheck(REF)
    check.update(DATA)
    with pytest.raises(SegmentTooLong, match=r"segments/a\.m4s"):
        check.update(b"!")
    assert check.received_bytes == len(DATA)


def test_too_few_bytes_are_refused_at_the_end() -> None:
    with pytest.raises(SegmentTooShort, match="11 of 12 bytes"):
        verify(REF, DATA[:-1])


def test_other_bytes_are_refused_at_the_end() -> None:
    verify(REF, memoryview(DATA))
    with pytest.raises(DigestMismatch, match=r"segments/a\.m4s"):
        verify(REF, DATA[:-1] + b"S")
