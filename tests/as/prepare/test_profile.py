"""Figures against counts made by hand."""

import numpy as np
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


def test_figures_of_each_node() -> None:
    figures = of(classifier())
    assert [(one.name, one.operator) for one in figures.nodes[:3]] == [
        ("conv1", "Conv"),
        ("relu1", "Relu"),
        ("conv2", "Conv"),
    ]
    first = figures.nodes[0]
    assert (first.parameters, first.macs) == (16 * 3 * 9 + 16, 8 * 8 * 16 * 27)
    assert first.output_bytes == 4 * 16 * 8 * 8
    assert first.live_bytes == 4 * (3 * 16 * 16 + 16 * 8 * 8)
    assert figures.macs == sum(one.macs or 0 for one in figures.nodes)
    assert figures.activation_bytes == max(one.live_bytes or 0 for one in figures.nodes)


def test_a_node_without_a_name_is_called_by_its_output() -> None:
    model = model_of([node("Neg", "x", "y")], {"x": ("float32", [1])}, {"y": ("float32", [1])})
    assert [one.name for one in of(model).nodes] == ["y"]


def test_nodes_that_no_output_follows_from_cost_nothing() -> None:
    model = model_of(
        [node("MatMul", "x w", "unused"), node("Neg", "x", "y")],
        {"x": ("float32", [4, 4])},
        {"y": ("float32", [4, 4])},
        {"w": zeros(4, 4)},
    )
    assert of(model).macs == 0


def test_what_follows_from_constants_alone_is_computed_at_loading() -> None:
    model = model_of(
        [node("Neg", "w", "minus"), node("Add", "x minus", "y")],
        {"x": ("float32", [4])},
        {"y": ("float32", [4])},
        {"w": zeros(4)},
    )
    assert of(model).activation_bytes == 16 + 16
