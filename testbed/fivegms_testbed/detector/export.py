"""Trained weights become an ONNX graph, written node by node.

The graph holds the network with every batch normalisation folded into its convolution, and the
decoding: the best class of each cell, the cells that are a peak among their neighbours, the best of
those, their boxes in pixels. So what runs anywhere is one graph that ends in `boxes`, `scores` and
`labels`. Nothing is traced; names and order are the network's own, and the same weights give the
same bytes. This module needs no torch: it takes arrays by the names of the state dictionary.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from fivegms_testbed.detector.digits import LABELS
from fivegms_testbed.detector.scenes import HEIGHT, WIDTH

OPSET = 17
IR_VERSION = 8
STRIDE = 4
"""Pixels per cell of the network's last maps, either way."""

DETECTIONS = 32
"""How many cells are looked at in a picture: the K of the detection contract."""

_EPSILON = 1e-5  # of torch.nn.BatchNorm2d
_HEADS = ("heat", "box")

Arrays = Mapping[str, NDArray[np.float32]]


def export(arrays: Arrays, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """The detector as a checked ONNX model.

    `arrays` are the network's parameters and running statistics by their torch names, `metadata`
    becomes `metadata_props`. Raises KeyError for a missing parameter.
    """
    graph = _Graph(arrays)
    heat, box = _network(graph)
    _decode(graph, heat, box)
    model = helper.make_model(
        graph.build(),
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="fivegms_testbed.detector",
    )
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def learned(model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """The parameters of an exported detector by the names of a network without normalisation.

    The inverse of `export`, as far as there is one: normalisation stays folded in.
    """
    units = {node.input[1].removesuffix(".weight") for node in model.graph.node if _is_conv(node)}
    arrays = {}
    for tensor in model.graph.initializer:
        unit, _, part = tensor.name.rpartition(".")
        if unit in units and part in ("weight", "bias"):
            name = f"{unit}.{part}" if unit in _HEADS else f"{unit}.conv.{part}"
            arrays[name] = np.array(numpy_helper.to_array(tensor))
    return arrays


def _is_conv(node: onnx.NodeProto) -> bool:
    return bool(node.op_type == "Conv")


def describe(score_threshold: float) -> dict[str, str]:
    """The metadata by which a reader knows what the graph takes and gives."""
    processing = {
        "layout": "NCHW",
        "color": "RGB",
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
        "resize": "letterbox",
    }
    return {
        "fivegms.task": "object-detection",
        "fivegms.labels": json.dumps(LABELS),
        "fivegms.input": json.dumps(processing),
        "fivegms.score_threshold": f"{score_threshold:.3f}",
    }


class _Graph:
    """Nodes and weights gathered in order; every value is named after the node that makes it."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def node(
        self, kind: str, inputs: Sequence[str], name: str, outputs: int = 1, **attributes: Any
    ) -> str:
        """Append a node and return the name of its first output."""
        made = [name, *(f"{name}.{i}" for i in range(1, outputs))]
        self._nodes.append(helper.make_node(kind, inputs, made, name=name, **attributes))
        return name

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a tensor and return its name."""
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def unit(self, x: str, name: str, stride: int = 1, *, active: bool = True) -> str:
        """A ConvUnit: convolution with its normalisation folded in, then ReLU if `active`."""
        y = self._convolve(x, name, *self._folded(name), stride)
        return self.node("Relu", [y], f"{name}.relu") if active else y

    def head(self, x: str, name: str) -> str:
        """A plain convolution with bias."""
        weight, bias = self._arrays[f"{name}.weight"], self._arrays[f"{name}.bias"]
        return self._convolve(x, name, weight, bias, 1)

    def _folded(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weight and bias of a unit; one without normalisation has a bias of its own."""
        weight = self._arrays[f"{name}.conv.weight"]
        if f"{name}.conv.bias" in self._arrays:
            return weight, self._arrays[f"{name}.conv.bias"]
        return fold(weight, {part: self._arrays[f"{name}.norm.{part}"] for part in _NORM})

    def _convolve(
        self,
        x: str,
        name: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        stride: int,
    ) -> str:
        kernel = weight.shape[2]
        inputs = [x, self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)]
        return self.node(
            "Conv",
            inputs,
            f"{name}.conv",
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
        )

    def add(self, x: str, y: str, name: str) -> str:
        """ReLU of a sum."""
        return self.node("Relu", [self.node("Add", [x, y], f"{name}.add")], f"{name}.relu")

    def build(self) -> onnx.GraphProto:
        """The finished graph with the inputs and outputs of the detection contract."""
        single, whole = TensorProto.FLOAT, TensorProto.INT64
        return helper.make_graph(
            self._nodes,
            "digits_detector",
            [helper.make_tensor_value_info("images", single, ["N", 3, HEIGHT, WIDTH])],
            [
                helper.make_tensor_value_info("boxes", single, ["N", DETECTIONS, 4]),
                helper.make_tensor_value_info("scores", single, ["N", DETECTIONS]),
                helper.make_tensor_value_info("labels", whole, ["N", DETECTIONS]),
            ],
            self._weights,
        )


_NORM = ("weight", "bias", "running_mean", "running_var")


def fold(
    weight: NDArray[np.float32], norm: Arrays
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight and bias of the one convolution that equals a convolution and its normalisation.

    `weight` is [out, in, k, k]; `norm` has the normalisation's `weight`, `bias`, `running_mean`
    and `running_var`, each [out].
    """
    scale = norm["weight"].astype(np.float64) / np.sqrt(
        norm["running_var"].astype(np.float64) + _EPSILON
    )
    folded = weight.astype(np.float64) * scale[:, None, None, None]
    bias = norm["bias"].astype(np.float64) - norm["running_mean"].astype(np.float64) * scale
    return folded.astype(np.float32), bias.astype(np.float32)


def _network(graph: _Graph) -> tuple[str, str]:
    """`network.Detector.forward`, line by line."""
    x2 = graph.unit("images", "stem", stride=2)
    x4 = graph.unit(x2, "down4", stride=2)
    inner = graph.unit(graph.unit(x4, "block4.first"), "block4.second", active=False)
    x4 = graph.add(x4, inner, "block4")
    x8 = graph.unit(graph.unit(x4, "down8", stride=2), "block8")
    x16 = graph.unit(x8, "down16", stride=2)
    y8 = graph.add(x8, _enlarge(graph, graph.unit(x16, "lateral16", active=False)), "join8")
    y8 = graph.unit(y8, "merge8")
    y4 = graph.add(x4, _enlarge(graph, graph.unit(y8, "lateral8", active=False)), "join4")
    y4 = graph.unit(y4, "merge4")
    heat = graph.head(graph.unit(y4, "heat_unit"), "heat")
    box = graph.head(graph.unit(y4, "box_unit"), "box")
    return heat, box


def _enlarge(graph: _Graph, x: str) -> str:
    """Twice the height and width, each cell repeated."""
    name = x.removesuffix(".conv") + ".enlarge"
    scales = graph.constant(f"{name}.scales", np.array([1, 1, 2, 2], np.float32))
    return graph.node(
        "Resize",
        [x, "", scales],
        name,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _decode(graph: _Graph, heat: str, box: str) -> None:
    """Append what turns the maps into the three outputs."""
    confidence = graph.node("Sigmoid", [heat], "decode.confidence")
    best = graph.node("ReduceMax", [confidence], "decode.best", axes=[1], keepdims=1)
    around = graph.node(
        "MaxPool", [best], "decode.around", kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1]
    )
    peak = graph.node("Equal", [best, around], "decode.peak")
    nothing = graph.constant("decode.nothing", np.array(0, np.float32))
    peaks = graph.node("Where", [peak, best, nothing], "decode.peaks")
    cells = _flat(graph, peaks, "decode.cells", 0)
    count = graph.constant("decode.count", np.array([DETECTIONS], np.int64))
    graph.node("TopK", [cells, count], "scores", outputs=2, axis=1, largest=1, sorted=1)
    last = graph.constant("decode.last", np.array([2], np.int64))
    where = graph.node("Unsqueeze", ["scores.1", last], "decode.where")
    label = graph.node("ArgMax", [heat], "decode.label", axis=1, keepdims=1)
    labels = _flat(graph, label, "decode.labels", 0)
    graph.node("GatherND", [labels, where], "labels", batch_dims=1)
    _boxes(graph, box, where)


def _boxes(graph: _Graph, box: str, where: str) -> None:
    """The chosen cells' boxes as corners in pixels, clipped to the picture.

    A cell's place is computed from its number: a table of all places would be a weight, which
    whoever quantises weights would blur.
    """
    cells = graph.node(
        "Transpose", [_flat(graph, box, "decode.box", 4)], "decode.box_cells", perm=[0, 2, 1]
    )
    chosen = graph.node("GatherND", [cells, where], "decode.chosen", batch_dims=1)
    corners = graph.constant("decode.corners", _CORNERS)
    ends = graph.node("MatMul", [chosen, corners], "decode.ends")
    placed = graph.node("Add", [ends, _centres(graph, where)], "decode.placed")
    least = graph.constant("decode.least", np.zeros(4, np.float32))
    most = graph.constant("decode.most", np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32))
    graph.node("Min", [graph.node("Max", [placed, least], "decode.inside"), most], "boxes")


def _centres(graph: _Graph, where: str) -> str:
    """The centre of each chosen cell in pixels, as (x, y, x, y)."""
    width = graph.constant("decode.width", np.array(WIDTH // STRIDE, np.int64))
    row = graph.node("Div", [where, width], "decode.row")
    column = graph.node("Mod", [where, width], "decode.column")
    whole = graph.node("Concat", [column, row, column, row], "decode.cell", axis=2)
    cell = graph.node("Cast", [whole], "decode.cell_number", to=TensorProto.FLOAT)
    stride = graph.constant("decode.stride", np.array(STRIDE, np.float32))
    half = graph.constant("decode.half", np.array(STRIDE / 2, np.float32))
    return graph.node(
        "Add", [graph.node("Mul", [cell, stride], "decode.edge"), half], "decode.centre"
    )


_CORNERS = STRIDE * np.array(
    [[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]], np.float32
)
"""(offset x, offset y, width, height) in cells times this gives (x0, y0, x1, y1) in pixels."""


def _flat(graph: _Graph, x: str, name: str, channels: int) -> str:
    """[N, C, H/4, W/4] to [N, C, cells], or to [N, cells] when `channels` is 0."""
    shape = [0, channels, -1] if channels else [0, -1]
    return graph.node(
        "Reshape", [x, graph.constant(f"{name}.shape", np.array(shape, np.int64))], name
    )
