"""A model apart - its graph, and its weights - and together again (TR 26.927 6.1.1).

A *topology* is a serialized ONNX ModelProto whose large constants are stubs: name, element type and
dims are there, `data_location` is EXTERNAL, and there is neither data nor any `external_data`
entry. A topology therefore never names a file, and one that does is refused before onnxruntime
sees it. All variants of a model share one topology: what differs between them is only how the
weights travelled.

Which constants leave: initializers of the main graph, and `Constant` nodes in it, of an element
type in `NUMPY_NAMES` and of at least `SEPARATED_BYTES`. Smaller ones and lists of up to
`LISTED_INTEGERS` integers stay, because shapes, axes and the like must be visible to shape
inference; constants of nested graphs and of other element types stay too. Constants that nothing
uses are dropped, and so are training graphs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from fivegms_engine.capability import MODEL_DOMAIN, canonical_domain
from fivegms_engine.elements import NUMPY_NAMES, element_name
from fivegms_engine.errors import (
    InvalidTopology,
    MissingTensor,
    NamesAFile,
    TensorMismatch,
    UnknownTensor,
)
from fivegms_engine.in_place import usable_in_place
from fivegms_engine.traversal import all_tensors, used_values
from fivegms_manifests.model import Opset, TensorInfo

SEPARATED_BYTES = 256
LISTED_INTEGERS = 1024
"""How long the list of sizes of a `Split` may be; onnxruntime does not load one that is a stub."""

_CONSTANTS_NEED_NO_INPUT = 4  # the IR version from which an initializer is not also a graph input

Tensors: TypeAlias = Mapping[str, NDArray[Any]]
ExternalReader: TypeAlias = Callable[[TensorProto], bytes]
"""Reads the bytes of a tensor whose data lies in a file; it decides which files may be read."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A constant that left the graph: a reference into the model that it came from, no copy."""

    info: TensorInfo
    tensor: TensorProto
    read_external: ExternalReader | None = None

    @property
    def name(self) -> str:
        """Its name in the graph."""
        return self.info.name

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.tensor.dims)

    @property
    def size_bytes(self) -> int:
        """The memory that its array takes."""
        return self.elements * np.dtype(self.info.dtype).itemsize

    def array(self) -> NDArray[Any]:
        """The values, of `info.dtype` and `info.shape`, read anew at each call; read-only."""
        if self.tensor.data_location != TensorProto.EXTERNAL:
            return np.asarray(numpy_helper.to_array(self.tensor))
        data = _read(self.tensor, self.read_external)
        little_endian = np.dtype(self.info.dtype).newbyteorder("<")
        return np.frombuffer(data, dtype=little_endian).reshape(tuple(self.tensor.dims))


@dataclass(frozen=True, slots=True)
class SeparatedModel:
    """A graph without its weights, and the weights in execution order (by first use)."""

    graph: ModelProto
    weights: tuple[Weight, ...]

    def topology(self) -> bytes:
        """The graph's canonical bytes: the same model gives the same bytes."""
        return bytes(self.graph.SerializeToString(deterministic=True))

    @property
    def weights_bytes(self) -> int:
        """The memory that all weights take once decoded."""
        return sum(weight.size_bytes for weight in self.weights)


@dataclass(frozen=True, slots=True)
class AssembledModel:
    """A topology with exactly the tensors that it asks for, each checked, and its versions.

    `in_place` names those that an engine need not copy (`fivegms_engine.in_place`).
    """

    topology: bytes
    tensors: dict[str, NDArray[Any]]
    in_place: frozenset[str]
    ir_version: int
    opsets: tuple[Opset, ...]


def separate(model: ModelProto, read_external: ExternalReader | None = None) -> SeparatedModel:
    """Take the weights out of a checked model.

    `model` is not changed but must outlive the result, whose weights refer to it. Raises
    NamesAFile if a constant lies in a file and there is no `read_external`.
    """
    graph = ModelProto()
    _merge_except(model, graph, "graph", "training_info")
    _merge_except(model.graph, graph.graph, "node", "initializer", "input")
    lift = model.ir_version >= _CONSTANTS_NEED_NO_INPUT
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        constant = _constant(node) if lift else None
        if constant is None:
            graph.graph.node.append(node)
        else:
            constants[node.output[0]] = constant
    used = _first_uses(graph)
    weights = tuple(_place(graph, constants, used, read_external))
    dropped = constants.keys() - set(used)
    graph.graph.input.extend(value for value in model.graph.input if value.name not in dropped)
    _inline_external(graph, read_external)
    return SeparatedModel(graph, weights)


def _merge_except(source: Any, target: Any, *skipped: str) -> None:
    for field, value in source.ListFields():
        if field.name in skipped:
            continue
        if hasattr(value, "MergeFrom"):
            getattr(target, field.name).MergeFrom(value)
        else:
            setattr(target, field.name, value)


def _constant(node: NodeProto) -> TensorProto | None:
    own = canonical_domain(node.domain) == MODEL_DOMAIN
    if node.op_type != "Constant" or not own or len(node.output) != 1:
        return None
    values = [attribute.t for attribute in node.attribute if attribute.name == "value"]
    return values[0] if values and _leaves(values[0]) else None


def _leaves(tensor: TensorProto) -> bool:
    dtype = NUMPY_NAMES.get(tensor.data_type)
    elements: int = prod(tensor.dims)
    is_list = dtype == "int64" and len(tensor.dims) <= 1
    if dtype is None or (is_list and elements <= LISTED_INTEGERS):
        return False
    return elements * np.dtype(dtype).itemsize >= SEPARATED_BYTES


def _first_uses(model: ModelProto) -> list[str]:
    """Values in the order in which the nodes, then the graph's outputs, first use them."""
    order: dict[str, None] = {}
    for node in model.graph.node:
        order.update(dict.fromkeys(name for name in node.input if name))
        order.update(dict.fromkeys(sorted(used_values(node))))
    order.update(dict.fromkeys(value.name for value in model.graph.output))
    return list(order)


def _place(
    model: ModelProto,
    constants: Mapping[str, TensorProto],
    order: list[str],
    read_external: ExternalReader | None,
) -> Iterator[Weight]:
    """Put each used constant into the graph, whole or as a stub; yield those that became stubs."""
    for name in order:
        tensor = constants.get(name)
        if tensor is None:
            continue
        placed = model.graph.initializer.add()
        if not _leaves(tensor):
            placed.CopyFrom(tensor)
            continue
        placed.name = name
        placed.data_type = tensor.data_type
        placed.dims.extend(tensor.dims)
        placed.data_location = TensorProto.EXTERNAL
        yield Weight(tensor_info(placed), tensor, read_external)


def _inline_external(model: ModelProto, read_external: ExternalReader | None) -> None:
    """Bring constants that stay, but lie in files, into the graph; nothing tells where they lay."""
    for tensor in all_tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            if not tensor.external_data:
                continue  # a stub
            tensor.raw_data = _read(tensor, read_external)
        tensor.ClearField("data_location")
        tensor.ClearField("external_data")


def _read(tensor: TensorProto, read_external: ExternalReader | None) -> bytes:
    if read_external is None:
        raise NamesAFile(f"the data of tensor {tensor.name!r} lies in a file")
    return read_external(tensor)


def tensor_info(tensor: TensorProto) -> TensorInfo:
    """Name, element type and dims of a tensor whose type `NUMPY_NAMES` has. Raises KeyError."""
    return TensorInfo(tensor.name, NUMPY_NAMES[tensor.data_type], tuple(tensor.dims))


def value_info(value: ValueInfoProto) -> TensorInfo:
    """The same of a graph input, output or inner value. Raises KeyError for another type.

    A negative dimension is an open one: some exporters write -1.
    """
    tensor = value.type.tensor_type
    shape = tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else dim.dim_param
        for dim in tensor.shape.dim
    )
    return TensorInfo(value.name, NUMPY_NAMES[tensor.elem_type], shape)


def read_topology(topology: bytes) -> ModelProto:
    """Parse a topology. Raises InvalidTopology and NamesAFile."""
    model = ModelProto()
    try:
        model.ParseFromString(topology)
    except DecodeError as error:
        raise InvalidTopology("the topology is not an ONNX model") from error
    if not model.graph.node:
        raise InvalidTopology("the topology has no nodes")
    if model.functions:
        # onnxruntime would put them in place of their calls, which may multiply without end.
        raise InvalidTopology("the topology defines functions of its own")
    for tensor in all_tensors(model):
        # onnxruntime would open the file, or for some locations read its own memory.
        if tensor.external_data:
            raise NamesAFile(f"tensor {tensor.name!r} of the topology points outside of it")
    return model


def expected_tensors(topology: bytes) -> tuple[TensorInfo, ...]:
    """The tensors that a topology asks for, in execution order.

    Raises InvalidTopology and NamesAFile.
    """
    return tuple(_stubs(read_topology(topology)))


def _stubs(model: ModelProto) -> Iterator[TensorInfo]:
    for tensor in model.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        if tensor.data_type not in NUMPY_NAMES:
            kind = element_name(tensor.data_type)
            raise InvalidTopology(f"tensor {tensor.name!r} is of type {kind}, which never leaves")
        if not isinstance(tensor.name, str):  # protobuf gives what is not UTF-8 as bytes
            raise InvalidTopology(f"tensor {tensor.name!r} has a name that is not text")
        yield tensor_info(tensor)


def assemble(topology: bytes, tensors: Tensors) -> AssembledModel:
    """Check that `tensors` are exactly those that `topology` asks for.

    Nothing is copied unless an array is not contiguous. Raises InvalidTopology, NamesAFile,
    MissingTensor, UnknownTensor and TensorMismatch.
    """
    model = read_topology(topology)
    expected = tuple(_stubs(model))
    unknown = tensors.keys() - {info.name for info in expected}
    if unknown:
        raise UnknownTensor(f"the topology does not ask for tensor {min(unknown)!r}")
    return AssembledModel(
        topology,
        {info.name: _checked(info, tensors) for info in expected},
        usable_in_place(model.graph),
        model.ir_version,
        tuple(Opset(item.domain, item.version) for item in model.opset_import),
    )


def _checked(info: TensorInfo, tensors: Tensors) -> NDArray[Any]:
    array = tensors.get(info.name)
    if array is None:
        raise MissingTensor(f"tensor {info.name!r} is missing")
    if array.dtype != np.dtype(info.dtype) or array.shape != info.shape:
        raise TensorMismatch(
            f"tensor {info.name!r} is {array.dtype} {list(array.shape)}, "
            f"the topology asks for {info.dtype} {list(info.shape)}"
        )
    return np.require(array, requirements="C")
