"""Every cut that the scan lists is one, costs what it says, and leaves the model as it was."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto

from fivegms_engine.graph import SeparatedModel, separate
from fivegms_engine.session import InferenceEngine, LoadedModel, run_chain
from fivegms_prepare.cuts import MAX_TENSORS, Side, find_cuts, smallest_so_far, survey
from fivegms_prepare.cutting import Cutter
from fivegms_prepare.errors import NotACut
from fivegms_prepare.flow import flow_of
from fivegms_prepare.measurement import made_up_feeds
from fivegms_prepare.profile import profile
from fivegms_prepare.values import inputs_of
from support.onnx_graphs import classifier, model_of, node

VECTOR = ("float32", ["N", 4])


def load(model: SeparatedModel) -> LoadedModel:
    return InferenceEngine.load(model.topology(), {w.name: w.array() for w in model.weights})


def branching(steps: list[tuple[int, int]], outputs: list[int]) -> ModelProto:
    """Values v0.. made of earlier ones or of the inputs a and b; every other step has weights."""
    names = ["a", "b"]
    nodes = []
    constants = {"shared": np.full((4, 4), 0.25, np.float32)}
    for index, (one, other) in enumerate(steps):
        left, right = names[one % len(names)], names[other % len(names)]
        name = f"v{index}"
        if index % 3 == 2:
            weight = "shared" if index % 2 else f"w{index}"
            constants.setdefault(weight, np.full((4, 4), 0.5 / (index + 1), np.float32))
            nodes.append(node("MatMul", f"{left} {weight}", name))
        elif index % 7 == 6:
            nodes += [
                node("Neg", "shared", f"k{index}"),
                node("MatMul", f"{left} k{index}", name),
            ]
        else:
            nodes.append(node("Sub", f"{left} {right}", name))
        names.append(name)
    given_names = {f"v{index % len(steps)}" for index in outputs} | {names[-1]}
    return model_of(
        nodes,
        {"a": VECTOR, "b": VECTOR},
        dict.fromkeys(sorted(given_names), VECTOR),
        constants,
    )


graphs = st.builds(
    branching,
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=14),
    st.lists(st.integers(0, 30), max_size=2),
)


@pytest.mark.requirement("R078")
@settings(max_examples=60)
@given(graphs)
def test_every_listed_cut_is_accepted_and_gives_what_the_whole_gives(model: ModelProto) -> None:
    separated = separate(model)
    random = np.random.default_rng(0)
    feeds = {name: random.random((2, 4), np.float32) for name in flow_of(separated.graph).inputs}
    whole = load(separated).run(feeds)
    cutter = Cutter(separated)
    for cut in find_cuts(separated):
        parts = cutter.cut([cut.names])
        chain = run_chain([load(part) for part in parts], _needed(parts[0], feeds))
        assert {n: a.tobytes() for n, a in chain.items()} == {
            n: a.tobytes() for n, a in whole.items()
        }


@settings(max_examples=100)
@given(graphs)
def test_a_cut_costs_what_its_subsets_cost(model: ModelProto) -> None:
    separated = separate(model)
    cutter = Cutter(separated)
    for cut in find_cuts(separated):
        for side, part in zip((cut.head, cut.tail), cutter.cut([cut.names]), strict=True):
            _assert_costs(side, part)


def _assert_costs(side: Side, part: SeparatedModel) -> None:
    cost = profile(part)
    assert (side.macs, side.parameters) == (cost.macs, cost.parameters)
    assert side.weights_bytes == cost.weights_bytes
    assert side.activation_bytes == cost.activation_bytes


@settings(max_examples=100)
@given(graphs)
def test_without_one_of_its_tensors_a_cut_is_none_or_another(model: ModelProto) -> None:
    separated = separate(model)
    cutter = Cutter(separated)
    for cut in find_cuts(separated):
        for fewer in combinations(cut.names, len(cut.names) - 1):
            try:
                head, _tail = cutter.cut([fewer])
            except NotACut:
                continue
            assert len(flow_of(head.graph).nodes) < cut.head.nodes


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=9))
def test_the_smallest_cut_of_a_chain_with_shortcuts_is_the_minimum(
    steps: list[tuple[int, int]],
) -> None:
    """Where each node needs the one before it there is one order, and the scan sees all of it."""
    nodes = []
    for index, (back, _other) in enumerate(steps):
        here = f"v{index - 1}" if index else "a"
        earlier = f"v{max(index - 1 - back, 0)}" if index else "a"
        nodes.append(node("Sub", f"{here} {earlier}", f"v{index}"))
    last = f"v{len(steps) - 1}"
    separated = separate(model_of(nodes, {"a": VECTOR}, {last: VECTOR}))
    sizes = [cut.size_bytes for cut in find_cuts(separated)]
    assert sizes == _crossing_of_every_closed_half(separated)


def _crossing_of_every_closed_half(model: SeparatedModel) -> list[int]:
    """By brute force: the bytes that leave each set of nodes that holds all its predecessors."""
    flow = flow_of(model.graph)
    count = len(flow.nodes)
    sources = [{flow.producer[n] for n in used if n in flow.producer} for used in flow.used]
    crossing = []
    for size in range(1, count):
        for half in map(set, combinations(range(count), size)):
            if all(sources[index] <= half for index in half):
                behind = {s for index in set(range(count)) - half for s in sources[index]}
                inputs = {n for index in set(range(count)) - half for n in flow.used[index]} & set(
                    flow.inputs
                )
                crossing.append(16 * (len(behind & half) + len(inputs)))
    return crossing


def test_cuts_of_a_chain() -> None:
    cuts = find_cuts(separate(classifier()))
    assert [cut.names for cut in cuts] == [("c1",), ("r1",), ("c2",), ("r2",), ("p",), ("f",)]
    assert [cut.after for cut in cuts] == ["conv1", "relu1", "conv2", "relu2", "pool", "flatten"]
    assert [cut.size_bytes for cut in cuts] == [4096, 4096, 8192, 8192, 128, 128]
    first, second = cuts[:2]
    assert (second.head.nodes, second.tail.nodes) == (2, 5)
    assert (second.head.macs, second.tail.macs) == (27648, 294912 + 320)
    assert first.head.memory_bytes == 4 * (16 * 27 + 3 * 16 * 16 + 16 * 8 * 8)
    assert second.head.memory_bytes == 4 * (16 * 27 + 2 * 16 * 8 * 8)


def test_the_smallest_so_far_beat_all_others() -> None:
    cuts = find_cuts(separate(classifier()))
    assert [cut.names for cut in smallest_so_far(cuts)] == [("c1",), ("p",)]


def test_open_shapes_leave_sizes_open() -> None:
    model = model_of(
        [node("Conv", "x w", "c"), node("Relu", "c", "y")],
        {"x": ("float32", ["N", 3, "height", "width"])},
        {"y": ("float32", ["N", 4, None, None])},
        {"w": np.zeros((4, 3, 1, 1), np.float32)},
    )
    [cut] = find_cuts(separate(model))
    assert (cut.size_bytes, cut.head.macs, cut.head.memory_bytes) == (None, None, None)
    assert smallest_so_far([cut]) == ()


def flattened(batch: int | str) -> ModelProto:
    """Rows of all samples under one another, as exporters write layers over sequences."""
    return model_of(
        [
            node("Reshape", "x rows", "r"),
            node("MatMul", "r w", "m"),
            node("Reshape", "m back", "y"),
        ],
        {"x": ("float32", [batch, 49, 64])},
        {"y": ("float32", [batch, 49, 32])},
        {
            "rows": np.array([-1, 64]),
            "w": np.zeros((64, 32), np.float32),
            "back": np.array([-1, 49, 32]),
        },
    )


@pytest.mark.requirement("R078")
def test_samples_whose_rows_lie_under_one_another_cost_all_their_rows() -> None:
    separated = separate(flattened("N"))
    cuts, closed = find_cuts(separated), find_cuts(separate(flattened(1)))
    assert [cut.size_bytes for cut in cuts] == [4 * 49 * 64, 4 * 49 * 32]
    assert [(cut.head, cut.tail) for cut in cuts] == [(cut.head, cut.tail) for cut in closed]
    _head, tail = Cutter(separated).cut([["r"]])
    assert profile(tail).macs == 49 * 64 * 32
    [rows] = inputs_of(tail.graph)
    feeds = made_up_feeds([rows])
    assert feeds is not None
    assert feeds["r"].shape == (49, 64)
    assert load(tail).run({"r": np.ones((98, 64), np.float32)})["y"].shape == (2, 49, 32)


@pytest.mark.requirement("R078")
def test_weights_that_are_decoded_first_belong_to_the_subset_that_reads_them() -> None:
    """Quantisers write all DequantizeLinear nodes at the start of the graph."""
    quantised = {f"q{index}": np.ones((4, 4), np.int8) for index in range(3)}
    model = model_of(
        [
            *(node("DequantizeLinear", f"q{index} scale", f"w{index}") for index in range(3)),
            node("MatMul", "x w0", "a"),
            node("MatMul", "a w1", "b"),
            node("MatMul", "b w2", "y"),
        ],
        {"x": VECTOR},
        {"y": VECTOR},
        {**quantised, "scale": np.array(0.5, np.float32)},
    )
    separated = separate(model)
    cutter = Cutter(separated)
    for cut in find_cuts(separated):
        for side, part in zip((cut.head, cut.tail), cutter.cut([cut.names]), strict=True):
            _assert_costs(side, part)
    assert [node.macs for node in profile(separated).nodes] == [0, 0, 0, 16, 16, 16]


def test_cuts_of_too_many_tensors_are_passed_over() -> None:
    branches = [f"v{index}" for index in range(MAX_TENSORS + 2)]
    model = model_of(
        [*(node("Neg", "a", name) for name in branches), node("Sum", " ".join(branches), "y")],
        {"a": VECTOR},
        {"y": VECTOR},
    )
    widths = [len(cut.tensors) for cut in find_cuts(separate(model))]
    assert widths == list(range(2, MAX_TENSORS + 1))


def test_values_of_unknown_type_cannot_be_cut() -> None:
    model = model_of(
        [node("Reshape", "x shape", "a"), node("Reshape", "a back", "y")],
        {"x": VECTOR, "shape": ("int64", [None])},
        {"y": ("float32", [4])},
        {"back": np.array([4])},
    )
    assert find_cuts(separate(model)) == ()


def test_a_survey_holds_what_each_node_reads() -> None:
    found = survey(separate(classifier()))
    assert [sorted(names) for names in found.constants] == [
        ["b1", "w1"],
        [],
        ["w2"],
        [],
        [],
        [],
        ["w3"],
    ]
    assert found.macs == 27648 + 294912 + 320


def _needed(
    part: SeparatedModel, feeds: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return {name: feeds[name] for name in flow_of(part.graph).inputs}
