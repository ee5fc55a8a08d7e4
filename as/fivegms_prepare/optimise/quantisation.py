"""Integer arithmetic in the graph itself, by onnxruntime's quantiser.

Static: every layer is given int8 weights, one scale per output channel, and QuantizeLinear /
DequantizeLinear pairs around it whose ranges come from the calibration set; the engine fuses them
to integer kernels. Dynamic: weights are 8-bit, and ranges of activations are found at each run.

What only decodes the last layer - sigmoids, sorting, box arithmetic - stays in floats:
it costs nothing there, and eight bits for a coordinate of 320 pixels would cost accuracy.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, NodeProto

from fivegms_api.model_stages import QuantiseDynamic, QuantiseStatic
from fivegms_engine.capability import MODEL_DOMAIN, canonical_domain
from fivegms_engine.graph import SEPARATED_BYTES, SeparatedModel
from fivegms_engine.traversal import used_values
from fivegms_prepare.errors import StageImpossible
from fivegms_prepare.optimise.calibration import Calibration, Feeds, required
from fivegms_prepare.optimise.layers import LAYERS
from fivegms_prepare.optimise.library import through

_PER_CHANNEL_OPSET = 13
_DYNAMIC_LAYERS = ("Conv", "Gemm", "MatMul")
_INTEGER = frozenset({"DequantizeLinear", "ConvInteger", "MatMulInteger", "QLinearConv"})


def apply_static(
    stage: QuantiseStatic, model: SeparatedModel, calibration: Calibration | None
) -> SeparatedModel:
    """Quantise to QDQ form. Raises CalibrationMissing and StageImpossible."""
    data = required(calibration, stage.stage)
    _check(stage.stage, model, _PER_CHANNEL_OPSET)
    return through(stage.stage, model, lambda whole, folder: _static(stage, whole, folder, data))


def apply_dynamic(
    stage: QuantiseDynamic, model: SeparatedModel, calibration: Calibration | None
) -> SeparatedModel:
    """Quantise weights, and activations at each run. Raises StageImpossible."""
    _check(stage.stage, model, 11)
    return through(stage.stage, model, _dynamic)


def _check(stage: str, model: SeparatedModel, opset: int) -> None:
    found = next(
        item.version
        for item in model.graph.opset_import
        if canonical_domain(item.domain) == MODEL_DOMAIN
    )
    if found < opset:
        raise StageImpossible(
            f"{stage} needs operator set {opset}, the model imports {found}: export it anew"
        )
    if any(node.op_type in _INTEGER for node in model.graph.graph.node):
        raise StageImpossible(f"{stage}: the model is quantised already")
    if not any(node.op_type in LAYERS for node in model.graph.graph.node):
        raise StageImpossible(f"{stage}: the model has no layer that multiplies with weights")


def _static(
    stage: QuantiseStatic, model: ModelProto, folder: Path, calibration: Calibration
) -> ModelProto:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """The calibration set, from its beginning whenever it is rewound."""

        def __init__(self) -> None:
            self.rewind()

        def rewind(self) -> None:
            self._feeds: Iterator[Feeds] = calibration()

        def get_next(self) -> dict[str, Any] | None:
            feeds = next(self._feeds, None)
            return None if feeds is None else dict(feeds)

    methods = {
        "minmax": CalibrationMethod.MinMax,
        "entropy": CalibrationMethod.Entropy,
        "percentile": CalibrationMethod.Percentile,
    }
    path = folder / "quantised.onnx"
    quantize_static(
        model,
        path,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=stage.reduce_range,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=tail(model),
        calibrate_method=methods[stage.method],
        calibration_providers=["CPUExecutionProvider"],
    )
    return _tidy(onnx.load(path))


def _dynamic(model: ModelProto, folder: Path) -> ModelProto:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = folder / "quantised.onnx"
    quantize_dynamic(
        model,
        path,
        op_types_to_quantize=list(_DYNAMIC_LAYERS),
        # For convolutions of signed weights onnxruntime has no fast kernel.
        weight_type=QuantType.QUInt8,
        nodes_to_exclude=tail(model),
    )
    return _tidy(onnx.load(path))


def tail(model: ModelProto) -> list[str]:
    """The names of the nodes that neither are a layer with weights nor lead to one."""
    learned = {
        tensor.name
        for tensor in model.graph.initializer
        if len(tensor.dims) >= 2 and tensor.ByteSize() >= SEPARATED_BYTES
    }
    needed: set[str] = set()
    names = []
    for node in reversed(model.graph.node):
        if _is_layer(node, learned) or needed.intersection(node.output):
            needed |= used_values(node)
        else:
            names.append(node.name)
    return names


def _is_layer(node: NodeProto, learned: set[str]) -> bool:
    return node.op_type in LAYERS and not learned.isdisjoint(node.input[1:2])


def _tidy(model: ModelProto) -> ModelProto:
    """Without the quantiser's mark that shapes were inferred."""
    kept = [entry for entry in model.metadata_props if entry.key != "onnx.infer"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    return model


def report(before: SeparatedModel, after: SeparatedModel) -> str:
    """How many layers compute with integers now."""
    layers = sum(node.op_type in LAYERS for node in before.graph.graph.node)
    nodes = after.graph.graph.node
    scaled = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
    static = sum(node.op_type in LAYERS and set(node.input[:2]) <= scaled for node in nodes)
    dynamic = sum(node.op_type in ("ConvInteger", "MatMulInteger") for node in nodes)
    return f"{static + dynamic} of {layers} layers quantised"
