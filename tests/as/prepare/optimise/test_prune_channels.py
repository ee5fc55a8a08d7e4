"""Structured pruning: graphs shrink, and channels that count for nothing are not missed.

Each graph below has a way for channels to depend on one another. Some channels are made to be zero
for every input; pruning has to find exactly those, everywhere, or the outputs change.
"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, numpy_helper

from fivegms_api.model_stages import parse_stage
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import CalibrationMissing, StageImpossible
from fivegms_prepare.optimise import report
from fivegms_prepare.optimise.channel_flows import FLOWS
from fivegms_prepare.optimise.channels import follow
from fivegms_prepare.optimise.draft import Draft
from support.onnx_graphs import classifier, model_of, node
from support.stages import optimised, outputs, random_feeds, separated

SAME = {"pads": [1, 1, 1, 1]}
X = {"x": np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype(np.float32)}


def built(
    nodes: list[NodeProto], shapes: dict[str, tuple[int, ...]], out: tuple[int, ...] = (10,)
) -> ModelProto:
    """`x` float32 [N, 3, 8, 8] to `y` float32 [N, ...out]; seeded weights of these shapes."""
    random = np.random.default_rng(0)
    weights = {
        name: random.uniform(0.5, 1.5, shape) * random.choice([-1, 1], shape) / len(shapes)
        for name, shape in shapes.items()
    }
    return model_of(
        nodes,
        {"x": ("float32", ["N", 3, 8, 8])},
        {"y": ("float32", ["N", *out])},
        {name: array.astype(np.float32) for name, array in weights.items()},
    )


HEAD = [node("GlobalAveragePool", "last", "p"), node("Flatten", "p", "f"), node("Gemm", "f h", "y")]


def chain() -> ModelProto:
    return built(
        [
            node("Conv", "x a ab", "1", **SAME),
            node("LeakyRelu", "1", "2"),
            node("Conv", "2 b", "last", **SAME),
            *HEAD,
        ],
        {"a": (8, 3, 3, 3), "ab": (8,), "b": (12, 8, 3, 3), "h": (12, 10)},
    )


def normalised() -> ModelProto:
    model = built(
        [
            node("Conv", "x a", "1", **SAME),
            node("BatchNormalization", "1 s t m v", "2"),
            node("Relu", "2", "3"),
            node("Conv", "3 b", "last", **SAME),
            *HEAD,
        ],
        {"a": (8, 3, 3, 3), "s": (8,), "t": (8,), "m": (8,), "b": (12, 8, 3, 3), "h": (12, 10)},
    )
    model.graph.initializer.append(numpy_helper.from_array(np.ones(8, np.float32) * 2, "v"))
    return model


def residual() -> ModelProto:
    return built(
        [
            node("Conv", "x a", "1", **SAME),
            node("Relu", "1", "2"),
            node("Conv", "2 b", "3", **SAME),
            node("Relu", "3", "4"),
            node("Conv", "4 c cb", "5", **SAME),
            node("Add", "2 5", "6"),
            node("Relu", "6", "last"),
            *HEAD,
        ],
        {"a": (8, 3, 3, 3), "b": (16, 8, 3, 3), "c": (8, 16, 3, 3), "cb": (8,), "h": (8, 10)},
    )


def concatenated() -> ModelProto:
    return built(
        [
            node("Conv", "x a", "1", **SAME),
            node("Conv", "x b", "2", **SAME),
            node("Concat", "1 x 2", "3", axis=1),
            node("Relu", "3", "4"),
            node("Conv", "4 c", "last", **SAME),
            *HEAD,
        ],
        {"a": (8, 3, 3, 3), "b": (4, 3, 3, 3), "c": (8, 15, 3, 3), "h": (8, 10)},
    )


def depthwise() -> ModelProto:
    return built(
        [
            node("Conv", "x a", "1", **SAME),
            node("Relu", "1", "2"),
            node("Conv", "2 d db", "3", group=8, strides=[2, 2], **SAME),
            node("Relu", "3", "4"),
            node("Conv", "4 b", "last"),
            *HEAD,
        ],
        {"a": (8, 3, 3, 3), "d": (8, 1, 3, 3), "db": (8,), "b": (12, 8, 1, 1), "h": (12, 10)},
    )


def flattened() -> ModelProto:
    return built(
        [
            node("Conv", "x a", "1", strides=[2, 2], **SAME),
            node("MaxPool", "1", "2", kernel_shape=[2, 2]),
            node("Flatten", "2", "3"),
            node("Gemm", "3 b bb", "4", transB=1),
            node("Relu", "4", "5"),
            node("MatMul", "5 h", "y"),
        ],
        {"a": (8, 3, 3, 3), "b": (16, 72), "bb": (16,), "h": (16, 10)},
    )


def reshaped(columns: int) -> Callable[[], ModelProto]:
    def build() -> ModelProto:
        return built(
            [
                node("Conv", "x a", "1", strides=[4, 4], **SAME),
                node("Constant", "", "shape", value_ints=[-1 if columns > 0 else 0, columns]),
                node("Reshape", "1 shape", "2"),
                node("MatMul", "2 h", "y"),
            ],
            {"a": (8, 3, 3, 3), "h": (32, 10)},
        )

    return build


def gated() -> ModelProto:
    """Squeeze and excitation: a channel is multiplied with a number made of all channels."""
    return built(
        [
            node("Conv", "x a", "1", **SAME),
            node("Relu", "1", "2"),
            node("GlobalAveragePool", "2", "3"),
            node("Conv", "3 b", "4"),
            node("Relu", "4", "5"),
            node("Conv", "5 c", "6"),
            node("Sigmoid", "6", "7"),
            node("Mul", "2 7", "last"),
            *HEAD,
        ],
        {"a": (8, 3, 3, 3), "b": (4, 8, 1, 1), "c": (8, 4, 1, 1), "h": (8, 10)},
    )


def shared() -> ModelProto:
    return built(
        [
            node("Conv", "x a", "1", **SAME),
            node("Relu", "1", "2"),
            node("Conv", "2 b", "3", **SAME),
            node("Relu", "3", "4"),
            node("Conv", "4 b", "last", **SAME),
            *HEAD,
        ],
        {"a": (8, 3, 3, 3), "b": (8, 8, 3, 3), "h": (8, 10)},
    )


def turned() -> ModelProto:
    """Channels on the last axis: transposed, normalised by constants, reduced, squeezed."""
    return built(
        [
            node("Conv", "x a", "1", **SAME),
            node("Transpose", "1", "2", perm=[0, 2, 3, 1]),
            node("Mul", "2 s", "3"),
            node("MatMul", "3 b", "4"),
            node("Relu", "4", "5"),
            node("ReduceMean", "5", "6", axes=[1, 2], keepdims=0),
            node("MatMul", "6 h", "y"),
        ],
        {"a": (8, 3, 3, 3), "s": (8,), "b": (8, 12), "h": (12, 10)},
    )


def enlarged() -> ModelProto:
    model = built(
        [
            node("ConvTranspose", "x a ab", "1", strides=[2, 2]),
            node("PRelu", "1 slope", "2"),
            node("Resize", "2  scales", "3"),
            node("Pad", "3 pads", "4"),
            node("Conv", "4 b", "last"),
            *HEAD,
        ],
        {"a": (3, 8, 2, 2), "ab": (8,), "slope": (8, 1, 1), "b": (6, 8, 3, 3), "h": (6, 10)},
    )
    model.graph.node[2].input[:] = ["2", "", "scales"]
    for name, array in (
        ("scales", np.float32([1, 1, 2, 2])),
        ("pads", np.int64([0, 0, 1, 1, 0, 0, 1, 1])),
    ):
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


GRAPHS = [
    chain,
    normalised,
    residual,
    concatenated,
    depthwise,
    flattened,
    reshaped(32),
    reshaped(-1),
    gated,
    shared,
    turned,
    enlarged,
]
PRODUCED = ("ab", "bb", "cb", "db", "s", "t", "m")
"""Constants that a zero channel must not get anything from."""


def silenced(model: ModelProto, share: float, seed: int) -> SeparatedModel:
    """The model, in which that share of the channels that may go is zero for every input."""
    draft = Draft(separated(model))
    channels = follow(draft, FLOWS)
    pools: dict[tuple[str, ...], list[int]] = {}
    makers: dict[int, list[str]] = {}
    for name, layer in channels.made.items():
        for root in channels.roots(channels.constants[layer.weight, layer.output_axis]).tolist():
            makers.setdefault(root, []).append(name)
    for root, names in makers.items():
        if root not in channels.locked_roots():
            pools.setdefault(tuple(names), []).append(root)
    random = np.random.default_rng(seed)
    quiet: set[int] = set()
    for pool in pools.values():
        count = min(int(share * len(pool)), len(pool) - 1)
        quiet.update(random.choice(pool, count, replace=False).tolist())
    axes = {(layer.weight, layer.output_axis) for layer in channels.made.values()}
    axes |= {(layer.weight, 0) for layer in channels.depthwise.values()}
    for (name, axis), numbers in channels.constants.items():
        if (name, axis) in axes or name in PRODUCED:
            array = np.moveaxis(draft.array(name).copy(), axis, 0)
            array[np.isin(channels.roots(numbers), list(quiet))] = 0
            draft.put(name, np.ascontiguousarray(np.moveaxis(array, 0, axis)))
    return draft.finish()


@pytest.mark.requirement("R136")
@settings(deadline=None, max_examples=60)
@given(st.sampled_from(GRAPHS), st.sampled_from([0.25, 0.5]), st.integers(0, 999))
def test_channels_of_no_importance_are_not_missed(
    graph: Callable[[], ModelProto], share: float, seed: int
) -> None:
    model = silenced(graph(), share, seed)
    pruned = optimised(model, f"prune-channels:ratio={share}")
    assert pruned.weights_bytes <= model.weights_bytes
    for expected, found in zip(outputs(model, X), outputs(pruned, X), strict=True):
        assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.requirement("R136")
@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("ratio", [0.3, 0.9])
def test_every_graph_shrinks_and_runs(graph: Callable[[], ModelProto], ratio: float) -> None:
    model = separated(graph())
    pruned = optimised(model, f"prune-channels:ratio={ratio},norm=l2")
    assert pruned.weights_bytes + len(pruned.topology()) < (
        model.weights_bytes + len(model.topology())
    )
    assert [y.shape for y in outputs(pruned, X)] == [y.shape for y in outputs(model, X)]


@pytest.mark.requirement("R136")
def test_shapes_of_what_is_left() -> None:
    pruned = optimised(separated(residual()), "prune-channels:ratio=0.5")
    shapes = {tensor.name: list(tensor.dims) for tensor in pruned.graph.graph.initializer}
    assert shapes == {
        "a": [4, 3, 3, 3],
        "b": [8, 4, 3, 3],
        "c": [4, 8, 3, 3],
        "cb": [4],
        "h": [4, 10],
    }


@pytest.mark.requirement("R136")
def test_filters_of_a_depthwise_convolution_go_with_their_channels() -> None:
    pruned = optimised(separated(depthwise()), "prune-channels:ratio=0.5")
    grouped = pruned.graph.graph.node[2]
    assert [a.i for a in grouped.attribute if a.name == "group"] == [4]


@pytest.mark.requirement("R137")
def test_activations_tell_another_story_than_weights() -> None:
    model = chain()
    bias = np.float32([9, 9, 9, 9, -99, -99, -99, -99])
    large = np.repeat(np.float32([0.1, 1]), 4)[:, None, None, None] * np.ones((8, 3, 3, 3))
    for tensor in model.graph.initializer:
        for name, array in (("a", large.astype(np.float32)), ("ab", bias)):
            if tensor.name == name:
                tensor.CopyFrom(numpy_helper.from_array(array, name))
    model.graph.node[1].CopyFrom(node("Relu", "1", "2"))
    data = random_feeds(2, 3, 8, 8)
    weights = optimised(separated(model), "prune-channels:ratio=0.5")
    activations = optimised(
        separated(model), "prune-channels:ratio=0.5,importance=activations", calibration=data
    )
    assert Draft(weights).array("ab").tolist() == [-99] * 4
    assert Draft(activations).array("ab").tolist() == [9] * 4


@pytest.mark.requirement("R136")
@pytest.mark.parametrize("graph", [chain, residual, depthwise])
def test_refitting_brings_outputs_nearer(graph: Callable[[], ModelProto]) -> None:
    model, data = separated(graph()), random_feeds(4, 3, 8, 8, count=8)
    plain = optimised(model, "prune-channels:ratio=0.3")
    fitted = optimised(model, "prune-channels:ratio=0.3,retrain=least-squares", calibration=data)
    expected = outputs(model, X)[0]
    error = [float(np.abs(outputs(m, X)[0] - expected).mean()) for m in (plain, fitted)]
    assert error[1] < error[0]


KEPT = {
    "the output": [node("Conv", "x a", "y", **SAME)],
    "an operator that is not followed": [
        node("Conv", "x a", "1", **SAME),
        node("LRN", "1", "2", size=3),
        node("Conv", "2 b", "y", **SAME),
    ],
    "a softmax over channels": [
        node("Conv", "x a", "1", **SAME),
        node("Softmax", "1", "2", axis=1),
        node("Conv", "2 b", "y", **SAME),
    ],
    "groups of channels": [
        node("Conv", "x a", "1", **SAME),
        node("Conv", "1 g", "2", group=4, **SAME),
        node("Conv", "2 b", "y", **SAME),
    ],
    "indices": [
        node("Conv", "x a", "1", **SAME),
        node("MaxPool", "1", "2 i", kernel_shape=[1, 1]),
        node("Cast", "i", "j", to=1),
        node("Add", "2 j", "3"),
        node("Conv", "3 b", "y", **SAME),
    ],
    "a weight that is also a number": [
        node("Conv", "x a", "1", **SAME),
        node("ReduceMax", "a", "n", keepdims=0),
        node("ReduceMax", "b", "o", keepdims=0),
        node("Add", "1 n", "2"),
        node("Add", "2 o", "3"),
        node("Conv", "3 b", "y", **SAME),
    ],
    "a bias that is also added along the width": [
        node("Conv", "x a s", "1", **SAME),
        node("Add", "1 s", "2"),
        node("Conv", "2 b", "y", **SAME),
    ],
    "a factor of each channel that is also concatenated": [
        node("Conv", "x a", "1", **SAME),
        node("Mul", "1 t", "2"),
        node("Concat", "2 t", "3", axis=1),
        node("Conv", "3 e", "y", **SAME),
    ],
    "the input": [
        node("Conv", "x c", "1", **SAME),
        node("Mul", "x 1", "2"),
        node("Conv", "2 d", "y", **SAME),
    ],
}


@pytest.mark.requirement("R136")
@pytest.mark.parametrize("nodes", KEPT.values(), ids=KEPT)
def test_what_cannot_be_pruned_is_refused_not_broken(nodes: list[NodeProto]) -> None:
    shapes = {
        "a": (8, 3, 3, 3),
        "b": (8, 8, 3, 3),
        "c": (3, 3, 3, 3),
        "d": (8, 3, 3, 3),
        "e": (8, 16, 3, 3),
        "g": (8, 2, 3, 3),
        "s": (8,),
        "t": (1, 8, 8, 8),
    }
    used = {name for node in nodes for name in node.input}
    constants = {name: shape for name, shape in shapes.items() if name in used}
    model = built(nodes, constants, out=(8, 8, 8))
    with pytest.raises(StageImpossible, match="not followed"):
        optimised(separated(model), "prune-channels:ratio=0.5")


@pytest.mark.requirement("R136")
def test_channels_without_number_are_refused_before_they_are_counted() -> None:
    doubling = [node("Concat", f"{n} {n}", str(n + 1), axis=1) for n in range(1, 40)]
    nodes = [node("Conv", "x a", "1", **SAME), *doubling, node("Relu", "1", "y")]
    model = separated(built(nodes, {"a": (8, 3, 3, 3)}, out=(8, 8, 8)))
    with pytest.raises(StageImpossible, match="channels to follow"):
        optimised(model, "prune-channels:ratio=0.5")


@pytest.mark.requirement("R136")
def test_what_is_reported() -> None:
    stage, model = parse_stage("prune-channels:ratio=0.5"), separated(chain())
    pruned = optimised(model, "prune-channels:ratio=0.5")
    assert report(stage, model, pruned) == "20 of 30 channels left; unchanged: y"


def test_without_data() -> None:
    for setting in ("importance=activations", "retrain=least-squares"):
        with pytest.raises(CalibrationMissing):
            optimised(separated(classifier()), f"prune-channels:ratio=0.5,{setting}")


def test_numbers_that_are_not_finite_are_refused() -> None:
    model = chain()
    model.graph.initializer[0].raw_data = np.full((8, 3, 3, 3), np.nan, np.float32).tobytes()
    with pytest.raises(StageImpossible, match="not finite"):
        optimised(separated(model), "prune-channels:ratio=0.5")
