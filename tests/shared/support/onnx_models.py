"""Small ONNX models that tests publish, prepare and break."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def perceptron(seed: int = 0, hidden: int = 64) -> onnx.ModelProto:
    """`x` float32 [N, 16] -> `y` float32 [N, 4]: two dense layers of seeded weights."""
    random = np.random.default_rng(seed)
    weights = {
        "w1": random.normal(0, 0.25, (16, hidden)),
        "b1": random.normal(0, 0.1, hidden),
        "w2": random.normal(0, 0.12, (hidden, 4)),
        "b2": random.normal(0, 0.1, 4),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], name="dense1"),
            helper.make_node("Relu", ["h"], ["r"], name="relu1"),
            helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], name="dense2"),
        ],
        "perceptron",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def save(model: onnx.ModelProto, path: Path) -> Path:
    """Write the model without checking it, since some are broken on purpose."""
    path.write_bytes(model.SerializeToString())
    return path
