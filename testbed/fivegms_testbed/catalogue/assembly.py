"""A network as ONNX: as a topology whose weights are drawn when asked for, or as a file.

The file is written piece by piece, in the order in which protobuf itself serialises the message, so
it is, byte for byte, what saving the whole model would give, at the memory of one block of numbers.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper

from fivegms_engine.graph import SEPARATED_BYTES, SeparatedModel, separate
from fivegms_testbed.catalogue.network import Drawn, Fixed, Network, Value
from fivegms_testbed.catalogue.weights import blocks

OPSET = 17
IR_VERSION = 8
_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9
"""Field numbers of onnx.proto: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data."""


def separated(network: Network, seed: int = 0) -> SeparatedModel:
    """The network as the readers of uploads give it; nothing is drawn before a weight is read."""

    def read(tensor: TensorProto) -> bytes:
        return b"".join(blocks(network.tensors[tensor.name], seed))

    model = _frame(network)
    stubs = (_stub(tensor, seed) for tensor in network.tensors.values())
    model.graph.CopyFrom(_graph(network, stubs))
    return separate(model, read)


def write(network: Network, path: Path, seed: int = 0) -> int:
    """Write the network with its weights as one ONNX file; its bytes. Raises OSError."""
    with path.open("wb") as file:
        return sum(file.write(piece) for piece in serialized(network, seed))


def build(network: Network, seed: int = 0) -> ModelProto:
    """The network with its weights in memory."""
    model = _frame(network)
    model.graph.CopyFrom(_graph(network, ()))
    for tensor in network.tensors.values():
        placed = model.graph.initializer.add()
        placed.CopyFrom(_header(tensor))
        placed.raw_data = b"".join(blocks(tensor, seed))
    return model


def serialized(network: Network, seed: int = 0) -> Iterator[bytes]:
    """The bytes of the ONNX file, in pieces of at most 4 MiB of numbers."""
    start, end = _around_graph(network)
    graph_start, graph_end = _around_initializers(network)
    tensors = list(network.tensors.values())
    heads = [_entry(tensor) for tensor in tensors]
    numbers = sum(map(_data_bytes, tensors))
    total = len(graph_start) + sum(map(len, heads)) + numbers + len(graph_end)
    yield start + _delimited(_GRAPH, total) + graph_start
    for tensor, head in zip(tensors, heads, strict=True):
        yield head
        yield from blocks(tensor, seed)
    yield graph_end + end


def _frame(network: Network) -> ModelProto:
    model = ModelProto(ir_version=IR_VERSION, producer_name="fivegms_testbed.catalogue")
    model.opset_import.append(helper.make_opsetid("", OPSET))
    helper.set_model_props(model, network.metadata)
    return model


def _around_graph(network: Network) -> tuple[bytes, bytes]:
    """The model's fields below and above that of the graph."""
    whole = _frame(network)
    before = ModelProto(ir_version=whole.ir_version, producer_name=whole.producer_name)
    whole.ClearField("ir_version")
    whole.ClearField("producer_name")
    return before.SerializeToString(), whole.SerializeToString()


def _around_initializers(network: Network) -> tuple[bytes, bytes]:
    """The graph's fields below and above that of the initializers."""
    after = _graph(network, ())
    before = GraphProto(name=after.name, node=after.node)
    after.ClearField("name")
    after.ClearField("node")
    return before.SerializeToString(), after.SerializeToString()


def _graph(network: Network, tensors: Iterator[TensorProto] | tuple[()]) -> GraphProto:
    return GraphProto(
        name=network.name,
        node=network.nodes,
        initializer=tensors,
        input=[_declared(network, value, np.float32) for value in network.inputs],
        output=[_declared(network, value, dtype) for value, dtype in network.outputs],
    )


def _declared(network: Network, value: Value, dtype: type[np.generic]) -> ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    batch = "N" if network.batch is None else network.batch
    info: ValueInfoProto = helper.make_tensor_value_info(value.name, kind, [batch, *value.shape])
    return info


def _header(tensor: Drawn | Fixed) -> TensorProto:
    if isinstance(tensor, Drawn):
        kind, dims = TensorProto.FLOAT, tensor.shape
    else:
        kind = helper.np_dtype_to_tensor_dtype(tensor.values.dtype)
        dims = tensor.values.shape
    return TensorProto(name=tensor.name, data_type=kind, dims=dims)


def _stub(tensor: Drawn | Fixed, seed: int) -> TensorProto:
    """A tensor whose data is asked for by name, if it is one of those that leave the graph."""
    placed = _header(tensor)
    if isinstance(tensor, Drawn) and _data_bytes(tensor) >= SEPARATED_BYTES:
        placed.data_location = TensorProto.EXTERNAL
    else:
        placed.raw_data = b"".join(blocks(tensor, seed))
    return placed


def _data_bytes(tensor: Drawn | Fixed) -> int:
    return 4 * tensor.elements if isinstance(tensor, Drawn) else tensor.values.nbytes


def _entry(tensor: Drawn | Fixed) -> bytes:
    """All of an initializer's field that comes before its numbers."""
    data_bytes = _data_bytes(tensor)
    head = bytes(_header(tensor).SerializeToString()) + _delimited(_RAW_DATA, data_bytes)
    return _delimited(_INITIALIZER, len(head) + data_bytes) + head


def _delimited(field: int, size: int) -> bytes:
    """The tag and length that begin a field of bytes."""
    return _varint(field << 3 | 2) + _varint(size)


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])
