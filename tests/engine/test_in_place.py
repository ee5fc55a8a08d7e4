"""Large weights are used where they lie, and the results are those of the model in one file."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from fivegms_engine.graph import separate
from fivegms_engine.in_place import IN_PLACE_BYTES, usable_in_place
from fivegms_engine.session import InferenceEngine

Arrays = dict[str, NDArray[np.float32]]
RANDOM = np.random.default_rng(7)


def normal(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(0, 0.1, shape).astype(np.float32)


def model_of(nodes: list[NodeProto], shape: list[int | str], constants: Arrays) -> ModelProto:
    """`x` of a shape to `y`."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(operator: str, taken: str, given: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, taken.split(), given.split(), **attributes)


NORM = {"scale": normal(64) + 1, "shift": normal(64), "mean": normal(64), "var": normal(64) ** 2}
KERNEL = {"w": normal(64, 32, 3, 3)}
PICTURE: list[int | str] = ["N", 32, 6, 6]
MATRIX = {"w": normal(160, 160)}
ROW: list[int | str] = ["N", 160]

CASES: dict[str, tuple[ModelProto, bool]] = {
    "convolution": (model_of([node("Conv", "x w", "y")], PICTURE, KERNEL), True),
    "convolution and norm": (
        model_of(
            [
                node("Conv", "x w", "c"),
                node("BatchNormalization", "c scale shift mean var", "n"),
                node("Relu", "n", "y"),
            ],
            PICTURE,
            KERNEL | NORM,
        ),
        True,
    ),
    "convolution, factor and sum": (
        model_of(
            [node("Conv", "x w", "c"), node("Mul", "c k", "m"), node("Add", "m k", "y")],
            PICTURE,
            KERNEL | {"k": normal(1, 64, 1, 1)},
        ),
        True,
    ),
    "product and sum": (
        model_of(
            [node("MatMul", "x w", "m"), node("Add", "m b", "y")], ROW, MATRIX | {"b": normal(160)}
        ),
        True,
    ),
    "transposed by the product": (
        model_of([node("Gemm", "x w", "y", transB=1)], ROW, MATRIX),
        True,
    ),
    "recurrent": (
        model_of(
            [node("LSTM", "x w r", "y", hidden_size=64)],
            [3, 1, 80],
            {"w": normal(1, 256, 80), "r": normal(1, 256, 64)},
        ),
        True,
    ),
    "rows looked up": (
        model_of(
            [node("Cast", "x", "i", to=TensorProto.INT64), node("Gather", "w i", "y")], [3], MATRIX
        ),
        True,
    ),
    "transposed beforehand": (
        model_of(
            [node("Transpose", "w", "t", perm=[1, 0]), node("MatMul", "x t", "y")], ROW, MATRIX
        ),
        False,
    ),
    "used twice, once beforehand": (
        model_of(
            [node("Neg", "w", "n"), node("MatMul", "x w", "m"), node("MatMul", "m n", "y")],
            ROW,
            MATRIX,
        ),
        False,
    ),
    "given as it is": (
        model_of([node("MatMul", "x w", "m"), node("Identity", "w", "y")], ROW, MATRIX),
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_results_are_those_of_the_whole_file(case: str) -> None:
    model, in_place = CASES[case]
    parts = separate(model)
    weights = {weight.name: weight.array() for weight in parts.weights}
    assert ("w" in usable_in_place(parts.graph.graph)) is in_place
    assert weights["w"].nbytes >= IN_PLACE_BYTES
    loaded = InferenceEngine.load(parts.topology(), weights)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    whole = onnxruntime.InferenceSession(model.SerializeToString(), options)
    shape = [2 if isinstance(size, str) else size for size in loaded.inputs[0].shape]
    x = np.abs(normal(*shape))
    assert np.array_equal(loaded.run({"x": x})["y"], whole.run(["y"], {"x": x})[0])


def test_weights_of_nested_graphs_and_of_inputs_are_copied() -> None:
    branch = helper.make_graph(
        [node("Add", "x w", "b")], "t", [], [helper.make_tensor_value_info("b", 1, None)]
    )
    model = model_of(
        [
            node("ReduceMax", "x", "m", keepdims=0),
            node("Cast", "m", "f", to=TensorProto.BOOL),
            node("If", "f", "i", then_branch=branch, else_branch=branch),
            node("MatMul", "i fed", "y"),
        ],
        ROW,
        MATRIX | {"fed": normal(160, 160)},
    )
    model.graph.input.append(helper.make_tensor_value_info("fed", 1, [160, 160]))
    assert usable_in_place(model.graph) == set()


def test_a_large_weight_is_not_copied() -> None:
    model = model_of([node("Add", "x w", "y")], [1], {"w": np.ones((256, 256), np.float32)})
    weights = np.ones((256, 256), np.float32)
    loaded = InferenceEngine.load(separate(model).topology(), {"w": weights})
    weights[...] = 5  # nobody may; only so does it show
    assert loaded.run({"x": np.zeros(1, np.float32)})["y"].max() == 5
