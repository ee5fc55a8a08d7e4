"""A tensor of intermediate data as bytes (docs/formats.md).

    version kind checksum:u32 size:u32  parameters:u32 number:u16 codec open_dims  sizes:u64[open]
                                        payload: side information, then frames

All that the samples of a stream have in common is in the parameter set, which `parameters` names by
its checksum. The payload of a tensor sent exactly is that of a weights unit, by the same code.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from fivegms_codecs import headers, units, weights
from fivegms_codecs.coding import Array, Part
from fivegms_codecs.dtypes import dtype_of
from fivegms_codecs.errors import CodecUnknown, TensorMismatch
from fivegms_codecs.headers import UNIT_VERSION
from fivegms_codecs.intermediate import levels
from fivegms_codecs.intermediate.parameter_unit import PREFIX
from fivegms_codecs.intermediate.parameters import (
    DEFAULT_LIMITS,
    IntermediateLimits,
    ParameterSet,
    TensorSpec,
    check_size,
)
from fivegms_codecs.units import TensorUnit
from fivegms_codecs.weights import Codec, Coding

TENSOR_KIND = 4

_HEAD = struct.Struct("<IHBB")


class TensorCodec(IntEnum):
    """How the numbers of one tensor are packed. The first two are those of weights."""

    RAW = 0
    PLANES_ZSTD = 1
    LEVELS_ZSTD = 2


_EXACT = {TensorCodec.RAW: Codec.RAW, TensorCodec.PLANES_ZSTD: Codec.PLANES_ZSTD}


@dataclass(frozen=True, slots=True)
class TensorHead:
    """Which tensor a unit holds, and how."""

    parameters_id: int
    number: int
    codec: TensorCodec
    sizes: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """The bytes of the unit before its payload."""
        return PREFIX.size + _HEAD.size + 8 * len(self.sizes)


@dataclass(frozen=True, slots=True)
class IntermediateTensor:
    """One tensor of a sample, still coded; its place among those of `parameters` is `number`."""

    parameters: ParameterSet
    number: int
    shape: tuple[int, ...]
    codec: TensorCodec
    payload: memoryview

    @property
    def spec(self) -> TensorSpec:
        """What the parameter set says of the tensor."""
        return self.parameters.tensors[self.number]


def write_tensor(
    spec: TensorSpec,
    parameters_id: int,
    number: int,
    array: Array,
    limits: IntermediateLimits = DEFAULT_LIMITS,
) -> bytes:
    """The unit of `array`, which has the type and shape of `spec`.

    Levels where there are a quantiser and finite numbers; else `planes+zstd` where that takes less
    than the numbers do, else `raw`. Raises TensorMismatch, DtypeUnsupported and LimitExceeded.
    """
    if dtype_of(array.dtype) is not spec.dtype:
        raise TensorMismatch(f"tensor {spec.name!r} is {spec.dtype.name}, the array {array.dtype}")
    sizes = spec.open_sizes(array.shape)
    check_size(spec, array.shape, limits)
    codec, (side, *packed) = _encode(spec, np.asarray(array, spec.dtype.numpy, order="C"))
    head = _HEAD.pack(parameters_id, number, codec, len(sizes))
    body = head + struct.pack(f"<{len(sizes)}Q", *sizes)
    size = len(body) + len(side) + sum(map(len, packed))
    headers.bound("sample", PREFIX.size + size, limits.max_sample_bytes)
    prefix = PREFIX.pack(UNIT_VERSION, TENSOR_KIND, 0, size)
    return b"".join([headers.seal(prefix + body, side), side, *packed])


def read_head(unit: memoryview, limits: IntermediateLimits = DEFAULT_LIMITS) -> TensorHead:
    """The head of a unit whose prefix was read. Raises UnitTruncated, LimitExceeded, CodecUnknown.

    The checksum is not compared yet: where it lies depends on the parameter set.
    """
    parameters_id, number, code, count = headers.unpack(_HEAD, unit[PREFIX.size :])
    headers.bound("rank", count, limits.max_rank, "")
    sizes = headers.unpack(struct.Struct(f"<{count}Q"), unit[PREFIX.size + _HEAD.size :])
    try:
        return TensorHead(parameters_id, number, TensorCodec(code), sizes)
    except ValueError:
        raise CodecUnknown(f"codec {code} of a tensor; known are {[*TensorCodec]}") from None


def read_tensor(
    unit: memoryview,
    head: TensorHead,
    parameters: ParameterSet,
    limits: IntermediateLimits = DEFAULT_LIMITS,
) -> IntermediateTensor:
    """The tensor of a unit of that head, whose `number` is one of `parameters`.

    Raises TensorMismatch, LimitExceeded, PayloadCorrupt and ChecksumMismatch.
    """
    spec = parameters.tensors[head.number]
    shape = spec.fill(head.sizes)
    check_size(spec, shape, limits)
    payload = unit[head.size_bytes :]
    tensor = IntermediateTensor(parameters, head.number, shape, head.codec, payload)
    headers.check_seal(unit[: head.size_bytes + _check(tensor)])
    return tensor


def decode_intermediate(tensor: IntermediateTensor, out: Array | None = None) -> Array:
    """The tensor, of the type of its spec, in `out` where one is given.

    `out` must be C-contiguous and writable. Raises BufferMismatch; and PayloadCorrupt, after which
    the contents of `out` are undefined.
    """
    if tensor.codec in _EXACT:
        return units.decode_tensor(_exact(tensor), out)
    spec = tensor.spec
    out = units.array_for(spec.name, spec.dtype, tensor.shape, out)
    if spec.quantiser is not None:
        levels.decode(tensor.payload, out, spec.quantiser)
    return out


def _encode(spec: TensorSpec, array: Array) -> tuple[TensorCodec, Iterable[Part]]:
    """The codec of an array, and its payload: the side information first."""
    if spec.quantiser is not None and array.size and np.isfinite(array).all():
        return TensorCodec.LEVELS_ZSTD, list(levels.encode(array, spec.quantiser))
    packed = list(weights.encode(array, Coding(spec.dtype, Codec.PLANES_ZSTD)))
    if sum(map(len, packed)) < array.nbytes:
        return TensorCodec.PLANES_ZSTD, packed
    return TensorCodec.RAW, weights.encode(array, Coding(spec.dtype, Codec.RAW))


def _check(tensor: IntermediateTensor) -> int:
    """How much of the payload is side information. Raises TensorMismatch and PayloadCorrupt."""
    spec = tensor.spec
    if tensor.codec in _EXACT:
        return weights.check(tensor.payload, tensor.shape, Coding(spec.dtype, _EXACT[tensor.codec]))
    if spec.quantiser is None:
        raise TensorMismatch(f"levels of {spec.name!r}, which has no quantiser")
    if 0 in tensor.shape:
        raise TensorMismatch(f"levels of {spec.name!r}, which has no numbers")
    return levels.check(tensor.payload, tensor.shape, spec.quantiser)


def _exact(tensor: IntermediateTensor) -> TensorUnit:
    """The unit of weights that has the same payload."""
    spec = tensor.spec
    codec = _EXACT[tensor.codec]
    return TensorUnit(spec.name, spec.dtype, tensor.shape, spec.dtype, codec, tensor.payload)
