"""Units: the samples of a weights track, each one topology or one tensor (docs/formats.md).

A header says everything about a tensor but its numbers, so a reader can refuse, allocate and
report progress before it decodes. `read_unit` parses and bounds; `decode_tensor` does the work,
and releases the GIL while it does.

    topology   version kind checksum:u32  size:u64                                 frames
    tensor     version kind checksum:u32  dtype stored codec rank name_length:u16
                                          dims:u64[rank] name     side information frames

The checksum is a CRC-32 of all but itself and the frames, which carry their own. So a damaged unit
is refused whether or not the segment's digest was compared.
"""

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import frames, headers, weights
from fivegms_codecs.coding import Part, Precision, Shape
from fivegms_codecs.dtypes import DType, dtype_from_code, dtype_of
from fivegms_codecs.errors import (
    BufferMismatch,
    CodecUnsuitable,
    PayloadCorrupt,
    UnitKindUnknown,
    UnitMalformed,
)
from fivegms_codecs.headers import UNIT_VERSION
from fivegms_codecs.weights import Codec, Coding

_TOPOLOGY_KIND = 1
_TENSOR_KIND = 2

_TOPOLOGY = struct.Struct("<BBIQ")
_TENSOR = struct.Struct("<BBIBBBBH")


@dataclass(frozen=True, slots=True)
class UnitLimits:
    """What a reader accepts and a writer writes at most."""

    max_name_bytes: int = 1024
    max_rank: int = 16
    max_tensor_bytes: int = 2**32
    max_graph_bytes: int = 2**28


DEFAULT_LIMITS = UnitLimits()


@dataclass(frozen=True, slots=True)
class TopologyUnit:
    """The model without its weights.

    `graph` is a serialized ONNX ModelProto whose large initializers are external and come as
    tensor units of the same names.
    """

    graph: bytes


@dataclass(frozen=True, slots=True)
class TensorUnit:
    """One initializer: its name, type and shape in the graph, and its numbers, still coded.

    `stored` is the type that the numbers are sent in; decoding expands it to `dtype`. `payload`
    is a view of the sample that was read.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    stored: DType
    codec: Codec
    payload: memoryview

    @property
    def size_bytes(self) -> int:
        """The memory that the decoded tensor takes."""
        return math.prod(self.shape) * self.dtype.itemsize


def write_topology(graph: bytes, limits: UnitLimits = DEFAULT_LIMITS) -> bytes:
    """The topology unit of a serialized ONNX ModelProto. Raises LimitExceeded."""
    headers.bound("graph", len(graph), limits.max_graph_bytes)
    elements = np.frombuffer(graph, np.uint8).reshape(-1, 1)
    header = headers.seal(_TOPOLOGY.pack(UNIT_VERSION, _TOPOLOGY_KIND, 0, len(graph)))
    return b"".join([header, *frames.pack(elements, frames.GRAPHS)])


def write_tensor(
    name: str,
    array: NDArray[np.generic],
    precision: Precision,
    codec: Codec,
    limits: UnitLimits = DEFAULT_LIMITS,
) -> bytes:
    """The tensor unit of an initializer, coded as `weights.choose` grants.

    `array` has the graph's dtype and shape. Raises DtypeUnsupported, CodecUnsuitable and
    LimitExceeded.
    """
    dtype = check_tensor(name, array, limits)
    contiguous = np.asarray(array, dtype.numpy, order="C")
    coding = weights.choose(contiguous, dtype, Precision(precision), Codec(codec))
    return join_tensor(name, array.shape, dtype, coding, weights.encode(contiguous, coding))


def check_tensor(name: str, array: NDArray[np.generic], limits: UnitLimits) -> DType:
    """The element type of a tensor that a unit may hold.

    Raises DtypeUnsupported, UnitMalformed and LimitExceeded.
    """
    dtype = dtype_of(array.dtype)
    _check_shape(array.shape, dtype, limits)
    _check_name(name.encode(), limits)
    return dtype


def join_tensor(
    name: str, shape: Shape, dtype: DType, coding: Coding, parts: Iterable[Part]
) -> bytes:
    """The tensor unit of a payload in parts, the first of which is all its side information."""
    header = _tensor_header(name.encode(), shape, dtype, coding)
    rest = iter(parts)
    side = next(rest)
    unit = BytesIO()  # takes parts one by one, so that none waits for the last
    unit.write(headers.seal(header, side))
    unit.write(side)
    unit.writelines(rest)
    return unit.getvalue()


def read_unit(
    data: bytes | memoryview, limits: UnitLimits = DEFAULT_LIMITS
) -> TopologyUnit | TensorUnit:
    """The unit that fills `data`; a topology is decoded, a tensor only described.

    Raises UnitTruncated, UnitVersionUnknown, UnitKindUnknown, UnitMalformed, LimitExceeded,
    DtypeUnsupported, CodecUnknown, CodecUnsuitable, PayloadCorrupt and ChecksumMismatch.
    """
    view = memoryview(data).cast("B")
    kind = headers.read_kind(view)
    if kind == _TOPOLOGY_KIND:
        return _read_topology(view, limits)
    if kind == _TENSOR_KIND:
        return _read_tensor(view, limits)
    raise UnitKindUnknown(f"unit kind {kind} is neither topology (1) nor tensor (2)")


def read_tensor(data: bytes | memoryview, limits: UnitLimits = DEFAULT_LIMITS) -> TensorUnit:
    """The tensor unit that fills `data`. Raises what `read_unit` does."""
    unit = read_unit(data, limits)
    if not isinstance(unit, TensorUnit):
        raise UnitKindUnknown("a topology where a tensor belongs")
    return unit


def decode_tensor(unit: TensorUnit, out: NDArray[np.generic] | None = None) -> NDArray[np.generic]:
    """The tensor, in the graph's dtype and shape, in `out` where one is given.

    `out` must be C-contiguous and writable. Raises BaseMissing of a unit that refines another
    tensor; BufferMismatch; and PayloadCorrupt, after which the contents of `out` are undefined.
    """
    coding = Coding(unit.stored, unit.codec)
    out = buffer_for(unit, out)
    weights.decode(unit.payload, out, coding)
    check_bools(unit, out)
    return out


def check_bools(unit: TensorUnit, decoded: NDArray[np.generic]) -> None:
    """Refuse bools that are neither 0 nor 1. Raises PayloadCorrupt."""
    if unit.dtype is DType.BOOL and decoded.size and int(decoded.view(np.uint8).max()) > 1:
        raise PayloadCorrupt(f"tensor {unit.name!r} has a bool that is neither 0 nor 1")


def buffer_for(unit: TensorUnit, out: NDArray[np.generic] | None) -> NDArray[np.generic]:
    """`out`, or a new array for the tensor, once its payload is found to promise it.

    Raises BufferMismatch and PayloadCorrupt.
    """
    weights.check(unit.payload, unit.shape, Coding(unit.stored, unit.codec))
    return array_for(unit.name, unit.dtype, unit.shape, out)


def array_for(
    name: str, dtype: DType, shape: tuple[int, ...], out: NDArray[np.generic] | None
) -> NDArray[np.generic]:
    """`out`, or a new array where there is none. Raises BufferMismatch."""
    if out is None:
        return np.empty(shape, dtype.numpy)
    if out.shape != shape or out.dtype != dtype.numpy:
        raise BufferMismatch(
            f"tensor {name!r} is {dtype.name} {shape}, the buffer {out.dtype.name} {out.shape}"
        )
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise BufferMismatch(f"the buffer for {name!r} is not C-contiguous and writable")
    return out


def _tensor_header(name: bytes, shape: Shape, dtype: DType, coding: Coding) -> bytes:
    code = weights.code_of(coding.codec)
    fixed = _TENSOR.pack(
        UNIT_VERSION, _TENSOR_KIND, 0, dtype, coding.stored, code, len(shape), len(name)
    )
    return fixed + struct.pack(f"<{len(shape)}Q", *shape) + name


def _read_topology(view: memoryview, limits: UnitLimits) -> TopologyUnit:
    *_, size = headers.unpack(_TOPOLOGY, view)
    headers.bound("graph", size, limits.max_graph_bytes)
    payload = view[_TOPOLOGY.size :]
    frames.check(payload, size)
    headers.check_seal(view[: _TOPOLOGY.size])
    graph = np.empty((size, 1), np.uint8)
    frames.unpack(payload, graph)
    return TopologyUnit(graph.tobytes())


def _read_tensor(view: memoryview, limits: UnitLimits) -> TensorUnit:
    _, _, _, dtype_code, stored_code, code, rank, name_length = headers.unpack(_TENSOR, view)
    dtype = dtype_from_code(dtype_code)
    coding = Coding(dtype_from_code(stored_code), weights.codec_from_code(code))
    if not weights.suits(dtype, coding):
        raise CodecUnsuitable(
            f"{coding.codec} of {coding.stored.name} cannot hold a {dtype.name} tensor"
        )
    headers.bound("rank", rank, limits.max_rank, "")
    headers.bound("name", name_length, limits.max_name_bytes)
    shape = headers.unpack(struct.Struct(f"<{rank}Q"), view[_TENSOR.size :])
    _check_shape(shape, dtype, limits)
    name_start = _TENSOR.size + 8 * rank
    payload_start = name_start + name_length
    name = headers.read_text(view[name_start:payload_start], name_length, "tensor")
    payload = view[payload_start:]
    side_bytes = weights.check(payload, shape, coding)
    headers.check_seal(view[: payload_start + side_bytes])
    return TensorUnit(name, dtype, shape, coding.stored, coding.codec, payload)


def _check_name(encoded: bytes, limits: UnitLimits) -> None:
    if not encoded:
        raise UnitMalformed("a tensor must have a name")
    headers.bound("name", len(encoded), limits.max_name_bytes)


def _check_shape(shape: Shape, dtype: DType, limits: UnitLimits) -> None:
    headers.check_shape(shape, dtype.itemsize, limits.max_rank, limits.max_tensor_bytes)
