"""Run optimisation stages on small models, and models before and after them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from fivegms_api.model_stages import parse_stages
from fivegms_engine.graph import SeparatedModel
from fivegms_engine.session import InferenceEngine, LoadedModel
from fivegms_prepare.optimise import Calibration, Feeds, apply
from fivegms_prepare.source import separate_checked


def separated(model: ModelProto) -> SeparatedModel:
    """The model as a stage takes it."""
    return separate_checked(model, Path())


def optimised(
    model: SeparatedModel, *texts: str, calibration: Calibration | None = None
) -> SeparatedModel:
    """The model after these stages."""
    for stage in parse_stages(texts):
        model = apply(stage, model, calibration)
    return model


def loaded(model: SeparatedModel) -> LoadedModel:
    """The model in the plain engine."""
    return InferenceEngine.load(
        model.topology(), {weight.name: weight.array() for weight in model.weights}
    )


def outputs(model: SeparatedModel, feeds: Feeds) -> list[NDArray[Any]]:
    """What the model gives, in the order of its outputs."""
    return list(loaded(model).run(feeds).values())


def random_feeds(*shape: int, name: str = "x", count: int = 4) -> Callable[[], Iterator[Feeds]]:
    """A calibration set of seeded normal numbers, the same each time."""

    def feeds() -> Iterator[Feeds]:
        random = np.random.default_rng(7)
        for _ in range(count):
            yield {name: random.standard_normal(shape).astype(np.float32)}

    return feeds
