"""Streams of intermediate data for tests: a cut, parameter sets of it, and what is read of them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import CodecError, DType
from fivegms_codecs.intermediate import (
    Cut,
    IntermediateLimits,
    IntermediateReader,
    ParameterSet,
    Profile,
    Quantiser,
    TensorSpec,
    calibrated,
    decode_intermediate,
)

Array = NDArray[np.generic]

CUT = Cut("detector", 3, "split-after-neck", 0)
LIMITS = IntermediateLimits(max_tensor_bytes=1 << 20, max_sample_bytes=1 << 21)


def parameters(*tensors: TensorSpec, profile: Profile = Profile.LOSSLESS) -> ParameterSet:
    """A parameter set of `CUT`."""
    return ParameterSet(CUT, profile, tensors)


def feature_maps() -> tuple[ParameterSet, list[Array]]:
    """A quantised set with a tensor of each kind, and arrays for a sample of it."""
    random = np.random.default_rng(12)
    maps = np.maximum(random.normal(0, 1, (1, 4, 6, 6)), 0).astype(np.float32)
    skips = random.normal(0, 2, (3, 5)).astype(np.float16)
    specs = (
        TensorSpec("maps", DType.FLOAT32, (1, 4, None, 6), calibrated([(0, 3)], 16)),
        TensorSpec("skips", DType.FLOAT16, (3, 5), calibrated([(-4, 4)] * 3, 5, axis=0)),
        TensorSpec("ids", DType.INT64, (None,)),
        TensorSpec("scale", DType.FLOAT32, ()),
    )
    arrays: list[Array] = [maps, skips, np.arange(200), np.array(0.5, np.float32)]
    return parameters(*specs, profile=Profile.QUANTISED), arrays


def told(samples: Iterable[bytes], limits: IntermediateLimits = LIMITS) -> list[object] | None:
    """All that a reader tells of samples in their order, or None where it refuses one."""
    reader = IntermediateReader([CUT], limits)
    try:
        return [
            (tensor.spec, tensor.shape, decode_intermediate(tensor).tobytes())
            for sample in samples
            for tensor in reader.read(sample)
        ]
    except CodecError:
        return None


def parameters_of(vector: dict[str, Any]) -> ParameterSet:
    """The parameter set that a golden vector describes."""
    specs = tuple(
        TensorSpec(
            tensor["name"],
            DType[tensor["dtype"].upper()],
            tuple(tensor["shape"]),
            _quantiser_of(tensor["quantiser"]),
        )
        for tensor in vector["tensors"]
    )
    return ParameterSet(Cut(**vector["cut"]), Profile[vector["profile"].upper()], specs)


def _quantiser_of(described: dict[str, Any] | None) -> Quantiser | None:
    if described is None:
        return None
    scales, zero_points = tuple(described["scales"]), tuple(described["zeroPoints"])
    return Quantiser(described["levels"], scales, zero_points, described["axis"])
