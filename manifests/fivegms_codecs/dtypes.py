"""The ONNX element types that units carry, and the numpy types that hold them.

Codes are those of `onnx.TensorProto.DataType`, so a unit means the same to anyone who has the ONNX
specification. Types that numpy has no array for (bfloat16, the 8 and 4 bit floats, string) are not
here: their tensors stay inside the topology.
"""

from enum import IntEnum
from types import MappingProxyType

import numpy as np

from fivegms_codecs.errors import DtypeUnsupported


class DType(IntEnum):
    """An element type, by its number in `onnx.TensorProto.DataType`."""

    FLOAT32 = 1
    UINT8 = 2
    INT8 = 3
    UINT16 = 4
    INT16 = 5
    INT32 = 6
    INT64 = 7
    BOOL = 9
    FLOAT16 = 10
    FLOAT64 = 11
    UINT32 = 12
    UINT64 = 13
    COMPLEX64 = 14
    COMPLEX128 = 15

    @property
    def numpy(self) -> "np.dtype[np.generic]":
        """The little-endian numpy dtype, which is the byte order on the wire."""
        return _NUMPY[self]

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return _NUMPY[self].itemsize


_NUMPY = MappingProxyType(
    {dtype: np.dtype(dtype.name.lower()).newbyteorder("<") for dtype in DType}
)
_BY_NAME = MappingProxyType({dtype.name.lower(): dtype for dtype in DType})

FLOATS = frozenset({DType.FLOAT16, DType.FLOAT32, DType.FLOAT64})
"""The types whose numbers a codec may approximate; all others are carried exactly."""


def dtype_of(dtype: "np.dtype[np.generic]") -> DType:
    """The element type of a numpy dtype, in any byte order. Raises DtypeUnsupported."""
    try:
        return _BY_NAME[dtype.name]
    except KeyError:
        raise DtypeUnsupported(f"units do not carry {dtype.name} tensors") from None


def dtype_from_code(code: int) -> DType:
    """The element type with that number in a header. Raises DtypeUnsupported."""
    try:
        return DType(code)
    except ValueError:
        raise DtypeUnsupported(f"units do not carry ONNX element type {code}") from None
