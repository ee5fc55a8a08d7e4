"""A model read without its large constants is the model read whole, and costs no memory."""

import resource
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

from fivegms_engine.traversal import all_tensors
from fivegms_prepare.errors import (
    CustomDomain,
    CyclicGraph,
    ExternalDataMissing,
    ModelRefused,
    NotOnnx,
    OperatorCase,
    TruncatedModel,
    UnsupportedOpset,
)
from fivegms_prepare.external import ExternalData
from fivegms_prepare.model_file import ModelFile
from fivegms_prepare.outline import INSIDE, LEFT_BYTES, SINGLE, outline
from fivegms_prepare.reading import parse_onnx, read_model, read_onnx
from fivegms_prepare.source import load_source, separate_checked
from fivegms_prepare.wire_format import varint
from support.onnx_graphs import classifier, model_of, node, save

LARGE = np.random.default_rng(5).random((3, LEFT_BYTES), np.float32)
MIB = 2**20


class Counted(ModelFile):
    """Counts the bytes that are read."""

    read_bytes = 0

    def read(self, start: int, end: int) -> bytes:
        data = super().read(start, end)
        self.read_bytes += len(data)
        return data


def whole(path: Path) -> ModelProto:
    """The model as the outline has it, with every constant brought back from the file."""
    file = ModelFile(path)
    model = read_model(file)
    external = ExternalData(path.parent, file)
    for tensor in all_tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            tensor.raw_data = external(tensor)
            tensor.ClearField("external_data")
    return without_locations(model)


def without_locations(model: ModelProto) -> ModelProto:
    """Without `data_location`, which says DEFAULT where it says anything."""
    for tensor in all_tensors(model):
        tensor.ClearField("data_location")
    return model


def large(name: str = "w") -> TensorProto:
    return numpy_helper.from_array(LARGE, name)


def everywhere() -> ModelProto:
    """A model with a large constant in each place where ONNX lets one be."""
    branch = helper.make_graph(
        [node("Add", "x w", "b")],
        "branch",
        [],
        [helper.make_tensor_value_info("b", 1, None)],
        [large()],
    )
    model = model_of(
        [
            node("Constant", "", "c", value=large("value")),
            helper.make_node("If", ["f"], ["i"], then_branch=branch, else_branch=branch),
        ],
        {"x": ("float32", list(LARGE.shape))},
        {"i": ("float32", list(LARGE.shape))},
    )
    model.graph.initializer.append(large())
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(large("s"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.arange(LEFT_BYTES), "indices"))
    attribute = model.graph.node[0].attribute.add(name="more", type=AttributeProto.TENSORS)
    attribute.tensors.extend([large("t1"), large("t2")])
    attribute.sparse_tensors.add().CopyFrom(sparse)
    attribute.sparse_tensor.CopyFrom(sparse)
    attribute.graphs.add().CopyFrom(branch)
    opset = helper.make_opsetid("", 17)
    function = helper.make_function(
        "own", "F", [], ["b"], [node("Constant", "", "b", value=large("v"))], [opset]
    )
    function.attribute_proto.add(name="a", type=AttributeProto.TENSOR).t.CopyFrom(large("d"))
    model.functions.append(function)
    training = model.training_info.add()
    training.algorithm.initializer.append(large())
    training.initialization.initializer.append(large())
    return model


def test_every_constant_stays_in_the_file_and_comes_back(tmp_path: Path) -> None:
    model = everywhere()
    path = save(model, tmp_path / "model.onnx")
    tensors = list(all_tensors(read_onnx(path)))
    assert len(tensors) == 17
    assert all(tensor.external_data and not tensor.raw_data for tensor in tensors)
    assert len(outline(ModelFile(path))) < 8 * LEFT_BYTES
    assert whole(path) == model


def test_the_table_is_that_of_onnx() -> None:
    """Every field of every message through which a constant can be reached."""
    messages = nested_messages(ModelProto.DESCRIPTOR, {})
    leads = {"TensorProto"}
    for _ in messages:  # as many times as the longest way can be long
        leads |= {
            name for name, message in messages.items() if leads & {*_inside(message).values()}
        }
    inside = {
        name: {number: kind for number, kind in _inside(messages[name]).items() if kind in leads}
        for name in leads - {"TensorProto"}
    }
    assert inside == INSIDE
    for name, numbers in inside.items():
        fields = messages[name].fields_by_number
        assert {n for n in numbers if fields[n].has_presence} == SINGLE.get(name, set())


def nested_messages(message: Descriptor, found: dict[str, Descriptor]) -> dict[str, Descriptor]:
    if message.name not in found:
        found[message.name] = message
        for field in message.fields:
            if field.message_type is not None:
                nested_messages(field.message_type, found)
    return found


def _inside(message: Descriptor) -> dict[int, str]:
    fields = (field for field in message.fields if field.message_type is not None)
    return {field.number: field.message_type.name for field in fields}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_read_lazily_or_parsed_it_is_the_same_model(data: st.DataObject, tmp_path: Path) -> None:
    dtypes = st.sampled_from(["float32", "float64", "float16", "int8", "int64", "uint16", "bool"])
    sizes = st.integers(0, 3 * LEFT_BYTES)
    arrays = data.draw(st.lists(st.tuples(dtypes, sizes), max_size=6))
    random = np.random.default_rng(0)
    constants = {
        f"c{index}": random.integers(0, 2, size).astype(dtype)
        for index, (dtype, size) in enumerate(arrays)
    }
    nodes = [node("Identity", name, f"y{name}") for name in constants]
    model = model_of(nodes, {"x": ("float32", [1])}, {"x": ("float32", [1])}, constants)
    for tensor in model.graph.initializer:
        if data.draw(st.booleans()):
            tensor.data_location = TensorProto.DEFAULT
    model.doc_string = "d" * data.draw(sizes)
    path = save(model, tmp_path / "model.onnx")
    assert whole(path) == without_locations(parse_onnx(path.read_bytes()))


def test_values_in_typed_fields_are_parsed(tmp_path: Path) -> None:
    model = model_of([node("Neg", "w", "y")], {}, {"y": ("float32", [None])})
    numbers = LARGE.ravel().tolist()
    model.graph.initializer.append(helper.make_tensor("w", 1, [LARGE.size], numbers))
    assert read_onnx(save(model, tmp_path / "model.onnx")) == model


def _field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def _model(*graph: bytes) -> bytes:
    return b"\x08\x08" + _field(7, b"".join(graph))


def _tensor(*fields: bytes) -> bytes:
    return _model(_field(5, b"".join([b"\x08\x04\x10\x01", _field(8, b"w"), *fields])))


BIG = b"\1" * LEFT_BYTES
EXTERNAL = _field(13, _field(1, b"location") + _field(2, b"elsewhere")) + b"\x70\x01"


def first_constant(path: Path, data: bytes) -> TensorProto:
    path.write_bytes(data)
    constant: TensorProto = read_onnx(path).graph.initializer[0]
    return constant


def test_the_last_of_two_values_counts(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    assert first_constant(path, _tensor(_field(9, BIG), _field(9, b"last"))).raw_data == b"last"
    assert not first_constant(path, _tensor(_field(9, b"first"), _field(9, BIG))).raw_data
    data = _tensor(EXTERNAL, _field(9, BIG), b"\x70\x00")  # data_location: EXTERNAL, then DEFAULT
    entries = {entry.key: entry.value for entry in first_constant(path, data).external_data}
    assert entries["location"] == "model.onnx"


def test_data_in_both_places_is_that_of_the_other_file(tmp_path: Path) -> None:
    tensor = first_constant(tmp_path / "model.onnx", _tensor(_field(9, BIG), EXTERNAL))
    assert [entry.value for entry in tensor.external_data] == ["elsewhere"]
    assert not tensor.raw_data


def _nested(depth: int) -> bytes:
    data = _field(5, _field(9, BIG))
    for _ in range(depth):  # a graph in an attribute of a node
        data = _field(1, _field(5, _field(6, data)))
    return _model(data)


CONSTANT = _field(5, _field(9, BIG))
HOSTILE: dict[str, bytes] = {
    "longer than its graph": _model(varint(5 << 3 | 2) + varint(2**40) + BIG),
    "longer than its tensor": _model(_field(5, varint(9 << 3 | 2) + varint(2**60) + BIG)),
    "a length of 2^64 - 1": _model(varint(5 << 3 | 2) + varint(2**64 - 1) + BIG),
    "a length of twelve bytes": _model(varint(5 << 3 | 2) + b"\xff" * 11 + b"\1" + BIG),
    "a group": _model(b"\x0b" + BIG),
    "a wire type that is none": _model(b"\x2f" + BIG),
    "field 0": _model(b"\x02\x00" + BIG),
    "graphs nested too deep": _nested(40),
    "two graphs": _model(CONSTANT) + _model(CONSTANT),
    "two tensors in one attribute": _model(_field(1, _field(5, CONSTANT + _field(5, b"")))),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_wire_data_that_can_be_no_model(case: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(HOSTILE[case])
    tracemalloc.start()
    try:
        with pytest.raises(NotOnnx, match="not an ONNX model"):
            read_onnx(path)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


MODEL = classifier(width=24).SerializeToString()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=4),
    length=st.one_of(st.just(len(MODEL)), st.integers(0, len(MODEL))),
)
def test_damaged_files(changes: list[tuple[int, int]], length: int, tmp_path: Path) -> None:
    """Refused, or the model that protobuf makes of the same bytes."""
    data = bytearray(MODEL)
    for place, value in changes:
        data[place] = value
    path = tmp_path / "model.onnx"
    path.write_bytes(data[:length])
    try:
        found = whole(path)
    except ModelRefused:
        return
    assert found == without_locations(parse_onnx(bytes(data[:length])))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.99])
def test_file_that_was_cut_off(share: float, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(MODEL[: int(share * len(MODEL))])
    with pytest.raises(TruncatedModel, match="upload it again"):
        read_onnx(path)


def matrices(**members: Any) -> ModelProto:
    """`x` float32 [1, 1024] -> `y`, through five matrices of 4 MiB."""
    random = np.random.default_rng(1)
    weights = {f"w{index}": random.random((1024, 1024), np.float32) for index in range(5)}
    values = ["x", *(f"h{index}" for index in range(1, 5)), "y"]
    nodes = [
        node("MatMul", f"{values[index]} w{index}", values[index + 1], name=f"n{index}")
        for index in range(5)
    ]
    shape = ("float32", [1, 1024])
    return model_of(nodes, {"x": shape}, {"y": shape}, weights, **members)


def test_a_model_of_20_mib_is_read_in_the_memory_of_its_graph(tmp_path: Path) -> None:
    path = save(matrices(), tmp_path / "model.onnx")
    load_source(path)  # whatever is imported or kept on first use
    tracemalloc.start()
    try:
        separated = load_source(path)
        assert tracemalloc.get_traced_memory()[1] < MIB
        assert separated.weights_bytes == 20 * MIB
        for weight in separated.weights:
            assert weight.array().nbytes == 4 * MIB
        assert tracemalloc.get_traced_memory()[1] < 5 * MIB
    finally:
        tracemalloc.stop()


def _renamed(model: ModelProto) -> None:
    model.graph.node[4].op_type = "matmul"


def _foreign(model: ModelProto) -> None:
    model.graph.node[4].domain = "com.example"


def _cyclic(model: ModelProto) -> None:
    model.graph.node[0].input[0] = "y"


def _too_new(model: ModelProto) -> None:
    model.opset_import[0].version = 1000


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param(_too_new, UnsupportedOpset, marks=pytest.mark.requirement("R150")),
        pytest.param(_foreign, CustomDomain, marks=pytest.mark.requirement("R148a")),
        pytest.param(_renamed, OperatorCase, marks=pytest.mark.requirement("R151")),
        pytest.param(_cyclic, CyclicGraph, marks=pytest.mark.requirement("R149")),
    ],
)
def test_a_model_is_refused_before_its_weights_are_read(
    change: Callable[[ModelProto], None], refusal: type[ModelRefused], tmp_path: Path
) -> None:
    model = matrices()
    change(model)
    file = Counted(save(model, tmp_path / "model.onnx"))
    with pytest.raises(refusal):
        separate_checked(read_model(file), tmp_path, file)
    assert file.read_bytes < MIB / 4  # headers, in windows


def test_a_file_that_another_one_replaces(tmp_path: Path) -> None:
    path = save(classifier(seed=1), tmp_path / "model.onnx")
    separated = load_source(path)
    save(classifier(seed=2), tmp_path / "other.onnx").replace(path)
    before = {t.name: numpy_helper.to_array(t) for t in classifier(seed=1).graph.initializer}
    for weight in separated.weights:
        assert np.array_equal(weight.array(), before[weight.name])


def test_a_file_that_was_shortened(tmp_path: Path) -> None:
    path = save(matrices(), tmp_path / "model.onnx")
    separated = load_source(path)
    with path.open("r+b") as file:
        file.truncate(MIB)
    with pytest.raises(ExternalDataMissing, match="ends too early"):
        separated.weights[4].array()


def test_a_name_that_is_no_text_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    target = save(classifier(width=24), tmp_path / "elsewhere" / "target")
    for name in (b"m\xff.onnx".decode(errors="surrogateescape"), "link.onnx"):
        link = tmp_path / "here" / name
        link.symlink_to(target)
        weights = load_source(link).weights
        assert sum(weight.array().nbytes for weight in weights) == load_source(target).weights_bytes


def test_files_are_closed(tmp_path: Path) -> None:
    path = save(classifier(width=24), tmp_path / "model.onnx")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        for _ in range(300):
            load_source(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
