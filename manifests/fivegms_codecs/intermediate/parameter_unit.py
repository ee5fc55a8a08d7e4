"""A parameter set as bytes (docs/formats.md).

    version kind checksum:u32 size:u32  profile model_version:u32 cut:u16 tensors:u16
                                        model_length:u16 composition_length:u16  model composition
    then of each tensor                 dtype rank axis name_length:u16 levels:u16
                                        dims:u64[rank]  name  scales:f32[]  zero_points:i16[]

The checksum is also the name by which tensors refer to the set: two sets that differ have two
names, so no tensor is decoded by the parameters of another, whatever was lost on the way.
"""

import struct
from collections.abc import Iterator

from fivegms_codecs import headers
from fivegms_codecs.dtypes import dtype_from_code
from fivegms_codecs.errors import ParameterSetMalformed, ProfileUnknown, UnitMalformed
from fivegms_codecs.headers import UNIT_VERSION
from fivegms_codecs.intermediate.levels import Quantiser
from fivegms_codecs.intermediate.parameters import (
    DEFAULT_LIMITS,
    Cut,
    Dimensions,
    IntermediateLimits,
    ParameterSet,
    Profile,
    TensorSpec,
    channel_count,
    check_parameters,
)

PARAMETERS_KIND = 3

PREFIX = struct.Struct("<BBII")
"""What begins a unit of intermediate data: version, kind, checksum, size of what follows."""

_TILED_VIDEO = 3
_HEAD = struct.Struct("<BIHHHH")
_SPEC = struct.Struct("<BBBHH")
_OPEN = 2**64 - 1
_WHOLE = 0xFF


def write_parameters(
    parameters: ParameterSet, limits: IntermediateLimits = DEFAULT_LIMITS
) -> bytes:
    """The unit of a parameter set. Raises ParameterSetMalformed and LimitExceeded."""
    check_parameters(parameters, limits)
    cut = parameters.cut
    model, composition = (_name(name, limits) for name in (cut.model, cut.composition))
    try:
        head = _HEAD.pack(
            parameters.profile,
            cut.model_version,
            cut.index,
            len(parameters.tensors),
            len(model),
            len(composition),
        )
    except struct.error as error:
        raise ParameterSetMalformed(f"{cut} is out of range: {error}") from None
    specs = (part for spec in parameters.tensors for part in _spec_parts(spec, limits))
    body = b"".join([head, model, composition, *specs])
    headers.bound("parameter set", len(body), limits.max_parameter_set_bytes)
    return headers.seal(PREFIX.pack(UNIT_VERSION, PARAMETERS_KIND, 0, len(body)) + body)


def read_parameters(unit: memoryview, limits: IntermediateLimits = DEFAULT_LIMITS) -> ParameterSet:
    """The parameter set that the unit, whose prefix was read, holds.

    Raises ChecksumMismatch, UnitTruncated, UnitMalformed, LimitExceeded, DtypeUnsupported,
    ProfileUnknown and ParameterSetMalformed.
    """
    headers.check_seal(unit)
    fields = _Fields(unit[PREFIX.size :])
    code, version, index, count, model_bytes, composition_bytes = fields.take(_HEAD)
    profile = _profile(code)
    headers.bound("tensors", count, limits.max_tensors, "")
    model = fields.text(model_bytes, "model", limits)
    composition = fields.text(composition_bytes, "composition", limits)
    tensors = tuple(_read_spec(fields, limits) for _ in range(count))
    fields.end()
    parameters = ParameterSet(Cut(model, version, composition, index), profile, tensors)
    check_parameters(parameters, limits)
    return parameters


class _Fields:
    """The fields of a unit, one after the other."""

    def __init__(self, view: memoryview) -> None:
        self._rest = view

    def take(self, layout: struct.Struct) -> tuple[int, ...]:
        """The next fields of that layout. Raises UnitTruncated."""
        values = headers.unpack(layout, self._rest)
        self._rest = self._rest[layout.size :]
        return values

    def text(self, length: int, what: str, limits: IntermediateLimits) -> str:
        """The next `length` bytes as a name. Raises as `headers.read_text` does."""
        headers.bound("name", length, limits.max_name_bytes)
        name = headers.read_text(self._rest[:length], length, what)
        self._rest = self._rest[length:]
        return name

    def end(self) -> None:
        """Nothing may be left. Raises UnitMalformed."""
        if self._rest:
            raise UnitMalformed(f"{len(self._rest)} bytes follow the last field")


def _profile(code: int) -> Profile:
    if code == _TILED_VIDEO:
        raise ProfileUnknown("feature maps tiled into video (profile 3) are reserved")
    try:
        return Profile(code)
    except ValueError:
        raise ProfileUnknown(f"codec profile {code}; this reader knows {[*Profile]}") from None


def _name(name: str, limits: IntermediateLimits) -> bytes:
    encoded = name.encode()
    if not encoded:
        raise ParameterSetMalformed("a model, a composition and a tensor have names")
    headers.bound("name", len(encoded), limits.max_name_bytes)
    return encoded


def _spec_parts(spec: TensorSpec, limits: IntermediateLimits) -> Iterator[bytes]:
    name, quantiser = _name(spec.name, limits), spec.quantiser
    axis = _WHOLE if quantiser is None or quantiser.axis is None else quantiser.axis
    levels = quantiser.levels if quantiser else 0
    yield _SPEC.pack(spec.dtype, len(spec.shape), axis, len(name), levels)
    dimensions = (_OPEN if size is None else size for size in spec.shape)
    yield struct.pack(f"<{len(spec.shape)}Q", *dimensions)
    yield name
    if quantiser is not None:
        count = len(quantiser.scales)
        yield struct.pack(f"<{count}f{count}h", *quantiser.scales, *quantiser.zero_points)


def _read_spec(fields: _Fields, limits: IntermediateLimits) -> TensorSpec:
    dtype_code, rank, axis, name_length, levels = fields.take(_SPEC)
    dtype = dtype_from_code(dtype_code)
    headers.bound("rank", rank, limits.max_rank, "")
    sizes = fields.take(struct.Struct(f"<{rank}Q"))
    shape = tuple(None if size == _OPEN else size for size in sizes)
    name = fields.text(name_length, "tensor", limits)
    if not levels:
        if axis != _WHOLE:
            raise ParameterSetMalformed(f"an axis of {name!r}, and no levels")
        return TensorSpec(name, dtype, shape)
    return TensorSpec(name, dtype, shape, _read_quantiser(fields, shape, axis, levels, limits))


def _read_quantiser(
    fields: _Fields, shape: Dimensions, axis: int, levels: int, limits: IntermediateLimits
) -> Quantiser:
    along = None if axis == _WHOLE else axis
    count = channel_count(shape, along)
    headers.bound("scales", 6 * count, limits.max_parameter_set_bytes)
    values = fields.take(struct.Struct(f"<{count}f{count}h"))
    return Quantiser(levels, values[:count], values[count:], along)
