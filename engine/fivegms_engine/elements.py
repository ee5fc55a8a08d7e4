"""ONNX element types by their numpy names: the one table that graph and session share.

Element types that numpy cannot hold (bfloat16, the 8-bit floats, the 4-bit integers) are not in it,
and neither are strings and complex numbers: such tensors never leave a topology and cannot be fed
to a model.
"""

from onnx import TensorProto

NUMPY_NAMES: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
    TensorProto.INT8: "int8",
    TensorProto.INT16: "int16",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.UINT8: "uint8",
    TensorProto.UINT16: "uint16",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.BOOL: "bool",
}

RUNTIME_NAMES: dict[str, str] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    **{
        f"tensor({name})": name
        for name in NUMPY_NAMES.values()
        if name not in ("float32", "float64")
    },
}
"""onnxruntime's spelling of a tensor type, to numpy's."""


def element_name(data_type: int) -> str:
    """ONNX's name of an element type (`FLOAT`, `BFLOAT16`, ...), or its number if it has none."""
    names: dict[int, str] = {number: name for name, number in TensorProto.DataType.items()}
    return names.get(data_type, str(data_type))
