"""Functions of a model take the place of their calls, if the nodes are not too many."""

import pytest
from onnx import ModelProto, helper

from fivegms_prepare.errors import ModelTooLarge, UnsupportedOpset
from fivegms_prepare.functions import inline_functions
from support.onnx_graphs import model_of

VECTOR = ("float32", [4])


def doubling(levels: int, opset: int = 17) -> ModelProto:
    """`x` -> `y` through 2 ** levels negations: each function calls the one before it twice."""
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    call = helper.make_node(f"f{levels}", ["x"], ["y"], domain="own")
    model = model_of([call], {"x": VECTOR}, {"y": VECTOR})
    model.opset_import.append(opsets[1])
    for level in range(levels + 1):
        name, domain = (f"f{level - 1}", "own") if level else ("Neg", "")
        body = [helper.make_node(name, ["a"], ["t"], domain=domain)]
        body.append(helper.make_node(name if level else "Identity", ["t"], ["b"], domain=domain))
        model.functions.append(helper.make_function("own", f"f{level}", ["a"], ["b"], body, opsets))
    return model


def test_calls_become_the_nodes_of_their_functions() -> None:
    inlined = inline_functions(doubling(3))
    assert not inlined.functions
    assert len(inlined.graph.node) == 16
    assert {node.domain for node in inlined.graph.node} == {""}


def test_a_model_without_functions_stays_as_it_is() -> None:
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], {"x": VECTOR}, {"y": VECTOR})
    assert inline_functions(model) is model


@pytest.mark.parametrize("levels", [20, 400])
def test_nodes_are_counted_before_they_are_made(levels: int) -> None:
    with pytest.raises(ModelTooLarge, match=str(2 ** (levels + 1))):
        inline_functions(doubling(levels))


def test_a_function_of_another_operator_set_is_refused() -> None:
    with pytest.raises(UnsupportedOpset, match="function 'f0'"):
        inline_functions(doubling(0, opset=13))
