"""Every model that is refused for its graph, by its name; and models that look odd but are fine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from fivegms_engine.capability import newest_opset
from fivegms_prepare.checks import check_model
from fivegms_prepare.errors import (
    CustomDomain,
    CyclicGraph,
    DuplicateValue,
    EmptyGraph,
    InvalidNode,
    MalformedTensor,
    ModelRefused,
    ModelTooLarge,
    OperatorCase,
    OpsetMissing,
    UndefinedValue,
    UnknownOperator,
    UnsortedGraph,
    UnsupportedIrVersion,
    UnsupportedOpset,
    UnsupportedTensor,
)
from fivegms_prepare.external import ExternalData
from support.onnx_graphs import classifier, model_of, node, values

VECTOR = ("float32", [4])


def check(model: ModelProto) -> None:
    check_model(model, ExternalData(Path("no folder")))


def of(*nodes: Any, constants: dict[str, Any] | None = None, **options: Any) -> ModelProto:
    return model_of(nodes, {"x": VECTOR}, {"y": VECTOR}, constants, **options)


def changed(change: Callable[[ModelProto], object]) -> ModelProto:
    model = classifier()
    change(model)
    return model


def function_model(*bodies: tuple[str, str]) -> ModelProto:
    """A model that calls its first function; each body is (name, operator in it)."""
    model = of(helper.make_node(bodies[0][0], ["x"], ["y"], domain="own"))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for name, operator in bodies:
        domain = "own" if operator in dict(bodies) else ""
        body = helper.make_node(operator, ["a"], ["b"], domain=domain)
        model.functions.append(helper.make_function("own", name, ["a"], ["b"], [body], opsets))
    model.opset_import.append(opsets[1])
    return model


def call(taken: str, given: str) -> ModelProto:
    """A call of a function of one input and one output."""
    model = function_model(("F", "Relu"))
    model.graph.node[0].CopyFrom(node("F", taken, given, domain="own"))
    return model


def of_bools(**data: Any) -> ModelProto:
    model = of(node("Where", "b x x", "y"))
    model.graph.initializer.add(name="b", data_type=TensorProto.BOOL, dims=[4], **data)
    return model


def nested(name: str, *nodes: Any) -> ModelProto:
    graph = helper.make_graph(nodes, name, [], values({"b": VECTOR}))
    flag = numpy_helper.from_array(np.array(True), "flag")
    model = of(node("If", "flag", "y", then_branch=graph, else_branch=graph))
    model.graph.initializer.append(flag)
    return model


REFUSED: list[tuple[str, type[ModelRefused], str, ModelProto]] = [
    ("IR version of the future", UnsupportedIrVersion, "IR version 99", of(ir_version=99)),
    ("no IR version", UnsupportedIrVersion, "IR version 0", of(ir_version=0)),
    (
        "opset of the future",
        UnsupportedOpset,
        f"operator set 999 of ai.onnx; 1 to {newest_opset('')} are supported",
        of(node("Relu", "x", "y"), opset=999),
    ),
    ("opset 0", UnsupportedOpset, "operator set 0", of(node("Relu", "x", "y"), opset=0)),
    (
        "no opset",
        OpsetMissing,
        "imports no operator set",
        changed(lambda model: model.ClearField("opset_import")),
    ),
    (
        "two opsets",
        OpsetMissing,
        "two operator sets",
        changed(lambda model: model.opset_import.add(domain="ai.onnx", version=12)),
    ),
    (
        "domain without opset",
        OpsetMissing,
        "'ai.onnx.ml'",
        of(helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml")),
    ),
    ("no nodes", EmptyGraph, "no nodes", of()),
    ("constants only", EmptyGraph, "no nodes", of(node("Constant", "", "y", value_float=1.0))),
    (
        "no outputs",
        EmptyGraph,
        "no outputs",
        changed(lambda model: model.graph.ClearField("output")),
    ),
    (
        "custom domain",
        CustomDomain,
        "'com.example'",
        of(helper.make_node("Relu", ["x"], ["y"], domain="com.example")),
    ),
    ("unknown operator", UnknownOperator, "no such operator", of(node("Frobnicate", "x", "y"))),
    (
        "operator of the future",
        UnknownOperator,
        "needs operator set 20",
        of(node("Gelu", "x", "y")),
    ),
    (
        "withdrawn operator",
        UnknownOperator,
        "withdrawn Upsample",
        of(node("Upsample", "x s", "y"), constants={"s": np.ones(1, np.float32)}),
    ),
    ("wrong case", OperatorCase, "'Relu' was meant", of(node("relu", "x", "y"))),
    ("unknown attribute", InvalidNode, "attribute 'alpha'", of(node("Relu", "x", "y", alpha=1.0))),
    ("attribute type", InvalidNode, "another type", of(node("Flatten", "x", "y", axis=1.5))),
    ("missing attribute", InvalidNode, "lacks its attribute 'to'", of(node("Cast", "x", "y"))),
    ("too many inputs", InvalidNode, "2 inputs, not 1 to 1", of(node("Relu", "x x", "y"))),
    ("too few outputs", InvalidNode, "0 outputs", of(node("Relu", "x", ""))),
    (
        "cycle",
        CyclicGraph,
        "node 'a' (Add) <- node 'b' (Relu) <- node 'a' (Add)",
        of(node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b", "y")),
    ),
    ("cycle of one", CyclicGraph, "own results", of(node("Add", "x y", "y"))),
    (
        "cycle through a nested graph",
        CyclicGraph,
        "own results",
        nested("branch", node("Relu", "y", "b")),
    ),
    ("cycle of functions", CyclicGraph, "F <- G <- F", function_model(("F", "G"), ("G", "F"))),
    (
        "not sorted",
        UnsortedGraph,
        "comes before",
        of(node("Relu", "a", "y"), node("Relu", "x", "a")),
    ),
    ("value twice", DuplicateValue, "'y'", of(node("Relu", "x", "y"), node("Abs", "x", "y"))),
    ("node gives an input", DuplicateValue, "'x'", of(node("Relu", "x", "x"))),
    (
        "input twice",
        DuplicateValue,
        "same name",
        changed(lambda model: model.graph.input.append(model.graph.input[0])),
    ),
    (
        "constant twice",
        DuplicateValue,
        "same name",
        changed(lambda model: model.graph.initializer.append(model.graph.initializer[0])),
    ),
    ("function twice", DuplicateValue, "same name", function_model(("F", "Relu"), ("F", "Abs"))),
    *(
        (f"{field} that a function has not", InvalidNode, "than its function", model)
        for field, model in (("input", call("x x", "y")), ("output", call("x", "y z")))
    ),
    (
        "function named as ONNX's own",
        DuplicateValue,
        "belongs to ONNX",
        changed(lambda model: model.functions.add(name="Relu", domain="")),
    ),
    ("unknown input", UndefinedValue, "'q', which nothing produces", of(node("Add", "x q", "y"))),
    (
        "unknown input in a nested graph",
        UndefinedValue,
        "'q', which nothing produces",
        nested("branch", node("Relu", "q", "b")),
    ),
    ("unknown output", UndefinedValue, "output 'y'", of(node("Relu", "x", "z"))),
    (
        "unknown operator in a nested graph",
        UnknownOperator,
        "Frobnicate",
        nested("branch", node("Frobnicate", "x", "b")),
    ),
    (
        "unknown operator in a function",
        UnknownOperator,
        "Frobnicate",
        function_model(("F", "Frobnicate")),
    ),
    (
        "sequence",
        UnsupportedTensor,
        "'y' is sequence",
        changed(
            lambda model: model.graph.output[0].CopyFrom(
                helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
            )
        ),
    ),
    (
        "no type",
        UnsupportedTensor,
        "'y' is no type",
        changed(lambda model: model.graph.output[0].ClearField("type")),
    ),
    (
        "strings",
        UnsupportedTensor,
        "of STRING",
        changed(
            lambda model: setattr(
                model.graph.output[0].type.tensor_type, "elem_type", TensorProto.STRING
            )
        ),
    ),
    (
        "data too short",
        MalformedTensor,
        "has 8 bytes, not 1728",
        changed(lambda model: setattr(model.graph.initializer[0], "raw_data", b"8 bytes.")),
    ),
    (
        "too few values",
        MalformedTensor,
        "0 values, not 432",
        changed(lambda model: model.graph.initializer[0].ClearField("raw_data")),
    ),
    *(
        (f"bool {name}", MalformedTensor, "neither 0 nor 1", of_bools(**data))
        for name, data in (
            ("bytes", {"raw_data": b"\0\1\2\1"}),
            ("values", {"int32_data": [256] * 4}),
        )
    ),
    (
        "segment of a tensor",
        MalformedTensor,
        "segment",
        changed(lambda model: setattr(model.graph.initializer[0].segment, "end", 10)),
    ),
    (
        "negative dimension",
        MalformedTensor,
        "negative",
        changed(lambda model: model.graph.initializer[0].dims.append(-1)),
    ),
    (
        "no element type",
        MalformedTensor,
        "no element type",
        changed(lambda model: setattr(model.graph.initializer[0], "data_type", 0)),
    ),
    (
        "rank beyond limits",
        ModelTooLarge,
        "rank 20",
        changed(lambda model: model.graph.initializer[0].dims.extend([1] * 16)),
    ),
    (
        "size beyond limits",
        ModelTooLarge,
        "more than",
        changed(
            lambda model: model.graph.initializer.append(
                TensorProto(name="z", data_type=1, dims=[0, 2**40])
            )
        ),
    ),
    (
        "name beyond limits",
        ModelTooLarge,
        "a name of more than",
        changed(lambda model: setattr(model.graph.initializer[0], "name", "w" * 2000)),
    ),
]


@pytest.mark.parametrize(
    ("refusal", "message", "model"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_refused(refusal: type[ModelRefused], message: str, model: ModelProto) -> None:
    with pytest.raises(refusal) as caught:
        check(model)
    assert message in caught.value.detail


@pytest.mark.requirement("R149")
def test_cyclic_graph_is_refused() -> None:
    with pytest.raises(CyclicGraph):
        check(of(node("Add", "x y", "t"), node("Relu", "t", "y")))


@pytest.mark.requirement("R150")
def test_opset_beyond_this_installation_is_refused() -> None:
    beyond = (newest_opset("") or 0) + 1
    with pytest.raises(UnsupportedOpset, match=f"operator set {beyond}"):
        check(of(node("Relu", "x", "y"), opset=beyond))


@pytest.mark.requirement("R151")
def test_operator_names_are_case_sensitive() -> None:
    check(of(node("Relu", "x", "y")))
    for name in ("relu", "RELU", "ReLU"):
        with pytest.raises(OperatorCase):
            check(of(node(name, "x", "y")))


@pytest.mark.requirement("R148a")
def test_custom_operators_are_refused() -> None:
    with pytest.raises(CustomDomain):
        check(of(helper.make_node("Mine", ["x"], ["y"], domain="com.example")))


ACCEPTED: list[tuple[str, ModelProto]] = [
    ("classifier", classifier()),
    ("domain spelled out", of(helper.make_node("Relu", ["x"], ["y"], domain="ai.onnx"))),
    (
        "optional input left out",
        of(
            helper.make_node("Clip", ["x", "", "m"], ["y"]),
            constants={"m": np.ones((), np.float32)},
        ),
    ),
    ("function", function_model(("F", "G"), ("G", "Relu"))),
    ("nested graph that uses outer values", nested("branch", node("Relu", "x", "b"))),
    (
        "nested values named as those that follow",
        nested("branch", node("Neg", "x", "y"), node("Relu", "y", "b")),
    ),
    (
        "unused opset of a custom domain",
        changed(lambda model: model.opset_import.add(domain="com.example", version=1)),
    ),
    (
        "constant that is the output",
        of(node("Relu", "x", "z"), constants={"y": np.ones(4, np.float32)}),
    ),
]


@pytest.mark.parametrize(
    "model", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED]
)
def test_accepted(model: ModelProto) -> None:
    check(model)
