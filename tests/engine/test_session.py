"""One engine class runs a whole model, a part of one, at the UE and in the network."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from fivegms_engine.errors import (
    BadInput,
    InferenceFailed,
    InvalidTopology,
    MissingTensor,
    NamesAFile,
    SessionFailed,
    TensorMismatch,
    UnknownTensor,
    UnsupportedTopology,
)
from fivegms_engine.graph import separate
from fivegms_engine.session import InferenceEngine, run_chain

WEIGHT = np.arange(128, dtype=np.float32).reshape(8, 16)


def value(name: str, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def linear(weight: NDArray[np.float32] = WEIGHT, taken: str = "x", given: str = "y") -> ModelProto:
    rows, columns = weight.shape
    graph = helper.make_graph(
        [helper.make_node("MatMul", [taken, "w"], [given])],
        "linear",
        [value(taken, "N", rows)],
        [value(given, "N", columns)],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def stub_of(change: Callable[[TensorProto], None]) -> bytes:
    graph = separate(linear()).graph
    change(graph.graph.initializer[0])
    return bytes(graph.SerializeToString())


@pytest.mark.requirement("R010")
def test_runs_from_bytes_and_arrays(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = InferenceEngine.load(separate(linear()).topology(), {"w": WEIGHT}, threads=1)
    images = np.ones((3, 8), np.float32)
    assert np.array_equal(model.run({"x": images})["y"], images @ WEIGHT)
    assert [(i.name, i.dtype, i.shape) for i in model.inputs] == [("x", "float32", ("N", 8))]
    assert [(o.name, o.dtype, o.shape) for o in model.outputs] == [("y", "float32", ("N", 16))]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("R014")
def test_chain_of_parts_equals_whole() -> None:
    second = np.ones((16, 8), np.float32)
    parts = [
        InferenceEngine.load(separate(linear()).topology(), {"w": WEIGHT}),
        InferenceEngine.load(separate(linear(second, "y", "z")).topology(), {"w": second}),
    ]
    images = np.ones((1, 8), np.float32)
    assert np.array_equal(run_chain(parts, {"x": images})["z"], images @ WEIGHT @ second)


def test_empty_chain() -> None:
    with pytest.raises(BadInput, match="at least one subset"):
        run_chain([], {})


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({}, "'x' is missing"),
        ({"x": np.ones((1, 8), np.float32), "q": WEIGHT}, "no input 'q'"),
        ({"x": np.ones((1, 8))}, "is float64, the model takes float32"),
        ({"x": np.ones(8, np.float32)}, "has shape"),
        ({"x": np.ones((1, 9), np.float32)}, "has shape"),
    ],
)
def test_bad_input(feeds: dict[str, NDArray[np.float32]], message: str) -> None:
    model = InferenceEngine.load(separate(linear()).topology(), {"w": WEIGHT})
    with pytest.raises(BadInput, match=message):
        model.run(feeds)


@pytest.mark.parametrize(
    ("tensors", "error"),
    [
        ({}, MissingTensor),
        ({"w": WEIGHT, "v": WEIGHT}, UnknownTensor),
        ({"w": WEIGHT.astype(np.float64)}, TensorMismatch),
        ({"w": WEIGHT.T}, TensorMismatch),
    ],
)
def test_wrong_weights(tensors: dict[str, NDArray[np.float32]], error: type[Exception]) -> None:
    with pytest.raises(error):
        InferenceEngine.load(separate(linear()).topology(), tensors)


@pytest.mark.parametrize("location", ["/etc/passwd", "weights.bin", "*/_ORT_MEM_ADDR_/*", ""])
def test_topology_never_names_a_file(location: str) -> None:
    def point(tensor: TensorProto) -> None:
        tensor.external_data.add(key="location", value=location)

    with pytest.raises(NamesAFile):
        InferenceEngine.load(stub_of(point), {"w": WEIGHT})


def test_topology_never_names_a_file_in_an_attribute() -> None:
    model = separate(linear()).graph
    constant = TensorProto(name="c", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    constant.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=constant))
    with pytest.raises(NamesAFile):
        InferenceEngine.load(model.SerializeToString(), {"w": WEIGHT})


@pytest.mark.parametrize("topology", [b"", b"not a graph", b"\x08\x08"])
def test_no_topology(topology: bytes) -> None:
    with pytest.raises(InvalidTopology):
        InferenceEngine.load(topology, {})


def test_stub_of_a_type_that_never_leaves() -> None:
    def retype(tensor: TensorProto) -> None:
        tensor.data_type = TensorProto.STRING

    with pytest.raises(InvalidTopology, match="STRING"):
        InferenceEngine.load(stub_of(retype), {"w": WEIGHT})


def test_graph_that_does_not_load() -> None:
    model = linear()
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(SessionFailed, match="NoSuchOperator"):
        InferenceEngine.load(separate(model).topology(), {"w": WEIGHT})


def test_provider_that_is_not_there() -> None:
    with pytest.raises(SessionFailed, match="no AbacusExecutionProvider"):
        InferenceEngine.load(
            separate(linear()).topology(), {"w": WEIGHT}, providers=["AbacusExecutionProvider"]
        )


def test_value_that_is_no_tensor() -> None:
    graph = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x"], ["s"])],
        "sequence",
        [value("x", 1)],
        [helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(SessionFailed, match="only tensors"):
        InferenceEngine.load(model.SerializeToString(), {})


def test_failure_while_running() -> None:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "z"], ["y"])],
        "add",
        [value("x", "N"), value("z", "M")],
        [value("y", "")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    loaded = InferenceEngine.load(model.SerializeToString(), {})
    with pytest.raises(InferenceFailed):
        loaded.run({"x": np.ones(2, np.float32), "z": np.ones(3, np.float32)})


def test_weights_outlive_the_callers_reference() -> None:
    model = InferenceEngine.load(separate(linear()).topology(), {"w": WEIGHT.copy()})
    ballast = [np.full(WEIGHT.shape, 7, np.float32) for _ in range(64)]
    assert np.array_equal(model.run({"x": np.eye(8, dtype=np.float32)})["y"], WEIGHT)
    assert len(ballast) == 64


@pytest.mark.requirement("R150")
@pytest.mark.parametrize(
    ("domain", "version", "ir_version", "said"),
    [
        ("", 99, 8, "operator set 99"),
        ("com.microsoft", 1, 8, "com.microsoft"),
        ("", 17, 999, "IR version 999"),
    ],
)
def test_a_graph_of_unknown_versions_is_not_loaded(
    domain: str, version: int, ir_version: int, said: str
) -> None:
    model = linear()
    model.ir_version = ir_version
    model.opset_import.append(helper.make_opsetid(domain, version))
    separated = separate(model)
    tensors = {weight.name: weight.array() for weight in separated.weights}
    with pytest.raises(UnsupportedTopology, match=said):
        InferenceEngine.load(separated.topology(), tensors)
