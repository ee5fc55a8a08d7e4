"""Measured times belong to the right nodes and subsets; how long they are is no one's promise."""

import numpy as np
import pytest
from onnx import helper

from fivegms_engine.errors import InferenceFailed, SessionFailed
from fivegms_engine.graph import separate
from fivegms_prepare.errors import NotACut
from fivegms_prepare.timings import time_nodes, time_subsets
from support.onnx_graphs import classifier, model_of, node

FEEDS = {"x": np.ones((1, 3, 16, 16), np.float32)}


def test_every_node_has_its_share() -> None:
    model = classifier()
    for one in model.graph.node:
        one.name = "same"
    times = time_nodes(separate(model), FEEDS, runs=2)
    assert [time.operator for time in times] == [one.op_type for one in model.graph.node]
    assert all(time.time_us is not None and time.time_us >= 0 for time in times)
    assert sum(time.share or 0 for time in times) == pytest.approx(1)


def test_time_that_belongs_to_no_node_is_unknown_and_part_of_the_whole() -> None:
    """onnxruntime runs a composite of other operators where it has no kernel."""
    image = ("float32", [64, 64])
    model = model_of(
        [node("Mish", "x", "a"), node("Relu", "a", "y")], {"x": image}, {"y": image}, opset=18
    )
    mish, relu = time_nodes(separate(model), {"x": np.ones((64, 64), np.float32)})
    assert (mish.time_us, mish.share) == (None, None)
    assert relu.share is not None
    assert relu.share < 1


def test_constant_nodes_take_no_time_and_nested_nodes_that_of_their_owner() -> None:
    vector = ("float32", [4])
    inner = [node("Exp", "x", "e"), node("Sin", "e", "o")]
    inner[0].name = inner[1].name = "2"  # as the last node will be called
    branch = helper.make_graph(inner, "b", [], [helper.make_tensor_value_info("o", 1, [4])])
    model = model_of(
        [
            node("Neg", "w", "k"),
            node("If", "c", "a", then_branch=branch, else_branch=branch),
            node("Add", "a k", "y"),
        ],
        {"x": vector},
        {"y": vector},
        {"w": np.ones(4, np.float32), "c": np.array(True)},
    )
    times = time_nodes(separate(model), {"x": np.ones(4, np.float32)}, runs=3)
    assert times[0].time_us == 0
    assert sum(time.share or 0 for time in times) == pytest.approx(1)


def test_nodes_without_weights() -> None:
    model = model_of([node("Neg", "x", "y")], {"x": ("float32", [4])}, {"y": ("float32", [4])})
    [time] = time_nodes(separate(model), {"x": np.ones(4, np.float32)}, runs=1)
    assert time.name == "y"


def test_feeds_that_do_not_fit() -> None:
    with pytest.raises(InferenceFailed):
        time_nodes(separate(classifier()), {"x": np.ones(4, np.float32)})


def test_a_graph_that_does_not_load() -> None:
    model = model_of([node("Reloo", "x", "y")], {"x": ("float32", [4])}, {"y": ("float32", [4])})
    with pytest.raises(SessionFailed):
        time_nodes(separate(model), {"x": np.ones(4, np.float32)})


@pytest.mark.requirement("R065")
def test_each_subset_is_timed_on_what_the_one_before_it_gives() -> None:
    latencies = time_subsets(separate(classifier()), [["r1"], ["p"]], FEEDS)
    assert len(latencies) == 3
    assert all(latency is not None and latency.p50_ms >= 0 for latency in latencies)


@pytest.mark.requirement("R011")
def test_a_later_subset_gets_the_inputs_that_were_passed_on() -> None:
    vector = ("float32", [4])
    model = model_of(
        [node("Neg", "x", "a"), node("Add", "a mask", "y")],
        {"x": vector, "mask": vector},
        {"y": vector},
    )
    ones = np.ones(4, np.float32)
    assert None not in time_subsets(separate(model), [["a", "mask"]], {"x": ones, "mask": ones})


def test_no_cut_is_timed() -> None:
    with pytest.raises(NotACut):
        time_subsets(separate(classifier()), [["y"]], FEEDS)
