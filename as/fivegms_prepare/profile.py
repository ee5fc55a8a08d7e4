"""What a model costs to run, read from its graph: parameters, multiply-accumulates, memory.

Where shapes stay open (a dynamic picture size, a loop) a figure is None rather than a guess.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from fivegms_engine.graph import SeparatedModel
from fivegms_engine.traversal import used_values
from fivegms_manifests.model import TensorInfo
from fivegms_prepare.values import Shape, infer_values, sample_shape

_LEARNED = frozenset(
    {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one subset costs; `macs` and `activation_bytes` for one sample, None where unknown.

    `parameters` counts floating-point constants (shapes and axes are not learned).
    `weights_bytes` is the memory that all decoded tensors take, and `activation_bytes` the most
    that intermediate values take at once, in execution order.
    """

    parameters: int
    macs: int | None
    activation_bytes: int | None
    weights_bytes: int


def profile(model: SeparatedModel) -> Profile:
    """The figures of a separated model."""
    values = infer_values(model.graph)
    return Profile(
        parameters=_parameters(model.graph),
        macs=_total(_macs(_Shapes(node, values)) for node in model.graph.graph.node),
        activation_bytes=_activation_bytes(model.graph.graph, values),
        weights_bytes=model.weights_bytes,
    )


def _parameters(model: ModelProto) -> int:
    return sum(prod(t.dims) for t in model.graph.initializer if t.data_type in _LEARNED)


@dataclass(frozen=True, slots=True)
class _Shapes:
    """The shapes around a node for one sample. Raises LookupError for one that is unknown."""

    node: NodeProto
    values: Mapping[str, TensorInfo]

    def taken(self, index: int) -> Shape:
        return self._of(self.node.input[index])

    def given(self) -> Shape:
        return self._of(self.node.output[0])

    def number(self, attribute: str) -> int:
        return next((int(a.i) for a in self.node.attribute if a.name == attribute), 0)

    def _of(self, name: str) -> Shape:
        shape = sample_shape(self.values.get(name))
        if shape is None:
            raise LookupError(name)
        return shape


def _recurrent(shapes: _Shapes) -> int:
    steps = prod(shapes.taken(0)[:2])
    return steps * (prod(shapes.taken(1)) + prod(shapes.taken(2)))


def _gemm(shapes: _Shapes) -> int:
    return prod(shapes.given()) * shapes.taken(0)[0 if shapes.number("transA") else -1]


_COUNTERS: dict[str, Callable[[_Shapes], int]] = {
    "Conv": lambda shapes: prod(shapes.given()) * prod(shapes.taken(1)[1:]),
    "ConvTranspose": lambda shapes: prod(shapes.taken(0)) * prod(shapes.taken(1)[1:]),
    "Gemm": _gemm,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "MatMul": lambda shapes: prod(shapes.given()) * shapes.taken(0)[-1],
    "RNN": _recurrent,
}

_UNCOUNTED = frozenset(
    {"Attention", "ConvInteger", "DeformConv", "Einsum", "If", "Loop", "MatMulInteger"}
    | {"QLinearConv", "QLinearMatMul", "Scan"}
)
"""Operators that multiply in ways that are not counted here: a graph with one has no figure."""


def _macs(shapes: _Shapes) -> int | None:
    if shapes.node.op_type in _UNCOUNTED:
        return None
    counter = _COUNTERS.get(shapes.node.op_type)
    try:
        return counter(shapes) if counter else 0
    except LookupError:
        return None


def _total(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _activation_bytes(graph: GraphProto, values: Mapping[str, TensorInfo]) -> int | None:
    """Walk the nodes; a value lives from the node that gives it to the last that takes it."""
    constants = {tensor.name for tensor in graph.initializer}
    last_use = {name: index for index, node in enumerate(graph.node) for name in used_values(node)}
    last_use |= {value.name: len(graph.node) for value in graph.output}
    inputs = [value.name for value in graph.input if value.name not in constants]
    try:
        live = {name: _size_bytes(values.get(name)) for name in inputs}
        most = total = sum(live.values())
        for index, node in enumerate(graph.node):
            given = {name: _size_bytes(values.get(name)) for name in node.output if name}
            live |= given
            total += sum(given.values())
            most = max(most, total)
            ended = [name for name in used_values(node) | given.keys() if name in live]
            total -= sum(live.pop(name) for name in ended if last_use.get(name, -1) <= index)
    except LookupError:
        return None
    return most


def _size_bytes(info: TensorInfo | None) -> int:
    shape = sample_shape(info)
    if info is None or shape is None:
        raise LookupError
    return prod(shape) * np.dtype(info.dtype).itemsize
