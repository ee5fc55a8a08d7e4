"""Build the ONNX models that tests prepare, one expression each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, ValueInfoProto, helper, numpy_helper

Interface = Mapping[str, tuple[str, Sequence[int | str | None]]]
"""Values by name: numpy's name of the element type, and the shape."""


def model_of(
    nodes: Sequence[NodeProto],
    inputs: Interface,
    outputs: Interface,
    constants: Mapping[str, NDArray[Any]] | None = None,
    *,
    opset: int = 17,
    ir_version: int = 8,
    metadata: Mapping[str, str] | None = None,
) -> ModelProto:
    """A model of the ONNX domain, unchecked, since some are broken on purpose."""
    graph = helper.make_graph(
        nodes,
        "graph",
        values(inputs),
        values(outputs),
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version
    )
    helper.set_model_props(model, dict(metadata or {}))
    return model


def values(interface: Interface) -> list[ValueInfoProto]:
    """Graph inputs or outputs."""
    return [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape)
        )
        for name, (dtype, shape) in interface.items()
    ]


def node(operator: str, taken: str, given: str, **attributes: Any) -> NodeProto:
    """A node by its inputs and outputs, each a list in one string: `node("Add", "x y", "z")`."""
    return helper.make_node(operator, taken.split(), given.split(), **attributes)


def classifier(seed: int = 0, width: int = 16) -> ModelProto:
    """`x` float32 [N, 3, 16, 16] -> `y` float32 [N, 10]: two convolutions, a pool, a layer.

    Values between its layers: `c1`, `r1`, `c2`, `r2`, `p`, `f`.
    """
    random = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.float32]:
        scale = float(np.sqrt(2 / np.prod(shape[1:])))
        return (random.standard_normal(shape) * scale).astype(np.float32)

    return model_of(
        [
            node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1], strides=[2, 2], name="conv1"),
            node("Relu", "c1", "r1", name="relu1"),
            node("Conv", "r1 w2", "c2", pads=[1, 1, 1, 1], name="conv2"),
            node("Relu", "c2", "r2", name="relu2"),
            node("GlobalAveragePool", "r2", "p", name="pool"),
            node("Flatten", "p", "f", name="flatten"),
            node("Gemm", "f w3", "y", transB=1, name="head"),
        ],
        {"x": ("float32", ["N", 3, 16, 16])},
        {"y": ("float32", ["N", 10])},
        {
            "w1": weights(width, 3, 3, 3),
            "b1": weights(width),
            "w2": weights(2 * width, width, 3, 3),
            "w3": weights(10, 2 * width),
        },
    )


def perceptron(seed: int = 0, hidden: int = 64) -> ModelProto:
    """`x` float32 [N, 16] -> `y` float32 [N, 4]: two dense layers of seeded weights."""
    random = np.random.default_rng(seed)
    weights = {
        "w1": random.normal(0, 0.25, (16, hidden)),
        "b1": random.normal(0, 0.1, hidden),
        "w2": random.normal(0, 0.12, (hidden, 4)),
        "b2": random.normal(0, 0.1, 4),
    }
    return model_of(
        [
            node("Gemm", "x w1 b1", "h", name="dense1"),
            node("Relu", "h", "r", name="relu1"),
            node("Gemm", "r w2 b2", "y", name="dense2"),
        ],
        {"x": ("float32", ["N", 16])},
        {"y": ("float32", ["N", 4])},
        {name: array.astype(np.float32) for name, array in weights.items()},
    )


def save(model: ModelProto, path: Path) -> Path:
    """Write the model without checking it, since some are broken on purpose."""
    path.write_bytes(model.SerializeToString())
    return path
