"""Damaged models are refused by name or are models still; nothing else ever happens."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivegms_prepare.compose import plan
from fivegms_prepare.errors import ModelRefused
from fivegms_prepare.profile import profile
from fivegms_prepare.reading import parse_onnx
from fivegms_prepare.source import separate_checked
from support.onnx_graphs import classifier

MODEL = classifier(width=4).SerializeToString()
GRAPH_BYTES = 600  # the graph's nodes lie here; the weights after it are numbers like any others


def survives(data: bytes) -> None:
    try:
        separated = separate_checked(parse_onnx(data), Path("no folder"))
    except ModelRefused:
        return
    separated.topology()
    for weight in separated.weights:
        assert weight.array().shape == weight.info.shape
    plan(separated, ())
    profile(separated)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, GRAPH_BYTES), st.integers(0, 255)), max_size=4))
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(MODEL)
    for place, value in changes:
        data[place] = value
    survives(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(MODEL)))
def test_cut_off_anywhere(length: int) -> None:
    survives(MODEL[:length])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, GRAPH_BYTES), st.integers(1, 40))
def test_bytes_left_out(place: int, count: int) -> None:
    survives(MODEL[:place] + MODEL[place + count :])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    survives(data)


def test_the_model_itself() -> None:
    survives(MODEL)
    assert len(MODEL) > GRAPH_BYTES


def test_graphs_nested_without_end() -> None:
    data = b""
    for _ in range(500):  # attribute 6 (g) of attribute 5 of node 1, each the length of the last
        for field in (6, 5, 1):
            data = bytes([field << 3 | 2]) + _varint(len(data)) + data
    with pytest.raises(ModelRefused):
        parse_onnx(bytes([7 << 3 | 2]) + _varint(len(data)) + data)


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])
