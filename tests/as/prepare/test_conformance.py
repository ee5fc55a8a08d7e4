"""Operators of every family that TR 26.927 6.5.6 names survive preparation and delivery.

Each small model is prepared, its segments are decoded, and the engine's outputs from those are
compared with onnxruntime's from the file that was uploaded.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from numpy.typing import NDArray
from onnx import ModelProto

from support.onnx_graphs import model_of, node
from support.preparing import prepare_model

LOSSLESS = ({"precision": "fp32", "codec": "planes+zstd"},)
RANDOM = np.random.default_rng(7)


def numbers(*shape: int) -> NDArray[np.float32]:
    return RANDOM.standard_normal(shape).astype(np.float32)


def feeds_of(model: ModelProto) -> dict[str, NDArray[Any]]:
    constants = {tensor.name for tensor in model.graph.initializer}
    feeds: dict[str, NDArray[Any]] = {}
    for value in model.graph.input:
        if value.name not in constants:
            shape = [dim.dim_value or 3 for dim in value.type.tensor_type.shape.dim]
            is_label = value.type.tensor_type.elem_type == 7
            feeds[value.name] = np.array([0, 2, 1]) if is_label else numbers(*shape)
    return feeds


def check_prepared_equals_direct(model: ModelProto, folder: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    direct = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feeds = feeds_of(model)
    expected = direct.run(None, feeds)
    delivered = prepare_model(model, folder, variants=LOSSLESS).load()
    for found, wanted in zip(delivered.run(feeds).values(), expected, strict=True):
        assert np.array_equal(found, wanted)


def one_node(
    operator: str, taken: list[int | str], given: list[int | str], **attributes: Any
) -> ModelProto:
    return model_of(
        [node(operator, "x", "y", **attributes)],
        {"x": ("float32", taken)},
        {"y": ("float32", given)},
    )


@pytest.mark.requirement("R152a")
@pytest.mark.requirement("R148c")
def test_math(tmp_path: Path) -> None:
    check_prepared_equals_direct(one_node("Abs", ["N", 5], ["N", 5]), tmp_path)


@pytest.mark.requirement("R152b")
@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({}, 8),
        ({"pads": [1, 1, 1, 1]}, 10),
        ({"strides": [2, 2]}, 4),
        ({"pads": [0, 1, 2, 3], "strides": [3, 2]}, "open"),
        ({"dilations": [2, 2], "group": 2}, 6),
    ],
)
def test_convolution(attributes: dict[str, Any], size: int | str, tmp_path: Path) -> None:
    group = attributes.get("group", 1)
    model = model_of(
        [node("Conv", "x w b", "y", **attributes)],
        {"x": ("float32", ["N", 4, 10, 10])},
        {"y": ("float32", ["N", 8, size, None if size == "open" else size])},
        {"w": numbers(8, 4 // group, 3, 3), "b": numbers(8)},
    )
    check_prepared_equals_direct(model, tmp_path)


@pytest.mark.requirement("R152b")
def test_lstm(tmp_path: Path) -> None:
    hidden, size = 6, 5
    model = model_of(
        [node("LSTM", "x w r b", "y h c", hidden_size=hidden)],
        {"x": ("float32", [7, 1, size])},
        {
            "y": ("float32", [7, 1, 1, hidden]),
            "h": ("float32", [1, 1, hidden]),
            "c": ("float32", [1, 1, hidden]),
        },
        {
            "w": numbers(1, 4 * hidden, size),
            "r": numbers(1, 4 * hidden, hidden),
            "b": numbers(1, 8 * hidden),
        },
    )
    check_prepared_equals_direct(model, tmp_path)


@pytest.mark.requirement("R152c")
@pytest.mark.parametrize("operator", ["Sigmoid", "Relu"])
def test_activation(operator: str, tmp_path: Path) -> None:
    check_prepared_equals_direct(one_node(operator, ["N", 5], ["N", 5]), tmp_path)


@pytest.mark.requirement("R152d")
def test_pooling(tmp_path: Path) -> None:
    model = one_node(
        "MaxPool",
        [1, 2, 9, 9],
        [1, 2, 5, 5],
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    )
    check_prepared_equals_direct(model, tmp_path)


@pytest.mark.requirement("R152e")
def test_error_computation(tmp_path: Path) -> None:
    model = model_of(
        [
            node("MatMul", "x w", "scores"),
            node("SoftmaxCrossEntropyLoss", "scores labels", "loss", reduction="mean"),
        ],
        {"x": ("float32", [3, 20]), "labels": ("int64", [3])},
        {"loss": ("float32", [])},
        {"w": numbers(20, 4)},
    )
    check_prepared_equals_direct(model, tmp_path)


@pytest.mark.requirement("R152e")
def test_data_reformatting(tmp_path: Path) -> None:
    model = model_of(
        [
            node("Reshape", "x shape", "a"),
            node("Transpose", "a", "b", perm=[0, 2, 1]),
            node("Pad", "b pads value", "y"),
        ],
        {"x": ("float32", [2, 12])},
        {"y": ("float32", [2, 5, 5])},
        {
            "shape": np.array([2, 3, 4]),
            "pads": np.array([0, 0, 1, 0, 1, 1]),
            "value": np.array(1.5, np.float32),
        },
    )
    check_prepared_equals_direct(model, tmp_path)


@pytest.mark.requirement("R148b")
@pytest.mark.parametrize(
    "dtype",
    [
        "float16",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
    ],
)
def test_standard_data_types(dtype: str, tmp_path: Path) -> None:
    constant = (numbers(300) * 9).astype(dtype)
    model = model_of(
        [node("Cast", "c", "f", to=1), node("Add", "x f", "y")],
        {"x": ("float32", [300])},
        {"y": ("float32", [300])},
        {"c": constant},
    )
    check_prepared_equals_direct(model, tmp_path)


# The example of TR 26.927 6.5.6 (ONNX format), word for word.
PAD_EXAMPLE = """
ir_version: 5
producer_name: "skl2onnx"
producer_version: "1.11"
domain: "ai.onnx"
model_version: 0
graph {
  node {
    input: "X"
    output: "Y"
    name: "Pa_Pad"
    op_type: "Pad"
    attribute {
      name: "mode"
      s: "constant"
      type: STRING
    }
    attribute {
      name: "pads"
      ints: 0
      ints: 1
      ints: 0
      ints: 1
      type: INTS
    }
    attribute {
      name: "value"
      f: 1.5
      type: FLOAT
    }
    domain: ""
  }
  name: "OnnxPad"
  input {
    name: "X"
    type {
      tensor_type {
        elem_type: 1
        shape {
          dim {
          }
          dim {
            dim_value: 2
          }
        }
      }
    }
  }
  output {
    name: "Y"
    type {
      tensor_type {
        elem_type: 1
        shape {
          dim {
          }
          dim {
            dim_value: 4
          }
        }
      }
    }
  }
}
opset_import {
  domain: ""
  version: 10
}
"""


@pytest.mark.requirement("R153")
@pytest.mark.requirement("R148")
def test_example_of_the_specification(tmp_path: Path) -> None:
    model = text_format.Parse(PAD_EXAMPLE, ModelProto())
    delivered = prepare_model(model, tmp_path).load()
    padded = delivered.run({"X": np.array([[1, 2], [3, 4], [5, 6]], np.float32)})["Y"]
    assert padded.tolist() == [[1.5, 1, 2, 1.5], [1.5, 3, 4, 1.5], [1.5, 5, 6, 1.5]]


@pytest.mark.requirement("R153")
def test_manifest_of_the_example(tmp_path: Path) -> None:
    model = text_format.Parse(PAD_EXAMPLE, ModelProto())
    manifest = prepare_model(model, tmp_path).manifest
    assert [(opset.domain, opset.version) for opset in manifest.model.opsets] == [("", 10)]
    assert manifest.model.ir_version == 5
    assert [i.shape for i in manifest.subsets[0].inputs] == [("", 2)]
