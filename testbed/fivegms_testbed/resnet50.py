"""A ResNet-50 shaped ONNX model with seeded weights: a real workload of 102 MB without a download.

The architecture is that of He et al. 2015, table 1 (bottleneck blocks 3-4-6-3, stride in the 3x3
convolution), batch normalisation folded into the convolutions. Weights are drawn as a trained
network's are distributed: zero mean, He variance. What it recognises is nothing; what it weighs,
computes and compresses like is a ResNet-50.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
_EXPANSION = 4


@dataclass(slots=True)
class _Builder:
    """Nodes and initializers as they are added; each method returns its output's name."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)

    def tensor(self, name: str, values: NDArray[np.float32]) -> str:
        self.tensors.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def weights(self, name: str, shape: tuple[int, ...]) -> str:
        scale = np.sqrt(2 / np.prod(shape[1:]))
        return self.tensor(name, self.random.normal(0, scale, shape).astype(np.float32))

    def conv(
        self, source: str, channels: tuple[int, int], size: int, stride: int, name: str
    ) -> str:
        entering, leaving = channels
        weight = self.weights(f"{name}.weight", (leaving, entering, size, size))
        bias = self.tensor(f"{name}.bias", np.zeros(leaving, np.float32))
        return self.node(
            "Conv",
            [source, weight, bias],
            name,
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[size // 2] * 4,
        )

    def block(self, source: str, entering: int, width: int, stride: int, name: str) -> str:
        leaving = width * _EXPANSION
        path = self.conv(source, (entering, width), 1, 1, f"{name}.conv1")
        path = self.node("Relu", [path], f"{name}.relu1")
        path = self.conv(path, (width, width), 3, stride, f"{name}.conv2")
        path = self.node("Relu", [path], f"{name}.relu2")
        path = self.conv(path, (width, leaving), 1, 1, f"{name}.conv3")
        shortcut = source
        if entering != leaving:
            shortcut = self.conv(source, (entering, leaving), 1, stride, f"{name}.shortcut")
        path = self.node("Add", [path, shortcut], f"{name}.add")
        return self.node("Relu", [path], f"{name}.relu3")


def build_resnet50(seed: int = 0) -> onnx.ModelProto:
    """The model: `images` float32 [N, 3, 224, 224] -> `logits` float32 [N, 1000]."""
    builder = _Builder(np.random.default_rng(seed))
    path = builder.conv("images", (3, 64), 7, 2, "stem")
    path = builder.node("Relu", [path], "stem.relu")
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    path = builder.node("MaxPool", [path], "stem.pool", **pool)
    entering = 64
    for stage, (width, blocks, stride) in enumerate(_STAGES, start=1):
        for index in range(blocks):
            name = f"stage{stage}.block{index}"
            path = builder.block(path, entering, width, stride if index == 0 else 1, name)
            entering = width * _EXPANSION
    path = builder.node("GlobalAveragePool", [path], "pool")
    path = builder.node("Flatten", [path], "flat")
    weight = builder.weights("head.weight", (1000, entering))
    bias = builder.tensor("head.bias", np.zeros(1000, np.float32))
    builder.node("Gemm", [path, weight, bias], "logits", transB=1)
    return _model(builder)


def _model(builder: _Builder) -> onnx.ModelProto:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, 224, 224])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])
    graph = helper.make_graph(builder.nodes, "resnet50", [images], [logits], builder.tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
