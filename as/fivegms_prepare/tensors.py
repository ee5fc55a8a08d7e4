"""Whether constants and graph values are of types and sizes that can be prepared."""

from math import prod

import numpy as np
from onnx import TensorProto, ValueInfoProto

from fivegms_codecs.units import DEFAULT_LIMITS
from fivegms_engine.elements import NUMPY_NAMES, element_name
from fivegms_prepare.errors import MalformedTensor, ModelTooLarge, UnsupportedTensor
from fivegms_prepare.external import ExternalData

_TYPED_FIELDS: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT32: "uint64_data",
    TensorProto.UINT64: "uint64_data",
}
"""Where the values of a type are when not in `raw_data`; all others are in `int32_data`."""


def check_constant(tensor: TensorProto, external: ExternalData) -> None:
    """Refuse a constant whose data is not as long as its dims say, without reading the data.

    Element types that never leave the topology are left to onnxruntime. Raises MalformedTensor,
    ModelTooLarge, ExternalDataOutside and ExternalDataMissing.
    """
    if any(size < 0 for size in tensor.dims):
        raise MalformedTensor(f"tensor {tensor.name!r} has a negative dimension")
    if tensor.data_type not in TensorProto.DataType.values() or not tensor.data_type:
        raise MalformedTensor(f"tensor {tensor.name!r} has no element type")
    if tensor.HasField("segment"):
        raise MalformedTensor(f"tensor {tensor.name!r} is a segment of another one")
    if tensor.data_location == TensorProto.EXTERNAL:
        external.check(tensor)
    elif tensor.data_type in NUMPY_NAMES:
        _check_length(tensor)
    _check_limits(tensor)


def _check_length(tensor: TensorProto) -> None:
    elements = prod(tensor.dims)
    if tensor.HasField("raw_data"):
        itemsize = np.dtype(NUMPY_NAMES[tensor.data_type]).itemsize
        found, expected = len(tensor.raw_data), elements * itemsize
    else:
        field = _TYPED_FIELDS.get(tensor.data_type, "int32_data")
        found, expected = len(getattr(tensor, field)), elements
    if found != expected:
        raise MalformedTensor(
            f"tensor {tensor.name!r} of dims {list(tensor.dims)} has {found} "
            f"{'bytes' if tensor.HasField('raw_data') else 'values'}, not {expected}"
        )


def check_bools(tensor: TensorProto, external: ExternalData) -> None:
    """Read a constant of type bool and refuse numbers other than 0 and 1. Raises MalformedTensor.

    Engines differ on what another number means.
    """
    if tensor.data_type != TensorProto.BOOL:
        return
    if tensor.data_location == TensorProto.EXTERNAL:
        values = np.frombuffer(external(tensor), np.uint8)
    elif tensor.HasField("raw_data"):
        values = np.frombuffer(tensor.raw_data, np.uint8)
    else:
        values = np.asarray(tensor.int32_data)
    if np.any((values != 0) & (values != 1)):
        raise MalformedTensor(f"tensor {tensor.name!r} has a bool that is neither 0 nor 1")


def _check_limits(tensor: TensorProto) -> None:
    limits = DEFAULT_LIMITS
    itemsize = np.dtype(NUMPY_NAMES.get(tensor.data_type, "uint8")).itemsize
    if len(tensor.dims) > limits.max_rank:
        raise ModelTooLarge(
            f"tensor {tensor.name!r} has rank {len(tensor.dims)}; at most {limits.max_rank}"
        )
    if prod(max(size, 1) for size in tensor.dims) * itemsize > limits.max_tensor_bytes:
        raise ModelTooLarge(f"tensor {tensor.name!r} has more than {limits.max_tensor_bytes} bytes")
    if len(tensor.name.encode()) > limits.max_name_bytes:
        raise ModelTooLarge(
            f"tensor {tensor.name[:40]!r}... has a name of more than {limits.max_name_bytes} bytes"
        )


def check_interface(value: ValueInfoProto) -> None:
    """Refuse a graph input or output that is no tensor of numbers. Raises UnsupportedTensor."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        what = (kind or "no type").removesuffix("_type").replace("_", " ")
        raise UnsupportedTensor(f"{value.name!r} is {what}; inputs and outputs must be tensors")
    if value.type.tensor_type.elem_type not in NUMPY_NAMES:
        name = element_name(value.type.tensor_type.elem_type)
        raise UnsupportedTensor(
            f"{value.name!r} is a tensor of {name}, which cannot be fed or read"
        )
