"""A model under change keeps what is not touched, and comes out as an upload would."""

import numpy as np
import pytest
from onnx import helper

from fivegms_prepare.optimise.draft import Draft
from support.onnx_graphs import classifier, model_of, node
from support.stages import outputs, separated

X = {"x": np.random.default_rng(1).standard_normal((2, 3, 16, 16)).astype(np.float32)}


def test_an_untouched_model_comes_out_as_it_went_in() -> None:
    model = separated(classifier())
    again = Draft(model).finish()
    assert again.topology() == model.topology()
    assert all(a is b for a, b in zip(again.weights, model.weights, strict=True))


def test_a_changed_weight_is_the_only_one_that_is_copied() -> None:
    model = separated(classifier())
    draft = Draft(model)
    draft.put("w2", draft.array("w2") * 2)
    changed = draft.finish()
    same = [a is b for a, b in zip(changed.weights, model.weights, strict=True)]
    assert same == [name != "w2" for name in ("w1", "w2", "w3")]
    assert np.array_equal(changed.weights[1].array(), model.weights[1].array() * 2)
    assert np.array_equal(Draft(model).array("w2"), model.weights[1].array())


def test_a_weight_that_became_small_enters_the_topology() -> None:
    draft = Draft(separated(classifier()))
    draft.put("w3", draft.array("w3")[:1, :4])
    assert "w3" not in {weight.name for weight in draft.finish().weights}


def test_a_new_name_is_not_taken() -> None:
    draft = Draft(separated(classifier()))
    assert draft.fresh_name("new") == "new"
    assert draft.fresh_name("w1") == "w1.1"
    assert draft.fresh_name("x") == "x.1"


@pytest.mark.parametrize(
    ("attribute", "shape"),
    [({"value_ints": [2, -1]}, ()), ({"value": helper.make_tensor("t", 7, [2], [2, -1])}, ())],
)
def test_constants_are_found_wherever_they_are(attribute, shape) -> None:
    model = model_of(
        [
            node("Constant", "", "shape", **attribute),
            node("Reshape", "x shape", "y"),
        ],
        {"x": ("float32", [2, 3, 4])},
        {"y": ("float32", [2, 12])},
    )
    draft = Draft(separated(model))
    assert draft.array("shape").tolist() == [2, -1]
    (y,) = outputs(draft.finish(), {"x": np.zeros((2, 3, 4), np.float32)})
    assert y.shape == (2, 12)


def test_initializers_of_old_models_are_no_inputs() -> None:
    old = classifier()
    old.ir_version = 3
    for tensor in old.graph.initializer:
        old.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        )
    draft = Draft(separated(old))
    draft.put("w3", np.ascontiguousarray(draft.array("w3")[:5]))
    assert [value.name for value in draft.graph.input] == ["x"]
    assert outputs(Draft(separated(old)).finish(), X)[0].shape == (2, 10)
