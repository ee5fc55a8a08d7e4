"""One tensor as what it differs from an older one by: lossless, or quantised.

    lossless    the difference of the bits of every number (see `differences`)
    quantised   whole steps, where a tensor may be approximated (see `steps`); else lossless

A tensor that did not change takes no unit. A unit says which numbers it was made against by their
CRC-32, so that it is never applied to others; which model and version those are of is the matter
of the manifest, and so is how long a chain of deltas may be. A tensor of another type or shape than
its namesake cannot be a delta, and is sent whole.
"""

import zlib
from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np

from fivegms_codecs import differences, eligibility, steps, units
from fivegms_codecs.coding import Array
from fivegms_codecs.dtypes import DType, dtype_of
from fivegms_codecs.errors import BaseMismatch
from fivegms_codecs.frames import as_bytes
from fivegms_codecs.units import DEFAULT_LIMITS, TensorUnit, UnitLimits
from fivegms_codecs.weights import Codec, Coding

STEPS = (3.0, 2.5, 2.0, 1.6, 1.3, 1.0, 0.8, 0.6, 0.4, 0.25, 0.15, 0.1)
"""Steps worth trying, the coarsest first: from about 0.6 to 5.5 bits per number."""

_STEPS = Coding(DType.INT8, Codec.DELTA_INT_ZSTD)


class DeltaMode(StrEnum):
    """Whether a delta leads to every bit of the new tensor, or near it."""

    LOSSLESS = "lossless"
    QUANTISED = "quantised"


def write_delta(
    name: str,
    array: Array,
    base: Array,
    mode: DeltaMode,
    step: float = 1.0,
    limits: UnitLimits = DEFAULT_LIMITS,
) -> bytes | None:
    """The unit that leads from `base` to `array`; None where nothing has to be sent.

    `step` is for QUANTISED: a multiple of the root mean square by which the tensor moved; with 1, a
    number takes 2 bits, and what remains of the move is a tenth of its energy. Raises BaseMismatch
    where type or shape differ, DtypeUnsupported, UnitMalformed and LimitExceeded.
    """
    if (array.dtype.name, array.shape) != (base.dtype.name, base.shape):
        raise BaseMismatch(
            f"{name!r} is {array.dtype} {array.shape} and was {base.dtype} {base.shape}: "
            "it has to be sent whole"
        )
    dtype = units.check_tensor(name, array, limits)
    new, old = (np.asarray(numbers, dtype.numpy, order="C") for numbers in (array, base))
    if differences.same(new, old):
        return None
    if mode is DeltaMode.LOSSLESS or not _approximates(new, old, dtype):
        coding = Coding(dtype, Codec.DELTA_BITS_ZSTD)
        return units.join_tensor(name, new.shape, dtype, coding, differences.encode(new, old))
    parts = steps.encode(new, old, step)
    return None if parts is None else units.join_tensor(name, new.shape, dtype, _STEPS, parts)


def apply_delta(unit: TensorUnit, base: Array, out: Array | None = None) -> Array:
    """The newer tensor, in `out` where one is given, which may be `base` itself.

    Raises BaseMismatch unless `unit` is a delta and `base` the very numbers that it was made
    against; BufferMismatch; and PayloadCorrupt, after which the contents of `out` are undefined.
    """
    if (dtype_of(base.dtype), base.shape) != (unit.dtype, unit.shape):
        raise BaseMismatch(
            f"a delta of {unit.name!r} {unit.dtype.name} {unit.shape} cannot refine "
            f"{base.dtype} {base.shape}"
        )
    old = np.asarray(base, unit.dtype.numpy, order="C")
    out = units.buffer_for(unit, out)
    if _refines(unit) != zlib.crc32(as_bytes(old).data):
        raise BaseMismatch(f"the delta of {unit.name!r} was made against other numbers")
    if unit.codec is Codec.DELTA_BITS_ZSTD:
        differences.decode(unit.payload, old, out)
    else:
        steps.decode(unit.payload, old, out)
    units.check_bools(unit, out)
    return out


def coarsest_step(accepts: Callable[[float], bool], steps: Sequence[float] = STEPS) -> float | None:
    """The first of `steps`, the coarsest first, that `accepts`; None where not even the last is.

    All coarser ones are asked about: at losses this small, accuracy does not fall evenly.
    """
    return next((step for step in steps if accepts(step)), None)


def _refines(unit: TensorUnit) -> int:
    if unit.codec is Codec.DELTA_BITS_ZSTD:
        return differences.refines(unit.payload)
    if unit.codec is Codec.DELTA_INT_ZSTD:
        return steps.read_head(unit.payload).refines
    raise BaseMismatch(f"{unit.name!r} is {unit.codec}, and refines no tensor")


def _approximates(new: Array, old: Array, dtype: DType) -> bool:
    """Whether steps from `old` to `new` are worth it and cannot overflow."""
    return all(eligibility.moves(numbers, dtype) for numbers in (new, old))
