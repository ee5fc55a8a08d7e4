"""Subsets at named cuts: each runs alone, their chain is the model, shared ones exist once."""

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, helper

from fivegms_api.model_preparation import CompositionRequest
from fivegms_engine.graph import SeparatedModel, separate
from fivegms_engine.session import InferenceEngine, LoadedModel, run_chain
from fivegms_prepare.compose import Plan, plan
from fivegms_prepare.errors import NotACut, UnknownCut
from support.onnx_graphs import classifier, model_of, node, values
from support.preparing import prepare_model

IMAGE = np.random.default_rng(3).random((2, 3, 16, 16), np.float32)
VECTOR = ("float32", ["N", 4])


def composed(model: ModelProto, *compositions: list[list[str]]) -> Plan:
    requests = [
        CompositionRequest.model_validate({"id": f"c{index}", "cuts": cuts})
        for index, cuts in enumerate(compositions)
    ]
    return plan(separate(model), requests)


def load(model: SeparatedModel) -> LoadedModel:
    tensors = {weight.name: weight.array() for weight in model.weights}
    return InferenceEngine.load(model.topology(), tensors)


@pytest.mark.requirement("R012")
@pytest.mark.parametrize(
    "cuts", [[["r1"]], [["c1"], ["p"]], [["c1"], ["r1"], ["c2"], ["r2"], ["p"], ["f"]]]
)
def test_chain_equals_the_whole(cuts: list[list[str]]) -> None:
    made = composed(classifier(), cuts)
    parts = [made.subsets[member.subset_id - 1] for member in made.compositions[1].members]
    whole = load(made.subsets[0].model).run({"x": IMAGE})
    chain = run_chain([load(part.model) for part in parts], {"x": IMAGE})
    assert np.array_equal(whole["y"], chain["y"])


@pytest.mark.requirement("R013")
def test_cut_is_what_one_gives_and_the_next_takes() -> None:
    first, second = composed(classifier(), [["r1"]]).subsets[1:]
    assert [(i.name, i.dtype, i.shape) for i in first.outputs] == [
        ("r1", "float32", ("N", 16, 8, 8))
    ]
    assert first.outputs == second.inputs
    assert {weight.name for weight in first.model.weights} == {"w1"}
    assert {weight.name for weight in second.model.weights} == {"w2", "w3"}


def test_whole_always_exists() -> None:
    made = composed(classifier())
    assert [composition.id for composition in made.compositions] == ["whole"]
    assert [subset.name for subset in made.subsets] == ["whole"]


def test_subset_in_two_compositions_is_one() -> None:
    made = composed(classifier(), [["r1"]], [["r1"], ["p"]])
    assert [subset.name for subset in made.subsets] == ["whole", "c0-0", "c0-1", "c1-1", "c1-2"]
    assert [[m.subset_id for m in c.members] for c in made.compositions] == [[1], [2, 3], [2, 4, 5]]


def test_a_cut_is_a_set_of_tensors() -> None:
    made = composed(residual(), [["r", "b", "r"]], [["b", "r"]])
    assert made.compositions[1].members == made.compositions[2].members


def test_endpoints_are_those_of_the_request() -> None:
    request = CompositionRequest(id="split", cuts=(("r1",),), endpoints=(("ue",), ("network",)))
    members = plan(separate(classifier()), [request]).compositions[1].members
    assert [member.endpoints for member in members] == [("ue",), ("network",)]


def residual() -> ModelProto:
    """y = relu(a) + b where a = x w and b = -a, so only {a} or {r, b} cuts it."""
    return model_of(
        [
            node("MatMul", "x w", "a"),
            node("Relu", "a", "r"),
            node("Neg", "a", "b"),
            node("Add", "r b", "y"),
        ],
        {"x": VECTOR},
        {"y": VECTOR},
        {"w": np.eye(4, dtype=np.float32)},
    )


@pytest.mark.parametrize("cut", [["r", "b"], ["b", "r"]])
def test_cut_of_several_tensors(cut: list[str]) -> None:
    made = composed(residual(), [cut])
    assert [info.name for info in made.subsets[2].inputs] == ["b", "r"]
    feeds = {"x": np.array([[1, -2, 3, -4]], np.float32)}
    chain = run_chain([load(subset.model) for subset in made.subsets[1:]], feeds)
    assert np.array_equal(chain["y"], load(made.subsets[0].model).run(feeds)["y"])


def test_constant_expressions_are_in_every_subset_that_needs_them() -> None:
    model = model_of(
        [
            node("Constant", "", "two", value_floats=[2.0, 2.0, 2.0, 2.0]),
            node("Neg", "two", "minus"),
            node("Mul", "x minus", "a"),
            node("Add", "a minus", "y"),
        ],
        {"x": VECTOR},
        {"y": VECTOR},
    )
    made = composed(model, [["a"]])
    feeds = {"x": np.ones((1, 4), np.float32)}
    chain = run_chain([load(subset.model) for subset in made.subsets[1:]], feeds)
    assert chain["y"].tolist() == [[-4, -4, -4, -4]]


def two_inputs() -> ModelProto:
    return model_of(
        [node("Relu", "x", "a"), node("Neg", "x", "n"), node("Add", "a mask", "y")],
        {"x": VECTOR, "mask": VECTOR},
        {"y": VECTOR, "n": VECTOR},
    )


def test_an_input_of_a_later_subset_and_an_output_of_an_earlier_one_cross_the_cut() -> None:
    made = composed(two_inputs(), [["a", "n", "mask"]])
    assert [info.name for info in made.subsets[1].inputs] == ["x", "mask"]
    assert [info.name for info in made.subsets[2].inputs] == ["a", "mask", "n"]
    feeds = {"x": np.array([[1, -2, 3, -4]], np.float32), "mask": np.ones((1, 4), np.float32)}
    chain = run_chain([load(subset.model) for subset in made.subsets[1:]], feeds)
    whole = load(made.subsets[0].model).run(feeds)
    assert {name: array.tolist() for name, array in chain.items()} == {
        name: array.tolist() for name, array in whole.items()
    }


def captured() -> ModelProto:
    branch = helper.make_graph([node("Add", "a x", "b")], "branch", [], values({"b": VECTOR}))
    return model_of(
        [
            node("Relu", "x", "a"),
            node("ReduceMax", "a", "m", keepdims=0),
            node("Cast", "m", "flag", to=9),
            node("If", "flag", "y", then_branch=branch, else_branch=branch),
        ],
        {"x": VECTOR},
        {"y": VECTOR},
    )


@pytest.mark.parametrize(
    ("model", "cuts", "refusal", "message"),
    [
        (classifier(), [["q"]], UnknownCut, "'q'"),
        (classifier(), [["R1"]], UnknownCut, "case-sensitive"),
        (classifier(), [["x"]], NotACut, "only pass on"),
        (classifier(), [["w1"]], UnknownCut, "'w1'"),
        (classifier(), [["p"], ["c1"]], NotACut, "'c1'"),
        (classifier(), [["c1"], ["c1"]], NotACut, "must not repeat"),
        (classifier(), [["y"]], NotACut, "must not repeat"),
        (classifier(), [["c1", "r1"]], NotACut, "does not use 'c1'"),
        (residual(), [["r"]], NotACut, "also needs 'a'"),
        (residual(), [["b"]], NotACut, "also needs 'a'"),
        (two_inputs(), [["a"]], NotACut, "also needs"),
        (captured(), [["a"]], NotACut, "also needs 'x'"),
        (captured(), [["flag"]], NotACut, "also needs"),
    ],
)
def test_not_a_cut(
    model: ModelProto, cuts: list[list[str]], refusal: type[Exception], message: str
) -> None:
    with pytest.raises(refusal, match=message):
        composed(model, cuts)


def test_nothing_but_constants() -> None:
    model = model_of(
        [
            node("Constant", "", "c", value_floats=[1.0, 1.0, 1.0, 1.0]),
            node("Neg", "c", "k"),
            node("Add", "x k", "y"),
        ],
        {"x": VECTOR},
        {"y": VECTOR},
    )
    with pytest.raises(NotACut, match="computes nothing from its inputs"):
        composed(model, [["k"]])


def test_tensor_of_unknown_shape() -> None:
    model = model_of(
        [node("Reshape", "x shape", "a"), node("Reshape", "a back", "y")],
        {"x": VECTOR, "shape": ("int64", [None])},
        {"y": ("float32", [4])},
        {"back": np.array([4])},
    )
    with pytest.raises(NotACut, match="shape of 'a' is not known"):
        composed(model, [["a"]])


@pytest.mark.requirement("R014")
def test_prepared_whole_and_in_parts(tmp_path: Path) -> None:
    prepared = prepare_model(
        classifier(),
        tmp_path,
        compositions=[{"id": "split", "cuts": [["r1"]], "endpoints": [["ue"], ["network"]]}],
    )
    whole = prepared.load().run({"x": IMAGE})
    parts = [prepared.load(subset=1), prepared.load(subset=2)]
    assert np.array_equal(run_chain(parts, {"x": IMAGE})["y"], whole["y"])
    assert [c.id for c in prepared.manifest.compositions] == ["whole", "split"]


@pytest.mark.parametrize("operator", ["RandomNormal", "RandomNormalLike", "RandomUniformLike"])
@pytest.mark.parametrize("in_a_branch", [False, True])
def test_random_numbers_are_never_made_twice(operator: str, in_a_branch: bool) -> None:
    if operator == "RandomNormal":
        made = node(operator, "", "noise", shape=[1, 4])
    else:
        made = node(operator, "c", "noise", dtype=1)
    if in_a_branch:
        branch = helper.make_graph([made], "b", [], values({"noise": ("float32", [1, 4])}))
        made = node("If", "flag", "noise", then_branch=branch, else_branch=branch)
    model = model_of(
        [made, node("Add", "x noise", "h"), node("Sub", "h noise", "y")],
        {"x": VECTOR},
        {"y": VECTOR},
        {"c": np.zeros((1, 4), np.float32), "flag": np.array(True)},
    )
    with pytest.raises(NotACut, match="'noise'"):
        composed(model, [["h"]])
