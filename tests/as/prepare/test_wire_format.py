"""Fields are found where protobuf puts them; what can be no message is refused by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto

from fivegms_prepare.wire_format import FieldCutOff, WireError, WireReader, varint
from support.onnx_graphs import classifier

MODEL = classifier().SerializeToString()


def fields(data: bytes) -> list[tuple[int, int, bytes, int]]:
    reader = WireReader(lambda start, end: data[start:end])
    return [
        (field.field, field.wire_type, data[field.value : field.end], field.number)
        for field in reader.fields(0, len(data))
    ]


def test_every_wire_type() -> None:
    data = b"\x08\x96\x01" + b"\x11" + b"8 bytes." + b"\x1a\x03abc" + b"\x25four"
    assert fields(data) == [
        (1, 0, b"\x96\x01", 150),
        (2, 1, b"8 bytes.", 0),
        (3, 2, b"abc", 0),
        (4, 5, b"four", 0),
    ]


def test_fields_of_a_model() -> None:
    names = {field.number: field.name for field in ModelProto.DESCRIPTOR.fields}
    assert {names[field] for field, *_ in fields(MODEL)} == {"ir_version", "graph", "opset_import"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x00\x00", "no field 0"),
        (varint(2**29 << 3) + b"\0", "no field 536870912"),
        (b"\x0b", "no wire type 3"),
        (b"\x0c", "no wire type 4"),
        (b"\x0e", "no wire type 6"),
        (b"\xff" * 10 + b"\x01", "more than ten bytes"),
        (b"\x0a" + b"\x80" * 10 + b"\x00", "more than ten bytes"),
        (b"\x08" + b"\xff" * 10, "more than ten bytes"),
    ],
)
def test_no_message(data: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why) as refused:
        fields(data)
    assert not isinstance(refused.value, FieldCutOff)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"\x88", 0),
        (b"\x08", 0),
        (b"\x08\x80\x80", 0),
        (b"\x0a\x03ab", 1),
        (b"\x11seven77", 2),
        (b"\x1dxyz", 3),
        (b"\x0a" + varint(2**63), 1),
        (b"\x0a" + varint(2**64 - 1), 1),
    ],
)
def test_cut_off(data: bytes, field: int) -> None:
    with pytest.raises(FieldCutOff) as refused:
        fields(data)
    assert refused.value.field == field


@given(st.integers(0, 2**64 - 1))
def test_numbers(number: int) -> None:
    encoded = varint(number)
    reader = WireReader(lambda start, end: encoded[start:end])
    assert reader.varint(0, len(encoded)) == (number, len(encoded))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4))
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(MODEL)
    for place, value in changes:
        data[place] = value
    try:
        found = fields(bytes(data))
    except WireError:
        return
    assert all(len(value) <= len(data) for _, _, value, _ in found)


def test_reads_windows_and_not_what_lies_in_fields() -> None:
    """Two fields of 1 GiB each, of which nothing is there but the tags."""
    length = varint(2**30)
    tag = b"\x0a" + length
    asked: list[int] = []

    def read(start: int, end: int) -> bytes:
        asked.append(end - start)
        offset = start % (len(tag) + 2**30)
        return tag[offset:].ljust(end - start, b"\0")

    found = list(WireReader(read).fields(0, 2 * (len(tag) + 2**30)))
    assert [field.size_bytes for field in found] == [2**30, 2**30]
    assert sum(asked) < 2**16
