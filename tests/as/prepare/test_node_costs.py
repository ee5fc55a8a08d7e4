"""Multiply-accumulates against counts made by hand."""

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper

from fivegms_engine.graph import separate
from fivegms_prepare.node_costs import macs
from fivegms_prepare.values import infer_samples
from support.onnx_graphs import model_of, node, values


def counted(model: ModelProto) -> int | None:
    return macs(model.graph.node[-1], infer_samples(separate(model).graph))


def of(
    operator: str,
    taken: list[int | str],
    given: list[int | str],
    *weights: list[int],
    dtype: str = "float32",
    **attributes: Any,
) -> int | None:
    names = [f"w{index}" for index in range(len(weights))]
    return counted(
        model_of(
            [node(operator, " ".join(["x", *names]), "y", **attributes)],
            {"x": (dtype, taken)},
            {"y": ("int32" if "Integer" in operator else dtype, given)},
            {n: np.zeros(w, dtype) for n, w in zip(names, weights, strict=True)},
            opset=23,
        )
    )


@pytest.mark.parametrize(
    ("operator", "taken", "given", "weight", "attributes", "expected"),
    [
        ("Conv", [1, 4, 8, 8], [1, 6, 8, 8], [6, 2, 1, 1], {"group": 2}, 8 * 8 * 6 * 2),
        ("Conv", [1, 4, 8, 8], [1, 4, 6, 6], [4, 1, 3, 3], {"group": 4}, 6 * 6 * 4 * 9),
        ("ConvTranspose", [1, 4, 8, 8], [1, 6, 9, 9], [4, 6, 2, 2], {}, 4 * 64 * 6 * 4),
        ("MatMul", ["N", 5, 8], ["N", 5, 3], [8, 3], {}, 5 * 8 * 3),
        ("Gemm", ["N", 8], ["N", 3], [8, 3], {}, 8 * 3),
        ("Gemm", [8, 2], [2, 3], [8, 3], {"transA": 1}, 2 * 8 * 3),
        ("Relu", [1, 8], [1, 8], None, {}, 0),
    ],
)
def test_floating_point(
    operator: str,
    taken: list[int | str],
    given: list[int | str],
    weight: list[int] | None,
    attributes: dict[str, int],
    expected: int,
) -> None:
    assert of(operator, taken, given, *[weight] if weight else [], **attributes) == expected


def test_integers() -> None:
    conv = of("ConvInteger", [1, 4, 8, 8], [1, 6, 8, 8], [6, 4, 1, 1], dtype="uint8")
    assert conv == 8 * 8 * 6 * 4
    assert of("MatMulInteger", [5, 8], [5, 3], [8, 3], dtype="uint8") == 5 * 8 * 3


@pytest.mark.parametrize(
    ("operator", "weight", "given", "expected"),
    [
        ("QLinearConv", [6, 4, 3, 3], [1, 6, 6, 6], 6 * 36 * 4 * 9),
        ("QLinearMatMul", [8, 5], [1, 4, 8, 5], 4 * 8 * 8 * 5),
    ],
)
def test_quantised(operator: str, weight: list[int], given: list[int], expected: int) -> None:
    model = model_of(
        [node(operator, "x s z w s z s z", "y")],
        {"x": ("uint8", [1, 4, 8, 8])},
        {"y": ("uint8", given)},
        {"w": np.zeros(weight, np.uint8), "s": np.float32(1), "z": np.uint8(0)},
    )
    assert counted(model) == expected


def test_recurrent_layer() -> None:
    gates = [1, 24, 5], [1, 24, 6]
    assert of("LSTM", [7, 1, 5], [7, 1, 1, 6], *gates, hidden_size=6) == 7 * (24 * 5 + 24 * 6)


@pytest.mark.parametrize(
    ("equation", "given", "expected"),
    [
        ("ij,jk->ik", [3, 5], 3 * 4 * 5),
        ("ij, jk -> ki", [5, 3], 3 * 4 * 5),
        ("ij,jk", [3, 5], 3 * 4 * 5),
        ("...j,jk->...k", [3, 5], None),
    ],
)
def test_einsum(equation: str, given: list[int | str], expected: int | None) -> None:
    assert of("Einsum", [3, 4], given, [4, 5], equation=equation) == expected


@pytest.mark.parametrize(
    ("queries", "keys", "heads"),
    [
        ([1, 4, 7, 16], [1, 4, 9, 16], {}),
        ([1, 7, 64], [1, 9, 64], {"q_num_heads": 4, "kv_num_heads": 4}),
    ],
)
def test_attention(queries: list[int], keys: list[int], heads: dict[str, int]) -> None:
    assert of("Attention", [*queries], [*queries], keys, keys, **heads) == 4 * 7 * 9 * (16 + 16)


def test_attention_without_its_number_of_heads_has_no_count() -> None:
    assert of("Attention", [1, 7, 64], [1, 7, 64], [1, 9, 64], [1, 9, 64]) is None


def test_attention_over_a_past_has_no_count() -> None:
    past = [1, 4, 3, 16]
    shape: list[int | str] = [1, 4, 7, 16]
    model = model_of(
        [helper.make_node("Attention", ["x", "k", "k", "", "p", "p"], ["y", "pk", "pv"])],
        {"x": ("float32", shape)},
        {"y": ("float32", shape)},
        {"k": np.zeros((1, 4, 9, 16), np.float32), "p": np.zeros(past, np.float32)},
        opset=23,
    )
    assert counted(model) is None


def test_an_open_picture_size_has_no_count() -> None:
    assert of("Conv", ["N", 3, "height", "width"], ["N", 4, "a", "b"], [4, 3, 1, 1]) is None


def test_a_branch_has_no_count() -> None:
    branch = helper.make_graph(
        [node("Neg", "x", "b")], "branch", [], values({"b": ("float32", [4])})
    )
    model = model_of(
        [node("If", "flag", "y", then_branch=branch, else_branch=branch)],
        {"x": ("float32", [4]), "flag": ("bool", [])},
        {"y": ("float32", [4])},
    )
    assert counted(model) is None


def test_trees_multiply_nothing() -> None:
    model = model_of(
        [node("Conv", "x", "y", domain="ai.onnx.ml")],
        {"x": ("float32", [4])},
        {"y": ("float32", [4])},
    )
    assert counted(model) == 0
