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

from fivegms_prepare.errors import DamagedModel, ModelTooLarge, NotOnnx, TruncatedModel
from fivegms_prepare.model_file import ModelFile
from fivegms_prepare.outline import outline
from fivegms_prepare.wire_format import FieldCutOff, ReadBytes, WireError, WireReader

MAX_MODEL_BYTES = 2**31 - 1
"""The most that one protobuf message can hold; larger models keep weights in files beside."""

_FIELDS = frozenset(field.number for field in ModelProto.DESCRIPTOR.fields)


def read_onnx(path: Path) -> ModelProto:
    """Read the graph of a model file. Raises SourceMissing, and as `read_model` does.

    Large constants are not read: they are external data that lies in the file itself.
    """
    return read_model(ModelFile(path))


def read_model(file: ModelFile) -> ModelProto:
    """The same of a file that is open. Raises ModelTooLarge, and as `parse_onnx` does."""
    if file.size_bytes > MAX_MODEL_BYTES:
        raise ModelTooLarge(
            f"{file.name} has {file.size_bytes} bytes; ONNX files hold at most {MAX_MODEL_BYTES}: "
            "save the weights as external data"
        )
    try:
        model = _parsed(outline(file))
    except (WireError, DecodeError) as error:
        raise _refusal(file.read, file.size_bytes, error) from error
    return _checked(model)


def parse_onnx(data: bytes) -> ModelProto:
    """Parse a serialized ModelProto, whole. Raises NotOnnx, TruncatedModel and DamagedModel."""
    try:
        model = _parsed(data)
    except DecodeError as error:
        raise _refusal(lambda start, end: data[start:end], len(data), error) from error
    return _checked(model)


def _parsed(data: bytes) -> ModelProto:
    if not data:
        raise NotOnnx("the file is empty")
    model = ModelProto()
    model.ParseFromString(data)
    return model


def _checked(model: ModelProto) -> ModelProto:
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


def _refusal(read: ReadBytes, size_bytes: int, error: Exception) -> NotOnnx | TruncatedModel:
    if _is_cut_off(read, size_bytes):
        return TruncatedModel(
            f"the file ends after {size_bytes} bytes, within the model: upload it again"
        )
    why = f": {error}" if isinstance(error, WireError) else ""
    return NotOnnx(f"the file is not an ONNX model (a serialized ModelProto){why}")


def _is_cut_off(read: ReadBytes, size_bytes: int) -> bool:
    """Whether whole ModelProto fields are followed by one that the end of the file cuts."""
    try:
        for field in WireReader(read).fields(0, size_bytes):
            if field.field not in _FIELDS:
                return False
    except FieldCutOff as cut:
        return cut.field in _FIELDS or not cut.field
    except WireError:
        return False
    return False
