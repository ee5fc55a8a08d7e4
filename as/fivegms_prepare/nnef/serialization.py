"""An ONNX file written constant by constant, so that no two copies of the weights are in memory.

A serialized message is its fields one after the other, each with a tag and its length; what a
graph's constants take is known from their shapes, so the graph's length can be written first.
"""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np
from onnx import ModelProto, TensorProto, helper

from fivegms_prepare.nnef.building import NdArray

_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9
_LENGTH_DELIMITED = 2


def write_model(frame: ModelProto, constants: Mapping[str, NdArray], out: BinaryIO) -> None:
    """Write a model whose graph has no initializers yet, with these. Raises OSError."""
    around = ModelProto()
    around.CopyFrom(frame)
    around.ClearField("graph")
    graph = frame.graph.SerializeToString()
    entries = {name: _entry(name, array) for name, array in constants.items()}
    size = len(graph) + sum(len(entries[name]) + one.nbytes for name, one in constants.items())
    out.write(around.SerializeToString())
    out.write(_tag(_GRAPH, size))
    out.write(graph)
    for name, array in constants.items():
        out.write(entries[name])
        out.write(_little_endian(array))


def _entry(name: str, array: NdArray) -> bytes:
    """All of an initializer but its data, which comes last."""
    tensor = TensorProto(
        name=name,
        dims=array.shape,
        data_type=helper.np_dtype_to_tensor_dtype(array.dtype.newbyteorder("=")),
    )
    header: bytes = tensor.SerializeToString() + _tag(_RAW_DATA, array.nbytes)
    return _tag(_INITIALIZER, len(header) + array.nbytes) + header


def _little_endian(array: NdArray) -> memoryview:
    contiguous: NdArray = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    return contiguous.reshape(-1).view(np.uint8).data


def _tag(field: int, size: int) -> bytes:
    return bytes([*_varint(field << 3 | _LENGTH_DELIMITED), *_varint(size)])


def _varint(number: int) -> Iterator[int]:
    while number > 0x7F:
        yield number & 0x7F | 0x80
        number >>= 7
    yield number
