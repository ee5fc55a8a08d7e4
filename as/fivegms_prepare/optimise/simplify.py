"""Graph simplification by onnxslim: constants folded, nodes fused, shared and dropped.

What the model computes stays the same up to the order of roundings. onnxslim shapes a graph in
several rounds until nothing changes; the same model gives the same bytes.
"""

from pathlib import Path

from onnx import ModelProto

from fivegms_api.model_stages import Simplify
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import StageImpossible
from fivegms_prepare.optimise.calibration import Calibration
from fivegms_prepare.optimise.library import through

FOLDED_BYTES = 2**20
"""A constant that folding would make larger than this is computed on the device instead."""


def apply(
    stage: Simplify, model: SeparatedModel, calibration: Calibration | None
) -> SeparatedModel:
    """A smaller graph with the same inputs and outputs. Raises StageImpossible."""
    return through(stage.stage, model, _slim)


def _slim(model: ModelProto, folder: Path) -> ModelProto:
    import onnxslim  # on first use: it brings sympy, which takes a second

    interface = _interface(model)
    slimmed: ModelProto = onnxslim.slim(model, size_threshold=FOLDED_BYTES)
    if _interface(slimmed) != interface:
        raise StageImpossible("simplify would change the inputs or outputs of this model")
    return slimmed


def _interface(model: ModelProto) -> tuple[list[str], list[str]]:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in constants]
    return inputs, [value.name for value in model.graph.output]


def report(before: SeparatedModel, after: SeparatedModel) -> str:
    """How many nodes are left."""
    return f"{len(before.graph.graph.node)} nodes to {len(after.graph.graph.node)}"
