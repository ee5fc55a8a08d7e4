"""A model comes apart into topology and weights, and goes together again only if all is right."""

import contextlib

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from fivegms_engine.errors import InvalidTopology, NamesAFile, TopologyError
from fivegms_engine.graph import expected_tensors, separate, value_info
from fivegms_engine.session import InferenceEngine
from fivegms_engine.traversal import captured_values

FLOATS = np.arange(64, dtype=np.float32)


def value(name: str, *shape: int | str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def model_of(
    nodes: list[NodeProto], constants: list[TensorProto], ir_version: int = 8, opset: int = 17
) -> ModelProto:
    inputs = [value("x", 64)]
    if ir_version < 4:
        inputs += [value(constant.name, *constant.dims) for constant in constants]
    graph = helper.make_graph(nodes, "g", inputs, [value("y", 64)], constants)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version
    )


def directly(model: ModelProto, x: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, {"x": x})[0])


def apart_and_together(model: ModelProto, x: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = separate(model)
    tensors = {weight.name: weight.array() for weight in parts.weights}
    return InferenceEngine.load(parts.topology(), tensors).run({"x": x})["y"]


ADD_TWO = [
    helper.make_node("Add", ["x", "late"], ["t"]),
    helper.make_node("Mul", ["t", "early"], ["y"]),
]


@pytest.mark.requirement("R120")
def test_topology_holds_no_weights() -> None:
    model = model_of(
        ADD_TWO, [numpy_helper.from_array(FLOATS, n) for n in ("early", "late", "unused")]
    )
    before = model.SerializeToString()
    parts = separate(model)
    assert [weight.name for weight in parts.weights] == ["late", "early"]
    assert parts.weights_bytes == 512
    assert FLOATS.tobytes() not in parts.topology()
    assert [(t.name, t.dtype, t.shape) for t in expected_tensors(parts.topology())] == [
        ("late", "float32", (64,)),
        ("early", "float32", (64,)),
    ]
    assert np.array_equal(parts.weights[0].array(), FLOATS)
    assert model.SerializeToString() == before


def test_same_model_same_bytes() -> None:
    def topology() -> bytes:
        constants = [numpy_helper.from_array(FLOATS, n) for n in ("early", "late")]
        return separate(model_of(ADD_TWO, constants)).topology()

    assert topology() == topology()


@pytest.mark.parametrize("ir_version", [3, 8])
def test_together_again_gives_the_same(ir_version: int) -> None:
    constants = [numpy_helper.from_array(FLOATS, n) for n in ("early", "late", "unused")]
    model = model_of(ADD_TWO, constants, ir_version, opset=8)
    assert np.array_equal(apart_and_together(model, FLOATS), directly(model, FLOATS))


def test_weights_in_constant_nodes_leave_too() -> None:
    constant = numpy_helper.from_array(FLOATS, "value")
    nodes = [
        helper.make_node("Constant", [], ["c"], value=constant),
        helper.make_node("Add", ["x", "c"], ["y"]),
    ]
    model = model_of(nodes, [])
    assert [weight.name for weight in separate(model).weights] == ["c"]
    assert np.array_equal(apart_and_together(model, FLOATS), FLOATS + FLOATS)


def test_float_data_is_as_good_as_raw_data() -> None:
    constant = helper.make_tensor("c", TensorProto.FLOAT, [64], FLOATS.tolist())
    model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], [constant])
    assert np.array_equal(separate(model).weights[0].array(), FLOATS)


def test_small_and_unusual_constants_stay() -> None:
    constants = [
        numpy_helper.from_array(np.array([64]), "shape"),
        helper.make_tensor("half", TensorProto.BFLOAT16, [200], [1.0] * 200),
    ]
    nodes = [
        helper.make_node("Cast", ["half"], ["h"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    parts = separate(model_of(nodes, constants))
    assert parts.weights == ()
    assert {tensor.name for tensor in parts.graph.graph.initializer} == {"shape", "half"}


def branch(name: str, *inputs: str) -> NodeProto:
    return helper.make_node(name, inputs, ["b"])


def test_weights_that_only_a_nested_graph_uses() -> None:
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["m"], keepdims=0),
        helper.make_node("Cast", ["m"], ["condition"], to=TensorProto.BOOL),
        helper.make_node(
            "If",
            ["condition"],
            ["y"],
            then_branch=helper.make_graph([branch("Add", "x", "c")], "t", [], [value("b", 64)]),
            else_branch=helper.make_graph([branch("Sub", "x", "c")], "e", [], [value("b", 64)]),
        ),
    ]
    model = model_of(nodes, [numpy_helper.from_array(FLOATS, "c")])
    assert [weight.name for weight in separate(model).weights] == ["c"]
    assert np.array_equal(apart_and_together(model, FLOATS), FLOATS + FLOATS)


def test_captured_values_see_through_two_levels() -> None:
    inner = helper.make_graph([branch("Add", "x", "own")], "inner", [], [value("b", 64)])
    node = helper.make_node("If", ["flag"], ["own2"], then_branch=inner, else_branch=inner)
    outer = helper.make_graph(
        [branch("Relu", "z"), helper.make_node("Relu", ["b"], ["own"]), node],
        "outer",
        [],
        [value("own2", 64)],
    )
    assert captured_values(outer) == {"z", "x", "flag"}


TOPOLOGY = separate(
    model_of(ADD_TWO, [numpy_helper.from_array(FLOATS, name) for name in ("early", "late")])
).topology()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TOPOLOGY) - 1), st.integers(0, 255)), max_size=3))
def test_changed_topology_is_refused_or_still_one(changes: list[tuple[int, int]]) -> None:
    data = bytearray(TOPOLOGY)
    for place, byte in changes:
        data[place] = byte
    with contextlib.suppress(TopologyError):
        assert all(isinstance(info.name, str) for info in expected_tensors(bytes(data)))


@pytest.mark.parametrize("length", range(0, len(TOPOLOGY), 7))
def test_topology_that_was_cut_off(length: int) -> None:
    with contextlib.suppress(TopologyError):
        assert len(expected_tensors(TOPOLOGY[:length])) <= 2


def test_stub_whose_name_is_not_text() -> None:
    with pytest.raises(InvalidTopology, match="not text"):
        expected_tensors(TOPOLOGY.replace(b"early", b"e\xffrly"))


def external(name: str, size: int) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[size])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def test_data_in_files_needs_a_reader() -> None:
    model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], [external("c", 64)])
    with pytest.raises(NamesAFile):
        separate(model).weights[0].array()
    weight = separate(model, lambda tensor: FLOATS.tobytes()).weights[0]
    assert np.array_equal(weight.array(), FLOATS)


def test_small_data_in_files_moves_into_the_topology() -> None:
    model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], [external("c", 1)])
    with pytest.raises(NamesAFile):
        separate(model)
    parts = separate(model, lambda tensor: FLOATS[1:2].tobytes())
    assert parts.weights == ()
    assert np.array_equal(
        InferenceEngine.load(parts.topology(), {}).run({"x": FLOATS})["y"], FLOATS + 1
    )


@pytest.mark.parametrize("size", [1, 64])
def test_where_data_lay_leaves_no_trace(size: int) -> None:
    def topology(constant: TensorProto) -> bytes:
        model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], [constant])
        return separate(model, lambda tensor: FLOATS[:size].tobytes()).topology()

    inside = numpy_helper.from_array(FLOATS[:size], "c")
    expected = topology(inside)
    assert topology(external("c", size)) == expected
    inside.data_location = TensorProto.DEFAULT
    inside.external_data.add(key="location", value="/etc/passwd")  # of no effect, says ONNX
    assert topology(inside) == expected
    assert expected_tensors(expected) is not None


def test_complex_constants_stay() -> None:
    constant = numpy_helper.from_array(np.ones(64, np.complex64), "phases")
    parts = separate(model_of([helper.make_node("Identity", ["phases"], ["y"])], [constant]))
    assert parts.weights == ()
    assert list(parts.graph.graph.initializer) == [constant]


def test_long_lists_of_sizes_stay_for_shape_inference() -> None:
    sizes = numpy_helper.from_array(np.ones(64, np.int64), "sizes")
    parts = [f"part{index}" for index in range(64)]
    model = model_of(
        [
            helper.make_node("Split", ["x", "sizes"], parts, axis=0),
            helper.make_node("Concat", parts[::-1], ["y"], axis=0),
        ],
        [sizes],
    )
    assert separate(model).weights == ()
    assert np.array_equal(apart_and_together(model, FLOATS), FLOATS[::-1])


def test_a_topology_with_functions_is_refused() -> None:
    opset = helper.make_opsetid("", 17)
    body = [helper.make_node("Neg", ["a"], ["b"])]
    model = model_of([helper.make_node("Neg", ["x"], ["y"])], [])
    model.functions.append(helper.make_function("own", "F", ["a"], ["b"], body, [opset]))
    with pytest.raises(InvalidTopology, match="functions"):
        expected_tensors(model.SerializeToString())


def test_a_negative_dimension_is_open() -> None:
    model = model_of([helper.make_node("Neg", ["x"], ["y"])], [])
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = -1
    assert value_info(model.graph.input[0]).shape == ("",)
    loaded = InferenceEngine.load(model.SerializeToString(), {})
    assert loaded.inputs[0].shape == loaded.outputs[0].shape == ("",)
    assert np.array_equal(loaded.run({"x": FLOATS})["y"], -FLOATS)


def test_training_graphs_are_dropped() -> None:
    model = model_of([helper.make_node("Neg", ["x"], ["y"])], [])
    model.training_info.add().algorithm.initializer.append(numpy_helper.from_array(FLOATS, "rate"))
    assert not separate(model).graph.training_info
