"""Figures against counts made by hand."""

import numpy as np
import pytest
from onnx import ModelProto

from fivegms_engine.graph import separate
from fivegms_prepare.profile import Profile, profile
from fivegms_prepare.values import infer_values, inputs_of, opsets_of, outputs_of
from support.onnx_graphs import classifier, model_of, node


def of(model: ModelProto) -> Profile:
    return profile(separate(model))


def zeros(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.zeros(shape, np.float32)


def test_classifier() -> None:
    figures = of(classifier())
    assert figures.parameters == 16 * 3 * 9 + 16 + 32 * 16 * 9 + 10 * 32
    assert figures.macs == 8 * 8 * 16 * 27 + 8 * 8 * 32 * 144 + 320
    # Most at once: the second convolution's input, and its output of twice the channels.
    assert figures.activation_bytes == 4 * 8 * 8 * (32 + 32)


def test_a_value_counts_from_the_node_that_gives_it_to_the_last_that_takes_it() -> None:
    model = model_of(
        [
            node("Abs", "x", "early"),
            node("Split", "x", "left right", axis=0),
            node("Neg", "left", "unused"),
            node("Concat", "right right early", "late", axis=0),
            node("ReduceMax", "late", "y"),
        ],
        {"x": ("float32", [2, 3])},
        {"y": ("float32", [1, 1])},
    )
    early, right, late = 24, 12, 48
    assert of(model).activation_bytes == early + right + late


@pytest.mark.parametrize(
    ("operator", "taken", "given", "weights", "attributes", "macs"),
    [
        ("Conv", [1, 4, 8, 8], [1, 6, 8, 8], [6, 2, 1, 1], {"group": 2}, 8 * 8 * 6 * 2),
        ("ConvTranspose", [1, 4, 8, 8], [1, 6, 9, 9], [4, 6, 2, 2], {}, 4 * 64 * 6 * 4),
        ("MatMul", ["N", 5, 8], ["N", 5, 3], [8, 3], {}, 5 * 8 * 3),
        ("Gemm", ["N", 8], ["N", 3], [8, 3], {}, 8 * 3),
        ("Gemm", [8, 2], [2, 3], [8, 3], {"transA": 1}, 2 * 8 * 3),
    ],
)
def test_multiply_accumulates(
    operator: str,
    taken: list[int | str],
    given: list[int | str],
    weights: list[int],
    attributes: dict[str, int],
    macs: int,
) -> None:
    model = model_of(
        [node(operator, "x w", "y", **attributes)],
        {"x": ("float32", taken)},
        {"y": ("float32", given)},
        {"w": zeros(*weights)},
    )
    assert of(model).macs == macs


def test_recurrent_layer() -> None:
    model = model_of(
        [node("LSTM", "x w r", "y", hidden_size=6)],
        {"x": ("float32", [7, 1, 5])},
        {"y": ("float32", [7, 1, 1, 6])},
        {"w": zeros(1, 24, 5), "r": zeros(1, 24, 6)},
    )
    assert of(model).macs == 7 * (24 * 5 + 24 * 6)


def test_open_picture_size_leaves_figures_open() -> None:
    model = model_of(
        [node("Conv", "x w", "y")],
        {"x": ("float32", ["N", 3, "height", "width"])},
        {"y": ("float32", ["N", 4, None, None])},
        {"w": zeros(4, 3, 1, 1)},
    )
    figures = of(model)
    assert figures.macs is None
    assert figures.activation_bytes is None
    assert figures.parameters == 12


def test_operators_that_are_not_counted_leave_macs_open() -> None:
    model = model_of(
        [node("Einsum", "x x", "y", equation="ij,ij->ij")],
        {"x": ("float32", [2, 2])},
        {"y": ("float32", [2, 2])},
    )
    assert of(model).macs is None


def test_shapes_are_not_parameters() -> None:
    model = model_of(
        [node("Reshape", "x shape", "y")],
        {"x": ("float32", [4])},
        {"y": ("float32", [2, 2])},
        {"shape": np.array([2, 2])},
    )
    assert of(model).parameters == 0


def test_values_of_a_graph() -> None:
    graph = separate(classifier()).graph
    known = infer_values(graph)
    assert known["r1"].shape == ("N", 16, 8, 8)
    assert known["w1"].shape == (16, 3, 3, 3)
    assert [info.name for info in inputs_of(graph)] == ["x"]
    assert [info.name for info in outputs_of(graph)] == ["y"]
    assert [(opset.domain, opset.version) for opset in opsets_of(graph)] == [("", 17)]


def test_values_without_shape_inference() -> None:
    model = classifier()
    model.graph.node[0].attribute[0].ints[:] = [-100]
    assert "x" in infer_values(separate(model).graph)


def test_memory_of_the_weights() -> None:
    model = classifier(width=64)
    assert of(model).weights_bytes == 4 * (64 * 27 + 64 + 128 * 64 * 9 + 1280)
