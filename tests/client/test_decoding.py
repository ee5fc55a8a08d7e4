"""Segments of unknown bytes behind the right digest: a named refusal, never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_client.decoding import Layer, SubsetAssembly
from fivegms_client.errors import ModelDamaged, WrongModelSegment
from fivegms_manifests.model import SegmentRef
from support.onnx_graphs import perceptron
from support.published_model import publish

PUBLISHED = publish(perceptron(hidden=256))
PARTS = [part for precision in ("fp32", "int8") for part in PUBLISHED.variant(precision).parts()]


def assembly() -> SubsetAssembly:
    return SubsetAssembly([Layer(PUBLISHED.variant("fp32"))])


def accept(part: SegmentRef, data: bytes) -> None:
    try:
        assembly().accept(part, data)
    except ModelDamaged:
        return


@given(part=st.sampled_from(PARTS), position=st.integers(0, 2**20), value=st.integers(1, 255))
def test_a_changed_byte_is_decoded_or_refused(part: SegmentRef, position: int, value: int) -> None:
    data = bytearray(PUBLISHED.files[part.url])
    data[position % len(data)] ^= value
    accept(part, bytes(data))


@given(part=st.sampled_from(PARTS), length=st.integers(0, 2**20))
def test_a_truncated_segment_is_refused(part: SegmentRef, length: int) -> None:
    data = PUBLISHED.files[part.url]
    with pytest.raises(ModelDamaged):
        assembly().accept(part, data[: length % len(data)])


@given(data=st.binary(max_size=2000))
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ModelDamaged):
        assembly().accept(PARTS[1], data)


def test_segments_come_in_any_order() -> None:
    one = assembly()
    for part in reversed(list(PUBLISHED.variant("fp32").parts())):
        one.accept(part, PUBLISHED.files[part.url])
    topology, tensors = one.finish()
    assert topology
    assert set(tensors) == {"w1", "b1", "w2"}


def test_without_a_topology_there_is_no_model() -> None:
    with pytest.raises(WrongModelSegment, match="topology"):
        assembly().finish()
