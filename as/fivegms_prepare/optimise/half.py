"""The graph in float16: weights and arithmetic, with casts where the model meets the world.

onnxruntime's own converter (the one that is kept; `onnxconverter-common` has not followed onnx).
A float32 value beyond 65504 becomes 65504. Engines without float16 arithmetic, such as onnxruntime
on most CPUs, cast back and forth and gain memory and bytes but no time.
"""

from graphlib import TopologicalSorter
from pathlib import Path

from onnx import ModelProto, TensorProto

from fivegms_api.model_stages import ConvertFp16
from fivegms_engine.graph import SeparatedModel
from fivegms_engine.traversal import used_values
from fivegms_prepare.optimise.calibration import Calibration
from fivegms_prepare.optimise.library import through


def apply(
    stage: ConvertFp16, model: SeparatedModel, calibration: Calibration | None
) -> SeparatedModel:
    """The same model computing in float16. Raises StageImpossible."""
    return through(stage.stage, model, _convert)


def _convert(model: ModelProto, folder: Path) -> ModelProto:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted: ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return sort_nodes(converted)


def sort_nodes(model: ModelProto) -> ModelProto:
    """Put the nodes in execution order in place; the converter appends its casts at the end."""
    nodes = list(model.graph.node)
    producers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    needs = {
        index: sorted(producers[name] for name in used_values(node) if name in producers)
        for index, node in enumerate(nodes)
    }
    order = list(TopologicalSorter(needs).static_order())
    del model.graph.node[:]
    model.graph.node.extend(nodes[index] for index in order)
    return model


def report(before: SeparatedModel, after: SeparatedModel) -> str:
    """How many of the numbers are float16 now."""
    tensors = after.graph.graph.initializer
    half = sum(tensor.data_type == TensorProto.FLOAT16 for tensor in tensors)
    casts = sum(node.op_type == "Cast" for node in after.graph.graph.node)
    return f"{half} of {len(tensors)} constants in float16, {casts} casts"
