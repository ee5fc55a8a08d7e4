"""Parameter sets: what the samples of a stream have in common, sent once and named by each tensor.

A set says where in which model the tensors come from, what they are called and shaped, and by which
codec profile they are sent. Values and their rules only; `parameter_unit` has the bytes.
"""

import math
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from fivegms_codecs import headers
from fivegms_codecs.coding import Shape
from fivegms_codecs.dtypes import FLOATS, DType
from fivegms_codecs.errors import ParameterSetMalformed, TensorMismatch
from fivegms_codecs.intermediate.levels import (
    MAX_LEVELS,
    MAX_ZERO_POINT,
    MIN_LEVELS,
    Quantiser,
)

Dimensions = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class IntermediateLimits:
    """What a reader accepts and a writer writes at most.

    `max_parameter_sets` is how many of a stream a reader remembers, the last stated ones.
    """

    max_name_bytes: int = 1024
    max_rank: int = 16
    max_tensors: int = 256
    max_tensor_bytes: int = 2**28
    max_parameter_set_bytes: int = 2**20
    max_parameter_sets: int = 16
    max_sample_bytes: int = 2**29


DEFAULT_LIMITS = IntermediateLimits()


class Profile(IntEnum):
    """Which codecs the tensors of a set may be sent by."""

    LOSSLESS = 1
    QUANTISED = 2


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the tensors come from: between two neighbours of a composition, from 0."""

    model: str
    model_version: int
    composition: str
    index: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor of every sample.

    A dimension is None where it differs from sample to sample. Tensors without a quantiser are sent
    exactly.
    """

    name: str
    dtype: DType
    shape: Dimensions
    quantiser: Quantiser | None = None

    def fill(self, sizes: Shape) -> tuple[int, ...]:
        """The shape with `sizes` for its open dimensions. Raises TensorMismatch."""
        if len(sizes) != self.shape.count(None):
            raise TensorMismatch(
                f"tensor {self.name!r} has {self.shape.count(None)} open dimensions; "
                f"{len(sizes)} are given"
            )
        rest = iter(sizes)
        return tuple(next(rest) if size is None else size for size in self.shape)

    def open_sizes(self, shape: Shape) -> tuple[int, ...]:
        """What `shape` has for the open dimensions. Raises TensorMismatch."""
        if len(shape) == len(self.shape):
            sizes = tuple(size for size, own in zip(shape, self.shape, strict=True) if own is None)
            if self.fill(sizes) == tuple(shape):
                return sizes
        raise TensorMismatch(f"tensor {self.name!r} is {self.shape}, the array {tuple(shape)}")


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """A cut, a codec profile, and the tensors in the order in which a sample has them."""

    cut: Cut
    profile: Profile
    tensors: tuple[TensorSpec, ...]


def check_parameters(parameters: ParameterSet, limits: IntermediateLimits) -> None:
    """Refuse what no stream can have. Raises ParameterSetMalformed and LimitExceeded."""
    headers.bound("tensors", len(parameters.tensors), limits.max_tensors, "")
    if not parameters.tensors:
        raise ParameterSetMalformed("a parameter set without tensors")
    [(name, count)] = Counter(spec.name for spec in parameters.tensors).most_common(1)
    if count > 1:
        raise ParameterSetMalformed(f"{count} tensors have the name {name!r}")
    for spec in parameters.tensors:
        _check_spec(spec, parameters.profile, limits)


def check_size(spec: TensorSpec, shape: Shape, limits: IntermediateLimits) -> None:
    """Bound a tensor of that shape. Raises LimitExceeded."""
    headers.check_shape(shape, spec.dtype.itemsize, limits.max_rank, limits.max_tensor_bytes)


def _check_spec(spec: TensorSpec, profile: Profile, limits: IntermediateLimits) -> None:
    headers.bound("rank", len(spec.shape), limits.max_rank, "")
    fixed = [size for size in spec.shape if size is not None]
    if any(size < 0 for size in fixed):
        raise ParameterSetMalformed(f"{spec.name!r} has shape {spec.shape}")
    check_size(spec, fixed, limits)
    if spec.quantiser is None:
        return
    if profile is not Profile.QUANTISED:
        raise ParameterSetMalformed(f"levels for {spec.name!r} in the {profile.name} profile")
    if spec.dtype not in FLOATS:
        raise ParameterSetMalformed(f"levels for {spec.dtype.name} tensor {spec.name!r}")
    _check_quantiser(spec, spec.quantiser)


def _check_quantiser(spec: TensorSpec, quantiser: Quantiser) -> None:
    if not MIN_LEVELS <= quantiser.levels <= MAX_LEVELS:
        raise ParameterSetMalformed(f"{quantiser.levels} levels for {spec.name!r}")
    count = channel_count(spec.shape, quantiser.axis)
    if not len(quantiser.scales) == len(quantiser.zero_points) == count:
        raise ParameterSetMalformed(f"scales of {spec.name!r} for other than {count} channels")
    if not all(scale >= 0 and math.isfinite(scale) for scale in quantiser.scales):
        raise ParameterSetMalformed(f"a scale of {spec.name!r} is negative or not finite")
    if any(abs(zero) > MAX_ZERO_POINT for zero in quantiser.zero_points):
        raise ParameterSetMalformed(f"a zero point of {spec.name!r} is too far from its levels")
    if quantiser.reach() > _largest(spec.dtype):
        raise ParameterSetMalformed(f"levels of {spec.name!r} are too large for {spec.dtype.name}")


def channel_count(shape: Dimensions, axis: int | None) -> int:
    """How many scales levels along `axis` take. Raises ParameterSetMalformed."""
    if axis is None:
        return 1
    size = shape[axis] if 0 <= axis < len(shape) else None
    if not size:
        raise ParameterSetMalformed(f"scales along axis {axis} of a tensor of shape {shape}")
    return size


def _largest(dtype: DType) -> float:
    """The largest number of the type, and of float32 where products form."""
    return min(float(np.finfo(dtype.numpy.name).max), float(np.finfo(np.float32).max))
