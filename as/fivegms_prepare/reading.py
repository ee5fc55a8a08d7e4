"""Bytes to an ONNX ModelProto, and the reasons why they may not become one.

Protobuf has no magic number and reads many files that are something else as a message of unknown
fields, so a file counts as ONNX only if a graph comes out. Where parsing fails, the top-level
fields are walked once more to tell a file that was cut off from one that is no ONNX at all.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from onnx import ModelProto

from fivegms_prepare.errors import (
    DamagedModel,
    ModelTooLarge,
    NotOnnx,
    SourceMissing,
    TruncatedModel,
    cause_of,
)

MAX_MODEL_BYTES = 2**31 - 1
"""The most that one protobuf message can hold; larger models keep weights in files beside."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIELDS = frozenset(field.number for field in ModelProto.DESCRIPTOR.fields)
_MAX_VARINT_BYTES = 10


def read_onnx(path: Path) -> ModelProto:
    """Read a model file. Raises SourceMissing, ModelTooLarge, and as `parse_onnx` does."""
    try:
        return parse_onnx(_read(path))
    except OSError as error:
        raise SourceMissing(f"{path.name[:100]} cannot be read: {cause_of(error)}") from error


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise SourceMissing(f"there is no file {path.name}: upload the model first")
    size_bytes = path.stat().st_size
    if size_bytes > MAX_MODEL_BYTES:
        raise ModelTooLarge(
            f"{path.name} has {size_bytes} bytes; ONNX files hold at most {MAX_MODEL_BYTES}: "
            "save the weights as external data"
        )
    return path.read_bytes()


def parse_onnx(data: bytes) -> ModelProto:
    """Parse a serialized ModelProto. Raises NotOnnx, TruncatedModel and DamagedModel."""
    if not data:
        raise NotOnnx("the file is empty")
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        if _is_cut_off(data):
            raise TruncatedModel(
                f"the file ends after {len(data)} bytes, within the model: upload it again"
            ) from error
        raise NotOnnx("the file is not an ONNX model (a serialized ModelProto)") from error
    if not model.HasField("graph"):
        raise NotOnnx("the file has no ONNX graph: upload a model exported as .onnx")
    for name, text in _texts(model):
        # Protobuf gives a string that is not UTF-8 as bytes, which no code after this expects.
        if not isinstance(text, str):
            raise DamagedModel(f"the file is damaged: a {name} in it is not text; upload it again")
    return model


def _texts(message: Message) -> Iterator[tuple[str, str | bytes]]:
    """Every string below a message, with the name of its field."""
    for field in _fields_to_walk(message.DESCRIPTOR):
        if not field.has_presence:
            values = getattr(message, field.name)
        elif message.HasField(field.name):
            values = (getattr(message, field.name),)
        else:
            continue
        for value in values:
            if isinstance(value, Message):
                yield from _texts(value)
            else:
                yield field.name, value


@cache
def _fields_to_walk(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    walked = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE)
    return tuple(field for field in descriptor.fields if field.type in walked)


def _is_cut_off(data: bytes) -> bool:
    """Whether whole ModelProto fields are followed by one that the end of the data cuts."""
    try:
        end = max(_field_ends(data))
    except ValueError:
        return False
    return end > len(data)


def _field_ends(data: bytes) -> Iterator[int]:
    """Where each top-level field ends. Raises ValueError if it is no field of a ModelProto."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        if tag >> 3 not in _FIELDS:
            raise ValueError(f"no field {tag >> 3}")
        size, position = _field_size(data, position, tag & 7)
        position += size
        yield position


def _field_size(data: bytes, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == _LENGTH:
        return _varint(data, position)
    if wire_type == _VARINT:
        return 0, _varint(data, position)[1]
    if wire_type in (_FIXED32, _FIXED64):
        return (4 if wire_type == _FIXED32 else 8), position
    raise ValueError(f"no wire type {wire_type}")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The number at `position` and the position after it, beyond the data if that ends first."""
    value = 0
    for index in range(_MAX_VARINT_BYTES):
        if position + index >= len(data):
            return value, len(data) + 1
        byte = data[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a number has more than ten bytes")
