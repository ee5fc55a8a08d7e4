"""How fast a loaded model is, and whether a chain of subsets gives what the whole gives."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.errors import InferenceFailed
from fivegms_engine.session import LoadedModel
from fivegms_manifests.model import Latency, TensorInfo
from fivegms_prepare.errors import CompositionDiffers
from fivegms_prepare.machine import describe_engine, describe_machine
from fivegms_prepare.values import sample_shape

TOLERANCE = 1e-4
"""The most by which a chain's floats may differ, relative to the whole's largest value."""

_MOST_RUNS = 20
_ENOUGH_SECONDS = 1.0
_LEAST_RUNS = 3
_MOST_MADE_UP_BYTES = 2**28

Values = Mapping[str, NDArray[Any]]


def made_up_feeds(inputs: Sequence[TensorInfo]) -> dict[str, NDArray[Any]] | None:
    """One sample for each input: floats in [0, 1), always the same; zeros for other types.

    None if a shape is open or a tensor is beyond reason.
    """
    shapes = [sample_shape(info) for info in inputs]
    if any(shape is None or prod(shape) * 8 > _MOST_MADE_UP_BYTES for shape in shapes):
        return None
    random = np.random.default_rng(0)
    return {
        info.name: random.random(shape).astype(info.dtype)
        if info.dtype.startswith("float")
        else np.zeros(shape or (), info.dtype)
        for info, shape in zip(inputs, shapes, strict=True)
    }


def measure_latency(model: LoadedModel, feeds: Values) -> Latency | None:
    """The median time of one run after a first, or None if the model does not take these feeds."""
    try:
        times = _run_times(lambda: model.run(feeds))
    except InferenceFailed:  # made-up numbers are not always valid: indices, lengths
        return None
    return Latency(
        round(1000 * median(times), 3), describe_machine(), describe_engine(model.providers)
    )


def _run_times(run: Callable[[], object]) -> list[float]:
    run()
    times: list[float] = []
    while len(times) < _LEAST_RUNS or (len(times) < _MOST_RUNS and sum(times) < _ENOUGH_SECONDS):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return times


def check_same(composition: str, whole: Values, chain: Values) -> None:
    """Compare a chain's outputs with the whole model's. Raises CompositionDiffers.

    Integers and booleans must be equal; floats within TOLERANCE of the largest value.
    """
    for name, expected in whole.items():
        found = chain.get(name)
        if found is None or found.shape != expected.shape or not _close(expected, found):
            raise CompositionDiffers(
                f"composition {composition!r} does not give what the whole model gives for "
                f"output {name!r}: cut elsewhere"
            )


def _close(expected: NDArray[Any], found: NDArray[Any]) -> bool:
    if expected.dtype.kind != "f":
        return bool(np.array_equal(expected, found))
    finite = expected[np.isfinite(expected)]
    largest = float(np.abs(finite).max(initial=1.0))
    return bool(np.allclose(found, expected, rtol=0, atol=TOLERANCE * largest, equal_nan=True))
